//! Kinds of files that images are written as, and what stays of the photograph they were made from.

use langevin::core::{Metadata, exif};
use langevin::figures::files::{self, Kind};
use langevin::{Image, data};

use crate::world::World;

/// A photograph of a camera: turned, with a profile and 300 dpi.
fn photo(world: &World) {
    let value = |at: usize| (60 + at / 3 % 40 * 3 + (at.wrapping_mul(2_654_435_761) >> 7) % 31) as u8;
    let mut profile = vec![7_u8; 200];
    profile[16..20].copy_from_slice(b"RGB ");
    let block = exif::with_comment(None, Some("a walk"), Some((300.0, 300.0))).unwrap();
    let (icc, exif) = (Some(profile.into()), Some(block.into()));
    let image = Image::from_u8(40, 32, 3, (0..40 * 32 * 3).map(value).collect());
    let metadata = Metadata { icc, exif, density: Some((300.0, 300.0)), ..Metadata::default() };
    let image = image.with_metadata(metadata).unwrap();
    world.write("photo.jpg", &files::encode(&image, Kind::Jpeg, 98, &[]).unwrap().bytes);
}

#[test]
fn results_are_of_the_kind_that_is_named_and_keep_what_the_photograph_says() {
    let world = World::new();
    photo(&world);
    let read = |name: &str| data::read_image(world.path(name)).unwrap();
    let before = read("photo.jpg");
    for name in ["a.png", "a.jpg", "a.webp"] {
        let ran = world.run(&format!("denoise photo.jpg --sigma 10 -o {name}")).ok();
        assert_eq!(ran.lines(), [name]);
        let after = read(name);
        assert_eq!((after.width, after.height), (before.width, before.height));
        assert_eq!(after.metadata.icc, before.metadata.icc, "{name}");
        assert_eq!(after.metadata.density, Some((300.0, 300.0)), "{name}");
        let comment: Vec<u8> = "a walk".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let kept = after.metadata.exif.as_ref().unwrap();
        // In a JPEG of this program the comment is the program's own.
        assert!(name != "a.png" || kept.windows(comment.len()).any(|part| part == comment), "{name}");
        assert!(world.run(&format!("inspect {name}")).ok().out.contains("denoise"), "{name}");
    }
    let ran = world.run("denoise photo.jpg --sigma 10 -o a.tif").ok();
    assert!(ran.err.contains("a.tif: tif cannot hold the EXIF block"), "{}", ran.err);
    assert_eq!(read("a.tif").metadata.density, Some((300.0, 300.0)));
    assert_eq!(read("a.tif"), read("a.webp"));
}

#[test]
fn folders_have_a_format_and_jpegs_a_quality() {
    let world = World::new();
    photo(&world);
    let size = |name: &str| world.read(name).len();
    world.run("denoise photo.jpg --sigma 10 --format jpg --quality 40 -o low").ok();
    world.run("upscale photo.jpg --scale 2 --steps 1 --seed 1 --format JPG -o high").ok();
    assert!(size("low/photo.jpg") < size("high/photo.jpg"));
    world.run("sample builtin:ring8 -n 2 --format webp -o points").ok();
    assert!(world.path("points/0001.webp").exists());
    world
        .run("denoise photo.jpg --sigma 9 -o a.bmp")
        .refused(2, &["a.bmp: png is written, or jpg, webp or tiff"]);
    world.run("denoise photo.jpg --sigma 9 -o a.jpg --format png").refused(2, &["a.jpg", "--format png"]);
    world
        .run("denoise photo.jpg --sigma 9 -o b --format heic")
        .refused(2, &["--format heic", "png, jpg, webp"]);
}

#[test]
fn before_and_after_stand_side_by_side() {
    let world = World::new();
    photo(&world);
    let ran = world.run("denoise photo.jpg --sigma 10 --compare -o out/").ok();
    assert_eq!(ran.lines(), ["out/photo.png", "out/photo-compare.png"]);
    let sheet = data::read_image(world.path("out/photo-compare.png")).unwrap();
    assert!(sheet.width > 2 * 40 && sheet.height > 32);
    let ran = world.run("upscale photo.jpg --scale 2 --steps 1 --seed 1 --compare -o large.jpg").ok();
    assert_eq!(ran.lines(), ["large.jpg", "large-compare.jpg"]);
}
