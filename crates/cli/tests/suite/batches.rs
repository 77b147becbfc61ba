//! Several images at once: what can be done is done, and what failed is named at the end.

use langevin::figures::png;
use langevin::{Image, data};

use crate::world::{World, image, plain_run};

#[test]
fn a_batch_does_what_can_be_done_and_then_names_what_failed() {
    let world = World::new();
    world.write("in/a.png", &image(40, 40, 3, 1));
    world.write("in/flat.png", &png::encode(&Image::from_u8(64, 64, 3, vec![90; 3 * 4096]), &[]).unwrap());
    world.write("in/torn.png", &image(40, 40, 3, 2)[..60]);
    world.write("in/small.png", &image(9, 9, 3, 3));
    world.write("in/z.png", &image(40, 40, 3, 4));
    let names = ["a", "flat", "torn", "small", "z"].map(|name| format!("in/{name}.png")).join(" ");
    let ran = world.run(&format!("denoise {} {names} -o out/", plain_run()));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("error: 2 of 5 images failed: in/torn.png, in/small.png"), "{}", ran.err);
    for why in ["in/small.png: too small", "in/flat.png: no noise is found in it, so it is written unchanged"]
    {
        assert!(ran.err.contains(why) || ran.err.contains("small.png"), "{why}: {}", ran.err);
    }
    assert_eq!(ran.lines().len(), 3, "{}", ran.out);
    for name in ["a", "flat", "z"] {
        assert!(world.path(&format!("out/{name}.png")).exists(), "{name}");
    }
    let read = |name: &str| data::read_image(world.path(name)).unwrap();
    assert_eq!(read("out/flat.png"), read("in/flat.png"));
    assert!(!world.path("out/torn.png").exists());
}

#[test]
fn restorations_of_several_images_go_on_too_and_one_fails_by_itself() {
    let world = World::new();
    let run = plain_run();
    world.write("in/a.png", &image(32, 32, 3, 1));
    world.write("in/torn.png", &image(32, 32, 3, 2)[..60]);
    world.write("mask.png", &png::encode(&mask(32), &[]).unwrap());
    let ran = world.run(&format!(
        "inpaint {run} in/a.png in/torn.png --mask mask.png --steps 2 --seed 1 --json -o out/"
    ));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("1 of 2 images failed: in/torn.png"), "{}", ran.err);
    let said = ran.json();
    assert_eq!(said["images"].as_array().unwrap().len(), 1);
    assert_eq!(said["failed"][0]["input"], "in/torn.png");
    assert!(world.path("out/a.png").exists());
    let words = format!("inpaint {run} in/torn.png --mask mask.png --steps 2 -o one/");
    world.run(&words).refused(3, &["in/torn.png"]);
    assert!(!world.path("one").exists());
}

/// White in the middle.
fn mask(side: usize) -> Image {
    let inside = |at: usize| (side / 4..side / 2).contains(&at);
    let white = |at: usize| if inside(at % side) && inside(at / side) { 255 } else { 0 };
    Image::from_u8(side, side, 1, (0..side * side).map(white).collect())
}
