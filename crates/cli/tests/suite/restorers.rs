//! Trained restorers: `train --task`, what `upscale` and `inpaint` do with such a model, and what others say to it.

use std::path::Path;
use std::sync::OnceLock;

use langevin::data::{Samples, decode};
use langevin::{Image, figures::png};

use crate::world::{World, image, plain_run};

const TINY: &str = "train builtin:shapes --preset tiny --seed 7";

fn read(world: &World, name: &str) -> Image {
    decode(&world.read(name), name).unwrap()
}

/// A finished training for the task that `flags` name.
fn trained(name: &str, flags: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("restorers-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    let run = folder.display().to_string();
    World::new().run(&format!("{TINY} --images 256 {flags} --out {run}")).ok();
    run
}

fn enlarger() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| trained("upscale", "--task upscale --scale 2"))
}

fn filler() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| trained("inpaint", "--task inpaint"))
}

#[test]
fn a_restorer_trains_to_the_same_bytes_and_says_what_it_is() {
    for (task, simple) in [("upscale --scale 2", "psnr_bicubic"), ("inpaint", "psnr_mean_fill")] {
        let world = World::new();
        let words = format!("{TINY} --task {task} --batch-size 8 --set train.validate_every=32");
        let whole = world.run(&format!("{words} --images 96 --threads 1 --out whole")).ok();
        assert!(whole.err.contains("held out, one step"), "{}", whole.err);
        assert!(whole.err.contains(&format!("restore with: langevin {}", task.split(' ').next().unwrap())));
        world.run(&format!("{words} --images 40 --threads 2 --out cut")).ok();
        world.run(&format!("{words} --images 96 --threads 2 --out cut")).ok();
        let same =
            |name: &str| assert!(world.read(&format!("whole/{name}")) == world.read(&format!("cut/{name}")));
        same("model.safetensors");
        let metrics = String::from_utf8(world.read("whole/metrics.jsonl")).unwrap();
        let rows = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let judged: Vec<_> = rows.filter(|row| row["psnr_one_step"].is_f64()).collect();
        assert!(judged.len() == 4 && judged.iter().all(|row| row[simple].is_f64()), "{metrics}");
        // Degraded, one step, drawn, true, side by side and magnified.
        let sheet = read(&world, "whole/samples/step-000000096.png");
        assert_eq!((sheet.width, sheet.height), (4 * 66 - 2, 8 * 66 - 2));
        let found = world.run("inspect whole/model.safetensors --json").ok().json();
        assert_eq!(found["task"]["kind"], task.split(' ').next().unwrap());
        let settings = String::from_utf8(world.read("whole/run.toml")).unwrap();
        assert!(settings.contains("[task]"), "{settings}");
        let other = format!(
            "{TINY} --task {task} --images 96 --set task.kind=upscale --set task.operator=average:scale=2"
        );
        world
            .run(&format!("{other} --batch-size 8 --set train.validate_every=32 --out whole"))
            .refused(2, &["task."]);
    }
}

#[test]
fn training_learns_more_than_the_enlargement() {
    let world = World::new();
    // The rest of an image of this set has about this deviation.
    let settings = "[data]\nsize = 16\nchannels = 3\n
        [task]\noperator = \"bicubic:scale=2\"\n
        [diffusion]\nschedule = \"edm:sigma_max=20\"\nprocess = \"edm\"\nparameterisation = \"edm\"
        time_input = \"log_sigma\"\nsigma_data = 0.12\n
        [network]\nchannels = [8, 16]\nlayers_per_block = 1\nmid_attention = false\nnorm_groups = 0\npatch = 2\n
        [train]\nimages = 2048\nbatch_size = 16\nlearning_rate = 0.003\nwarmup_images = 256\nema_half_life = 200
        weighting = \"edm\"\nhighest_share = 0.5\nvalidation_images = 16\nvalidate_every = 2048\n
        [sample]\nsteps = 4\n";
    world.write("mine.toml", settings.as_bytes());
    world.run("train builtin:shapes --preset mine.toml --out run").ok();
    let metrics = String::from_utf8(world.read("run/metrics.jsonl")).unwrap();
    let rows = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let judged: Vec<(f64, f64)> = rows
        .filter_map(|row| Some((row["psnr_one_step"].as_f64()?, row["psnr_bicubic"].as_f64()?)))
        .collect();
    let (last, bicubic) = judged[judged.len() - 1];
    // An untrained network answers with the enlargement.
    assert!((judged[0].0 - bicubic).abs() < 0.01 && last > bicubic + 1.0, "{judged:?}");
}

