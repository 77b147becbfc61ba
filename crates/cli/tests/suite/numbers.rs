//! Numbers by every door: a flag, `--set`, a preset. One range each, said before any work, and nothing becomes memory unchecked.

use crate::world::{World, image, plain_run};

#[test]
fn a_number_has_one_range_whichever_door_it_comes_through() {
    let world = World::new();
    world.write("nan.toml", b"[train]\nimages = 16\n[sample]\ncfg_scale = nan\n");
    world.write("huge.toml", b"[train]\nbatch_size = 9223372036854775807\n");
    world.write("steps.toml", b"[sample]\nsteps = 10001\n");
    for (flags, parts) in [
        ("--preset tiny --set sample.cfg_scale=nan", vec!["sample.cfg_scale", "NaN is not a finite number"]),
        (
            "--preset tiny --set sample.cfg_scale=-inf",
            vec!["sample.cfg_scale", "-inf is not a finite number"],
        ),
        ("--preset tiny --set sample.cfg_scale=1e308", vec!["sample.cfg_scale = 1e308", "from -100 to 100"]),
        ("--preset tiny --set train.learning_rate=nan", vec!["train.learning_rate", "NaN"]),
        ("--preset nan.toml", vec!["nan.toml", "sample.cfg_scale", "NaN"]),
        ("--preset tiny --batch-size 1000000000", vec!["batch_size = 1000000000", "from 1 to 65536"]),
        ("--preset tiny --batch-size 9223372036854775807", vec!["9223372036854775807", "from 1 to 65536"]),
        ("--preset tiny --set train.batch_size=1000000000", vec!["batch_size = 1000000000", "1 to 65536"]),
        ("--preset tiny --set train.micro_batch=1000000000", vec!["micro_batch = 1000000000", "1 to 65536"]),
        ("--preset huge.toml", vec!["batch_size = 9223372036854775807", "1 to 65536"]),
        ("--preset tiny --dry-run --batch-size 1000000000", vec!["from 1 to 65536"]),
        ("--preset tiny --print-config --batch-size 1000000000", vec!["from 1 to 65536"]),
        ("--preset tiny --set sample.steps=1000000000", vec!["sample.steps = 1000000000", "1 to 10000"]),
        ("--preset steps.toml", vec!["sample.steps = 10001", "1 to 10000"]),
        ("--preset tiny --size 18446744073709551615", vec!["size = 18446744073709551615", "0 to 16384"]),
        (
            "--preset tiny --seed 18446744073709551615",
            vec!["seed = 18446744073709551615", "9223372036854775807"],
        ),
        (
            "--preset tiny --set train.seed=18446744073709551615",
            vec!["too large a number", "at most 9223372036854775807"],
        ),
        (
            "--preset tiny --set train.validation_images=99999999999",
            vec!["validation_images", "0 to 1000000"],
        ),
        ("--preset tiny --set text.dim=9999999999", vec!["text.dim = 9999999999", "1 to 65536"]),
        ("--preset tiny --set sample.clip_range=0", vec!["sample.clip_range = 0"]),
    ] {
        let before = world.contents();
        world.run(&format!("train builtin:shapes {flags} --images 16 --out r")).refused(2, &parts);
        assert_eq!(world.contents(), before, "{flags}");
    }
}

#[test]
fn requests_of_other_commands_are_held_to_their_ranges_too() {
    let world = World::new();
    let run = plain_run();
    world.write("a/a.png", &image(32, 32, 3, 1));
    for (words, parts) in [
        ("likelihood RUN a -n 1 --bound-draws 1000000000", vec!["bound_draws = 1000000000", "0 to 1000000"]),
        ("likelihood RUN a -n 1 --bound-draws 18446744073709551615", vec!["0 to 1000000"]),
        ("distill RUN builtin:shapes --batch-size 1000000000 --out d", vec!["from 1 to 65536"]),
        ("distill RUN builtin:shapes --set sample.cfg_scale=inf --out d", vec!["not a finite number"]),
        ("bench-samplers RUN -n 1", vec!["from 2 to 100000"]),
        ("sample RUN -n 1 --sampler heun:limit=1e308", vec!["limit=1e308"]),
    ] {
        let before = world.contents();
        let ran = world.run(&words.replace("RUN", run));
        assert!(!ran.err.contains("00000000000000000000000000"), "{}", ran.err);
        ran.refused(2, &parts);
        assert_eq!(world.contents(), before, "{words}");
    }
}

#[test]
fn a_preview_that_cannot_be_drawn_ends_no_training() {
    let world = World::new();
    let set = "--set sample.sampler=dpm_adaptive:max_calls=1";
    let words = format!("train builtin:shapes --preset tiny --images 32 {set} --out r");
    let ran = world.run(&words).ok();
    assert!(ran.err.contains("no preview after 0 images"), "{}", ran.err);
    assert!(world.path("r/model.safetensors").exists());
}
