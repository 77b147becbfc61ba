//! The true reason, and the way out.

use langevin::Image;
use langevin::figures::png;

use crate::world::{World, classed_run, image, plain_run};

#[test]
fn what_stands_for_a_model_is_called_that() {
    let world = World::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1000\n";
    world.write("lfs.safetensors", pointer.as_bytes());
    world.write("page.safetensors", b"<!DOCTYPE html>\n<html><body>Sign in</body></html>");
    world.write("arrays.npz", &zip("train_images.npy"));
    world.write("links.zip", &zip("images/a.png"));
    for (file, parts) in [
        ("lfs.safetensors", ["a git-lfs pointer", "git lfs pull"]),
        ("page.safetensors", ["a web page", "download the file itself"]),
        ("arrays.npz", ["a NumPy archive", "not a model"]),
        ("links.zip", ["a zip archive without a pickle", "is data"]),
    ] {
        let ran = world.run(&format!("sample {file} -n 1"));
        assert!(!ran.err.contains("can run code"), "{}", ran.err);
        ran.refused(3, &[file, parts[0], parts[1]]);
    }
    for file in ["lfs.safetensors", "page.safetensors"] {
        world.run(&format!("inspect {file}")).refused(3, &[file, "download"]);
    }
    let inspected = world.run("inspect links.zip");
    assert!(!inspected.err.contains("pickle"), "{}", inspected.err);
}

/// The beginning of a zip of one stored file without a byte.
fn zip(name: &str) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04\x14\0\0\0\0\0\0\0\x21\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend((name.len() as u16).to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(name.as_bytes());
    bytes
}

#[test]
fn masks_count_what_is_painted_and_say_how_they_are_read() {
    let world = World::new();
    let run = plain_run();
    let inside = |at: usize| (8..16).contains(&(at % 32)) && (8..16).contains(&(at / 32));
    let mask = |of: &dyn Fn(bool) -> Vec<u8>, channels| {
        let pixels = (0..32 * 32).flat_map(|at| of(inside(at))).collect();
        png::encode(&Image::from_u8(32, 32, channels, pixels), &[]).unwrap()
    };
    world.write("a.png", &image(32, 32, 3, 1));
    let shade = |inside: bool, painted: u8, other: u8| if inside { painted } else { other };
    world.write("plain.png", &mask(&|inside| vec![shade(inside, 255, 0)], 1));
    world.write("ones.png", &mask(&|inside| vec![shade(inside, 1, 0)], 1));
    world.write("white.png", &mask(&|inside| vec![255, shade(inside, 255, 0)], 2));
    world.write("black.png", &mask(&|inside| vec![0, shade(inside, 255, 0)], 2));
    world.write("four.png", &mask(&|inside| vec![shade(inside, 4, 2)], 1));
    let photo = |inside: bool| vec![100, 150, 90, shade(inside, 0, 255)];
    let textured = (0..32 * 32).flat_map(|at| {
        let mut pixel = photo(inside(at));
        pixel[0] += (at % 90) as u8;
        pixel
    });
    let textured = Image::from_u8(32, 32, 4, textured.collect());
    world.write("photo.png", &png::encode(&textured, &[]).unwrap());
    let inpaint = |mask: &str| format!("inpaint {run} a.png --mask {mask}.png --steps 2 --seed 1 -o {mask}/");
    world.run(&inpaint("plain")).ok();
    let wanted = langevin::data::read_image(world.path("plain/a.png")).unwrap();
    for (mask, said) in [
        ("ones", "1 is taken for white"),
        ("white", "painted"),
        ("black", "painted"),
        ("photo", "transparent"),
    ] {
        let ran = world.run(&inpaint(mask)).ok();
        assert!(ran.err.contains(said), "{mask}: {}", ran.err);
        let made = langevin::data::read_image(world.path(&format!("{mask}/a.png"))).unwrap();
        assert_eq!(made, wanted, "{mask}");
    }
    let parts = ["hides nothing", "its values go from 2 to 4, where black is 0 and white 255"];
    world.run(&inpaint("four")).refused(2, &parts);
}

#[test]
fn a_model_of_other_classes_says_how_many_there_are() {
    let world = World::new();
    for (class, seed) in [("a", 1), ("b", 2)] {
        (0..4).for_each(|at| world.write(&format!("set/{class}/{at}.png"), &image(16, 16, 3, seed + at)));
    }
    let classes = world.run(&format!("inspect {} --json", classed_run())).ok().json();
    let count = classes["model"]["classes"].as_array().unwrap().len();
    let words = format!("train set --init {} --preset tiny --images 16 --out r", classed_run());
    world.run(&words).refused(2, &[&format!("the model has {count} classes, the data set 2"), "--init"]);
    assert!(!world.path("r").exists());
}

#[test]
fn the_exact_name_of_a_class_comes_first() {
    let world = World::new();
    for (class, value) in [("A", 20), ("a", 230), ("B", 120), ("b", 60)] {
        for at in 0..3 {
            let image = Image::from_u8(16, 16, 3, vec![value; 3 * 256]);
            world.write(&format!("letters/{class}/{at}.png"), &png::encode(&image, &[]).unwrap());
        }
    }
    world.run("train letters --class-conditional --preset tiny --images 16 --out r").ok();
    for class in ["A", "a"] {
        let ran = world.run(&format!("sample r --class {class} -n 1 --steps 1 --seed 1 -o {class}.png"));
        ran.ok();
        let recipe = world.run(&format!("inspect {class}.png --json")).ok().json();
        assert_eq!(recipe["recipe"]["class"], class, "{recipe}");
    }
}

#[test]
fn empty_arguments_and_unknown_devices_are_named() {
    let world = World::new();
    let run = |arguments: &[&str]| {
        let binary = env!("CARGO_BIN_EXE_langevin");
        let ran =
            std::process::Command::new(binary).args(arguments).current_dir(world.path("")).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    for (arguments, name) in [
        (&["inspect", ""][..], "FILE: is empty"),
        (&["sample", "builtin:ring8", "-n", "1", "-o", ""], "-o: is empty"),
        (&["sample", "builtin:ring8", "--grid", ""], "--grid"),
        (&["sample", "", "-n", "1"], "MODEL: is empty"),
        (&["train", "", "--out", "r"], "DATA: is empty"),
        (&["sample", "builtin:ring8", "--sampler", ""], "--sampler: is empty"),
        (&["devices", "--device", "x"], "--device x"),
        (&["list", "samplers", "--device", "x"], "--device x"),
    ] {
        let (code, said) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(name), "{arguments:?}: {said}");
        assert!(world.contents().is_empty(), "{arguments:?}");
    }
}
