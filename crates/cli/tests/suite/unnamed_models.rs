//! Images and folders without a model: one that fits is taken, and said.

use langevin::Image;
use langevin::figures::png;

use crate::world::{World, image, plain_run};

/// A soft gradient with noise that depends on the place alone.
fn noisy(side: usize, channels: usize) -> Vec<u8> {
    let value = |at: usize| {
        let noise = (at.wrapping_mul(2_654_435_761) >> 7) % 41;
        (60 + at / channels % side * 2 + noise) as u8
    };
    let pixels = (0..side * side * channels).map(value).collect();
    png::encode(&Image::from_u8(side, side, channels, pixels), &[]).unwrap()
}

#[test]
fn each_image_of_a_batch_has_the_model_of_its_kind() {
    let world = World::new();
    world.write("colour.png", &noisy(40, 3));
    world.write("gray.png", &noisy(40, 1));
    world.write("clear.png", &noisy(40, 4));
    let ran = world.run("denoise colour.png gray.png clear.png --sigma 12 --json -o out/").ok();
    assert!(ran.err.contains("builtin:photo for 2 and builtin:photo-gray for 1"), "{}", ran.err);
    let said = ran.json();
    let models: Vec<&str> =
        said["images"].as_array().unwrap().iter().map(|image| image["model"].as_str().unwrap()).collect();
    assert_eq!(models, ["builtin:photo", "builtin:photo-gray", "builtin:photo"]);
    // The same as with the model named.
    world.run("denoise builtin:photo-gray gray.png --sigma 12 -o named.png --no-metadata").ok();
    world.run("denoise gray.png --sigma 12 -o alone.png --no-metadata").ok();
    assert_eq!(world.read("named.png"), world.read("alone.png"));
    let recipe = world.run("inspect out/gray.png").ok();
    assert!(recipe.out.contains("builtin:photo-gray"), "{}", recipe.out);
}

#[test]
fn restorations_choose_too() {
    let world = World::new();
    world.write("colour.png", &noisy(16, 3));
    world.write("gray.png", &noisy(16, 1));
    let ran = world.run("upscale colour.png gray.png --scale 2 --steps 1 --seed 1 --json -o out/").ok();
    let said = ran.json();
    assert_eq!(said["images"][0]["model"], "builtin:photo");
    assert_eq!(said["images"][1]["model"], "builtin:photo-gray");
    world
        .run("edit gray.png --strength 0.5")
        .refused(2, &["edit needs a model", "langevin edit MODEL IMAGE"]);
}

#[test]
fn a_folder_is_its_images_and_results_have_the_same_names() {
    let world = World::new();
    world.write("photos/b.png", &noisy(24, 3));
    world.write("photos/trip/a.png", &noisy(24, 1));
    world.write("photos/notes.xyz", b"not an image");
    let ran = world.run("denoise photos --sigma 10 -o out").ok();
    assert!(ran.err.contains("photos: 2 images"), "{}", ran.err);
    assert!(ran.err.contains("left aside") && ran.err.contains("notes.xyz"), "{}", ran.err);
    assert_eq!(ran.lines(), ["out/b.png", "out/trip/a.png"]);
    // A run is a model, never a folder of images; results in the folder are not denoised again.
    let run = plain_run();
    let ran = world.run(&format!("denoise {run} photos/b.png --sigma 10 -o photos/done/")).ok();
    assert_eq!(ran.lines(), ["photos/done/b.png"]);
    let ran = world.run("denoise photos --sigma 10 -o photos/done --force").ok();
    assert!(ran.err.contains("1 results of this command"), "{}", ran.err);
    assert_eq!(ran.lines().len(), 2);
}

#[test]
fn what_is_neither_a_model_nor_an_image_says_so() {
    let world = World::new();
    world.write("a.png", &image(20, 20, 3, 1));
    world.write("gray.png", &image(20, 20, 1, 1));
    world.write("empty/readme.txt", b"nothing");
    world.run("denoise builtin:foto a.png").refused(2, &["no shipped model", "builtin:photo"]);
    world.run("denoise builtin:photo").refused(2, &["builtin:photo: is a model, and no image is named"]);
    world.run("denoise run/none a.png").refused(3, &["run/none: there is no such file or folder"]);
    world.run("denoise empty --sigma 5").refused(3, &["empty: holds no images"]);
    world.run("denoise missing.png").refused(3, &["missing.png"]);
    world.run("denoise builtin:photo gray.png --sigma 9").refused(2, &["gray.png", "builtin:photo-gray"]);
}

#[test]
fn a_batch_goes_on_where_it_stopped() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.write(&format!("in/{name}.png"), &noisy(20, 3));
    }
    let words = "denoise in --sigma 10 --mode sample --steps 2 -o";
    world.run(&format!("{words} whole")).ok();
    world.write("part/a.png", &world.read("whole/a.png"));
    let ran = world.run(&format!("{words} part --skip-existing --json")).ok();
    assert!(ran.err.contains("skipped: 1 of 3 images"), "{}", ran.err);
    assert_eq!(
        (ran.json()["skipped"].as_u64(), ran.json()["images"].as_array().unwrap().len()),
        (Some(1), 2)
    );
    for name in ["a", "b", "c"] {
        // Each image keeps its number, and so its noise.
        let file = format!("{name}.png");
        assert!(world.read(&format!("part/{file}")) == world.read(&format!("whole/{file}")), "{name}");
    }
    assert!(world.run(&format!("{words} part --skip-existing")).ok().lines().is_empty());
    let cut = world.read("part/b.png");
    world.write("part/b.png", &cut[..cut.len() / 2]);
    world.run(&format!("{words} part --skip-existing")).refused(1, &["part/b.png", "exists already"]);
    world.run(&format!("{words} part --skip-existing --force")).refused(2, &["--skip-existing", "--force"]);
    world.run("denoise in --sigma 10 --skip-existing").refused(2, &["--skip-existing"]);
    let words = "upscale in --scale 2 --steps 1 --seed 3 -o";
    world.run(&format!("{words} whole2")).ok();
    world.write("part2/b.png", &world.read("whole2/b.png"));
    let ran = world.run(&format!("{words} part2 --skip-existing")).ok();
    assert_eq!(ran.lines(), ["part2/a.png", "part2/c.png"]);
    assert!(world.read("part2/c.png") == world.read("whole2/c.png"));
    assert!(world.run(&format!("{words} part2 --skip-existing")).ok().lines().is_empty());
}
