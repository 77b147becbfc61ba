//! `deblur`: kernels that are estimated, and kernels that the image refutes.

use langevin::{Image, figures::png};

use crate::world::World;

const SIDE: usize = 160;

/// Discs over discs, more small ones than large ones, as bright as `seed` says: the statistics of photographs.
fn leaves(seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut values = vec![0.0; SIDE * SIDE];
    for _ in 0..3000 {
        let (x, y) = (uniform() * SIDE as f64, uniform() * SIDE as f64);
        let (radius, bright) = (1.5 / (1.0 - 0.999 * uniform()).sqrt(), 25.0 + 205.0 * uniform());
        for (at, value) in values.iter_mut().enumerate() {
            let (dy, dx) = ((at / SIDE) as f64 - y, (at % SIDE) as f64 - x);
            if dx * dx + dy * dy < radius * radius {
                *value = bright;
            }
        }
    }
    values
}

fn gray(values: &[f64], side: usize) -> Vec<u8> {
    let pixels = values.iter().map(|v| v.round().clamp(0.0, 255.0) as u8).collect();
    png::encode(&Image::from_u8(side, side, 1, pixels), &[]).unwrap()
}

/// What lies within `margin` of the middle of `values`, blurred by `weights` along the rows, and along the columns where `both`.
fn blurred(values: &[f64], weights: &[f64], both: bool, margin: usize) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let pass = |values: &[f64], step: usize| -> Vec<f64> {
        let reach = weights.len() / 2;
        let of = |at: usize| {
            let line = at / step % SIDE;
            let place = |k: usize| (line + k).saturating_sub(reach).min(SIDE - 1);
            let terms =
                weights.iter().enumerate().map(|(k, w)| w * values[at - line * step + place(k) * step]);
            terms.sum::<f64>() / total
        };
        (0..SIDE * SIDE).map(of).collect()
    };
    let mut made = pass(values, 1);
    if both {
        made = pass(&made, SIDE);
    }
    cropped(&made, margin)
}

fn cropped(values: &[f64], margin: usize) -> Vec<f64> {
    let inside = |at: usize| {
        (margin..SIDE - margin).contains(&(at / SIDE)) && (margin..SIDE - margin).contains(&(at % SIDE))
    };
    values.iter().enumerate().filter(|(at, _)| inside(*at)).map(|(_, v)| *v).collect()
}

const MARGIN: usize = 16;
const LEFT: usize = SIDE - 2 * MARGIN;

#[test]
fn a_kernel_that_is_not_named_is_estimated() {
    let world = World::new();
    let clean = leaves(1);
    let gaussian: Vec<f64> = (-8..=8).map(|k| (-0.5 * (f64::from(k) / 1.6).powi(2)).exp()).collect();
    world.write("soft.png", &gray(&blurred(&clean, &gaussian, true, MARGIN), LEFT));
    world.write("clean.png", &gray(&cropped(&clean, MARGIN), LEFT));
    let ran =
        world.run("deblur builtin:photo-gray soft.png --seed 1 --reference clean.png --json -o out.png").ok();
    assert!(ran.err.contains("looks like a Gaussian blur of 1."), "{ran:?}");
    let scores = ran.json()["images"][0]["report"]["scores"].clone();
    let of = |name: &str| {
        let all = scores.as_array().unwrap();
        all.iter().find(|score| score["name"] == name).unwrap()["psnr"].as_f64().unwrap()
    };
    assert!(of("restored") > of("wiener") + 0.2 && of("wiener") > of("input") + 1.0, "{scores}");
    // Nothing to sharpen is no reason to guess.
    world
        .run("deblur builtin:photo-gray clean.png --seed 1 -o no.png")
        .refused(1, &["clean.png: no blur is seen", "--kernel"]);
}

#[test]
fn a_kernel_that_the_image_refutes_writes_nothing_unless_accepted() {
    let world = World::new();
    let moved = blurred(&leaves(2), &[1.0; 9], false, MARGIN);
    world.write("moved.png", &gray(&moved, LEFT));
    let wrong =
        "deblur builtin:photo-gray moved.png --kernel motion:length=9,angle=90 --seed 1 --steps 2 -o out.png";
    let parts = [
        "moved.png: does not look like a motion of 9 pixels at 90 degrees, but like a motion of",
        "--accept",
    ];
    world.run(wrong).refused(1, &parts);
    assert!(!world.path("out.png").exists());
    let ran = world.run(&format!("{wrong} --accept")).ok();
    assert!(ran.err.contains("warning: moved.png: does not look like"), "{ran:?}");
    assert!(world.path("out.png").exists());
    // In a batch the others go on.
    world.write("in/a.png", &gray(&moved, LEFT));
    world.write("in/b.png", &gray(&cropped(&leaves(3), MARGIN), LEFT));
    let words = "deblur builtin:photo-gray in/a.png in/b.png --kernel motion:length=10 --seed 1 -o out";
    let ran = world.run(words);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("1 of 2 images failed: in/b.png"), "{ran:?}");
    assert_eq!(ran.lines(), ["out/a.png"]);
}

#[test]
fn a_result_that_does_not_reproduce_its_image_is_refused() {
    let world = World::new();
    let noise = |at: usize| (at as u32).wrapping_mul(2_654_435_761) >> 24;
    let noisy: Vec<f64> = (0..64 * 64).map(|at| 90.0 + 0.3 * f64::from(noise(at))).collect();
    world.write("noisy.png", &gray(&noisy, 64));
    let words =
        "restore builtin:photo-gray noisy.png --operator gaussian_blur:sigma=3 --noise 2 --steps 4 --seed 1";
    let parts = [
        "noisy.png: the result does not reproduce the image (off by ",
        "2.0 expected",
        "--noise",
        "--accept",
    ];
    world.run(&format!("{words} -o out.png")).refused(1, &parts);
    assert!(!world.path("out.png").exists());
    let ran = world.run(&format!("{words} -o out.png --accept")).ok();
    assert!(ran.err.contains("warning: noisy.png: the result does not reproduce"), "{ran:?}");
}
