//! `cargo xtask kill-test`: a tiny training is killed at random times and started again with the same command, over and
//! over. After every kill the run folder must be loadable and no finished checkpoint may be lost; whenever a training
//! reaches its end, model and metrics must be, byte for byte, those of a training that was never killed. Then every command that
//! writes is ended at every change of the disk ([`crate::faults`]), and pairs of commands meet on one target ([`crate::pairs`]).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stamp;

/// The training that is killed: a few thousand weights, a checkpoint every few steps.
const TRAIN: &[&str] = &["train", "builtin:shapes", "--preset", "tiny", "--seed", "7", "--threads", "2"];
/// What must come out the same however often it was killed.
const RESULTS: &[&str] = &["model.safetensors", "metrics.jsonl"];
/// A life lasts at most this part of an undisturbed training, so that each training dies several times.
const LONGEST_LIFE: f64 = 0.25;
/// What `inspect` says of a run that died before its first checkpoint; anything else is an unloadable state.
const NO_CHECKPOINT: &str = "no checkpoint yet";
const KILLS: u64 = 620;
const SEED: u64 = 1;

/// Runs the test.
///
/// # Errors
/// When a state was not loadable, a checkpoint was lost or a result differs; the run folder is then kept and named.
pub fn run(root: &Path, args: &[&str]) -> Result<(), String> {
    let options = Options::parse(args)?;
    crate::workspace::cargo(&["build", "--release", "-p", "langevin-cli", "--locked"], &[])?;
    let folder = std::env::temp_dir().join(format!("langevin-kill-test-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let kept = |error: String| format!("{error}\nkept: {}", folder.display());
    let mut test = Test { binary: binary(root), folder: folder.clone(), random: SplitMix(options.seed) };
    let report = match options.kills {
        0 => String::new(),
        kills => test.run(kills).map_err(kept)?,
    };
    println!("{report}");
    let table = crate::faults::run(&binary(root), &folder, options.only.as_deref()).map_err(kept)?;
    println!("{table}");
    let pairs = match options.only {
        None => {
            crate::pairs::table(&binary(root), &folder.join("pairs"), crate::pairs::EACH).map_err(kept)?
        }
        Some(_) => String::new(),
    };
    println!("{pairs}");
    fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    if options.record { record(root, &options, &report, [&table, &pairs]) } else { Ok(()) }
}

struct Options {
    kills: u64,
    seed: u64,
    /// Of the commands that are ended at every change only those whose name has this part.
    only: Option<String>,
    record: bool,
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self, String> {
        let mut options = Self { kills: KILLS, seed: SEED, only: None, record: false };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let mut word = || rest.next().ok_or(format!("{arg} needs a value"));
            let number = |text: &str| text.parse().map_err(|_| format!("{arg} {text}: not a number"));
            match *arg {
                "--kills" => options.kills = number(word()?)?,
                "--seed" => options.seed = number(word()?)?,
                "--only" => options.only = Some((*word()?).to_owned()),
                "--record" => options.record = true,
                _ => return Err(format!("kill-test has no option {arg:?}")),
            }
        }
        Ok(options)
    }
}

struct Test {
    binary: PathBuf,
    folder: PathBuf,
    random: SplitMix,
}

/// How one life of the training ended.
enum End {
    Killed,
    Finished,
}

impl Test {
    fn run(&mut self, kills: u64) -> Result<String, String> {
        let undisturbed = self.folder.join("undisturbed");
        let start = Instant::now();
        self.live(&undisturbed, None)?;
        let length = start.elapsed();
        println!("an undisturbed training takes {:.1} s", length.as_secs_f64());
        let (mut killed, mut finished, mut unsaved) = (0, 0, 0);
        let started = Instant::now();
        while killed < kills || finished == 0 {
            let run = self.folder.join(format!("training-{finished:03}"));
            let mut saved = None;
            loop {
                let life = (killed < kills).then(|| length.mul_f64(self.random.next() * LONGEST_LIFE));
                match self.live(&run, life)? {
                    End::Finished => break,
                    End::Killed => killed += 1,
                }
                saved = self.inspect(&run, saved)?;
                unsaved += u64::from(saved.is_none());
                if killed % 20 == 0 {
                    println!("{killed} kills, {finished} trainings finished");
                }
            }
            same_results(&run, &undisturbed)?;
            finished += 1;
            fs::remove_dir_all(&run).map_err(|error| format!("{}: {error}", run.display()))?;
        }
        Ok(format!(
            "{killed} kills in {:.0} s ({unsaved} before the first checkpoint), {finished} trainings finished: \
             0 unloadable states, 0 lost checkpoints, {} equal to the byte every time",
            started.elapsed().as_secs_f64(),
            RESULTS.join(" and ")
        ))
    }

    /// Starts the training and kills it after `life`, or lets it finish.
    fn live(&self, run: &Path, life: Option<Duration>) -> Result<End, String> {
        let log_path = self.folder.join("stderr.txt");
        let log = File::create(&log_path).map_err(|error| format!("{}: {error}", log_path.display()))?;
        let mut command = Command::new(&self.binary);
        command.args(TRAIN).arg("--out").arg(run).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", self.binary.display()))?;
        let finished =
            wait(&mut child, life).map_err(|error| format!("waiting for the training: {error}"))?;
        match finished {
            None => Ok(End::Killed),
            Some(true) => Ok(End::Finished),
            Some(false) => {
                let said = fs::read_to_string(&log_path).unwrap_or_default();
                Err(format!("the training failed by itself:\n{}", said.trim_end()))
            }
        }
    }

    /// Checks that what a kill left is loadable; gives the images seen at its newest checkpoint.
    fn inspect(&self, run: &Path, before: Option<u64>) -> Result<Option<u64>, String> {
        let model = run.join("model.safetensors");
        if model.exists() {
            self.inspect_path(&model)?
                .map_err(|said| format!("{} is unloadable: {said}", model.display()))?;
        }
        if !run.exists() {
            return Ok(None);
        }
        match (self.inspect_path(run)?, before) {
            (Ok(json), _) => {
                let images = images_seen(&json).ok_or(format!("inspect gives no images seen: {json}"))?;
                match before.filter(|before| images < *before) {
                    Some(before) => Err(format!("went back from {before} to {images} images")),
                    None => Ok(Some(images)),
                }
            }
            (Err(said), None) if said.contains(NO_CHECKPOINT) => Ok(None),
            (Err(said), _) => Err(format!("the run is unloadable: {said}")),
        }
    }

    /// `langevin inspect PATH --json`: what it printed, or what it complained about.
    fn inspect_path(&self, path: &Path) -> Result<Result<serde_json::Value, String>, String> {
        let output = Command::new(&self.binary).arg("inspect").arg(path).arg("--json").output();
        let output = output.map_err(|error| format!("{}: {error}", self.binary.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !output.status.success() {
            return Ok(Err(text(&output.stderr)));
        }
        let json = serde_json::from_slice(&output.stdout);
        json.map(Ok).map_err(|error| format!("inspect printed no JSON: {error}: {}", text(&output.stdout)))
    }
}

/// Waits for the end of `child` (giving whether it succeeded), or kills it after `life`.
fn wait(child: &mut Child, life: Option<Duration>) -> std::io::Result<Option<bool>> {
    let Some(life) = life else { return Ok(Some(child.wait()?.success())) };
    let start = Instant::now();
    while start.elapsed() < life {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        std::thread::sleep(Duration::from_millis(1).min(life.saturating_sub(start.elapsed())));
    }
    // On Unix this is SIGKILL, which no handler sees.
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn images_seen(json: &serde_json::Value) -> Option<u64> {
    ["images_seen", "images"].iter().find_map(|key| json.get(key)?.as_u64())
}

fn same_results(run: &Path, undisturbed: &Path) -> Result<(), String> {
    for name in RESULTS {
        let read = |folder: &Path| {
            let path = folder.join(name);
            fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        if read(run)? != read(undisturbed)? {
            return Err(format!("{name} differs from that of the training that was never killed"));
        }
    }
    Ok(())
}

fn binary(root: &Path) -> PathBuf {
    crate::workspace::binary(root)
}

fn record(root: &Path, options: &Options, report: &str, [table, pairs]: [&str; 2]) -> Result<(), String> {
    let text = format!(
        "# Kill test\n\n`cargo xtask kill-test --kills {} --seed {} --record`, {}, at commit {}:\n\n{report}.\n\n\
         The training is `langevin {}`. It is ended with SIGKILL at random times and started again with the same\n\
         command. After every kill `langevin inspect RUN` and `langevin inspect RUN/model.safetensors` must succeed\n\
         and the newest checkpoint may not be older than before.\n\n\
         ## At every change of the disk\n\n{table}\n\
         A change is a file or folder created, a write, a flush, a rename, an exchange or a removal. The command is ended by SIGKILL\n\
         there (in the middle of a write), or the change fails, as all that need room do after it where the disk is full. Then what\n\
         was there is there, or what the command makes of it; an error is one, has the system's reason and what to do, and speaks of no\n\
         hidden name. The same command again (with --force where a part of its results is there) ends with the files of one that nothing\n\
         disturbed, and nothing else lies there.\n\n\
         ## Two commands at once\n\n{pairs}\n\
         Two of a command are started at once on one target. Where the target is one, one of them is refused before its work.\n",
        options.kills,
        options.seed,
        stamp::date(root),
        stamp::commit(root),
        TRAIN.join(" "),
    );
    let path = root.join("docs/kill-test.md");
    fs::create_dir_all(root.join("docs")).map_err(|error| format!("docs: {error}"))?;
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// SplitMix64 (Steele, Lea and Flood 2014): enough to choose moments to kill at, the same ones for the same seed.
struct SplitMix(u64);

impl SplitMix {
    /// A number in [0, 1).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A stand-in for the binary: counts to five in its run folder, one line a saved step, whatever kills it.
    const HONEST: &str = r#"#!/bin/sh
if [ "$1" = inspect ]; then
  [ -f "$2" ] && { echo '{}'; exit 0; }
  [ -f "$2/n" ] || { echo "no checkpoint yet" >&2; exit 1; }
  echo "{\"images_seen\": $(cat "$2/n")}"; exit 0
fi
for run; do :; done
mkdir -p "$run"; n=$(cat "$run/n" 2>/dev/null || echo 0)
while [ "$n" -lt 5 ]; do sleep 0.01; n=$((n + 1)); echo $n > "$run/next"; mv "$run/next" "$run/n"; done
echo done > "$run/metrics.jsonl"; cp "$run/metrics.jsonl" "$run/model.safetensors"
"#;

    /// What `check` says of a test whose binary is `script`.
    fn with<T>(script: &str, check: impl FnOnce(&mut Test) -> T) -> T {
        let folder = std::env::temp_dir().join(format!("langevin-xtask-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let binary = folder.join("langevin");
        fs::write(&binary, script).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        let result = check(&mut Test { binary, folder: folder.clone(), random: SplitMix(1) });
        fs::remove_dir_all(&folder).unwrap();
        result
    }

    // One test, because a script that is being written while another thread starts a process counts as busy. When the
    // kills fall does not matter to what it expects.
    #[test]
    fn an_honest_training_passes_and_others_are_caught() {
        let report = with(HONEST, |test| test.run(5)).unwrap();
        assert!(report.starts_with("5 kills"), "{report}");
        let error = with(&HONEST.replace("echo done >", "echo done $$ >"), |test| test.run(5)).unwrap_err();
        assert!(error.contains("differs"), "{error}");
        let failing = HONEST.replace("mkdir -p", "echo 'disk full' >&2; exit 1; mkdir");
        let error = with(&failing, |test| test.run(5)).unwrap_err();
        assert!(error.contains("disk full"), "{error}");
        let after = |n: Option<&str>, before| {
            with(HONEST, |test| {
                let run = test.folder.join("run");
                fs::create_dir_all(&run).unwrap();
                if let Some(n) = n {
                    fs::write(run.join("n"), n).unwrap();
                }
                test.inspect(&run, before)
            })
        };
        assert_eq!(after(None, None), Ok(None));
        assert_eq!(after(Some("4"), Some(3)), Ok(Some(4)));
        assert!(after(Some("2"), Some(3)).unwrap_err().contains("went back from 3 to 2"));
        assert!(after(None, Some(3)).unwrap_err().contains("unloadable"));
        assert!(after(Some("x"), None).unwrap_err().contains("no JSON"));
    }

    #[test]
    fn options_are_read() {
        let options = Options::parse(&["--kills", "3", "--record"]).unwrap();
        assert!(options.kills == 3 && options.seed == SEED && options.record);
        assert!(Options::parse(&["--kill"]).is_err() && Options::parse(&["--kills", "x"]).is_err());
    }
}
