//! Comparing samplers on a model, and drawing with what was found best.

use langevin::data::read_picture;

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
    assert_eq!(read_picture(world.path("out/plot.png")).unwrap().width, 760);
    assert!(String::from_utf8(world.read("out/table.md")).unwrap().contains("| 3 | **"));
    for name in ["out/table.json", "out/plot.svg"] {
        assert!(!world.read(name).is_empty());
    }
    let told = world.run("sample m.safetensors -n 1 --seed 5 --steps 3 --no-metadata -o a.png").ok();
    assert!(told.err.contains("best at 3 calls"), "{}", told.err);
    let named = format!("--sampler {} --spacing {}", best["sampler"], best["spacing"]).replace('"', "");
    let told = world
        .run(&format!("sample m.safetensors -n 1 --seed 5 --steps 3 {named} --no-metadata -o b.png"))
        .ok();
    assert!(!told.err.contains("best at"), "{}", told.err);
    assert!(world.read("a.png") == world.read("b.png"));
    world.run("sample m.safetensors -n 1 --calls 3 --sampler heun -o c.png").ok();
    world.run("sample m.safetensors -n 1 --calls 3 --steps 2 -o d.png").refused(2, &["--calls", "--steps"]);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let world = World::new();
    let run = plain_run();
    for (words, code, parts) in [
        ("bench-samplers RUN --samplers eulr", 2, ["eulr", "\"euler\""]),
        ("bench-samplers RUN --spacings karas", 2, ["karas", "\"karras\""]),
        ("bench-samplers RUN --calls 0", 2, ["--calls", "1..=1000"]),
        ("bench-samplers nowhere", 3, ["nowhere", "no such file"]),
    ] {
        world.run(&words.replace("RUN", run)).refused(code, &parts);
    }
    assert!(world.contents().is_empty());
}
