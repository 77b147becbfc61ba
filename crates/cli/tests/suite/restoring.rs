//! Restoration: restore, inpaint, upscale, deblur and edit.

use langevin::data::decode;
use langevin::restore::{METHODS, OPERATORS};
use langevin::{Image, figures::png};

use crate::world::{World, image, plain_run};

fn read(world: &World, name: &str) -> Image {
    decode(&world.read(name), name).unwrap()
}

/// A mask of `side` pixels a side whose left half is white.
fn half_mask(width: usize, height: usize) -> Vec<u8> {
    let pixels = (0..width * height).map(|at| if at % width < width / 2 { 255 } else { 0 }).collect();
    png::encode(&Image::from_u8(width, height, 1, pixels), &[]).unwrap()
}

#[test]
fn inpainting_keeps_every_other_pixel_to_the_byte() {
    let world = World::new();
    let run = plain_run();
    world.write("photo.png", &image(16, 16, 3, 4));
    world.write("mask.png", &half_mask(16, 16));
    let wide: Vec<u16> = (0..16 * 16 * 3).map(|at| (at * 4099 % 65_536) as u16).collect();
    world.write("wide.png", &png::encode(&Image::from_u16(16, 16, 3, wide), &[]).unwrap());
    for method in ["ddnm", "replacement", "repaint", "diffpir", "ddrm"] {
        let flags = format!("--mask mask.png --steps 4 --seed 1 --method {method}");
        world.run(&format!("inpaint {run} photo.png {flags} -o {method}.png")).ok();
        let (before, after) = (read(&world, "photo.png"), read(&world, &format!("{method}.png")));
        let (before_signed, after_signed) = (before.to_signed(), after.to_signed());
        let same = |at: &usize| before_signed[*at].to_bits() == after_signed[*at].to_bits();
        let (kept, drawn): (Vec<usize>, Vec<usize>) = (0..16 * 16 * 3).partition(|at| at % 16 >= 8);
        assert!(kept.iter().all(same), "{method} changed kept pixels");
        assert!(drawn.iter().filter(|at| same(at)).count() < drawn.len() / 2, "{method} drew nothing");
    }
    world.run(&format!("inpaint {run} photo.png --mask mask.png --invert-mask --steps 3 -o other.png")).ok();
    let (before, after) = (read(&world, "photo.png").to_signed(), read(&world, "other.png").to_signed());
    assert!((0..16 * 16 * 3).filter(|at| at % 16 < 8).all(|at| before[at] == after[at]));
    // Sixteen bits stay sixteen bits, each of them.
    world.run(&format!("inpaint {run} wide.png --mask mask.png --steps 3 -o wide-out.png")).ok();
    let (before, after) = (read(&world, "wide.png"), read(&world, "wide-out.png"));
    let (langevin::data::Samples::U16(before), langevin::data::Samples::U16(after)) =
        (before.samples, after.samples)
    else {
        panic!("the depth changed")
    };
    assert!((0..before.len()).filter(|at| at / 3 % 16 >= 8).all(|at| before[at] == after[at]));
}

#[test]
fn transparent_pixels_are_drawn_anew() {
    let world = World::new();
    let run = plain_run();
    let pixels = (0..16 * 16).flat_map(|at: usize| {
        let value = (at * 7 % 256) as u8;
        [value, 255 - value, value / 2, if at / 16 < 4 { 0 } else { 255 }]
    });
    world.write("cut.png", &png::encode(&Image::from_u8(16, 16, 4, pixels.collect()), &[]).unwrap());
    world.run(&format!("inpaint {run} cut.png --steps 3 --seed 1 -o filled.png")).ok();
    let (before, after) = (read(&world, "cut.png"), read(&world, "filled.png"));
    let (langevin::data::Samples::U8(before), langevin::data::Samples::U8(after)) =
        (before.samples, after.samples)
    else {
        panic!("the depth changed")
    };
    for pixel in 4 * 16..16 * 16 {
        assert_eq!(before[pixel * 4..pixel * 4 + 4], after[pixel * 4..pixel * 4 + 4]);
    }
    assert!(after.iter().skip(3).step_by(4).all(|alpha| *alpha == 255), "nothing is transparent any more");
}

#[test]
fn draws_are_the_same_in_any_batch_and_number() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(16, 16, 3, 1));
    let base = format!("restore {run} a.png --operator average:scale=4 --simulate --steps 4 --seed 9");
    let files = world.run(&format!("{base} --samples 3 --batch-size 2 -o three/")).ok();
    let names = ["a-mean", "a-0000", "a-0001", "a-0002", "a-deviation", "a-degraded"];
    assert_eq!(files.lines(), names.map(|name| format!("three/{name}.png")));
    world.run(&format!("{base} --samples 2 --batch-size 1 -o two/")).ok();
    for name in ["a-0000", "a-0001", "a-degraded"] {
        assert!(world.read(&format!("two/{name}.png")) == world.read(&format!("three/{name}.png")), "{name}");
    }
    world.run(&format!("{base} -o one.png")).ok();
    assert!(world.read("one.png") == world.read("three/a-0000.png"));
    assert_ne!(world.read("three/a-0000.png"), world.read("three/a-0001.png"));
    assert_eq!(read(&world, "one-degraded.png").width, 4);
    assert_eq!(read(&world, "three/a-deviation.png").channels, 1);
}

