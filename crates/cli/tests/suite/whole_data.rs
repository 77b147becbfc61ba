//! Data sets in ordinary places: what is left aside is said, and refused where that is asked for; data are known by
//! their content; reasons are the true ones.

use crate::world::{World, image};

const TINY: &str = "--preset tiny --size 16 --images 16 --set train.checkpoint_every=8";

fn world_of(count: usize) -> World {
    let world = World::new();
    (0..count).for_each(|k| world.write(&format!("pets/{k}.png"), &image(16, 16, 3, k)));
    world
}

#[test]
fn what_is_left_aside_is_said_in_one_line_in_whole_and_not_with_strict() {
    let world = world_of(12);
    world.write("pets/notes.doc", b"of no use");
    world.write("pets/old.ini", b"of no use");
    world.write("pets/@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg", &image(4, 4, 3, 1));
    let ran = world.run(&format!("train pets {TINY} --out run")).ok();
    let line = "pets: left aside: 1 thumbnails (@eaDir); 2 other files (notes.doc, old.ini)";
    assert!(ran.err.contains(line), "{}", ran.err);
    let strict = world.run(&format!("train pets {TINY} --strict --out strict"));
    strict.refused(3, &["pets: left aside: 1 thumbnails", "notes.doc", "leave --strict away"]);
    assert!(!world.path("strict").exists());
    let report = world.run("inspect pets --json").ok().json();
    assert_eq!(report["info"]["len"], 12);
    assert_eq!(report["info"]["left_aside"][1]["examples"], serde_json::json!(["notes.doc", "old.ini"]));
    let shown = world.run("inspect pets").ok();
    assert!(shown.out.contains("notes.doc, old.ini"), "{}", shown.out);
    let said = world.run("eval pets --data pets --metrics psnr -n 4").ok();
    assert!(said.err.contains("left aside: 1 thumbnails"), "{}", said.err);
    // Nothing to say, nothing said.
    let clean = world_of(12);
    let ran = clean.run(&format!("train pets {TINY} --strict --out run")).ok();
    assert!(!ran.err.contains("left aside"), "{}", ran.err);
}

#[test]
fn a_training_in_the_folder_of_its_own_run_goes_on() {
    let world = world_of(12);
    world.write("more/0.png", &image(16, 16, 3, 50));
    let first = world.run(&format!("train . {TINY}")).ok();
    world.run("sample runs/run -n 2 --steps 1").ok();
    let again = world.run(&format!("train . {TINY}")).ok();
    let data = |text: &str| text.lines().find(|line| line.starts_with("data .:")).unwrap().to_owned();
    assert_eq!(data(&first.err), data(&again.err));
    assert!(again.err.contains("nothing left to do"), "{}", again.err);
    assert!(again.err.contains("1 runs of this program (runs/run)"), "{}", again.err);
    assert!(again.err.contains("2 results of this program (samples-000/"), "{}", again.err);
}

#[test]
fn the_same_data_elsewhere_is_the_same_and_other_content_is_noticed() {
    let world = world_of(12);
    let train = |data: &str| world.run(&format!("train {data} {TINY} --out run"));
    train("pets").ok();
    let absolute = world.path("pets").display().to_string();
    for data in ["./pets/", "pets/../pets", absolute.as_str()] {
        let again = train(data).ok();
        assert!(again.err.contains("nothing left to do"), "{data}: {}", again.err);
    }
    std::fs::rename(world.path("pets"), world.path("moved")).unwrap();
    train("moved").ok();
    world.run(&format!("train moved {TINY} --out ./run/")).ok();
    world.write("moved/3.png", &image(16, 16, 3, 77));
    train("moved").refused(2, &["run: holds a run on other data", "choose another --out"]);
}

