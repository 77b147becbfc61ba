//! Trainings that are stopped, killed or met by a second one: what was saved is whole, and the same command ends with
//! the same bytes.

use crate::world::{Ran, World, plain_run};

const RESULTS: [&str; 2] = ["model.safetensors", "metrics.jsonl"];

fn train(out: &str) -> String {
    format!(
        "train builtin:shapes --preset tiny --seed 3 --images 768 --set train.checkpoint_every=128 --out {out}"
    )
}

/// Stops a training by `signal` after some steps, goes on to the end, and compares with one that nothing disturbed.
fn stopped_by(signal: &str) -> Ran {
    let world = World::new();
    let running = world.start(&train("run"));
    world.wait_for_lines("run/metrics.jsonl", 20);
    let ended = running.signal(signal);
    let saved = world.run("inspect run --json").ok().json();
    let images = saved["images"].as_u64().unwrap();
    assert!((256..768).contains(&images), "{saved}");
    assert_eq!(saved["model"]["kind"], "model");
    let rest = world.run(&train("run")).ok();
    assert!(rest.err.contains(&format!("going on after {images} images")), "{}", rest.err);
    let left = |path: &std::path::PathBuf| {
        path.to_string_lossy().contains("tmp") || path.to_string_lossy().contains("staged")
    };
    assert!(!world.contents().iter().any(left), "{:?}", world.contents());
    world.run(&train("undisturbed")).ok();
    for name in RESULTS {
        let same = world.read(&format!("run/{name}")) == world.read(&format!("undisturbed/{name}"));
        assert!(same, "{name} differs after {signal} at {images} images");
    }
    ended
}

#[test]
fn sigterm_saves_and_the_run_goes_on_to_the_same_bytes() {
    stopped_by("TERM").refused(143, &["stopped by signal 15", "everything saved", "run the same command"]);
}

#[test]
fn sigkill_loses_only_what_was_not_saved() {
    assert_eq!(stopped_by("KILL").code, None);
}

#[test]
fn a_second_training_in_one_folder_is_refused_and_sigint_stops_the_first() {
    let world = World::new();
    let running = world.start("train builtin:shapes --preset tiny --seed 1 --images 2Mi --out run");
    world.wait_for_lines("run/metrics.jsonl", 2);
    let config = world.read("run/run.toml");
    let other = "train builtin:shapes --preset tiny --seed 2 --images 2Mi --out run";
    world.run(other).refused(1, &["run: another training runs here"]);
    assert_eq!(world.read("run/run.toml"), config);
    running.signal("INT").refused(130, &["stopped by signal 2"]);
    assert!(world.run("inspect run --json").ok().json()["images"].as_u64().unwrap() > 0);
}

#[test]
fn a_signal_before_the_first_step_is_heeded_too() {
    let world = World::new();
    let running = world.start(&train("run"));
    world.wait_for("run/run.toml");
    running.signal("INT").refused(130, &["stopped by signal 2", "run the same command"]);
    world.run(&train("run")).ok();
    world.run(&train("undisturbed")).ok();
    for name in RESULTS {
        assert!(
            world.read(&format!("run/{name}")) == world.read(&format!("undisturbed/{name}")),
            "{name} differs"
        );
    }
}

#[test]
fn sampling_that_is_stopped_leaves_nothing() {
    let world = World::new();
    let running = world.start(&format!("sample {} -n 4096 --steps 1000 -o deep/out/", plain_run()));
    world.wait_for("deep/out");
    running.signal("TERM").refused(143, &["nothing was written"]);
    assert!(world.contents().is_empty(), "{:?}", world.contents());
}

#[test]
fn a_torn_newest_checkpoint_falls_back_to_the_one_before() {
    let world = World::new();
    world.run(&train("run")).ok();
    let results = RESULTS.map(|name| world.read(&format!("run/{name}")));
    let newest = "run/checkpoints/images-000000000768/weights.safetensors";
    let bytes = world.read(newest);
    world.write(newest, &bytes[..bytes.len() / 2]);
    let again = world.run(&train("run")).ok();
    assert!(again.err.contains("warning: skipped an incomplete checkpoint"), "{}", again.err);
    assert!(again.err.contains("images-000000000768"), "{}", again.err);
    assert!(results == RESULTS.map(|name| world.read(&format!("run/{name}"))));
}
