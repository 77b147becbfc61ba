//! A temporary folder to run the binary in, what it said there, and models that are trained once for all tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use langevin::{Image, figures::png};
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_langevin");
/// Longest wait for something that should happen within a second or two, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder of its own, in which commands run.
pub struct World {
    folder: TempDir,
}

impl World {
    /// An empty one.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The path of `name` in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `bytes` to the file `name`.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The bytes of the file `name`.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Every file and folder below, by its path from here.
    pub fn contents(&self) -> BTreeSet<PathBuf> {
        fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                found.insert(path.strip_prefix(root).unwrap().to_owned());
                if path.is_dir() {
                    walk(&path, root, found);
                }
            }
        }
        let mut found = BTreeSet::new();
        walk(self.folder.path(), self.folder.path(), &mut found);
        found
    }

    /// Runs `langevin WORDS` to its end.
    pub fn run(&self, words: &str) -> Ran {
        self.run_words(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// As [`World::run`], of words that may have spaces in them.
    pub fn run_words(&self, words: &[&str]) -> Ran {
        let mut command = Command::new(BINARY);
        let output =
            command.args(words).current_dir(self.folder.path()).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let said = Ran {
            words: words.join(" "),
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        assert!(!said.err.contains("panicked"), "{said:?}");
        said
    }

    /// Starts `langevin WORDS` and leaves it running, with the signals that a terminal gives it even where these tests run under
    /// `nohup`.
    pub fn start(&self, words: &str) -> Running {
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP", BINARY]).args(words.split_whitespace());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Running { words: words.to_owned(), child: Some(command.unwrap()) }
    }

    /// Waits until the file `name` has `lines` lines.
    pub fn wait_for_lines(&self, name: &str, lines: usize) {
        let count =
            || std::fs::read(self.path(name)).unwrap_or_default().iter().filter(|b| **b == b'\n').count();
        wait(&format!("{name} to have {lines} lines"), || count() >= lines);
    }

    /// Waits until there is a file or folder called `name`.
    pub fn wait_for(&self, name: &str) {
        wait(name, || self.path(name).exists());
    }
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A command that is running; it is ended when this goes.
pub struct Running {
    words: String,
    child: Option<Child>,
}

impl Running {
    /// Sends the signal called `name`, for instance `TERM`, and waits for the end.
    pub fn signal(mut self, name: &str) -> Ran {
        let child = self.child.take().unwrap();
        let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status();
        assert!(sent.unwrap().success());
        self.ended(child)
    }

    /// Waits for the end.
    pub fn end(mut self) -> Ran {
        let child = self.child.take().unwrap();
        self.ended(child)
    }

    fn ended(&self, child: Child) -> Ran {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran {
            words: self.words.clone(),
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ran {
    words: String,
    /// Its exit code; none after a signal that it did not handle.
    pub code: Option<i32>,
    /// stdout.
    pub out: String,
    /// stderr.
    pub err: String,
}

impl Ran {
    /// Checks that it succeeded.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Checks that it ended with `code`, nothing on stdout, and one error on stderr that contains every one of `parts`.
    pub fn refused(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.out, "", "{}", self.words);
        let errors = self.err.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "{self:?}");
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is missing: {self:?}");
        }
        self
    }

    /// The lines of stdout.
    pub fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    /// stdout as the one JSON object it must be.
    pub fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        let value: Value =
            serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert!(value.is_object(), "{self:?}");
        value
    }
}

/// An image of `channels` channels whose pixels depend on `seed`, as PNG.
pub fn image(width: usize, height: usize, channels: usize, seed: usize) -> Vec<u8> {
    let value = |index: usize| ((index * 37 + seed * 101) % 251) as u8;
    let pixels = (0..width * height * channels).map(value).collect();
    png::encode(&Image::from_u8(width, height, channels, pixels), &[]).unwrap()
}

/// A finished training of the preset `tiny` without classes.
pub fn plain_run() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| trained("plain", ""))
}

/// A finished training of the preset `tiny` with classes.
pub fn classed_run() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| trained("classed", "--class-conditional"))
}

/// The same place each time, so that what nobody removes at the end does not pile up.
fn trained(name: &str, flags: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("command-line-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    let run = folder.display().to_string();
    let words = format!("train builtin:shapes --preset tiny --images 256 --seed 7 {flags} --out {run}");
    World::new().run(&words).ok();
    run
}
