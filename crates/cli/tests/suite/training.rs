//! Training to its end: the run folder, settings, forecasts, and what stands in the way of a second run in one folder.

use crate::world::{World, plain_run};

const TINY: &str = "train builtin:shapes --preset tiny --seed 7";

#[test]
fn a_run_folder_has_the_promised_layout() {
    let world = World::new();
    let words =
        format!("{TINY} --images 256 --batch-size 32 --set train.checkpoint_every=128 --threads 2 --out run");
    let ran = world.run(&words).ok();
    assert_eq!(ran.out, "run/model.safetensors\n");
    let first = ran.err.lines().next().unwrap();
    assert_eq!(first, "device cpu, f32, 2 threads, seed 7");
    assert!(ran.err.contains("parameters") && ran.err.contains("img/s"), "{}", ran.err);
    let has = |name: &str| assert!(world.path(name).exists(), "{name} is missing: {:?}", world.contents());
    for name in [
        "run/run.toml",
        "run/log.jsonl",
        "run/metrics.jsonl",
        "run/model.safetensors",
        "run/samples/step-000000000.png",
        "run/samples/step-000000256.png",
        "run/checkpoints/images-000000000128/manifest.json",
        "run/checkpoints/images-000000000256/manifest.json",
    ] {
        has(name);
    }
    let in_events =
        |path: &std::path::PathBuf| path.to_string_lossy().starts_with("run/events/events.out.tfevents.");
    assert_eq!(world.contents().iter().filter(|path| in_events(path)).count(), 1);
    assert!(
        !world.contents().iter().any(|path| path.to_string_lossy().contains("tmp")),
        "{:?}",
        world.contents()
    );
    for name in ["run/log.jsonl", "run/metrics.jsonl"] {
        let text = String::from_utf8(world.read(name)).unwrap();
        let rows: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(rows.len() >= 8, "{name}: {text}");
    }
    // The same command has nothing left to do.
    let before = (world.read("run/model.safetensors"), world.read("run/metrics.jsonl"));
    let again = world.run(&format!("{words} --json")).ok();
    assert!(again.err.contains("nothing left to do"), "{}", again.err);
    let json = again.json();
    assert_eq!((json["images"].as_u64(), json["complete"].as_bool()), (Some(256), Some(true)));
    assert_eq!(before, (world.read("run/model.safetensors"), world.read("run/metrics.jsonl")));
}

#[test]
fn printed_settings_are_settings() {
    let world = World::new();
    let flags = "--print-config --images 64Ki --batch-size 32 --learning-rate 0.003 --class-conditional";
    let printed = world.run(&format!("train builtin:shapes --preset mnist {flags}")).ok();
    assert!(printed.out.contains("images = 65536"), "{}", printed.out);
    world.write("mine.toml", printed.out.as_bytes());
    let again = world.run("train builtin:shapes --preset mine.toml --print-config").ok();
    assert_eq!(again.out, printed.out);
    // A flag goes before the file, the file before the defaults.
    let flagged = world.run("train builtin:shapes --preset mine.toml --images 5 --print-config").ok();
    assert!(
        flagged.out.contains("\nimages = 5\n") && flagged.out.contains("batch_size = 32"),
        "{}",
        flagged.out
    );
}

#[test]
fn a_dry_run_forecasts_and_leaves_nothing_behind() {
    let world = World::new();
    let ran = world.run(&format!("{TINY} --dry-run --out run")).ok();
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("img/s") && ran.err.contains("parameters"), "{}", ran.err);
    assert!(world.contents().is_empty(), "{:?}", world.contents());
}

#[test]
fn a_run_with_other_settings_is_left_alone() {
    let world = World::new();
    world.run(&format!("{TINY} --images 32 --out run")).ok();
    let before = (world.read("run/run.toml"), world.read("run/metrics.jsonl"));
    let refused = world.run(&format!("{TINY} --images 32 --learning-rate 0.002 --out run"));
    refused.refused(2, &["run: ", "train.learning_rate was 0.001, now 0.002", "--out"]);
    world
        .run(&format!("{TINY} --images 32 --class-conditional --out run"))
        .refused(2, &["data.class_conditional"]);
    assert_eq!(before, (world.read("run/run.toml"), world.read("run/metrics.jsonl")));
    // More images of a run whose learning rate does not depend on it: it goes on.
    let more = world.run(&format!("{TINY} --images 64 --out run --resume")).ok();
    assert!(more.err.contains("going on after 32 images"), "{}", more.err);
}

