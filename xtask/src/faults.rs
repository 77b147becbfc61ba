//! A part of `cargo xtask kill-test`: every command that writes is ended at every change that it makes to the disk, and once more
//! with the disk full and once with it broken there. What was there before must be there, or what the command makes; after the same
//! command again everything must be as if nothing had happened, with nothing left lying.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The variable by which the program asks what is to go wrong (`crates/files/src/fault.rs`).
const FAULT: &str = "LANGEVIN_FAULT";
const SMALL: &str = "--preset tiny --size 16 --seed 1 --set network.patch=1 --set network.channels=[4,8] --set train.validation_images=0 --threads 1 -q";

/// A command that writes.
struct Case {
    name: &'static str,
    /// What is done before, once.
    before: &'static [&'static str],
    words: &'static str,
    /// Whether files are there that it replaces, so that every one of them is either old or new.
    whole: bool,
    /// A run that must stay loadable.
    run: Option<&'static str>,
    /// Files whose bytes differ from run to run.
    differ: &'static [&'static str],
}

const TRAINED: &str = "train builtin:shapes SMALL --images 32 --set train.ema_snapshots=16 --out run";

const CASES: &[Case] = &[
    Case {
        name: "train, from the beginning",
        before: &[],
        words: "train builtin:shapes SMALL --images 96 --set sample.steps=2 --set train.checkpoint_every=32 --set train.sample_every=64 --set train.ema_snapshots=32 --out run",
        whole: false,
        run: Some("run"),
        differ: &["log.jsonl", "checkpoints/", "events/"],
    },
    Case {
        name: "train, going on",
        before: &["train builtin:shapes SMALL --images 32 --out run"],
        words: "train builtin:shapes SMALL --images 64 --out run",
        whole: false,
        run: Some("run"),
        differ: &["log.jsonl", "checkpoints/", "events/"],
    },
    Case {
        name: "distill",
        before: &["train builtin:shapes SMALL --images 32 --out run"],
        words: "distill run builtin:shapes --steps 2 --from 4 --images 32 --set train.validation_images=0 --seed 1 --threads 1 -q --out student",
        whole: false,
        run: Some("student"),
        differ: &["log.jsonl", "checkpoints/", "events/"],
    },
    Case {
        name: "bench-samplers",
        before: &[TRAINED],
        words: "bench-samplers run --nfe 2 --samplers ddim,euler -n 2 --reference-steps 2 --threads 1 -q -o table",
        whole: false,
        run: Some("run"),
        differ: &["table/", "log.jsonl"],
    },
    Case {
        name: "ema",
        before: &[TRAINED],
        words: "ema run --width 0.1 -q",
        whole: true,
        run: Some("run"),
        differ: &[],
    },
    Case {
        name: "convert, to a file",
        before: &[TRAINED],
        words: "convert run m.safetensors -q",
        whole: true,
        run: Some("run"),
        differ: &[],
    },
    Case {
        name: "convert, to a folder",
        before: &[TRAINED],
        words: "convert run new/folder -q",
        whole: true,
        run: Some("run"),
        differ: &[],
    },
    Case {
        name: "convert, in place of a folder",
        before: &[TRAINED, "convert run folder -q"],
        words: "convert run folder --pipeline ddim --force -q",
        whole: true,
        run: Some("folder"),
        differ: &[],
    },
    Case {
        name: "sample, into a fresh folder",
        before: &[],
        words: "sample builtin:mnist -n 3 --steps 1 --seed 1 --threads 1 -q",
        whole: true,
        run: None,
        differ: &[],
    },
    Case {
        name: "sample, with sheets",
        before: &[],
        words: "sample builtin:mnist -n 4 --steps 1 --seed 1 --threads 1 -q -o a/b --grid grid.png --trajectory film.gif",
        whole: true,
        run: None,
        differ: &[],
    },
    Case {
        name: "sample, in place of images",
        before: &["sample builtin:mnist -n 4 --steps 1 --seed 2 --threads 1 -q -o a"],
        words: "sample builtin:mnist -n 4 --steps 1 --seed 1 --threads 1 -q -o a --force",
        whole: true,
        run: None,
        differ: &[],
    },
    Case {
        name: "denoise",
        before: &["sample builtin:mnist -n 2 --steps 1 --seed 2 --threads 1 -q -o in"],
        words: "denoise builtin:photo-gray in/0000.png in/0001.png --sigma 25 --samples 2 --steps 1 --threads 1 -q -o out",
        whole: true,
        run: None,
        differ: &[],
    },
];

/// The files below a folder, with their bytes.
type Files = BTreeMap<String, Vec<u8>>;

