//! `denoise`: images of any kind and size stay what they are, and what cannot be done is said.

use std::path::Path;
use std::sync::OnceLock;

use langevin::core::Samples;
use langevin::data::read_image;
use langevin::{Image, figures::png};

use crate::world::{World, image};

/// A model of gray images for any size, hardly trained, on parts of larger images.
pub fn gray_run() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("command-line-gray");
        let _ = std::fs::remove_dir_all(&folder);
        let world = World::new();
        for seed in 0..12 {
            world.write(&format!("photos/{seed}.png"), &image(40 + seed, 30, 3, seed));
        }
        let run = folder.display().to_string();
        let settings =
            "--set data.channels=1 --set data.patches=true --set train.turn=true --set train.decay=wsd";
        let network =
            "--set network.norm_groups=0 --set network.mid_attention=false --set network.attention_levels=[]";
        world.run(&format!("train photos --preset tiny --images 64 {settings} {network} --out {run}")).ok();
        // The end of such a run may be moved.
        world.run(&format!("train photos --preset tiny --images 128 {settings} {network} --out {run}")).ok();
        run
    })
}

fn alpha(image: &Image) -> Vec<f64> {
    image.samples.values().skip(image.channels - 1).step_by(image.channels).collect()
}

#[test]
fn kinds_of_images_stay_what_they_are() {
    let (world, run) = (World::new(), gray_run());
    let wide =
        Image::from_u16(50, 33, 4, (0..50 * 33 * 4_usize).map(|at| (at * 977 % 65_521) as u16).collect());
    world.write("in/wide.png", &png::encode(&wide, &[]).unwrap());
    for channels in 1..=4 {
        world.write(&format!("in/{channels}.png"), &image(41, 29, channels, channels));
    }
    let said = world
        .run(&format!("denoise {run} in/1.png in/2.png in/3.png in/4.png in/wide.png --sigma 25 -o out/"))
        .ok();
    assert_eq!(said.lines(), ["out/1.png", "out/2.png", "out/3.png", "out/4.png", "out/wide.png"]);
    assert!(said.err.contains("each colour is taken by itself"), "{}", said.err);
    for name in ["1", "2", "3", "4", "wide"] {
        let read = |folder: &str| read_image(world.path(&format!("{folder}/{name}.png"))).unwrap();
        let (before, after) = (read("in"), read("out"));
        let kind = |p: &Image| (p.width, p.height, p.channels, matches!(p.samples, Samples::U8(_)));
        assert_eq!(kind(&before), kind(&after));
        assert_ne!(before, after);
        if before.channels.is_multiple_of(2) {
            assert_eq!(alpha(&before), alpha(&after), "{name}");
        }
    }
    // The same bytes whatever the windows and the threads.
    let once = |more: &str, file: &str| {
        world.run(&format!("denoise {run} in/3.png --sigma 25 --no-metadata -o {file} {more}")).ok();
        world.read(file)
    };
    assert_eq!(once("--threads 1", "a.png"), once("--threads 2", "b.png"));
}

#[test]
fn a_trained_model_brings_an_image_nearer_to_its_reference() {
    let world = World::new();
    world.run("sample builtin:shapes -n 2 --seed 3 -o clean/").ok();
    let all = "clean/0000.png clean/0001.png --sigma 50 --simulate --json";
    let said = world.run(&format!("denoise builtin:shapes {all} -o out/")).ok().json();
    let psnr = |who: &str| said["mean"][who]["psnr"].as_f64().unwrap();
    assert!(psnr("result") > psnr("input") + 3.0, "{said}");
    assert!(said["images"][0]["residual"].as_f64().unwrap() < 1.1, "{said}");
    let drawn =
        world.run(&format!("denoise builtin:shapes {all} --samples 3 --steps 5 -o drawn/")).ok().json();
    for name in ["mean", "std", "sample-0000", "sample-0002"] {
        assert!(world.path(&format!("drawn/0001-{name}.png")).exists(), "{name}");
    }
    let residual = drawn["images"][0]["residual"].as_f64().unwrap();
    assert!((0.7..1.3).contains(&residual), "{drawn}");
    assert!(drawn["images"][0]["std"].as_f64().unwrap() > 0.5, "{drawn}");
    // With the reference beside it, a noisy file is judged alike, and the noise is found.
    world.write("large.png", &image(64, 64, 3, 0));
    let auto =
        world.run("denoise builtin:shapes large.png --simulate=30 --reference large.png --json -o auto.png");
    assert_eq!(auto.ok().json()["images"][0]["estimated"], true);
}

#[test]
fn what_cannot_be_denoised_is_said() {
    let (world, run) = (World::new(), gray_run());
    world.write("gray.png", &image(40, 40, 1, 1));
    world.write("small.png", &image(9, 9, 1, 1));
    world.write("broken.png", &image(40, 40, 1, 1)[..60]);
    let before = world.contents();
    for (words, code, parts) in [
        ("gray.png --sigma -3", 2, vec!["--sigma -3", "more than 0"]),
        ("gray.png --sigma 0", 2, vec!["--sigma 0", "more than 0"]),
        ("gray.png --sigma 256", 2, vec!["256", "at most 255"]),
        ("gray.png --sigma nan", 2, vec!["nan"]),
        ("gray.png --sigma strong", 2, vec!["strong", "auto"]),
        ("gray.png --simulate", 2, vec!["--simulate", "standard deviation of the noise"]),
        ("gray.png --sigma 5 --mode mean --samples 2", 2, vec!["--mode mean"]),
        ("gray.png --sigma 5 --mode sample --sampler ddmp -o a.png", 2, vec!["ddmp", "ddpm"]),
        ("gray.png small.png --sigma 5 --reference gray.png", 2, vec!["one reference for 2"]),
        ("gray.png --sigma 5 -o a.bmp", 2, vec!["a.bmp", "png"]),
        ("small.png -o a.png", 2, vec!["small.png", "too small"]),
        ("gray.png --sigma 5 --reference small.png -o gray.png", 1, vec!["exists already"]),
        ("broken.png --sigma 5 -o a.png", 3, vec!["broken.png"]),
        ("none.png --sigma 5 -o a.png", 3, vec!["none.png"]),
    ] {
        world.run(&format!("denoise {run} {words}")).refused(code, &parts);
        assert_eq!(world.contents(), before, "{words}");
    }
    let words = "denoise builtin:shapes gray.png --sigma 5 -o a.png";
    world.run(words).refused(2, &["gray.png", "builtin:shapes", "are colour", "is gray"]);
    let unit = world.run(&format!("denoise {run} gray.png --sigma 0.1 -o a.png")).ok();
    assert!(unit.err.contains("from 0 to 1, it is 25.5"), "{}", unit.err);
}
