//! Paths that are not UTF-8: read, written and shown like all others.

#![cfg(unix)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command, Output};

use crate::world::{World, image};

/// Runs `langevin WORDS`, where every `@` is a byte that is no text.
fn run(world: &World, words: &str) -> Output {
    let byte = |word: &str| -> OsString {
        OsString::from_vec(word.bytes().map(|byte| if byte == b'@' { 0xff } else { byte }).collect())
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_langevin"));
    command.args(words.split_whitespace().map(byte)).current_dir(world.path("")).output().unwrap()
}

/// What it printed, once it ended well.
fn ok(world: &World, words: &str) -> Vec<u8> {
    let output = run(world, words);
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The path of `name` in the world.
fn at(world: &World, name: &[u8]) -> std::path::PathBuf {
    world.path("").join(OsStr::from_bytes(name))
}

#[test]
fn a_run_of_any_name_is_trained_looked_at_and_used() {
    let world = World::new();
    let small = "--preset tiny --size 16 --seed 1 --set network.patch=1 --set network.channels=[4,8]";
    let printed = ok(
        &world,
        &format!("train builtin:shapes {small} --images 32 --set train.ema_snapshots=16 --out r@"),
    );
    assert_eq!(printed, b"r\xff/model.safetensors\n");
    ok(&world, "inspect r@");
    let shown: serde_json::Value = serde_json::from_slice(&ok(&world, "inspect r@ --json")).unwrap();
    assert_eq!(shown["folder"], "file:r%FF");
    let again = run(
        &world,
        &format!("train builtin:shapes {small} --images 32 --set train.ema_snapshots=16 --out r@"),
    );
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing left to do"), "{again:?}");
    assert_eq!(ok(&world, "sample r@ -n 1 --steps 2 -o o@.png"), b"o\xff.png\n");
    ok(&world, "sample r@ -n 2 --steps 2 -o many@/ --grid g@.png --json");
    ok(&world, "sample --from o@.png -o again@.png");
    ok(&world, "bench-samplers r@ --nfe 2 --samplers ddim -n 2 --reference-steps 4 -o t@");
    ok(&world, "ema r@ --width 0.1");
    ok(&world, "convert r@ d@");
    ok(&world, "convert r@/model.safetensors m@.safetensors --json");
    ok(&world, "inspect d@");
    ok(&world, "distill r@ builtin:shapes --steps 2 --from 4 --images 32 --out s@");
    ok(&world, "train builtin:shapes --init r@ --images 32 --out i@");
    for name in [
        &b"o\xff.png"[..],
        b"many\xff/0001.png",
        b"g\xff.png",
        b"again\xff.png",
        b"t\xff/table.md",
        b"d\xff/unet/config.json",
    ] {
        assert!(at(&world, name).is_file(), "{}", String::from_utf8_lossy(name));
    }
}

#[test]
fn images_and_data_of_any_name_are_read() {
    let world = World::new();
    let data = at(&world, b"data\xff");
    std::fs::create_dir(&data).unwrap();
    for (name, seed) in [(&b"a\xff.png"[..], 1), (b"a\xfe.png", 2), (b"b.png", 3)] {
        std::fs::write(data.join(OsStr::from_bytes(name)), image(16, 16, 3, seed)).unwrap();
    }
    ok(&world, "inspect data@");
    ok(&world, "train data@ --preset tiny --images 32 --out run");
    ok(&world, "denoise builtin:photo data@/a@.png data@/b.png --sigma 25 -o out@");
    ok(&world, "denoise builtin:photo data@/a@.png --sigma 25 -o clean@.png --json");
    ok(&world, "noise data@/a@.png -o noise@/");
    ok(&world, "inpaint builtin:photo-gray data@/a@.png --mask data@/b.png --steps 1 -o in@/ --json");
    ok(&world, "eval data@ --data data@ --metrics psnr");
    for name in [&b"out\xff/a\xff.png"[..], b"out\xff/b.png", b"noise\xff/a\xff-levels.svg"] {
        assert!(at(&world, name).is_file(), "{}", String::from_utf8_lossy(name));
    }
    let refused = run(&world, "sample builtin:mnist -n 1 --steps 1 -o clean@.png");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("exists already"));
    assert!(Path::new(&world.path("run/model.safetensors")).is_file());
}
