//! A terminal that goes away: closed or full, it ends no work; signals do, and what was done is saved.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use crate::world::World;

const BINARY: &str = env!("CARGO_BIN_EXE_langevin");
const TRAIN: &str = "train builtin:shapes --preset tiny --seed 3 --images 256 --out run";

fn command(world: &World, words: &str) -> Command {
    let mut command = Command::new(BINARY);
    command.args(words.split_whitespace()).current_dir(world.path("")).stdin(Stdio::null());
    command
}

#[test]
fn a_full_or_closed_stderr_ends_no_work() {
    let world = World::new();
    world.run(&TRAIN.replace("run", "undisturbed")).ok();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = command(&world, TRAIN).stderr(full).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(world.read("run/model.safetensors"), world.read("undisturbed/model.safetensors"));
    // The reader leaves at once, as `head` does.
    let words = TRAIN.replace("run", "closed");
    let mut child = command(&world, &words).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(world.read("closed/model.safetensors"), world.read("undisturbed/model.safetensors"));
    // An error that nobody reads has its exit code all the same.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = command(&world, "sample none.safetensors").stderr(full).output().unwrap();
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
}

#[test]
fn a_hang_up_saves_as_a_request_to_end_does_unless_it_is_ignored() {
    let world = World::new();
    let words = "train builtin:shapes --preset tiny --seed 3 --images 2Mi --out run";
    let running = world.start(words);
    world.wait_for_lines("run/metrics.jsonl", 4);
    running.signal("HUP").refused(129, &["stopped by signal 1", "everything saved"]);
    assert!(world.run("inspect run --json").ok().json()["images"].as_u64().unwrap() > 0);
    // Under nohup it goes on to its end.
    let line = format!("exec nohup {BINARY} {}", TRAIN.replace("run", "ignored").replace("256", "2048"));
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(line).current_dir(world.path("")).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = shell.stderr(Stdio::null()).spawn().unwrap();
    world.wait_for_lines("ignored/metrics.jsonl", 2);
    assert!(Command::new("kill").arg("-HUP").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_signal_leaves_at_once() {
    let world = World::new();
    let words = "sample builtin:shapes -n 4096 --batch-size 4096 --steps 10000 -o out/";
    let mut child = command(&world, words).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    world.wait_for("out");
    let signal = || {
        let sent = Command::new("kill").arg("-INT").arg(child.id().to_string()).status();
        assert!(sent.unwrap().success());
    };
    signal();
    std::thread::sleep(std::time::Duration::from_millis(300));
    signal();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
