//! `langevin invert`: images become the noise that `sample` makes them of.

use langevin::data::read_image;
use langevin::eval::psnr;

use crate::world::{World, classed_run, plain_run};

#[test]
fn images_come_back_from_their_noise() {
    let world = World::new();
    let run = plain_run();
    world.run(&format!("sample {run} -n 2 --seed 3 --steps 20 -o in/")).ok();
    let settings = "--steps 20 --spacing trailing";
    let invert = |iterations: usize| {
        let words = format!(
            "invert {run} in/0000.png in/0001.png {settings} --iterations {iterations} -o n.npy --json --force"
        );
        world.run(&words).ok().json()
    };
    let ratios = |report: &serde_json::Value| -> Vec<f64> {
        report["images"].as_array().unwrap().iter().map(|one| one["psnr"].as_f64().unwrap()).collect()
    };
    let (once, often) = (ratios(&invert(1)), invert(8));
    for (once, often) in once.iter().zip(ratios(&often)) {
        assert!(often > once + 3.0 && often > 25.0, "{once} and {often}");
    }
    // What `sample` makes of the noise is what the command compared.
    world.run(&format!("sample {run} --sampler ddim {settings} --init-noise n.npy -n 2 -o back/")).ok();
    for (number, wanted) in ratios(&often).into_iter().enumerate() {
        let read = |folder: &str| read_image(world.path(&format!("{folder}/000{number}.png"))).unwrap();
        let found = psnr(&read("in"), &read("back")).unwrap();
        assert!((found - wanted).abs() < 1e-9, "{found} and {wanted}");
    }
    // A batch does not show in the numbers.
    let noise = world.read("n.npy");
    world
        .run(&format!(
            "invert {run} in/0000.png in/0001.png {settings} --iterations 8 --batch-size 1 -o m.npy"
        ))
        .ok();
    assert_eq!(world.read("m.npy"), noise);
}

#[test]
fn classes_are_told_and_other_sizes_are_fitted() {
    let world = World::new();
    let run = classed_run();
    world.write("large.png", &crate::world::image(40, 20, 3, 1));
    let ran = world.run(&format!("invert {run} large.png --steps 4 --class 0")).ok();
    assert!(ran.err.contains("40x20") && ran.err.contains("--class 0 --cfg-scale 1"), "{ran:?}");
    assert_eq!(ran.lines().last(), Some(&"noise.npy"));
    assert!(ran.lines()[0].ends_with("dB  large.png"), "{ran:?}");
    world.run(&format!("invert {run} large.png --class nothing")).refused(2, &["nothing"]);
}

#[test]
fn impossible_inversions_are_refused() {
    let world = World::new();
    let run = plain_run();
    world.run(&format!("invert {run} nowhere.png")).refused(3, &["nowhere.png"]);
    world.write("text.png", b"no image");
    world.run(&format!("invert {run} text.png")).refused(3, &["text.png"]);
    world.write("a.png", &crate::world::image(16, 16, 3, 1));
    world.run(&format!("invert {run} a.png -o a.jpg")).refused(2, &["npy is written"]);
    world.run(&format!("invert {run} a.png --spacing karas")).refused(2, &["karras"]);
    world.run("invert nowhere a.png").refused(3, &["nowhere"]);
    world.write("noise.npy", b"there");
    world.run(&format!("invert {run} a.png --steps 2")).refused(1, &["noise.npy", "--force"]);
    assert_eq!(world.read("noise.npy"), b"there");
}
