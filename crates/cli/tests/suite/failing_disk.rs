//! Disks that fail in the middle of a result: the true reason with the way out, no hidden name, and old or new files.

use std::path::Path;
use std::process::Command;

use crate::stored::skip;
use crate::world::World;

/// What `langevin WORDS` said as its error, with `fault` at a change of the disk, and its exit code.
fn failing(world: &World, fault: &str, words: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_langevin"));
    command.args(words.split_whitespace()).current_dir(world.path("")).env("LANGEVIN_FAULT", fault);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{words}: {said}");
    assert!(!said.contains(".part") && !said.contains("/."), "{words}: {said}");
    (output.status.code(), errors[0].to_owned())
}

/// The number of the change of the disk by `words` that is the `nth` of a `kind` and names `part`.
fn change(world: &World, words: &str, kind: &str, part: &str, nth: usize) -> usize {
    let trial = World::new();
    let log = trial.path("changes");
    for entry in ["run", "folder"].into_iter().filter(|name| world.path(name).exists()) {
        let copied = Command::new("cp").arg("-r").arg(world.path(entry)).arg(trial.path(entry)).status();
        assert!(copied.unwrap().success());
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_langevin"));
    let fault = format!("log:{}", log.display());
    command.args(words.split_whitespace()).current_dir(trial.path("")).env("LANGEVIN_FAULT", fault);
    assert!(command.output().unwrap().status.success(), "{words}");
    let lines = std::fs::read_to_string(log).unwrap();
    let is_it = |line: &&str| line.starts_with(kind) && line.contains(part);
    let at = |wanted: &str| lines.lines().position(|line| line == wanted).unwrap();
    1 + at(lines.lines().filter(is_it).nth(nth).unwrap_or_else(|| panic!("{kind} {part}: {lines}")))
}

fn trained(world: &World) {
    let small = "--set network.patch=1 --set network.channels=[4,8] --set train.sample_every=1024";
    world
        .run(&format!(
            "train builtin:shapes --preset tiny --size 16 --images 32 --out run --seed 1 -q {small}"
        ))
        .ok();
}

#[test]
fn a_set_that_does_not_fit_says_how_to_go_on() {
    let world = World::new();
    let words = "sample builtin:mnist -n 3 --steps 1 --seed 1 --threads 1 -o out";
    let at = change(&world, words, "Write", "0001.png", 0);
    let (code, said) = failing(&world, &format!("ENOSPC:{at}"), words);
    assert_eq!(code, Some(1), "{said}");
    for part in ["out/0001.png", "writing", "bytes failed", "are free there", "make room", "--force", "-o"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    world.run(words).refused(1, &["out/0000.png", "exists already", "--force"]);
    world.run(&format!("{words} --force")).ok();
    // Where nothing of the set is there, the same command is enough.
    let words = words.replace("-o out", "-o other");
    let at = change(&world, &words, "Write", "0000.png", 0);
    let (_, said) = failing(&world, &format!("ENOSPC:{at}"), &words);
    assert!(said.contains("run the same command again") && !said.contains("--force"), "{said}");
    assert!(!world.path("other").exists());
    world.run(&words).ok();
}

#[test]
fn a_folder_that_does_not_fit_leaves_the_old_one_and_no_other() {
    let world = World::new();
    trained(&world);
    world.run("convert run folder").ok();
    let before = world.contents();
    let old = world.read("folder/model_index.json");
    let words = "convert run folder --force --pipeline ddim";
    for (fault, kind, part) in [
        ("ENOSPC", "Write", "config.json"),
        ("EIO", "Write", "safetensors"),
        ("EIO", "Exchange", "folder"),
        ("ENOSPC", "Folder", "unet"),
    ] {
        let at = change(&world, words, kind, part, 0);
        let (code, said) = failing(&world, &format!("{fault}:{at}"), words);
        assert!(code == Some(1) && said.contains("folder"), "{said}");
        assert!(said.contains(if fault == "EIO" { "nput/output" } else { "are free there" }), "{said}");
        assert_eq!(world.contents(), before, "{fault} {kind}");
        assert!(world.read("folder/model_index.json") == old);
    }
    world
        .run("convert run /proc/folder")
        .refused(2, &["/proc", "nothing can be written", "you may write to"]);
    world.run(words).ok();
    assert_eq!(world.contents(), before);
}

#[test]
fn a_disk_without_inodes_is_called_that() {
    let world = World::new();
    let folder = world.path("disk");
    std::fs::create_dir(&folder).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m,nr_inodes=4", "tmpfs"])
        .arg(&folder)
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return skip("a small file system cannot be mounted here");
    }
    let _away = Unmount(&folder);
    world
        .run("sample builtin:mnist -n 8 --steps 1 -o disk")
        .refused(1, &["disk/", "no inodes left", "remove files"]);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}