#[test]
fn images_without_a_partner_are_counted() {
    let world = world_of(12);
    for k in 0..12 {
        let name = if k < 5 { format!("half/{k}.png") } else { format!("half/x{k}.png") };
        world.write(&name, &image(16, 16, 3, k + 1));
    }
    let ran = world.run("eval half --data pets --metrics psnr").ok();
    assert!(
        ran.err.contains("half: left aside: 7 images without a partner (x10, x11, x5, ...)"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("7 have no partner"), "{}", ran.err);
    assert!(!ran.err.contains("there are no more"), "{}", ran.err);
}

#[test]
fn rows_that_match_no_file_are_the_reason_for_no_captions() {
    let world = world_of(12);
    let rows: Vec<String> =
        (0..12).map(|k| format!(r#"{{"file_name": "pets/{k}.png", "text": "a disc {k}"}}"#)).collect();
    world.write("pets/metadata.jsonl", rows.join("\n").as_bytes());
    let refused = world.run(&format!("train pets {TINY} --captions --out run"));
    refused.refused(2, &["no captions", "12 rows without a file (metadata.jsonl row 1: pets/0.png"]);
}

#[test]
fn an_archive_is_called_what_it_is() {
    let world = World::new();
    // A zip whose one member is a link: name, mode and target are what matters.
    let mut zip = b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0".to_vec();
    let (name, target) = (b"a.png", b"/etc/passwd");
    let sizes = [0x6b_u32, target.len() as u32, target.len() as u32];
    zip.extend(sizes.iter().flat_map(|n| n.to_le_bytes()));
    zip.extend([name.len() as u8, 0, 0, 0]);
    zip.extend(name.iter().chain(target));
    let start = zip.len() as u32;
    let mut directory = b"PK\x01\x02\x14\x03\x14\0\0\0\0\0\0\0!\0".to_vec();
    directory.extend(sizes.iter().flat_map(|n| n.to_le_bytes()));
    directory.extend([name.len() as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    directory.extend((0o120_777_u32 << 16).to_le_bytes());
    directory.extend(0_u32.to_le_bytes());
    directory.extend(name);
    zip.extend(&directory);
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend((directory.len() as u32).to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0, 0]);
    world.write("link.zip", &zip);
    world.run("inspect link.zip").refused(3, &["link.zip: member \"a.png\" is a link"]);
    world.write("torn.zip", b"PK\x03\x04 and nothing that belongs to a zip");
    world.run("inspect torn.zip").refused(3, &["torn.zip: broken zip"]);
}

#[test]
fn later_pages_are_said_of_single_images_too() {
    let world = World::new();
    // Two pages of one gray pixel: width, height, bits, compression, black is zero, strip, its length.
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    for page in 0..2 {
        tiff.extend([8, 0]);
        let tags = [(256, 16), (257, 16), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (279, 256_u32)];
        for (tag, value) in tags {
            tiff.extend([(tag % 256) as u8, (tag / 256) as u8, 4, 0, 1, 0, 0, 0]);
            tiff.extend(value.to_le_bytes());
        }
        let next = if page == 0 { tiff.len() as u32 + 4 } else { 0 };
        tiff.extend(next.to_le_bytes());
    }
    tiff.extend([77; 400]);
    world.write("scan.tif", &tiff);
    let ran = world.run("noise scan.tif -o strip/").ok();
    let line = "scan.tif: left aside: 1 images with pages or frames after the first (scan.tif, 1 more)";
    assert!(ran.err.contains(line), "{}", ran.err);
    let shown = world.run("inspect scan.tif").ok();
    assert!(shown.out.contains("pages or frames after the first"), "{}", shown.out);
}

#[test]
#[cfg(unix)]
fn what_never_ends_is_refused_at_once() {
    let world = World::new();
    let made = std::process::Command::new("mkfifo").arg(world.path("pipe")).status().unwrap();
    assert!(made.success());
    world.run(&format!("train pipe {TINY}")).refused(3, &["pipe: a pipe, not a file"]);
    world.run(&format!("train /dev/zero {TINY}")).refused(3, &["/dev/zero: a device, not a file"]);
}
