//! `cargo xtask compare-binaries OLD NEW`: every command of two builds of the program at fixed seeds, on one thread each, and
//! whether what they say and write is the same to the byte.

mod cases;
mod difference;
mod inputs;
mod pipeline;
mod snapshot;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub use cases::Case;
use snapshot::Snapshot;
pub use world::World;

struct Options {
    binaries: [PathBuf; 2],
    work: PathBuf,
    only: Option<String>,
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self, String> {
        let (mut binaries, mut work, mut only) = (Vec::new(), None, None);
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let mut value = || rest.next().copied().ok_or(format!("{arg} needs a value"));
            match *arg {
                "--work" => work = Some(PathBuf::from(value()?)),
                "--only" => only = Some(value()?.to_owned()),
                flag if flag.starts_with("--") => {
                    return Err(format!("compare-binaries has no option {flag:?}"));
                }
                path => binaries.push(PathBuf::from(path)),
            }
        }
        let binaries: [PathBuf; 2] =
            binaries.try_into().map_err(|_| "give two binaries: compare-binaries OLD NEW".to_owned())?;
        let work = work.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("langevin-compare-binaries-{}", std::process::id()))
        });
        Ok(Self { binaries, work, only })
    }
}

/// Runs all commands with both binaries and prints how they compare.
///
/// # Errors
/// When a binary cannot be started, or anything differs.
pub fn run(root: &Path, args: &[&str]) -> Result<(), String> {
    let options = Options::parse(args)?;
    let binaries =
        options.binaries.map(|path| fs::canonicalize(&path).map_err(|e| format!("{}: {e}", path.display())));
    let [old, new] = binaries;
    let sides =
        [Side::new(old?, options.work.join("old"), root)?, Side::new(new?, options.work.join("new"), root)?];
    let cases = cases::all(&mut |kind| sides[0].names(kind))?;
    let chosen = |case: &&Case| match &options.only {
        None => true,
        Some(part) => case.name.contains(part) || MAKE.contains(&case.words[0].as_str()),
    };
    let (mut equal, mut differing, mut failed) = (0, Vec::new(), 0);
    for case in cases.iter().filter(chosen) {
        if let [command, from, to, config] = case.words.as_slice()
            && command == SCHEDULER
        {
            sides.iter().try_for_each(|side| side.with_scheduler(from, to, config))?;
            continue;
        }
        let found = compare(&sides, case)?;
        let code = match found.codes[0] {
            0 => String::new(),
            code => format!(" (exit code {code}: {})", found.error.lines().next().unwrap_or_default()),
        };
        failed += usize::from(found.codes[0] != 0);
        if found.differences.is_empty() {
            equal += 1;
            println!("{:<44} equal{code}, {} files", case.name, found.files);
        } else {
            println!("{:<44} differs{code}: langevin {}", case.name, case.words.join(" "));
            found.differences.iter().for_each(|difference| println!("    {difference}"));
            differing.push(case.name.as_str());
        }
    }
    println!("{equal} cases equal, {} differ; the old binary refuses {failed}", differing.len());
    if differing.is_empty() {
        return Ok(());
    }
    let at = options.work.display();
    Err(format!("{} differ: {}; both sides lie in {at}", differing.len(), differing.join(", ")))
}

/// Commands that make what others use: they run whichever cases are chosen.
const MAKE: &[&str] = &["train", "distill", "ema", "invert", "convert", SCHEDULER];

/// The one command of the list that is no command of `langevin`: a folder of diffusers again, with another scheduler.
const SCHEDULER: &str = "@scheduler";

/// A binary, and the folder that it runs in.
struct Side {
    binary: PathBuf,
    world: PathBuf,
}

/// How one command compares.
struct Found {
    codes: [i32; 2],
    /// What the old binary says of its failure.
    error: String,
    files: usize,
    differences: Vec<String>,
}

impl Side {
    fn new(binary: PathBuf, world: PathBuf, root: &Path) -> Result<Self, String> {
        if world.exists() {
            fs::remove_dir_all(&world).map_err(|error| format!("{}: {error}", world.display()))?;
        }
        inputs::write(&world)?;
        pipeline::write(root, &world)?;
        Ok(Self { binary, world })
    }

    fn with_scheduler(&self, from: &str, to: &str, config: &str) -> Result<(), String> {
        let to = self.world.join(to);
        for file in Snapshot::of(&self.world.join(from)).files() {
            // Where an earlier command failed there is nothing, and the next ones say so.
            let bytes = fs::read(self.world.join(from).join(file)).unwrap_or_default();
            let scheduler = file == "scheduler/scheduler_config.json";
            inputs::text(&to.join(file), if scheduler { config.as_bytes() } else { &bytes })?;
        }
        Ok(())
    }

    fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&self.binary);
        self.dress(&mut command);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The folder, and nothing of the user's, neither read nor written.
    fn dress(&self, command: &mut Command) {
        command
            .current_dir(&self.world)
            .env("HOME", &self.world)
            .env("XDG_CACHE_HOME", self.world.join("cache"));
        command.env("COLUMNS", "100").env("NO_COLOR", "1").env_remove("LANGEVIN_CLIP_TOKENIZER");
    }

    /// The names of `langevin list KIND`; with `all`, of the kinds.
    fn names(&self, kind: &str) -> Result<Vec<String>, String> {
        let words: Vec<String> = ["list", kind, "--json"].map(str::to_owned).into();
        let words = if kind == "all" { vec![words[0].clone(), words[2].clone()] } else { words };
        let output = self.command(&words).output().map_err(|e| format!("{}: {e}", self.binary.display()))?;
        let value: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("langevin list {kind} --json: {error}"))?;
        let of = |value: &serde_json::Value| value["name"].as_str().map(str::to_owned);
        let items = match kind {
            "all" => value.as_object().map(|kinds| kinds.keys().cloned().collect()),
            // Asked for by an older name, the one list there is has its newer one.
            _ => value
                .get(kind)
                .or_else(|| value.as_object().filter(|lists| lists.len() == 1)?.values().next())
                .and_then(serde_json::Value::as_array)
                .map(|items| items.iter().filter_map(of).collect()),
        };
        items.ok_or_else(|| format!("langevin list {kind} --json has no list of that name"))
    }

    /// A text without the folder's own name.
    fn text(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).replace(&self.world.display().to_string(), "WORLD");
        difference::masked(&text)
    }
}

/// Runs one command with both binaries, side by side.
fn compare(sides: &[Side; 2], case: &Case) -> Result<Found, String> {
    let mut words = case.words.clone();
    words.extend(["--threads", "1"].map(str::to_owned));
    let before = [0, 1].map(|at| Snapshot::of(&sides[at].world));
    let started = [0, 1].map(|at: usize| sides[at].command(&words).spawn());
    let mut outputs: Vec<Output> = Vec::new();
    for (side, child) in sides.iter().zip(started) {
        let output = child.and_then(std::process::Child::wait_with_output);
        outputs.push(output.map_err(|error| format!("{}: {error}", side.binary.display()))?);
    }
    let after = [0, 1].map(|at| Snapshot::of(&sides[at].world));
    // A signal has no code.
    let codes = [0, 1].map(|at: usize| outputs[at].status.code().unwrap_or(-1));
    let mut differences = Vec::new();
    if codes[0] != codes[1] {
        differences.push(format!("exit code {} and {}", codes[0], codes[1]));
    }
    let text = |at: usize, bytes: &[u8]| sides[at].text(bytes);
    let said = [0, 1].map(|at: usize| text(at, &outputs[at].stdout));
    differences.extend(difference::of_texts(&said[0], &said[1]).map(|what| format!("stdout, {what}")));
    let said = [0, 1].map(|at: usize| error(&text(at, &outputs[at].stderr)));
    if codes != [0, 0] {
        differences.extend(difference::of_texts(&said[0], &said[1]).map(|what| format!("error, {what}")));
    }
    let [error, _] = said;
    let written = [0, 1].map(|at: usize| files(&sides[at].world, &after[at], &before[at]));
    let all: BTreeSet<&String> = written.iter().flatten().map(|(name, _)| name).collect();
    for name in &all {
        let of = |at: usize| written[at].iter().find(|(other, _)| other == *name).map(|(_, bytes)| bytes);
        let difference = match (of(0), of(1)) {
            (Some(old), Some(new)) => difference::of_files(name, old, new),
            (Some(_), None) => Some("only the old binary writes it".to_owned()),
            (None, _) => Some("only the new binary writes it".to_owned()),
        };
        differences.extend(difference.map(|what| format!("{name}: {what}")));
    }
    Ok(Found { codes, error, files: all.len(), differences })
}

/// The files that were written, by names without dates; removed ones are empty.
fn files(world: &Path, after: &Snapshot, before: &Snapshot) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for (index, path) in after.changed_since(before).enumerate() {
        let bytes = fs::read(world.join(path)).unwrap_or_default();
        let name = match path.split_once("events.out.tfevents.") {
            Some((folder, _)) => format!("{folder}tfevents of file {index}"),
            None => path.to_owned(),
        };
        found.push((name, bytes));
    }
    found
}

/// The error of a command that failed, without what it said on the way.
fn error(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.iter().rposition(|line| line.starts_with("error")).unwrap_or(0);
    lines[from..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options = Options::parse(&["a", "--work", "w", "b", "--only", "sample"]).unwrap();
        assert_eq!(options.binaries, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!((options.work, options.only.as_deref()), (PathBuf::from("w"), Some("sample")));
        assert!(Options::parse(&["a"]).is_err() && Options::parse(&["a", "b", "--fast"]).is_err());
    }

    #[test]
    fn inputs_are_written_whole() {
        let world = std::env::temp_dir().join(format!("langevin-xtask-inputs-{}", std::process::id()));
        inputs::write(&world).unwrap();
        pipeline::write(&crate::workspace::root(), &world).unwrap();
        for name in [
            "rgb16.png",
            "photos/b/11.png",
            "sd/unet/config.json",
            "sd-hole/model_index.json",
            "ink.safetensors",
        ] {
            assert!(world.join(name).exists(), "{name}");
        }
        fs::remove_dir_all(&world).unwrap();
    }
}
