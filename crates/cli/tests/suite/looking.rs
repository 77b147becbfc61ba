//! Looking at things: inspect, noise, bench.

use langevin::data::read_image;

use crate::world::{World, classed_run, image, plain_run};

#[test]
fn inspect_tells_what_a_thing_is() {
    let world = World::new();
    let run = world.run(&format!("inspect {} --json", classed_run())).ok().json();
    assert_eq!((run["kind"].as_str(), run["images"].as_u64()), (Some("run"), Some(256)));
    let model = world.run(&format!("inspect {}/model.safetensors --json", plain_run())).ok().json();
    assert_eq!((model["kind"].as_str(), &model["size"]), (Some("model"), &serde_json::json!([16, 16])));
    assert_eq!(model["trained"]["data"], "builtin:shapes");
    assert_eq!(model["trained"]["images"], 256);
    let text = world.run(&format!("inspect {}/model.safetensors", plain_run())).ok();
    let row = |key: &str| text.lines().into_iter().find(|line| line.trim_start().starts_with(key)).is_some();
    assert!(
        text.lines()[0].contains("model.safetensors: a model that generates 16x16 colour images, "),
        "{}",
        text.out
    );
    assert!(text.out.contains("on builtin:shapes, preset tiny: 256 images seen, seed 7"), "{}", text.out);
    assert!(row("network") && row("diffusion") && row("samples with") && row("hash"), "{}", text.out);
    let all = world.run(&format!("inspect {}/model.safetensors -v", plain_run())).ok();
    assert!(all.out.contains("trained.images") && all.out.contains("network.channels"), "{}", all.out);

    world.write("pets/cat/a.png", &image(20, 10, 3, 1));
    world.write("pets/cat/b.png", &image(20, 10, 3, 1));
    world.write("pets/dog/c.png", &image(8, 8, 1, 2));
    world.write("pets/dog/d.png", &image(8, 8, 1, 3)[..40]);
    let set = world.run("inspect pets --json").ok().json();
    assert_eq!(set["kind"], "data set");
    assert_eq!(
        (&set["info"]["len"], &set["info"]["classes"]),
        (&4.into(), &serde_json::json!(["cat", "dog"]))
    );
    assert!(set["lint"]["unreadable"][0].as_str().unwrap().contains("d.png"), "{set}");
    assert_eq!(set["lint"]["duplicates"].as_array().unwrap().len(), 1);
    assert_eq!(world.run("inspect pets/dog/c.png --json").ok().json()["info"]["len"], 1);
    let shipped = world.run("inspect builtin:shapes --json").ok().json();
    assert_eq!((&shipped["model"]["kind"], &shipped["data"]["kind"]), (&"model".into(), &"data set".into()));
    let digits = world.run("inspect builtin:mnist --json").ok().json();
    assert_eq!((&digits["model"]["size"], digits.get("data")), (&serde_json::json!([28, 28]), None));
    world.run("inspect nothing").refused(3, &["nothing", "there is no such file or folder"]);
}

#[test]
fn noise_draws_the_forward_process() {
    let world = World::new();
    world.write("photo.png", &image(40, 24, 3, 5));
    let ran = world.run("noise photo.png --schedule linear --at 0,0.25,0.5,1 -o out").ok();
    let expected = ["noise.png", "levels.png", "levels.svg", "schedules.png", "schedules.svg"]
        .map(|n| format!("out/photo-{n}"));
    assert_eq!(ran.lines(), expected);
    assert!(read_image(world.path("out/photo-noise.png")).unwrap().width > 4 * 168);
    assert!(world.read("out/photo-levels.svg").starts_with(b"<svg"));
    world.run("noise photo.png -o out").refused(1, &["out/photo-noise.png", "--force"]);
    world.run("noise photo.png -o out --force -q").ok();
    world.run("noise photo.png --at 1.5 -o b").refused(2, &["1.5"]);
    world.run("noise photo.png --schedule cosin -o b").refused(2, &["did you mean \"cosine\"?"]);
    world.run("noise photo.png --process vpp -o b").refused(2, &["vpp", "did you mean"]);
    world.run("noise none.png -o b").refused(3, &["none.png"]);
    assert!(!world.path("b").exists());
}

