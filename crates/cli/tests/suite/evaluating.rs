//! Judging images: the numbers, their floors, bounds, pairs, and the search for copies.

use langevin::data::read_image;
use serde_json::Value;

use crate::world::{World, classed_run, image, plain_run};

fn fill(world: &World, folder: &str, seeds: std::ops::Range<usize>) {
    for seed in seeds {
        let class = if seed % 2 == 0 { "even" } else { "odd" };
        world.write(&format!("{folder}/{class}/{seed:03}.png"), &image(16, 16, 1, seed));
    }
}

fn number(report: &Value, name: &str, key: &str) -> f64 {
    let metrics = report["metrics"].as_array().unwrap();
    metrics.iter().find(|line| line["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"))[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{name}.{key}: {report}"))
}

#[test]
fn a_model_is_judged_by_data_with_floor_and_ceiling() {
    let world = World::new();
    let words = format!(
        "eval {} --data builtin:shapes -n 64 --steps 2 --features own:images=256 --cache kept --json",
        classed_run()
    );
    let report = world.run(&words).ok().json();
    let of = |key| number(&report, "frechet", key);
    // A model that has seen 256 images draws noise.
    assert!(of("floor") < of("value") && of("floor") < of("ceiling"), "{report}");
    assert_eq!(of("n"), 64.0);
    assert!(number(&report, "kid", "error") > 0.0);
    for name in ["precision", "recall", "density", "coverage", "class_kl", "class_agreement"] {
        number(&report, name, "value");
    }
    assert!(report["features"].as_str().unwrap().starts_with("own classifier of 10 classes"));
    let again = world.run(&format!("{words} --threads 1 --batch-size 5")).ok();
    assert!(!again.err.contains("training features"), "{}", again.err);
    assert_eq!(again.json(), report);
}

#[test]
fn copies_are_found_and_shown() {
    let world = World::new();
    fill(&world, "data", 0..60);
    fill(&world, "copies", 0..20);
    let words = "eval copies --data data --metrics memorisation --features random -n 20 --sheet sheet.png";
    let report = world.run(&format!("{words} --json --seed 4")).ok().json();
    assert!(number(&report, "copied", "value") > 0.3 && number(&report, "copied", "floor") < 0.3, "{report}");
    assert_eq!(report["nearest"][0]["distance"], 0.0);
    assert!(read_image(world.path("sheet.png")).unwrap().width > 100);
    world.run(words).refused(1, &["sheet.png", "--force"]);
    let missed = world.run(&format!("{words} --force --fail-if copied>0 --fail-if nearest_pixels<0"));
    assert_eq!(missed.code, Some(5), "{missed:?}");
    assert!(missed.err.contains("copied>0") && !missed.err.contains("nearest_pixels<0"), "{missed:?}");
    assert!(missed.out.contains("nearest_features"), "{missed:?}");
}

#[test]
fn pairs_go_by_name() {
    let world = World::new();
    for (name, seed) in [("a", 1), ("b", 2), ("c", 3)] {
        world.write(&format!("left/{name}.png"), &image(20, 18, 3, seed));
    }
    world.write("right/b.png", &image(20, 18, 3, 2));
    world.write("right/c.png", &image(20, 18, 3, 9));
    let report = world.run("eval left --data right --metrics psnr,ssim --json").ok().json();
    assert_eq!((number(&report, "ssim", "n"), &report["metrics"][0]["value"]), (2.0, &"inf".into()));
    assert!(number(&report, "ssim", "value") > number(&report, "ssim", "ceiling"));
    world.write("other/x.png", &image(20, 18, 3, 2));
    world.run("eval left --data other --metrics psnr").refused(2, &["left", "other", "names"]);
    world.run("eval left --data right --metrics ms_ssim").refused(2, &["20x18", "ms_ssim"]);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let world = World::new();
    fill(&world, "data", 0..40);
    let run = plain_run();
    for (words, code, parts) in [
        ("eval RUN --data data --metrics kidd", 2, ["kidd", "\"kid\""]),
        ("eval RUN --data data --metrics kid:grops=3", 2, ["grops", "\"groups\""]),
        ("eval RUN --data data --fail-if kdi>1", 2, ["kdi>1", "\"kid\""]),
        ("eval RUN --data data --fail-if kid", 2, ["kid", "bound"]),
        ("eval RUN --data data --features inception", 2, ["inception", "own"]),
        ("eval RUN --data data --features none.safetensors", 3, ["none.safetensors", "no such file"]),
        ("eval RUN --data nowhere --features random", 3, ["nowhere", "there is no such file or folder"]),
        ("eval nowhere --data data --features random", 3, ["nowhere", "there is no such file or folder"]),
        ("eval RUN --data data --features random --metrics class_kl", 2, ["class_kl", "own"]),
        (
            "eval RUN --data builtin:shapes --features random --metrics memorisation -n 16",
            2,
            ["memorisation", "finite"],
        ),
        (
            "eval RUN --data data --features random --metrics accuracy_score",
            2,
            ["accuracy_score", "class-conditional"],
        ),
        ("eval RUN --data data --features random -n 4 --metrics kid", 2, ["too few", "40"]),
        ("eval RUN --data data --features random --sampler eulerr", 2, ["eulerr", "\"euler\""]),
        ("eval RUN --data data --features random --size 16", 2, ["a model draws", "--size"]),
        ("eval data --data data --features random", 2, ["set of images", "--steps"]),
        ("eval data --data data --features random --guidance cfg", 2, ["set of images", "guidance"]),
        ("eval RUN --data data -n 0", 2, ["-n", "from 1 to 1000000"]),
    ] {
        let ran = world.run(&format!("{} --cache kept --steps 1", words.replace("RUN", run)));
        ran.refused(code, &parts);
    }
    let before = world.contents();
    assert!(!before.iter().any(|path| path.starts_with("samples")), "{before:?}");
}
