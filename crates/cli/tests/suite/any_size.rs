//! Restoration of images of another size or of more channels than the model's.

use langevin::data::decode;
use langevin::{Image, figures::png};

use crate::denoising::gray_run;
use crate::world::{World, image, plain_run};

fn read(world: &World, name: &str) -> Image {
    decode(&world.read(name), name).unwrap()
}

/// A mask with a white box in the middle.
fn boxed(width: usize, height: usize) -> Vec<u8> {
    let inside = |at: usize, length: usize| (length / 3..2 * length / 3).contains(&at);
    let white = |at: usize| inside(at % width, width) && inside(at / width, height);
    let pixels = (0..width * height).map(|at| if white(at) { 255 } else { 0 }).collect();
    png::encode(&Image::from_u8(width, height, 1, pixels), &[]).unwrap()
}

fn farthest(a: &Image, b: &Image) -> f32 {
    assert_eq!((a.width, a.height, a.channels), (b.width, b.height, b.channels));
    let off = a.to_signed().into_iter().zip(b.to_signed()).map(|(a, b)| (a - b).abs());
    off.fold(0.0, f32::max) * 127.5
}

#[test]
fn windows_and_the_whole_image_are_the_same() {
    let (world, run) = (World::new(), gray_run());
    world.write("a.png", &image(301, 190, 1, 5));
    world.write("mask.png", &boxed(301, 190));
    // One method that asks for answers alone, and one that goes back through the network.
    for method in ["diffpir", "pigdm"] {
        let made = |memory: usize| {
            let file = format!("{method}-{memory}.png");
            let flags = format!("--mask mask.png --method {method} --steps 2 --seed 3 --memory {memory}");
            world.run(&format!("inpaint {run} a.png {flags} -o {file}")).ok();
            read(&world, &file)
        };
        let (whole, windows) = (made(4096), made(12));
        assert!(farthest(&whole, &windows) <= 1.01, "{method}: {}", farthest(&whole, &windows));
        let (before, after) = (read(&world, "a.png"), windows);
        let (before, after) = (before.to_signed(), after.to_signed());
        let kept = |at: usize| !((100..200).contains(&(at % 301)) && (63..126).contains(&(at / 301)));
        assert!((0..before.len()).all(|at| !kept(at) || before[at].to_bits() == after[at].to_bits()));
        assert!((0..before.len()).any(|at| before[at] != after[at]), "{method} drew nothing");
    }
}

#[test]
fn a_model_of_small_images_restores_larger_ones() {
    let (world, run) = (World::new(), plain_run());
    world.write("a.png", &image(45, 37, 3, 5));
    for words in [
        "restore {} a.png --operator identity --simulate --noise 20",
        "restore {} a.png --operator gaussian_blur:sigma=1 --simulate --method dps",
        "edit {} a.png --strength 0.4",
        "upscale {} a.png --scale 2",
        "deblur {} a.png --kernel gaussian:sigma=1 --noise 3 --accept",
    ] {
        let words = words.replace("{}", run);
        let once = |more: &str| {
            world.run(&format!("{words} --steps 3 --seed 4 -o out.png --force {more}")).ok();
            world.read("out.png")
        };
        let made = once("--threads 1");
        assert!(made == once("--threads 2"), "{words}: other bytes with two threads");
        let image = decode(&made, "out.png").unwrap();
        let scale = if words.starts_with("upscale") { 2 } else { 1 };
        assert_eq!((image.width, image.height, image.channels), (45 * scale, 37 * scale, 3), "{words}");
    }
}

#[test]
fn a_model_of_gray_images_restores_each_colour() {
    let (world, run) = (World::new(), gray_run());
    world.write("a.png", &image(40, 32, 4, 2));
    world
        .run(&format!(
            "deblur {run} a.png --kernel gaussian:sigma=1 --noise 3 --accept --steps 3 --seed 1 -o out.png"
        ))
        .ok();
    let (before, after) = (read(&world, "a.png"), read(&world, "out.png"));
    assert_eq!((after.width, after.height, after.channels), (40, 32, 4));
    let alpha = |image: &Image| -> Vec<f32> {
        let signed = image.to_signed();
        signed[3 * 40 * 32..].to_vec()
    };
    assert_eq!(alpha(&before), alpha(&after));
    assert_ne!(before, after);
}

#[test]
fn a_walk_may_begin_with_what_is_known_without_the_model() {
    let (world, run) = (World::new(), gray_run());
    let wave = |at: usize| ((at % 40) as f64 / 5.0).sin() * ((at / 40) as f64 / 4.0).cos();
    let pixels = (0..40 * 32).map(|at| (128.0 + 90.0 * wave(at)) as u8).collect();
    world.write("a.png", &png::encode(&Image::from_u8(40, 32, 1, pixels), &[]).unwrap());
    let words =
        format!("restore {run} a.png --operator average:scale=4 --simulate --steps 3 --seed 1 --json");
    let psnr = |more: &str, name: &str| {
        let said = world.run(&format!("{words} -o out/ --force --method ddnm:eta=0 {more}")).ok().json();
        let scores = said["images"][0]["report"]["scores"].as_array().unwrap().clone();
        scores.iter().find(|score| score["name"] == name).unwrap()["psnr"].as_f64().unwrap()
    };
    // At little noise this model, which has hardly learned anything, leaves an image nearly as it is.
    let (begun, bicubic) = (psnr("--start-sigma 1", "restored"), psnr("--start-sigma 1", "bicubic"));
    assert!(begun > bicubic - 0.5, "{begun} {bicubic}");
    let alone = psnr("--spacing karras", "restored");
    assert!(begun > alone + 1.0, "{begun} {alone}");
    // Models of parts of images begin so by themselves.
    assert_eq!(psnr("", "restored"), psnr("--start-sigma 50", "restored"));
    let refused = |more: &str, parts: &[&str]| {
        world.run(&format!("{words} -o other/ {more}")).refused(2, parts);
    };
    refused("--start-sigma 10 --method ddrm", &["ddrm", "--start-sigma"]);
    refused("--start-sigma 10 --spacing karras", &["--spacing"]);
    refused("--start-sigma 300", &["300", "0 to 255"]);
    refused("--start-sigma 0", &["0 of 255"]);
}
