//! Images that carry what made them, and are made again from that.

use langevin::Image;
use langevin::figures::{files, png};
use serde_json::Value;

use crate::world::{World, image, plain_run};

/// The recipe that the file `name` carries.
fn recipe(world: &World, name: &str) -> Value {
    let text = files::text(&world.read(name)).unwrap();
    let found = text.iter().find(|(keyword, _)| keyword == "langevin");
    serde_json::from_str(&found.unwrap_or_else(|| panic!("{name} carries none")).1).unwrap()
}

/// A mask that is white in the middle.
fn mask() -> Vec<u8> {
    let middle = |at: usize| (5..11).contains(&(at % 16)) && (5..11).contains(&(at / 16));
    let pixels = (0..256).map(|at| if middle(at) { 255 } else { 0 }).collect();
    png::encode(&Image::from_u8(16, 16, 1, pixels), &[]).unwrap()
}

#[test]
fn edited_and_restored_images_are_made_again_to_the_byte() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(16, 16, 3, 1));
    world.write("b.png", &image(16, 16, 3, 2));
    world.write("mask.png", &mask());
    world
        .run(&format!(
            "edit {run} a.png b.png --strength 0.7 --steps 4 --sampler euler_a --seed 3 --samples 3 -o e"
        ))
        .ok();
    world.run(&format!("inpaint {run} b.png --mask mask.png --steps 3 --seed 4 -o filled.png")).ok();
    world.run(&format!("upscale {run} a.png --scale 2 --steps 3 --seed 5 -o large.png")).ok();
    world.run(&format!("denoise {run} a.png b.png --sigma 20 --mode sample --steps 3 -o d")).ok();
    for name in ["e/b-0002.png", "e/a-0000.png", "filled.png", "large.png", "d/b.png"] {
        world.run(&format!("sample --from {name} --force -o again.png")).ok();
        assert!(world.read("again.png") == world.read(name), "{name}");
    }
    // The mean of several comes with all of them.
    let ran = world.run("sample --from e/b-mean.png -o mean.png").ok();
    assert_eq!(ran.lines().len(), 5);
    assert!(world.read("mean.png") == world.read("e/b-mean.png"));
    let other = recipe(&world, "e/b-0002.png");
    assert_eq!((&other["image"], &other["sample"], &other["input"]), (&1.into(), &2.into(), &"b.png".into()));
}

#[test]
fn what_an_image_was_made_from_must_be_the_same() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(16, 16, 3, 1));
    world.write("mask.png", &mask());
    world
        .run(&format!("inpaint {run} a.png --mask mask.png --steps 2 --seed 4 --compare -o filled.png"))
        .ok();
    let again = || world.run("sample --from filled.png -o again.png");
    world
        .run("sample --from filled.png --steps 9 -o x.png")
        .refused(2, &["langevin inpaint", "other options"]);
    world.run("sample --from filled-compare.png -o x.png").refused(3, &["along with a result"]);
    world.write("mask.png", &image(16, 16, 1, 3));
    again().refused(3, &["filled.png: was made from mask.png, which has another content now"]);
    world.write("mask.png", &mask());
    std::fs::remove_file(world.path("a.png")).unwrap();
    again().refused(3, &["filled.png: was made from a.png, which cannot be read"]);
    world.write("a.png", &image(16, 16, 3, 1));
    again().ok();
    assert!(world.read("again.png") == world.read("filled.png"));
    world.run("noise a.png -o n").ok();
    world.run("sample --from n/a-noise.png").refused(3, &["langevin noise", "samples no image"]);
}

#[test]
fn every_image_carries_what_made_it_unless_asked_not_to() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(16, 16, 3, 1));
    world
        .run(&format!("sample {run} -n 2 --steps 2 --seed 6 -o s --grid grid.png --trajectory film.gif"))
        .ok();
    world
        .run(&format!(
            "restore {run} a.png --operator average:scale=2 --simulate --steps 2 --compare --seed 1 -o r.png"
        ))
        .ok();
    world.run("denoise a.png --sigma 30 --compare --samples 2 --steps 2 -o d.jpg").ok();
    world.run("noise a.png -o n").ok();
    let commands = [
        ("grid.png", "sample", "grid"),
        ("film.gif", "sample", "trajectory"),
        ("r.png", "restore", "sample"),
        ("r-degraded.png", "restore", "degraded"),
        ("r-compare.png", "restore", "comparison"),
        ("d.jpg", "denoise", "mean"),
        ("d-std.jpg", "denoise", "std"),
        ("d-compare.jpg", "denoise", "comparison"),
        ("d-sample-0001.jpg", "denoise", "sample"),
        ("n/a-noise.png", "noise", "strip"),
        ("n/a-levels.png", "noise", "levels"),
        ("n/a-schedules.png", "noise", "schedules"),
    ];
    for (name, command, made) in commands {
        let found = recipe(&world, name);
        assert_eq!((&found["command"], &found["made"]), (&command.into(), &made.into()), "{name}");
    }
    assert_eq!(recipe(&world, "s/0001.png")["image"], 1);
    world.run("sample --from grid.png -o x.png").refused(3, &["a sheet of 2 images", "--seed 6 -n 2"]);
    world
        .run(&format!("sample {run} -n 1 --steps 2 --no-metadata -o b.webp --grid g.jpg --trajectory f.gif"))
        .ok();
    world.run("noise a.png -o m --no-metadata").ok();
    world.run("denoise a.png --sigma 30 --compare --no-metadata -o c.tif").ok();
    for name in ["b.webp", "g.jpg", "f.gif", "m/a-noise.png", "m/a-levels.png", "c.tif", "c-compare.tif"] {
        assert_eq!(files::text(&world.read(name)).unwrap(), [], "{name}");
    }
}
