//! `restore --calibrate`: a table of how far the draws of methods can be trusted.

use crate::world::{World, image, plain_run};

#[test]
fn calibration_says_how_often_the_truth_lies_within_the_draws() {
    let (world, run) = (World::new(), plain_run());
    for seed in 0..4 {
        world.write(&format!("{seed}.png"), &image(16, 16, 3, seed));
    }
    let words = format!(
        "restore {run} 0.png 1.png 2.png 3.png --operator average:scale=4 --calibrate --samples 3 --steps 3 --seed 1"
    );
    let said = world.run(&format!("{words} --method ddnm --json")).ok().json();
    let one = &said["methods"][0];
    assert!(one["method"].as_str().unwrap().starts_with("ddnm:"), "{said}");
    assert_eq!(one["tried"].as_array().unwrap().len(), 4, "{said}");
    assert_eq!((one["images"].as_u64(), one["draws"].as_u64()), (Some(2), Some(3)));
    assert_eq!(one["coverage"][0]["nominal"], 0.5);
    let found = one["coverage"][0]["found"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&found), "{said}");
    assert!(one["psnr_mean"].as_f64() > one["psnr_draw"].as_f64(), "{said}");
    assert_eq!(said["best"], one["method"]);
    // A method with options is taken as it is, to the same numbers each time.
    let table =
        |more: &str| world.run(&format!("{words} --method ddnm:eta=1 {more}")).ok().lines().join("\n");
    let first = table("--threads 1");
    assert!(first.contains("| ddnm:eta=1 | 3 |") && first == table("--threads 2"), "{first}");
    // Nothing is written, and nothing asked for that makes no sense.
    assert!(!world.path("restored-000").exists());
    world
        .run(&format!("restore {run} 0.png --operator average:scale=4 --calibrate"))
        .refused(2, &["one image", "at least two"]);
    world.run(&format!("{words} --method reddiff")).refused(2, &["one answer"]);
    world.run(&format!("{words} --simulate")).refused(2, &["--simulate"]);
}