#[test]
fn images_of_any_size_are_enlarged() {
    let world = World::new();
    let run = enlarger();
    world.write("a.png", &image(22, 14, 3, 1));
    world.write("rgba.png", &image(9, 5, 4, 2));
    world.run(&format!("upscale {run} a.png --steps 3 --seed 1 -o large.png")).ok();
    let large = read(&world, "large.png");
    assert_eq!((large.width, large.height, large.channels), (44, 28, 3));
    world
        .run(&format!("upscale {run} rgba.png --scale 2 --kernel bicubic --mode mean -o rgba-large.png"))
        .ok();
    assert_eq!(read(&world, "rgba-large.png").channels, 4);
    // Draws are the same in any batch; their mean and deviation come with them.
    let base = format!("upscale {run} a.png --simulate --steps 3 --seed 9");
    let files = world.run(&format!("{base} --samples 3 --batch-size 2 -o three/")).ok();
    let names = ["a-mean", "a-0000", "a-0001", "a-0002", "a-deviation", "a-degraded"];
    assert_eq!(files.lines(), names.map(|name| format!("three/{name}.png")));
    world.run(&format!("{base} --threads 1 -o one.png")).ok();
    assert!(world.read("one.png") == world.read("three/a-0000.png"));
    assert_ne!(world.read("three/a-0000.png"), world.read("three/a-0001.png"));
    assert_eq!(read(&world, "one-degraded.png").width, 11);
    // What is said of a draw, and of the one-step answer.
    let scores = |words: &str| -> Vec<String> {
        let said = world.run(words).ok().json();
        let image = &said["images"][0];
        let scores = image["report"]["scores"].as_array().unwrap().clone();
        assert!(scores.iter().all(|score| score["psnr"].is_f64()), "{scores:?}");
        scores.iter().map(|score| score["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(scores(&format!("{base} --json -o j/")), ["bicubic", "one step", "restored"]);
    let reference = format!("upscale {run} one-degraded.png --reference a.png --mode mean --json -o m/");
    assert_eq!(scores(&reference), ["bicubic", "one step"]);
}

#[test]
fn holes_are_filled_and_kept_pixels_stay_to_the_byte() {
    let world = World::new();
    let run = filler();
    let (width, height) = (26, 20);
    let white = |at: usize| at % width < 11;
    let mask = (0..width * height).map(|at| if white(at) { 255 } else { 0 }).collect();
    world.write("mask.png", &png::encode(&Image::from_u8(width, height, 1, mask), &[]).unwrap());
    world.write("a.png", &image(width, height, 3, 4));
    let wide = (0..width * height * 3).map(|at| (at * 4099 % 65_536) as u16).collect();
    world.write("b.png", &png::encode(&Image::from_u16(width, height, 3, wide), &[]).unwrap());
    for (name, flags) in [("a", "--steps 3"), ("a", "--mode mean"), ("b", "--steps 3 --sampler ddpm")] {
        world
            .run(&format!("inpaint {run} {name}.png --mask mask.png --seed 1 {flags} --force -o out.png"))
            .ok();
        let same: Vec<bool> =
            match (read(&world, &format!("{name}.png")).samples, read(&world, "out.png").samples) {
                (Samples::U8(a), Samples::U8(b)) => a.iter().zip(&b).map(|(a, b)| a == b).collect(),
                (Samples::U16(a), Samples::U16(b)) => a.iter().zip(&b).map(|(a, b)| a == b).collect(),
                _ => panic!("the depth changed"),
            };
        let (drawn, kept): (Vec<usize>, Vec<usize>) = (0..same.len()).partition(|at| white(at / 3));
        assert!(kept.iter().all(|at| same[*at]), "{name} {flags}: kept pixels changed");
        assert!(drawn.iter().filter(|at| same[**at]).count() < drawn.len() / 2, "{name} {flags}");
    }
    let json = world
        .run(&format!("inpaint {run} a.png --mask mask.png --simulate --steps 2 --json -o s/"))
        .ok()
        .json();
    let scores = json["images"][0]["report"]["scores"].as_array().unwrap();
    let names: Vec<_> = scores.iter().map(|score| score["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["input", "harmonic", "one step", "restored"]);
}

#[test]
fn a_restorer_is_used_for_its_task_alone() {
    let world = World::new();
    let (enlarger, filler) = (enlarger(), filler());
    world.write("a.png", &image(16, 16, 3, 1));
    world.write("gray.png", &image(16, 16, 1, 1));
    world.write("mask.png", &image(16, 16, 1, 1));
    let upscale = "langevin upscale";
    for (words, parts) in [
        (format!("upscale {enlarger} a.png --scale 4"), vec!["2 times smaller, not 4", "--scale 4"]),
        (format!("upscale {enlarger} a.png --kernel average"), vec!["bicubic:scale=2", "not average"]),
        (format!("upscale {enlarger} a.png --method ddnm"), vec!["--method", "--sampler"]),
        (format!("upscale {enlarger} a.png --start-sigma 50"), vec!["noise alone", "--start-sigma"]),
        (format!("upscale {enlarger} a.png --noise 5"), vec!["without noise", "langevin denoise"]),
        (format!("upscale {enlarger} a.png --mode mean --samples 2"), vec!["--mode mean", "--samples"]),
        (format!("upscale {enlarger} a.png --mode mean --sampler ddim"), vec!["--mode mean", "--sampler"]),
        (format!("upscale {enlarger} a.png --sampler dpmpp_9m"), vec!["dpmpp_9m"]),
        (format!("upscale {enlarger} gray.png"), vec!["gray.png", "the image is gray"]),
        (format!("upscale {filler} a.png"), vec!["to fill in holes", "langevin inpaint"]),
        (format!("inpaint {enlarger} a.png --mask mask.png"), vec!["to enlarge", upscale]),
        (format!("restore {enlarger} a.png --operator gray"), vec!["to enlarge", upscale]),
        (format!("deblur {enlarger} a.png --kernel gaussian:sigma=1"), vec!["to enlarge", upscale]),
        (format!("edit {enlarger} a.png"), vec!["to enlarge", upscale]),
        (format!("denoise {enlarger} a.png --sigma 25"), vec!["to enlarge", upscale]),
        (format!("sample {enlarger} -n 1"), vec!["to enlarge", "generates nothing by itself", upscale]),
        (format!("sample {filler} -n 1"), vec!["to fill in holes", "langevin inpaint"]),
        (format!("likelihood {enlarger} builtin:shapes"), vec!["to enlarge", upscale]),
        (format!("eval {enlarger} --data builtin:shapes"), vec!["to enlarge", upscale]),
        (format!("bench-samplers {enlarger}"), vec!["to enlarge", upscale]),
        (format!("distill {enlarger} builtin:shapes --steps 2 --out d"), vec!["to enlarge", upscale]),
        (format!("convert {enlarger} folder"), vec!["to enlarge", "diffusers"]),
        (format!("upscale {} a.png --mode mean", plain_run()), vec!["--mode", "--method"]),
        ("train builtin:shapes --task generate --preset upscale4".to_owned(), vec!["upscale4", "restorer"]),
        (format!("{TINY} --scale 2"), vec!["--scale", "--task upscale"]),
        (format!("{TINY} --task upscale --scale 5"), vec!["16 x 16", "5"]),
        (format!("{TINY} --task upscale --set task.operator=gray"), vec!["task.operator", "smaller"]),
        (format!("{TINY} --task inpaint --set task.operator=mask"), vec!["task.operator", "holes"]),
        (format!("{TINY} --set task.kind=inpaintt"), vec!["inpaintt", "inpaint"]),
    ] {
        world.run(&words).refused(2, &parts);
    }
    let left: Vec<_> = world.contents().into_iter().filter(|path| path.extension().is_none()).collect();
    assert!(left.is_empty(), "{left:?}");
    world.run(&format!("convert {enlarger} same.safetensors")).ok();
    world.run("upscale same.safetensors a.png --mode mean -o large.png").ok();
}

#[test]
fn the_task_chooses_the_preset() {
    let world = World::new();
    for seed in 0..3 {
        world.write(&format!("gray/{seed}.png"), &image(80, 70, 1, seed));
        world.write(&format!("colour/{seed}.png"), &image(80, 70, 3, seed));
    }
    let config = |words: &str| world.run(&format!("train {words} --print-config")).ok().out;
    for (data, channels) in [("gray", 1), ("colour", 3)] {
        let found = config(&format!("{data} --task denoise"));
        assert!(found.contains(&format!("channels = {channels}")) && !found.contains("[task]"), "{found}");
    }
    assert!(config("gray --task upscale --scale 2").contains("operator = \"bicubic:scale=2\""));
    assert!(config("gray --task inpaint").contains("kind = \"inpaint\""));
    let forecast = world.run("train gray --task upscale --batch-size 2 --dry-run").ok();
    assert!(forecast.err.contains("1 channels") && forecast.err.contains("parameters"), "{}", forecast.err);
}
