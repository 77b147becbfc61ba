//! Words that people type: one name for one thing in all commands, the names of other programs, and answers to mistakes.

use crate::world::{World, image, plain_run};

#[test]
fn mistakes_are_answered_in_our_own_words() {
    let world = World::new();
    for (words, parts) in [
        ("smaple builtin:shapes", vec!["no command is called \"smaple\"", "did you mean \"sample\"?"]),
        ("help sampel", vec!["no command is called \"sampel\"", "did you mean \"sample\"?"]),
        (
            "sample builtin:shapes --seed 1.5",
            vec!["--seed 1.5: must be a whole number from 0", "-1 for a random one"],
        ),
        ("sample builtin:shapes --smaples 3", vec!["no --smaples", "did you mean --samples?"]),
        ("sample builtin:shapes --invert-mask", vec!["no --invert-mask", "it is a flag of inpaint"]),
        ("train builtin:shapes --image 500", vec!["no --image", "did you mean --images?"]),
        ("sample builtin:shapes extra", vec!["extra: langevin sample takes no further argument"]),
        ("sample builtin:shapes -n", vec!["-n: needs a value"]),
        ("sample builtin:shapes --cfg high", vec!["--cfg high: is not a number"]),
        ("sample builtin:shapes --dtype bf17", vec!["--dtype bf17: is not one of f32, bf16"]),
        ("sample builtin:shapes --steps 3 --nfe 3", vec!["--steps does not go with --nfe"]),
        ("sample builtin:shapes --steps 3 --steps 3", vec!["--steps: is given twice"]),
        ("upscale builtin:photo a.png --scale 1.5", vec!["--scale 1.5: must be a whole number from 1 to 64"]),
        ("train builtin:shapes --epochs 3", vec!["no --epochs", "--images 50000"]),
        ("train builtin:shapes --seed -1", vec!["--seed -1: must be a whole number from 0"]),
        ("eval builtin:mnist", vec!["--data is missing", "usage: langevin eval"]),
    ] {
        let ran = world.run(words).refused(2, &parts);
        assert!(!ran.err.contains("as a value") && !ran.err.contains("tip:"), "{ran:?}");
        assert!(world.contents().is_empty(), "{words}");
    }
}

#[test]
fn names_of_other_programs_are_understood() {
    let world = World::new();
    let plain = plain_run();
    let ours = format!("sample {plain} -n 2 --steps 3 --seed 4 --sampler ddim --spacing karras -o");
    world.run(&format!("{ours} ours/")).ok();
    for (place, words) in [
        ("a/", "--batch-count 2 --num-inference-steps 3 --sampler-name ddim --scheduler karras --out"),
        ("b/", "--samples 2 --steps 3 --sampling-method ddim --schedule-type karras --output"),
        ("c/", "--num-images-per-prompt 2 --nfe 3 --sampler ddim --spacing karras --out"),
        ("d/", "-n 2 --calls 3 --sampler ddim --spacing karras --guidance-scale 1 -o"),
    ] {
        world.run(&format!("sample {plain} --seed 4 {words} {place}")).ok();
        for file in ["0000.png", "0001.png"] {
            let (ours, theirs) = (world.read(&format!("ours/{file}")), world.read(&format!("{place}{file}")));
            assert!(ours == theirs, "{words}");
        }
    }
}

#[test]
fn a_seed_of_minus_one_is_a_random_one() {
    let world = World::new();
    let sample = format!("sample {} -n 1 --steps 1 --json --seed", plain_run());
    let seed = |words: &str| world.run(words).ok().json()["seed"].as_u64().unwrap();
    let (one, other) = (seed(&format!("{sample} -1 -o a.png")), seed(&format!("{sample}=-1 -o b.png")));
    assert_ne!(one, other);
    world.write("c.png", &image(16, 16, 3, 1));
    let denoise = "denoise builtin:photo c.png --sigma 25 --mode sample --steps 1 --seed -1 -o d.png";
    let said = world.run(denoise).ok().err;
    assert!(said.contains("seed ") && !said.contains("seed 0"), "{said}");
}

#[test]
fn every_command_that_writes_takes_every_name_of_its_output() {
    let world = World::new();
    world.write("a.png", &image(16, 16, 3, 1));
    let plain = plain_run();
    for words in [
        "denoise builtin:photo a.png --sigma 25 FLAG denoised.png",
        "noise a.png --at 0.5 FLAG noise/",
        "invert RUN a.png --steps 2 FLAG noise.npy",
        "edit RUN a.png --steps 2 FLAG edited.png",
        "convert RUN FLAG model.safetensors",
        "sample RUN -n 1 --steps 1 FLAG sample.png",
    ] {
        let names = ["-o", "--out", "--output"].map(|flag| {
            world.run(&format!("{} --force", words.replace("RUN", plain).replace("FLAG", flag))).ok().out
        });
        assert!(names[0] == names[1] && names[1] == names[2], "{words}: {names:?}");
    }
}

