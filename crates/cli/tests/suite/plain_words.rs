//! Texts on the command line that are none, and masks that are understood in a way that is said: in the same words at every door.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use langevin::Image;
use langevin::figures::png;

use crate::world::{World, image, plain_run};

#[test]
fn a_text_that_is_no_utf_8_is_named_with_its_flag_and_byte() {
    let world = World::new();
    let path = b"m\xff".as_slice();
    for (words, said) in [
        (
            vec![b"sample".as_slice(), b"builtin:mnist", b"--prompt", b"ab\xff"],
            "--prompt \"ab\u{fffd}\": byte 3",
        ),
        (vec![b"sample", b"builtin:mnist", b"--negative=\xfe"], "--negative \"\u{fffd}\": byte 1"),
        (vec![b"sample", b"builtin:mnist", b"-p", b"\xff"], "-p \"\u{fffd}\": byte 1"),
        // Paths may be any bytes, and come before it.
        (vec![b"sample", path, b"-o", path, b"--prompt", b"a\xff"], "--prompt \"a\u{fffd}\": byte 2"),
        (vec![b"train", path, b"--set", b"\xff=1"], "--set \"\u{fffd}=1\": byte 1"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_langevin"));
        command.args(words.iter().map(|word| OsStr::from_bytes(word))).current_dir(world.path(""));
        let ran = command.output().unwrap();
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{err}");
        assert!(err.starts_with(&format!("error: {said} of it is not UTF-8")), "{said}: {err}");
    }
}

#[test]
fn a_mask_is_understood_and_said_in_the_same_words_at_both_doors() {
    let world = World::new();
    world.write("a.png", &image(32, 32, 3, 1));
    // Painted in white on nothing.
    let painted: Vec<u8> =
        (0..32 * 32).flat_map(|at| [255, 255, 255, if at % 32 > 20 { 255 } else { 0 }]).collect();
    world.write("mask.png", &png::encode(&Image::from_u8(32, 32, 4, painted), &[]).unwrap());
    let run = plain_run();
    let rest = "--method repaint --steps 2 --seed 1";
    let by_mask =
        world.run(&format!("inpaint {run} a.png --mask mask.png --steps 2 --seed 1 -o one.png")).ok();
    let note =
        by_mask.err.lines().find(|line| line.contains("mask.png")).expect("a note on the mask").to_owned();
    let by_operator = world
        .run(&format!("restore {run} a.png --operator mask:file=mask.png --simulate {rest} -o two.png"))
        .ok();
    assert!(by_operator.err.lines().any(|line| line == note), "{note}: {}", by_operator.err);
}
