//! Data sets that are empty, broken or not what they seem: exit code 3, the file named with the reason, no run begun.

use crate::stored::stored;
use crate::world::{World, image};

const TRAIN: &str = "train DATA --preset tiny --images 32 --out run";

/// Checks that a training on `name` is refused with a message that names it.
fn refused(world: &World, name: &str, parts: &[&str]) {
    let before = world.contents();
    world.run(&TRAIN.replace("DATA", name)).refused(3, &[&[name], parts].concat());
    assert_eq!(world.contents(), before, "{name}");
}

/// An IDX file of `count` gray images of 16 x 16 whose header says `claimed`.
fn idx(magic: [u8; 4], claimed: u32, count: usize) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend([claimed, 16, 16].iter().flat_map(|n| n.to_be_bytes()));
    bytes.extend((0..count * 256).map(|index| (index % 253) as u8));
    bytes
}

#[test]
fn what_cannot_be_read_is_named_with_the_reason() {
    let world = World::new();
    std::fs::create_dir(world.path("empty")).unwrap();
    world.write("zero", b"");
    world.write("text/readme.txt", b"no images here");
    world.write("words", b"just words, no data set at all");
    world.write("cut/a.png", &image(16, 16, 3, 1)[..150]);
    world.write("magic-idx3-ubyte", &idx([0, 0, 9, 3], 2, 2));
    world.write("short-idx3-ubyte", &idx([0, 0, 8, 3], 3, 2));
    world.write("huge-idx3-ubyte", &idx([0, 0, 8, 3], u32::MAX, 2));
    world.write("a.zip", b"PK\x03\x04 and nothing that belongs to a zip");
    world.write("b.tar.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
    refused(&world, "missing", &["there is no such file or folder"]);
    refused(&world, "empty", &["there is no image in it"]);
    refused(&world, "zero", &["empty"]);
    refused(&world, "text", &["there is no image in it"]);
    refused(&world, "words", &["not a data set"]);
    refused(&world, "cut", &["a.png"]);
    refused(&world, "magic-idx3-ubyte", &[]);
    refused(&world, "short-idx3-ubyte", &[]);
    refused(&world, "huge-idx3-ubyte", &[]);
    refused(&world, "a.zip", &[]);
    refused(&world, "b.tar.gz", &[]);
}

#[test]
fn parquet_that_is_cut_short_is_named() {
    let world = World::new();
    world.write("fake.parquet", b"PAR1 is how it begins and how it should end");
    refused(&world, "fake.parquet", &["parquet"]);
    let Some(path) = stored("cifar10/test-00000-of-00001.parquet") else { return };
    let whole = std::fs::read(path).unwrap();
    for length in [4, 1000, whole.len() / 2, whole.len() - 1] {
        world.write("cut.parquet", &whole[..length]);
        refused(&world, "cut.parquet", &["parquet"]);
    }
}

#[test]
fn a_folder_with_broken_files_trains_on_and_names_each_once() {
    let world = World::new();
    for seed in 0..8 {
        world.write(&format!("mix/{seed}.png"), &image(20 + seed, 18, [1, 3, 4][seed % 3], seed));
    }
    let deep = langevin::Image::from_u16(16, 16, 1, (0..256).map(|v| v * 250).collect());
    world.write("mix/deep.png", &langevin::figures::png::encode(&deep, &[]).unwrap());
    world.write("mix/cut.png", &image(64, 64, 3, 9)[..300]);
    world.write("mix/zero.png", b"");
    world.write("mix/words.jpg", b"these are words");
    let strict = world.run("train mix --preset tiny --images 32 --strict --out run");
    strict.refused(3, &["mix", "3 of its 12 images cannot be read", "--strict"]);
    assert!(!world.path("run").exists());
    let ran = world.run("train mix --preset tiny --images 64 --out run").ok();
    for name in ["mix/cut.png", "mix/zero.png", "mix/words.jpg"] {
        assert_eq!(ran.err.matches(name).count(), 1, "{name}: {}", ran.err);
    }
    assert_eq!(ran.err.matches("warning").count(), 3, "{}", ran.err);
    assert!(world.path("run/model.safetensors").exists());
    // A size of 0 takes that of the images themselves.
    world.write("same/a.png", &image(20, 20, 3, 1));
    world.write("same/b.png", &image(20, 20, 3, 2));
    let ran = world.run("train same --preset tiny --images 16 --size 0 --out native").ok();
    assert!(ran.err.contains("20x20"), "{}", ran.err);
}