#[test]
fn resume_needs_a_run() {
    let world = World::new();
    world.run(&format!("{TINY} --images 32 --out none --resume")).refused(2, &["none", "--resume"]);
    assert!(world.contents().is_empty());
}

#[test]
fn quiet_says_nothing_and_the_result_is_still_there() {
    let world = World::new();
    let ran = world.run(&format!("sample {} -n 1 --steps 2 -q -o one.png", plain_run())).ok();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("one.png\n", ""));
}

#[test]
fn values_that_are_not_finite_end_the_run_before_they_are_saved() {
    let world = World::new();
    // Each step multiplies the weights by about -99.
    let wild =
        "--learning-rate 10 --set train.weight_decay=10 --set train.warmup_images=0 --set train.clip_norm=0";
    let words = format!("{TINY} --images 2048 --set train.checkpoint_every=16 {wild} --out run");
    world.run(&words).refused(4, &["training diverged", "images", "nothing was saved", "--out"]);
    let saved = world.run("inspect run --json").ok().json();
    assert!(saved["images"].as_u64().unwrap() < 2048, "{saved}");
    assert_eq!(saved["passed_over"], serde_json::json!([]));
    let metrics = String::from_utf8(world.read("run/metrics.jsonl")).unwrap();
    assert!(!metrics.contains("null"), "{metrics}");
}

#[test]
fn minutes_end_a_run_whole() {
    let world = World::new();
    let json = world.run(&format!("{TINY} --minutes 0.01 --out run --json")).ok().json();
    assert_eq!(json["complete"], false);
    let found = world.run("inspect run --json").ok().json();
    assert_eq!(found["images"], json["images"]);
    assert!(found["images"].as_u64().unwrap() > 0);
}

#[test]
fn training_follows_the_same_curve_with_and_without_transforms() {
    let world = World::new();
    let train = |flags: &str, out: &str| {
        let words = format!("{TINY} --images 320 --set network.channels=[64,64] {flags} --out {out}");
        world.run(&words).ok();
        let text = String::from_utf8(world.read(&format!("{out}/metrics.jsonl"))).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.filter_map(|row| row["loss"].as_f64()).collect::<Vec<f64>>()
    };
    let (fast, exact) = (train("", "fast"), train("--exact", "exact"));
    assert!(fast.len() == 20 && fast != exact, "transforms were used");
    for (a, b) in fast.iter().zip(&exact) {
        assert!((a - b).abs() < 1e-4 * b, "{fast:?} and {exact:?}");
    }
    // Computing again in the backward pass changes no bit.
    assert_eq!(train("--set train.recompute=true", "again"), fast);
}

#[test]
fn a_training_begins_with_the_weights_of_a_model() {
    let (world, run) = (World::new(), plain_run());
    let words = format!(
        "train builtin:shapes --init {run} --images 64 --batch-size 16 --seed 3 --set train.validate_every=32"
    );
    let first = |folder: &str| -> f64 {
        let text = String::from_utf8(world.read(&format!("{folder}/metrics.jsonl"))).unwrap();
        let mut rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.find_map(|row| row["validation_loss"].as_f64()).unwrap()
    };
    world.run(&format!("{words} --out tuned")).ok();
    world.run("train builtin:shapes --preset tiny --images 64 --seed 3 --out fresh").ok();
    assert!(first("tuned") < 0.97 * first("fresh"), "{} and {}", first("tuned"), first("fresh"));
    // It says what it began with, and its settings begin the same training again.
    let settings = String::from_utf8(world.read("tuned/run.toml")).unwrap();
    assert!(settings.contains("[init]") && settings.contains("hash"), "{settings}");
    world.run("train builtin:shapes --preset tuned/run.toml --out again").ok();
    // The files name their presets; what follows is weights.
    let weights = |folder: &str| {
        let file = world.read(&format!("{folder}/model.safetensors"));
        file[file.len() - 10_000..].to_vec()
    };
    assert!(weights("tuned") == weights("again"));
    // Other weights are another training.
    world.run("train builtin:shapes --preset tiny --images 128 --seed 3 --out tuned").refused(2, &["tuned"]);
    world
        .run(&format!("{words} --out bad --set network.channels=[8]"))
        .refused(2, &["--set network.channels=[8]", "--init"]);
    world
        .run("train builtin:shapes --init builtin:ring8 --out bad")
        .refused(2, &["builtin:ring8", "closed-form"]);
    world.run("train builtin:shapes --init nothing --out bad").refused(3, &["nothing"]);
    assert!(!world.path("bad").exists());
}
