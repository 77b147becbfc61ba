//! A disk that is full: training ends with exit code 1, says path, need and free space, and what was saved is whole.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::stored::skip;
use crate::world::World;

/// A small file system in memory, taken away at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// One of `size`, or none where mounting is not permitted.
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let size = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        let done = mounted.is_ok_and(|output| output.status.success());
        if !done {
            skip("a small file system cannot be mounted here");
        }
        done.then(|| Self(folder.to_owned()))
    }

    fn grow(&self, size: &str) {
        let option = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &option]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A training small enough that a few checkpoints fit into a megabyte.
fn train(images: u64) -> String {
    let small = "--set network.channels=[4,8] --set train.checkpoint_every=64 --set train.keep=1";
    format!("train builtin:shapes --preset tiny --seed 1 {small} --images {images}")
}

#[test]
fn a_save_that_does_not_fit_ends_the_run_and_room_lets_it_go_on() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(&world.path("disk"), "1m") else { return };
    let words = format!("{} --set train.keep=100", train(2048));
    let ended = world.run(&format!("{words} --out disk/run"));
    ended.refused(1, &["disk/run", " bytes", "free", "make room"]);
    let saved = world.run("inspect disk/run --json").ok().json();
    let images = saved["images"].as_u64().unwrap();
    assert!((64..2048).contains(&images), "{saved}");
    assert_eq!(saved["passed_over"], serde_json::json!([]));
    world.run("sample disk/run -n 1 --steps 2 -o one.png").ok();
    disk.grow("64m");
    let rest = world.run(&format!("{words} --out disk/run")).ok();
    assert!(rest.err.contains(&format!("going on after {images} images")), "{}", rest.err);
    world.run(&format!("{words} --out undisturbed")).ok();
    for name in ["model.safetensors", "metrics.jsonl"] {
        assert!(
            world.read(&format!("disk/run/{name}")) == world.read(&format!("undisturbed/{name}")),
            "{name} differs"
        );
    }
}

#[test]
fn logs_that_do_not_fit_end_the_run_too() {
    let world = World::new();
    let Some(_disk) = SmallDisk::mount(&world.path("disk"), "2m") else { return };
    world.run(&format!("{} --out disk/run", train(64))).ok();
    let mut kept = 0;
    for left in [0, 4 << 10, 64 << 10, 80 << 10, 96 << 10, 112 << 10, 160 << 10] {
        fill(&world.path("disk/filler"), left);
        // No checkpoint is due before the end, so what fails is a log, a preview or the model.
        let ended =
            world.run(&format!("{} --set train.checkpoint_every=100000 --out disk/run", train(1 << 20)));
        ended.refused(1, &["disk/run", " bytes", "free", "make room"]);
        let saved = world.run("inspect disk/run --json").ok().json();
        assert!(saved["images"].as_u64() >= Some(kept), "{saved}");
        kept = saved["images"].as_u64().unwrap();
        world.run("sample disk/run -n 1 --steps 2 --force -o one.png").ok();
    }
    std::fs::remove_file(world.path("disk/filler")).unwrap();
    let rest = world.run(&format!("{} --out disk/run", train(kept + 64))).ok();
    assert!(rest.err.contains(&format!("going on after {kept} images")), "{}", rest.err);
}

/// Makes `file` so large that `left` bytes of its disk are free.
fn fill(file: &Path, left: usize) {
    let _ = std::fs::remove_file(file);
    let mut bytes = vec![0_u8; 2 << 20];
    // What fits is written before the error.
    let _ = std::fs::write(file, &bytes);
    let length = std::fs::metadata(file).unwrap().len() as usize;
    bytes.truncate(length.saturating_sub(left));
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, &bytes).unwrap();
}
