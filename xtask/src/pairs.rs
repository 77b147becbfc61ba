//! `cargo xtask pairs`: two commands at once on one target, over and over. Both never end well with the result of one of them lost.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A command, with `S` where the two have different numbers.
struct Pair {
    name: &'static str,
    words: &'static str,
    /// The files that both make, if both end well: each has a place of its own.
    both: Option<usize>,
}

const PAIRS: &[Pair] = &[
    Pair {
        name: "sample -o FILE",
        words: "sample builtin:mnist -n 1 --steps 1 --seed S -o o.png",
        both: None,
    },
    Pair {
        name: "sample -o FOLDER",
        words: "sample builtin:mnist -n 3 --steps 1 --seed S -o o/",
        both: None,
    },
    Pair {
        name: "sample -o FOLDER --force",
        words: "sample builtin:mnist -n 3 --steps 1 --seed S -o o/ --force",
        both: None,
    },
    Pair {
        name: "sample, a fresh folder",
        words: "sample builtin:mnist -n 2 --steps 1 --seed S",
        both: Some(4),
    },
    Pair { name: "invert -o FILE", words: "invert builtin:mnist in/0000.png --steps S -o o.npy", both: None },
    Pair {
        name: "denoise -o FOLDER",
        words: "denoise builtin:photo-gray in/0000.png --sigma S5 -o o/",
        both: None,
    },
    Pair { name: "noise -o FOLDER", words: "noise in/0000.png --seed S -o o/", both: None },
    Pair { name: "convert to a file", words: "convert run/S o.safetensors", both: None },
    Pair { name: "convert to a folder", words: "convert run/S o", both: None },
    Pair { name: "ema", words: "ema run/1 --width 0.1 -o o.safetensors", both: None },
    Pair {
        name: "bench-samplers",
        words: "bench-samplers run/1 --nfe 2 --samplers ddim -n 2 --seed S --reference-steps 2",
        both: None,
    },
];
const BEFORE: &[&str] = &[
    "sample builtin:mnist -n 1 --steps 1 --seed 3 -o in",
    "train builtin:shapes SMALL --seed 1 --images 32 --set train.ema_snapshots=16 --out run/1",
    "train builtin:shapes SMALL --seed 2 --images 32 --out run/2",
];
const SMALL: &str = "--preset tiny --size 16 --set network.patch=1 --set network.channels=[4,8]";
/// What the one that is refused says.
const SAID: &[&str] =
    &["exists already", "is there already", "another command is writing it", "another training runs here"];
/// Pairs of each kind.
pub const EACH: usize = 20;

/// Runs every pair `--each N` times.
///
/// # Errors
/// Where both ended well and a result is lost, or one failed for another reason.
pub fn run(root: &Path, args: &[&str]) -> Result<(), String> {
    let each = match args {
        [] => EACH,
        ["--each", number] => number.parse().map_err(|_| format!("--each {number}: not a number"))?,
        _ => return Err(format!("pairs has no options {args:?}")),
    };
    crate::workspace::cargo(&["build", "--release", "-p", "langevin-cli", "--locked"], &[])?;
    let folder = std::env::temp_dir().join(format!("langevin-pairs-{}", std::process::id()));
    let binary = crate::workspace::binary(root);
    let table =
        table(&binary, &folder, each).map_err(|error| format!("{error}\nkept: {}", folder.display()))?;
    print!("{table}");
    fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// The table of what came of `each` pairs of every kind.
///
/// # Errors
/// As [`run`].
pub fn table(binary: &Path, folder: &Path, each: usize) -> Result<String, String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for words in BEFORE {
        let ended = start(binary, folder, &words.replace("SMALL", SMALL))?.wait_with_output();
        if !ended.is_ok_and(|output| output.status.success()) {
            return Err(format!("{words}: failed"));
        }
    }
    let mut table = String::from(
        "| two at once | pairs | one was refused | both, each its own result | lost |\n|---|---|---|---|---|\n",
    );
    let mut total = [0; 3];
    for pair in PAIRS {
        let mut counts = [each, 0, 0];
        for _ in 0..each {
            let both = once(binary, folder, pair).map_err(|error| format!("{}: {error}", pair.name))?;
            counts[1 + usize::from(both)] += 1;
        }
        let [pairs, refused, own] = counts;
        let _ = writeln!(table, "| `{}` | {pairs} | {refused} | {own} | 0 |", pair.name);
        total.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let [pairs, refused, own] = total;
    let _ = writeln!(table, "| all | {pairs} | {refused} | {own} | 0 |");
    Ok(table)
}

/// Whether both of one pair ended well.
fn once(binary: &Path, folder: &Path, pair: &Pair) -> Result<bool, String> {
    clean(folder);
    let children = ["1", "2"].map(|seed| start(binary, folder, &pair.words.replace('S', seed)));
    let mut ended = Vec::new();
    for child in children {
        let output = child?.wait_with_output().map_err(|error| error.to_string())?;
        ended.push((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    if let Some((_, said)) =
        ended.iter().find(|(done, said)| !done && !SAID.iter().any(|known| said.contains(known)))
    {
        return Err(format!("one failed by itself: {said}"));
    }
    let done = ended.iter().filter(|(done, _)| *done).count();
    let left = hidden(folder);
    if !left.is_empty() {
        return Err(format!("left lying: {left:?}"));
    }
    match (done, pair.both) {
        (0, _) => Err(format!("neither was done: {ended:?}")),
        (1, _) => Ok(false),
        (_, Some(files)) if images(folder) == files => Ok(true),
        // One after the other: the machine was so busy that they did not meet.
        (_, None) if pair.words.contains("--force") || pair.words.starts_with("bench-samplers") => Ok(true),
        _ => Err(format!("both were done, and a result is lost: {ended:?}")),
    }
}

fn start(binary: &Path, folder: &Path, words: &str) -> Result<Child, String> {
    let mut command = Command::new(binary);
    command.args(words.split_whitespace()).args(["--threads", "1", "-q"]).current_dir(folder);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    child.map_err(|error| format!("{}: {error}", binary.display()))
}

/// Takes away what a pair made.
fn clean(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name == "run" || name == "in" {
            continue;
        }
        let path = entry.path();
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

fn images(folder: &Path) -> usize {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    let fresh = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with("samples-"));
    fresh.map(|entry| fs::read_dir(entry.path()).map_or(0, Iterator::count)).sum()
}

fn hidden(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && name != ".lock" {
            found.push(entry.path().display().to_string());
        } else if entry.path().is_dir() {
            found.extend(hidden(&entry.path()));
        }
    }
    found
}