/// What was counted of one command.
#[derive(Default)]
struct Counts {
    changes: usize,
    kills: usize,
    full: usize,
    broken: usize,
}

/// Ends every command at every change, and gives the table of what was done.
///
/// # Errors
/// The first state that is wrong; its folder is kept and named.
pub fn run(binary: &Path, folder: &Path, only: Option<&str>) -> Result<String, String> {
    let mut table = String::from(
        "| command | changes of the disk | killed there | disk full from there on | input/output error there |\n|---|---|---|---|---|\n",
    );
    let mut all = Counts::default();
    for case in CASES.iter().filter(|case| only.is_none_or(|part| case.name.contains(part))) {
        let test = Test { binary, case, folder: folder.join("world"), kept: folder.join("before") };
        let counts = test.run().map_err(|error| format!("{}: {error}", case.name))?;
        println!("{}: {} changes, {} kills", case.name, counts.changes, counts.kills);
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} |",
            case.name, counts.changes, counts.kills, counts.full, counts.broken
        );
        all.changes += counts.changes;
        all.kills += counts.kills;
        all.full += counts.full;
        all.broken += counts.broken;
    }
    let _ = writeln!(table, "| all | {} | {} | {} | {} |", all.changes, all.kills, all.full, all.broken);
    Ok(table)
}

struct Test<'a> {
    binary: &'a Path,
    case: &'a Case,
    /// Where the command runs.
    folder: PathBuf,
    /// What is there before it.
    kept: PathBuf,
}

