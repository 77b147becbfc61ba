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
