//! Comparing samplers on a model, and drawing with what was found best.

use langevin::data::read_image;

use crate::world::{World, plain_run};

#[test]
fn the_best_sampler_is_written_into_the_model_and_used() {
    let world = World::new();
    let model = std::fs::read(format!("{}/model.safetensors", plain_run())).unwrap();
    world.write("m.safetensors", &model);
    let words = "bench-samplers m.safetensors --samplers euler,heun,ddpm --spacings karras,log_snr --calls 3,1 -n 4 \
                 --reference-steps 6 --json";
    let dry = world.run(&format!("{words} --no-write")).ok().json();
    assert!(world.read("m.safetensors") == model);
    let found = world.run(&format!("{words} -o out")).ok().json();
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 12, "{found}");
    assert_eq!((&rows[0]["rms"], &rows[0]["budget"]), (&dry["rows"][0]["rms"], &1.into()));
    for row in rows {
        assert!(row["calls"].as_u64() <= row["budget"].as_u64() && row["rms"].as_f64() > Some(0.0), "{row}");
        assert_eq!(row["follows"], row["sampler"] != "ddpm");
    }
    let best = found["best"].as_array().unwrap().iter().find(|best| best["calls"] == 3 && best["steps"] == 3);
    let best = best.unwrap_or_else(|| panic!("{found}"));
    assert_eq!(read_image(world.path("out/plot.png")).unwrap().width, 760);
    assert!(String::from_utf8(world.read("out/table.md")).unwrap().contains("| 3 | **"));
    for name in ["out/table.json", "out/plot.svg"] {
        assert!(!world.read(name).is_empty());
    }
    let ran = world.run("sample m.safetensors -n 1 --seed 5 --steps 3 --no-metadata -o a.png").ok();
    assert!(ran.err.contains("best at 3 network evaluations"), "{}", ran.err);
    let named = format!("--sampler {} --spacing {}", best["sampler"], best["spacing"]).replace('"', "");
    let ran = world
        .run(&format!("sample m.safetensors -n 1 --seed 5 --steps 3 {named} --no-metadata -o b.png"))
        .ok();
    assert!(!ran.err.contains("best at"), "{}", ran.err);
    assert!(world.read("a.png") == world.read("b.png"));
    world.run("sample m.safetensors -n 1 --calls 3 --sampler heun -o c.png").ok();
    world.run("sample m.safetensors -n 1 --calls 3 --steps 2 -o d.png").refused(2, &["--calls", "--steps"]);
}

#[test]
fn levels_of_its_own_are_written_into_the_model_and_used() {
    let world = World::new();
    let model = std::fs::read(format!("{}/model.safetensors", plain_run())).unwrap();
    world.write("m.safetensors", &model);
    let none = "sample m.safetensors -n 1 --spacing own --steps 3 -o a.png";
    world.run(none).refused(2, &["own", "--optimise-grid"]);
    let words = "bench-samplers m.safetensors --optimise-grid --samplers ddim,dpmpp_2m --spacings karras --calls 3,2 -n 2 \
                 --reference-steps 6 --json";
    let found = world.run(words).ok().json();
    let own = found["rows"].as_array().unwrap().iter().filter(|row| row["spacing"] == "own").count();
    assert_eq!((own, found["rows"].as_array().unwrap().len()), (4, 8), "{found}");
    let grids = found["grids"].as_array().unwrap();
    assert_eq!(grids.len(), 4, "{found}");
    let grid = grids.iter().find(|grid| grid["order"] == 1 && grid["levels"].as_array().unwrap().len() == 3);
    // As the recipe writes them: 80, where JSON has 80.0.
    let levels = grid.unwrap()["levels"].as_array().unwrap().iter();
    let levels: Vec<String> = levels.map(|level| level.as_f64().unwrap().to_string()).collect();
    let draw = "sample m.safetensors -n 1 --seed 5 --steps 3 --sampler ddim";
    world.run(&format!("{draw} --spacing own -o a.png")).ok();
    world.run(&format!("{draw} --spacing levels:at={} -o b.png", levels.join("/"))).ok();
    assert!(world.read("a.png") == world.read("b.png"));
    world.run("sample --from a.png -o c.png").ok();
    assert!(world.read("a.png") == world.read("c.png"));
    // A comparison without a new measurement keeps the levels, and has them among its spacings.
    let again = words.replace(" --optimise-grid", "").replace("--spacings karras ", "");
    let again = world.run(&again).ok().json();
    assert_eq!((&again["grids"], again["rows"].as_array().unwrap().len()), (&found["grids"], 16), "{again}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let world = World::new();
    let run = plain_run();
    for (words, code, parts) in [
        ("bench-samplers RUN --samplers eulr", 2, ["eulr", "\"euler\""]),
        ("bench-samplers RUN --spacings karas", 2, ["karas", "\"karras\""]),
        ("bench-samplers RUN --calls 0", 2, ["--calls", "from 1 to 1000"]),
        ("bench-samplers nowhere", 3, ["nowhere", "no such file"]),
    ] {
        world.run(&words.replace("RUN", run)).refused(code, &parts);
    }
    assert!(world.contents().is_empty());
}

#[test]
fn methods_of_restoration_are_compared_on_the_same_images() {
    let world = World::new();
    let words = "bench-restore builtin:shapes --data builtin:shapes --task half=mask:random=0.5@0 --task noisy=identity@50 \
                 --methods exact,ddnm:eta=0.5,diffpir,repaint --calls 2,4 -n 2 --tune 1 --features random";
    let found = world.run(&format!("{words} --json -o out")).ok().json();
    let again = world.run(&format!("{words} --json --batch-size 1")).ok().json();
    let rows = found["rows"].as_array().unwrap();
    for (row, again) in rows.iter().zip(again["rows"].as_array().unwrap()) {
        assert!(row["calls"].as_u64() <= row["budget"].as_u64(), "{row}");
        assert_eq!((&row["psnr"], &row["method"]), (&again["psnr"], &again["method"]));
    }
    let psnr = |task: &str, method: &str| {
        let own = |row: &&serde_json::Value| {
            row["task"] == task && row["method"].as_str().unwrap().starts_with(method)
        };
        rows.iter().rfind(own).and_then(|row| row["psnr"][0].as_f64())
    };
    assert!(psnr("noisy", "exact") > psnr("noisy", "least squares"), "{found}");
    assert!(psnr("half", "ddnm:eta=0.5") > psnr("half", "least squares"), "{found}");
    assert!(psnr("half", "exact").is_none() && psnr("noisy", "repaint").is_none(), "{found}");
    let left_out = found["left_out"].to_string();
    assert!(left_out.contains("noisy, ddnm") && left_out.contains("half, exact"), "{left_out}");
    assert!(read_image(world.path("out/half.png")).unwrap().width > 60);
    let table = String::from_utf8(world.read("out/table.md")).unwrap();
    assert!(table.contains("### half: mask:random=0.5, no noise"), "{table}");

    let with = |more: &str| world.run(&format!("bench-restore builtin:shapes --data {more}"));
    with("builtin:shapes --task half").refused(2, &["half", "NAME=OPERATOR@NOISE"]);
    with("builtin:shapes --task a=average:scale=5@0").refused(2, &["divide"]);
    with("builtin:shapes --task a=identity@900").refused(2, &["900"]);
    with("builtin:shapes --methods ddmn").refused(2, &["ddmn", "did you mean"]);
    with("no/such/folder").refused(3, &["no/such/folder"]);
}