#[test]
fn noise_compares_schedules_on_one_image() {
    let world = World::new();
    world.write("photo.png", &image(40, 24, 3, 5));
    let ran = world.run("noise photo.png --schedules linear,cosine,edm@edm --at 0,0.5,1 -o out").ok();
    assert_eq!(
        ran.lines(),
        ["comparison.png", "schedules.png", "schedules.svg"].map(|n| format!("out/photo-{n}"))
    );
    let sheet = read_image(world.path("out/photo-comparison.png")).unwrap();
    assert!(sheet.width > 3 * 128 && sheet.height > 3 * 96, "{} x {}", sheet.width, sheet.height);
    let plot = String::from_utf8(world.read("out/photo-schedules.svg")).unwrap();
    assert!(plot.contains("edm, process edm") && !plot.contains("geometric"));
    world.run("noise photo.png --schedules linear,cosin -o b").refused(2, &["did you mean \"cosine\"?"]);
    world.run("noise photo.png --schedules linear --schedule edm -o b").refused(2, &["--schedule"]);
    assert!(!world.path("b").exists());
}

// Smoke: what is printed has its shape; speed is judged elsewhere, by whoever looks at it.
#[test]
fn bench_prints_what_it_measured() {
    let world = World::new();
    world.write("before.json", br#"{"forward_ms": [1, 2, 3], "train_ms": [4, 5, 6]}"#);
    let text = world.run("bench tiny --batch-size 1 --runs 1 --compare before.json").ok();
    assert_eq!(text.out.matches("times as fast as before").count(), 2, "{}", text.out);
    let report = world.run("bench --kernels --batch-size 1 --runs 1 --json").ok().json();
    let layers = report["layers"].as_array().expect("a list of layers");
    assert!(
        layers.iter().all(|layer| layer["layer"].is_string() && layer["forward_gflops"].is_f64()),
        "{report}"
    );
    world.write("other.json", b"{}");
    world.run("bench tiny --compare other.json").refused(3, &["other.json", "forward_ms"]);
    world.run("bench tiny --compare none.json").refused(3, &["none.json"]);
    world.run("bench tyni").refused(2, &["tyni", "did you mean \"tiny\"?"]);
}

#[test]
fn inspect_tells_a_lora_by_its_names() {
    let world = World::new();
    let module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
    let header = serde_json::json!({
        format!("{module}.lora_down.weight"): {"dtype": "F16", "shape": [4, 8], "data_offsets": [0, 64]},
        format!("{module}.lora_up.weight"): {"dtype": "F16", "shape": [8, 4], "data_offsets": [64, 128]},
        "__metadata__": {"ss_network_dim": "4"},
    })
    .to_string();
    let bytes = [(header.len() as u64).to_le_bytes().as_slice(), header.as_bytes(), &[0; 128]].concat();
    world.write("ink.safetensors", &bytes);
    let report = world.run("inspect ink.safetensors --json").ok().json();
    let wanted = serde_json::json!({
        "kind": "LoRA", "tensors": 2, "parameters": 64, "dtypes": {"F16": 2}, "ranks": [4],
        "metadata": {"ss_network_dim": "4"},
    });
    assert_eq!(report, wanted);
    world.write("cut.safetensors", &bytes[..bytes.len() - 1]);
    world.run("inspect cut.safetensors").refused(3, &["cut.safetensors", "not a whole"]);
}

#[test]
fn inspect_plots_the_curves_of_a_run() {
    let world = World::new();
    let ran = world.run(&format!("inspect {} --plot loss.png", plain_run())).ok();
    assert_eq!(ran.lines().last().map(ToString::to_string).as_deref(), Some("loss.png"));
    let plot = read_image(world.path("loss.png")).unwrap();
    // Two plots of 760 by 460, one below the other.
    assert!(plot.width == 760 && plot.height >= 2 * 460, "{} x {}", plot.width, plot.height);
    world.run(&format!("inspect {} --plot loss.png", plain_run())).refused(1, &["loss.png", "--force"]);
    world.run(&format!("inspect {} --plot loss.png --force --json", plain_run())).ok().json();
    world.run(&format!("inspect {} --plot loss.jpg", plain_run())).refused(2, &["png is written"]);
    world.run("inspect builtin:ring8 --plot b.png").refused(2, &["only a run has curves"]);
    assert!(!world.path("b.png").exists());
}
