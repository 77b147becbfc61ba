//! A run goes on by its folder alone: data, preset and settings come from its `run.toml`.

use crate::world::World;

#[test]
fn a_run_goes_on_by_its_folder_alone_to_the_same_bytes() {
    let world = World::new();
    let train = "train builtin:shapes --preset tiny --seed 3 --set train.weighting=min_snr --half";
    let said = world.run(&format!("{train} --images 64 --out run")).ok();
    assert!(said.err.contains("the run is written into run"), "{said:?}");
    let said = world.run("train --resume --out run --images 128").ok();
    assert!(said.err.contains("going on after 64 images"), "{said:?}");
    world.run(&format!("{train} --images 128 --out whole")).ok();
    for name in ["model.safetensors", "metrics.jsonl"] {
        assert!(world.read(&format!("run/{name}")) == world.read(&format!("whole/{name}")), "{name}");
    }
    // It has nothing left to do, and says so; more minutes are more to do.
    let said = world.run("train --resume --out run").ok();
    assert!(said.err.contains("nothing left to do"), "{said:?}");
}

#[test]
fn what_contradicts_a_run_is_refused() {
    let world = World::new();
    world.run("train builtin:shapes --preset tiny --images 32 --out run").ok();
    for (words, parts) in [
        ("--out run --set train.weighting=min_snr", ["holds a run with other settings", "train.weighting"]),
        ("--out run --seed 9", ["holds a run with other settings", "train.seed was 0, now 9"]),
        ("--out run --preset mnist", ["--preset: a run that goes on has its own", "--images and --minutes"]),
        ("--out none", ["none: there is no run to go on with", "run.toml"]),
        ("--images 64", ["DATA is missing", "--resume --out RUN"]),
    ] {
        world.run(&format!("train --resume {words}")).refused(2, &parts);
    }
    world.run("train --out run").refused(2, &["DATA is missing"]);
}