#[test]
fn what_is_said_is_what_was_done() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(16, 16, 3, 1));
    let words = format!(
        "restore {run} a.png --operator gaussian_blur:sigma=1,size=5 --noise 10 --simulate --steps 5 --samples 2 --seed 1 --json"
    );
    let said = world.run(&words).ok().json();
    let image = &said["images"][0];
    assert_eq!((image["input"].as_str(), image["method"].as_str()), (Some("a.png"), Some("diffpir")));
    let report = &image["report"];
    assert_eq!(report["calls"], 5);
    assert!((report["noise"].as_f64().unwrap() - 10.0).abs() < 1e-9);
    assert!(report["adjoint_error"].as_f64().unwrap() < 1e-12, "{report}");
    assert!(report["drawn"]["chi_square"].as_f64().unwrap() > 0.0);
    let names: Vec<_> =
        report["scores"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["input", "wiener", "restored", "mean"]);
    assert!(report["scores"].as_array().unwrap().iter().all(|s| s["psnr"].is_f64() && s["ssim"].is_f64()));
    assert!(image["deviation"]["white"].as_f64().unwrap() > 0.0);
    for file in image["files"].as_array().unwrap() {
        assert!(world.path(file.as_str().unwrap()).exists());
    }
    let text = world.run(&format!("{} -v -o t/", words.replace(" --json", ""))).ok();
    for part in ["adjoint error", "chi-square", "wiener", "dB", "standard deviation"] {
        assert!(text.err.contains(part), "{part}: {}", text.err);
    }
}

#[test]
fn results_carry_their_recipe() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(16, 16, 3, 1));
    let recipe = |file: &str| world.run(&format!("inspect {file} --json")).ok().json()["recipe"].clone();
    world.run(&format!("edit {run} a.png --steps 2 --seed 4 -o b.png")).ok();
    let edited = recipe("b.png");
    assert_eq!((edited["command"].as_str(), edited["seed"].as_u64()), (Some("edit"), Some(4)));
    assert_eq!((edited["input"].as_str(), edited["made"].as_str()), (Some("a.png"), Some("sample")));
    world.run("sample --from b.png -o again.png").ok();
    assert_eq!(world.read("again.png"), world.read("b.png"));
    world.run(&format!("edit {run} a.png --steps 2 --no-metadata -o c.png")).ok();
    assert!(png::text(&world.read("c.png")).unwrap().is_empty());
    world.run(&format!("denoise {run} a.png --sigma 20 --samples 2 --steps 2 -o d.png")).ok();
    let denoised = recipe("d.png");
    assert_eq!((denoised["command"].as_str(), denoised["samples"].as_u64()), (Some("denoise"), Some(2)));
    assert_eq!(recipe("d-sample-0001.png")["sample"], 1);
}

#[test]
fn every_operator_restores_with_its_default_method() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(16, 16, 3, 1));
    world.write("kernel.png", &image(3, 4, 1, 1));
    for name in OPERATORS.names() {
        let spec = match name {
            "gaussian_blur" => "gaussian_blur:sigma=1".to_owned(),
            "file_blur" => "file_blur:file=kernel.png".to_owned(),
            name => name.to_owned(),
        };
        let noise = if name == "identity" { "20" } else { "0" };
        let words = format!(
            "restore {run} a.png --operator {spec} --noise {noise} --simulate --steps 2 -o {name}.png"
        );
        world.run(&words).ok();
        assert_eq!(read(&world, &format!("{name}.png")).channels, 3, "{name}");
    }
}

#[test]
fn every_method_restores_what_it_can() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(16, 16, 3, 1));
    for name in METHODS.names() {
        let (operator, noise) = match name {
            "exact" => ("identity", "20"),
            "ddnm" => ("average", "0"),
            "replacement" | "repaint" | "blended" => ("mask", "0"),
            _ => ("average", "5"),
        };
        let method = match name {
            "repaint" => "repaint:jump=2,repeat=2".to_owned(),
            name => name.to_owned(),
        };
        let method = if METHODS.build(&method).is_ok() { method } else { name.to_owned() };
        let words = format!(
            "restore {run} a.png --operator {operator} --noise {noise} --method {method} --simulate --steps 2 -o {name}.png"
        );
        world.run(&words).ok();
    }
}