#[test]
fn samplers_have_the_names_that_people_know() {
    let world = World::new();
    let plain = plain_run();
    for (name, words, sampler, spacing) in [
        ("a.png", "--sampler|DPM++ 2M Karras", "dpmpp_2m", "karras"),
        ("b.png", "--sampler|dpmpp_2m_karras", "dpmpp_2m", "karras"),
        ("c.png", "--sampler|Euler a|--spacing|Karras", "euler_a", "karras"),
        ("d.png", "--sampler|DDIM:ETA=0.5|--scheduler|Trailing", "ddim:ETA=0.5", "trailing"),
    ] {
        let common = ["sample", plain, "-n", "1", "--steps", "2", "--seed", "1", "-o", name];
        let words: Vec<&str> = common.into_iter().chain(words.split('|')).collect();
        let ran = world.run_words(&words).ok();
        assert!(ran.err.contains(&format!("2 steps of {sampler} over {spacing}")), "{ran:?}");
        let recipe = &world.run(&format!("inspect {name} --json")).ok().json()["recipe"];
        assert_eq!((&recipe["sampler"], &recipe["spacing"]), (&sampler.into(), &spacing.into()));
    }
    assert!(world.read("a.png") == world.read("b.png"));
    // Names are checked before the work is announced.
    let sample = format!("sample {plain} -n 1 -o e.png");
    for (words, parts) in [
        ("--sampler dpm++", ["no sampler is called", "there are: dpmpp_2s, dpmpp_2s_a, dpmpp_2m,"]),
        ("--spacing karas", ["no spacing is called", "did you mean \"karras\"?"]),
        ("--spacing euler_a", ["no spacing is called", "that is a sampler: --sampler euler_a"]),
        ("--sampler heun_karras --spacing trailing", ["names the spacing karras", "--spacing is trailing"]),
        ("--spacing ays --steps 7 --sampler eular", ["no sampler is called", "\"euler\""]),
    ] {
        let ran = world.run(&format!("{sample} {words}")).refused(2, &parts);
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    }
    assert!(!world.path("e.png").exists());
}

#[test]
fn lists_and_presets_are_found_in_american_and_in_any_case() {
    let world = World::new();
    let ours = world.run("list parameterisations").ok().out;
    assert_eq!(world.run("list parameterizations").ok().out, ours);
    assert_eq!(world.run("list Parameterisations").ok().out, ours);
    assert_eq!(world.run("schema bench-samplers").ok().out, world.run("schema bench_samplers").ok().out);
    let settings = |preset: &str| {
        let words = format!("train builtin:shapes --preset {preset} --print-config");
        world.run(&words).ok().out
    };
    assert_eq!(settings("photo-grey"), settings("photo-gray"));
    assert_eq!(settings("Tiny"), settings("tiny"));
    world.run("sample builtin:Ring8 -n 1 --steps 1 -o a.png").ok();
}

#[test]
fn a_size_is_taken_by_models_that_have_none_of_their_own() {
    let world = World::new();
    let sample = "sample builtin:photo-gray -n 1 --steps 1 --seed 1";
    for (name, words, size) in [
        ("a.png", "--width 48 --height 32", [48, 32]),
        ("b.png", "--size 48x32", [48, 32]),
        ("c.png", "-W 48 -H 32", [48, 32]),
        ("d.png", "--size 32", [32, 32]),
        ("e.png", "--height 32", [32, 32]),
    ] {
        world.run(&format!("{sample} {words} -o {name}")).ok();
        let recipe = &world.run(&format!("inspect {name} --json")).ok().json()["recipe"];
        assert_eq!(recipe["size"], serde_json::json!(size), "{words}");
    }
    assert!(world.read("a.png") == world.read("b.png") && world.read("a.png") == world.read("c.png"));
    world.run("sample --from a.png -o again.png").ok();
    assert!(world.read("a.png") == world.read("again.png"));
    let words = format!("{sample} --size 50 -o f.png");
    world.run(&words).refused(2, &["multiples of", "not 50x50", "the nearest is --width"]);
    let words = format!("sample {} --width 48", plain_run());
    world.run(&words).refused(2, &["generates images of 16x16 alone, not 48x48", "--width"]);
    world.run(&format!("{sample} --size 0")).refused(2, &["--size 0: must be a side", "640x480"]);
}

#[test]
fn sampling_that_is_interrupted_keeps_what_is_finished() {
    let world = World::new();
    let plain = plain_run();
    let running = world.start(&format!("sample {plain} -n 1000 --steps 100 --seed 5 -o out/"));
    world.wait_for("out");
    std::thread::sleep(std::time::Duration::from_secs(3));
    let ended =
        running.signal("INT").refused(130, &["of 1000 images are finished and written", "--seed 5 --first"]);
    let kept = std::fs::read_dir(world.path("out")).unwrap().count();
    assert!(kept > 0 && kept.is_multiple_of(16), "{kept}");
    assert!(ended.err.contains(&format!("{kept} of 1000")), "{ended:?}");
    assert!(ended.err.contains(&format!("--first {kept} -n {}", 1000 - kept)), "{ended:?}");
    let last = kept - 1;
    world.run(&format!("sample {plain} -n 1 --first {last} --steps 100 --seed 5 -o last.png")).ok();
    assert!(world.read("last.png") == world.read(&format!("out/{last:04}.png")));
}
