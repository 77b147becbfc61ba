//! Texts: what of them finds no room, and options that have no effect, are said by every command.

use crate::adapting::folder;
use crate::world::{World, image};

/// A text of `count` words, the last of them `zebra`.
fn words(count: usize) -> String {
    let mut all = vec!["a"; count - 1];
    all.push("zebra");
    all.join(" ")
}

/// Runs `langevin` with texts that hold spaces.
fn run(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let binary = env!("CARGO_BIN_EXE_langevin");
    let ran =
        std::process::Command::new(binary).args(arguments).current_dir(world.path("")).output().unwrap();
    (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
}

#[test]
fn what_is_cut_of_prompts_is_said_by_every_command() {
    let world = World::new();
    folder(&world, 4);
    world.write("a.png", &image(16, 16, 3, 1));
    let long = words(80);
    let lines = format!("short\n{long}\n");
    world.write("prompts.txt", lines.as_bytes());
    for arguments in [
        &["sample", "sd", "--prompt", &long, "-n", "1", "--steps", "1", "-o", "one/"][..],
        &["sample", "sd", "--prompts", "prompts.txt", "-n", "2", "--steps", "1", "-o", "two/"],
        &[
            "sample",
            "sd",
            "--prompt",
            "x",
            "--negative",
            &long,
            "--cfg-scale",
            "2",
            "-n",
            "1",
            "--steps",
            "1",
            "-o",
            "three/",
        ],
        &["edit", "sd", "a.png", "--prompt", &long, "--strength", "0.5", "--steps", "2", "-o", "four/"],
        &["edit", "sd", "a.png", "--prompt", "x", "--negative", &long, "--steps", "2", "-o", "five/"],
    ] {
        let (code, said) = run(&world, arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        assert!(said.contains("tokens beyond the text encoder's limit of 77"), "{arguments:?}: {said}");
        assert!(said.contains("zebra"), "{said}");
    }
}

#[test]
fn a_negative_prompt_without_guidance_is_said_to_do_nothing() {
    let world = World::new();
    folder(&world, 4);
    let plain =
        ["sample", "sd", "--prompt", "x", "--negative", "y", "-n", "1", "--steps", "1", "--cfg-scale"];
    let (code, said) = run(&world, &[&plain[..], &["1", "-o", "one/"]].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("options without effect (--negative"), "{said}");
    let (_, said) = run(&world, &[&plain[..], &["3", "-o", "two/"]].concat());
    assert!(!said.contains("without effect"), "{said}");
}

#[test]
fn texts_are_decoded_in_one_way_wherever_they_are_given() {
    let world = World::new();
    folder(&world, 4);
    let utf_16 = |text: &str| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    world.write("marked.txt", b"\xef\xbb\xbfa ball\n");
    world.write("wide.txt", &utf_16("a ball\n"));
    world.write("plain.txt", b"a ball\n");
    world.write("latin.txt", b"caf\xe9\n");
    let sample = |file: &str| format!("sample sd --prompts {file}.txt -n 1 --steps 1 --seed 1 -o {file}.png");
    for file in ["plain", "marked", "wide"] {
        world.run(&sample(file)).ok();
        let [made, wanted] = [file, "plain"]
            .map(|name| langevin::data::read_image(world.path(&format!("{name}.png"))).unwrap());
        assert_eq!(made, wanted, "{file}");
    }
    world.run(&sample("latin")).refused(3, &["latin.txt: line 1, byte 4", "UTF-8"]);
    world.write("wide.toml", &utf_16("[train]\nimages = 16\n"));
    let words = "train builtin:shapes --preset wide.toml --size 16 --print-config";
    assert!(world.run(words).ok().out.contains("images = 16"));
    world.write("latin.toml", b"# caf\xe9\n");
    let words = "train builtin:shapes --preset latin.toml --out r";
    world.run(words).refused(2, &["latin.toml: line 1, byte 6"]);
}

#[test]
fn captions_that_are_cut_are_counted_before_the_training() {
    let world = World::new();
    for at in 0..4 {
        world.write(&format!("set/{at}.png"), &image(16, 16, 3, at));
        let text = (0..200).map(|word| format!("w{}", (word * 7 + at) % 90)).collect::<Vec<_>>().join(" ");
        world.write(&format!("set/{at}.txt"), text.as_bytes());
    }
    let ran = world.run("train set --captions --preset tiny --images 16 --out r").ok();
    assert!(ran.err.contains("captions: left aside:"), "{}", ran.err);
    assert!(ran.err.contains("tokens beyond the text encoder's limit of 77"), "{}", ran.err);
}