#[test]
fn front_doors_lead_to_the_same_place() {
    let world = World::new();
    let run = plain_run();
    world.write("large.png", &image(16, 16, 3, 1));
    world.write("small.png", &image(4, 4, 3, 1));
    let flags = "--steps 3 --seed 2 --no-metadata";
    world.run(&format!("upscale {run} small.png --scale 4 {flags} -o up.png")).ok();
    world.run(&format!("restore {run} small.png --operator bicubic:scale=4 {flags} -o same.png")).ok();
    assert!(world.read("up.png") == world.read("same.png"));
    assert_eq!(read(&world, "up.png").width, 16);
    let words = format!(
        "deblur {run} large.png --kernel gaussian:sigma=1 --noise 3 --steps 3 --reference large.png --accept"
    );
    let said = world.run(&format!("{words} -o sharp.png")).ok();
    assert!(said.err.contains("input"), "{}", said.err);
    world.run(&format!("edit {run} large.png --strength 0.3 --steps 6 --samples 2 -o edits/")).ok();
    assert!(world.path("edits/large-0001.png").exists());
    // A fresh folder each time, named after what is in it.
    assert_eq!(
        world.run(&format!("edit {run} large.png --steps 2")).ok().lines(),
        ["restored-000/large.png"]
    );
    assert_eq!(
        world.run(&format!("edit {run} large.png --steps 2")).ok().lines(),
        ["restored-001/large.png"]
    );
}

#[test]
fn bad_input_is_refused_with_its_reason() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(16, 16, 3, 1));
    world.write("b.png", &image(16, 16, 3, 2));
    world.write("gray.png", &image(16, 16, 1, 1));
    world.write("mask.png", &half_mask(16, 16));
    world.write("other-mask.png", &half_mask(8, 16));
    world.write("white.png", &png::encode(&Image::from_u8(16, 16, 1, vec![255; 256]), &[]).unwrap());
    world.write("broken.png", &image(16, 16, 3, 1)[..60]);
    let before = world.contents();
    let refused = |words: &str, code: i32, parts: &[&str]| {
        let (command, rest) = words.split_once(' ').unwrap();
        world.run(&format!("{command} {run} {rest} -o out/")).refused(code, parts);
    };
    refused("inpaint a.png --mask other-mask.png", 3, &["other-mask.png", "8 x 16", "16 x 16"]);
    refused("inpaint a.png --mask white.png", 2, &["hides everything", "--invert-mask"]);
    refused("inpaint a.png --mask white.png --invert-mask", 2, &["hides nothing"]);
    refused("inpaint a.png --mask none.png", 3, &["none.png"]);
    refused("inpaint a.png", 2, &["--mask"]);
    refused("inpaint broken.png --mask mask.png", 3, &["broken.png"]);
    refused("restore a.png --operator average:scale=3 --simulate", 2, &["do not divide", "3"]);
    refused("restore a.png --operator gaussian_blur:sigma=9 --simulate", 2, &["larger than the image"]);
    refused("deblur a.png --kernel gaussian:sigma=9", 2, &["larger than the image"]);
    refused("deblur a.png --kernel gausian", 2, &["gausian"]);
    refused("restore a.png --operator mask --noise -3 --simulate", 2, &["--noise", "0 to 255"]);
    refused("restore a.png --operator mask --noise 2550 --simulate", 2, &["--noise", "0 to 255"]);
    refused("restore a.png --operator mask --noise lots --simulate", 2, &["lots"]);
    refused("restore gray.png --operator mask --simulate", 2, &["3 channels", "1"]);
    world
        .run("restore builtin:ring8 a.png --operator mask --simulate -o out/")
        .refused(2, &["draws 2 channels", "has 3"]);
    refused("restore a.png --operator maks", 2, &["did you mean \"mask\"?"]);
    refused("restore a.png --operator mask --method dddnm --simulate", 2, &["did you mean \"ddnm\"?"]);
    refused("restore a.png --operator identity --noise 9 --samples 4", 2, &["exact:draw=sample"]);
    refused("restore a.png --operator jpeg --method ddrm --simulate", 2, &["not linear"]);
    refused("restore a.png --operator mask --spacing karas --simulate", 2, &["karas"]);
    refused("restore a.png --operator mask --class 3 --simulate", 2, &["without classes"]);
    refused("restore a.png b.png --operator identity --reference a.png", 2, &["one --reference"]);
    refused("edit a.png --strength 1.5", 2, &["strength"]);
    world
        .run(&format!("edit {run} a.png --steps 2 -o a.png --force"))
        .refused(2, &["a.png", "would be overwritten by its result"]);
    world.run(&format!("edit {run} a.png --steps 2 -o b.png")).refused(1, &["b.png", "--force"]);
    world.run(&format!("edit {run} a.png --steps 2 -o b.bmp")).refused(2, &["png is written"]);
    world.run("restore nothing a.png --operator mask --simulate").refused(3, &["nothing"]);
    assert_eq!(world.contents(), before, "nothing is half-written");
    let warned = world.run(&format!("restore {run} a.png --operator identity --noise 0.1 -o w.png")).ok();
    assert!(warned.err.contains("less than one step of 255"), "{}", warned.err);
}