impl Test<'_> {
    fn run(&self) -> Result<Counts, String> {
        let _ = fs::remove_dir_all(&self.kept);
        fs::create_dir_all(&self.kept).map_err(|error| error.to_string())?;
        for words in self.case.before {
            self.must(&self.kept, words)?;
        }
        let before = files(&self.kept);
        self.begin();
        let log = self.folder.with_extension("log");
        let _ = fs::remove_file(&log);
        self.command(&self.folder, self.case.words, Some(&format!("log:{}", log.display())))?;
        let after = files(&self.folder);
        check_clean(&after)?;
        let log = fs::read_to_string(&log).map_err(|error| format!("no change was logged: {error}"))?;
        let changes = log.lines().count();
        let mut counts = Counts { changes, ..Counts::default() };
        for at in 1..=changes {
            let within = |error: String| {
                format!(
                    "change {at} ({}): {error}\nkept: {}",
                    log.lines().nth(at - 1).unwrap_or_default(),
                    self.folder.display()
                )
            };
            counts.kills += usize::from(
                self.killed(at, &before, &after).map_err(|error| within(format!("killed: {error}")))?,
            );
            for (what, count) in [("ENOSPC", &mut counts.full), ("EIO", &mut counts.broken)] {
                self.failing(what, at, &before, &after)
                    .map_err(|error| within(format!("{what}: {error}")))?;
                *count += 1;
            }
        }
        Ok(counts)
    }

    /// Whether the command was killed at the change `at`, and all was well before and after it ran again.
    fn killed(&self, at: usize, before: &Files, after: &Files) -> Result<bool, String> {
        self.begin();
        let output = self.command(&self.folder, self.case.words, Some(&format!("kill:{at}")))?;
        let killed = output.status.code().is_none();
        self.check_kept(before, after)?;
        self.again(after)?;
        Ok(killed)
    }

    /// The command ends well or with one error that says what to do, and leaves nothing lying by itself.
    fn failing(&self, what: &str, at: usize, before: &Files, after: &Files) -> Result<(), String> {
        self.begin();
        let output = self.command(&self.folder, self.case.words, Some(&format!("{what}:{at}")))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        if !matches!(code, Some(0..=2)) {
            return Err(format!("ended with {code:?}: {said}"));
        }
        let hidden = [".part", ".staged", ".old"].iter().find(|part| said.contains(*part));
        if let Some(part) = hidden {
            return Err(format!("speaks of {part}: {said}"));
        }
        if code != Some(0) {
            if said.lines().filter(|line| line.starts_with("error: ")).count() != 1 || !said.contains('(') {
                return Err(format!("no error with a hint: {said:?}"));
            }
            let reason = if what == "EIO" { "nput/output" } else { "o space left" };
            if !said.contains(reason) {
                return Err(format!("does not say {reason}: {said}"));
            }
        }
        self.check_kept(before, after)?;
        self.again(after)
    }

    /// Runs the command again until it ends well, and compares what is there then.
    fn again(&self, after: &Files) -> Result<(), String> {
        let words = self.case.words;
        let mut output = self.command(&self.folder, words, None)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let taken = said.contains("exists already") || said.contains("is there already");
        if !output.status.success() && taken {
            output = self.command(&self.folder, &format!("{words} --force"), None)?;
        }
        if !output.status.success() {
            return Err(format!("again: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let now = files(&self.folder);
        check_clean(&now)?;
        // A fresh folder with a part of the results may be there beside.
        let fresh = |name: &str| name.starts_with("samples-");
        let names = |files: &Files| -> Vec<String> {
            files.keys().filter(|name| !name.contains("events/") && !fresh(name)).cloned().collect()
        };
        if names(&now) != names(after) {
            return Err(format!("other files in the end: {:?}, not {:?}", names(&now), names(after)));
        }
        for (name, bytes) in after {
            if self.case.differ.iter().any(|part| name.contains(part)) {
                continue;
            }
            let file = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
            let same = |(other, found): (&String, &Vec<u8>)| {
                (other == name || fresh(name) && fresh(other) && other.ends_with(&file)) && found == bytes
            };
            if !now.iter().any(same) {
                return Err(format!("{name} differs in the end"));
            }
        }
        Ok(())
    }

    /// Everything that was there is there, or what the command makes of it.
    fn check_kept(&self, before: &Files, after: &Files) -> Result<(), String> {
        let now = files(&self.folder);
        if self.case.whole {
            for (name, bytes) in before {
                let found = now.get(name);
                if found != Some(bytes) && (found.is_none() || found != after.get(name)) {
                    return Err(format!("{name} is neither old nor new"));
                }
            }
            // A folder that is empty yet is no result.
            let is_new = |name: &str| !before.contains_key(name) && !is_hidden(name) && !name.ends_with('/');
            for (name, bytes) in now.iter().filter(|(name, _)| is_new(name)) {
                let known =
                    after.get(name) == Some(bytes) || self.case.differ.iter().any(|part| name.contains(part));
                if !known && !name.starts_with("samples-") {
                    return Err(format!("{name} is not whole"));
                }
            }
        }
        let Some(run) = self.case.run.filter(|run| self.folder.join(run).exists()) else { return Ok(()) };
        let begun = before.keys().any(|name| name.starts_with(&format!("{run}/")));
        let output = self.command(&self.folder, &format!("inspect {run} --json"), None)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success()
            && (begun || !["no checkpoint yet", "no image"].iter().any(|part| said.contains(part)))
        {
            return Err(format!("{run} is unloadable: {said}"));
        }
        let model = format!("{run}/model.safetensors");
        if self.folder.join(&model).exists() {
            let output = self.command(&self.folder, &format!("inspect {model} --json"), None)?;
            if !output.status.success() {
                return Err(format!("{model} is unloadable: {}", String::from_utf8_lossy(&output.stderr)));
            }
        }
        Ok(())
    }

    /// Puts back what is there before.
    fn begin(&self) {
        let _ = fs::remove_dir_all(&self.folder);
        copy(&self.kept, &self.folder);
    }

    fn must(&self, folder: &Path, words: &str) -> Result<(), String> {
        let output = self.command(folder, words, None)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("{words}: {}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    fn command(&self, folder: &Path, words: &str, fault: Option<&str>) -> Result<Output, String> {
        let words = words.replace("SMALL", SMALL);
        let mut command = Command::new(self.binary);
        command.args(words.split_whitespace()).current_dir(folder);
        if let Some(fault) = fault {
            command.env(FAULT, fault);
        }
        command.output().map_err(|error| format!("{}: {error}", self.binary.display()))
    }
}

fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') && part != ".lock")
}

/// Nothing hidden lies there, but for the lock of a run.
fn check_clean(files: &Files) -> Result<(), String> {
    match files.keys().find(|name| is_hidden(name)) {
        None => Ok(()),
        Some(name) => Err(format!("{name} is left lying")),
    }
}

/// The files and empty folders below `folder`.
fn files(folder: &Path) -> Files {
    fn walk(folder: &Path, name: &str, found: &mut Files) {
        let entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        if entries.is_empty() && !name.is_empty() {
            found.insert(format!("{name}/"), Vec::new());
        }
        for entry in entries {
            let own = entry.file_name().to_string_lossy().into_owned();
            let name = if name.is_empty() { own } else { format!("{name}/{own}") };
            match entry.path().is_dir() {
                true => walk(&entry.path(), &name, found),
                false => {
                    found.insert(name, fs::read(entry.path()).unwrap_or_default());
                }
            }
        }
    }
    let mut found = Files::new();
    walk(folder, "", &mut found);
    found
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::create_dir_all(to);
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => {
                let _ = fs::copy(entry.path(), target);
            }
        }
    }
}
