//! A program that answers requests, one line of JSON for each line; and the Python environment of one of them.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::median::median;

/// Before each turn.
const REST: Duration = Duration::from_millis(300);
/// Requests of one turn at least.
const IN_A_ROW: usize = 3;
/// Seconds of one turn at least.
const LEAST: f64 = 0.4;

/// What PyTorch's side needs, with the versions of `references/requirements.txt`.
const PACKAGES: &[&str] = &["torch", "diffusers", "safetensors", "numpy"];

/// A running side.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a program that will use `threads` threads.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path, args: &[String], threads: usize) -> Result<Self, String> {
        let mut command = Command::new(program);
        let threads = threads.to_string();
        command.args(args).envs([("BENCH_THREADS", &threads), ("OMP_NUM_THREADS", &threads)]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, input, output })
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// When the program ended, answered with an error or not with JSON.
    pub fn ask(&mut self, request: &str) -> Result<Value, String> {
        let fault = |what: &dyn std::fmt::Display| format!("{request}: {what}");
        writeln!(self.input, "{request}").map_err(|error| fault(&error))?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| fault(&error))?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|_| fault(&format!("no answer but {line:?}")))?;
        match answer["error"].as_str() {
            Some(error) => Err(fault(&error)),
            None => Ok(answer),
        }
    }

    /// The median seconds of some requests in a row, as sampling and training make them, after a rest: threads of the other
    /// side may still be spinning, and the first request finds the other side's data in the caches.
    ///
    /// # Errors
    /// As [`Peer::ask`].
    pub fn turn(&mut self, request: &str) -> Result<f64, String> {
        std::thread::sleep(REST);
        let mut times = Vec::new();
        while times.len() < IN_A_ROW || times.iter().sum::<f64>() < LEAST {
            times.push(self.seconds(request)?);
        }
        Ok(median(&times))
    }

    fn seconds(&mut self, request: &str) -> Result<f64, String> {
        self.ask(request)?["seconds"].as_f64().ok_or(format!("{request}: no seconds in the answer"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Python with PyTorch and diffusers: that of `LANGEVIN_BENCH_PYTHON`, or an environment of our own beside the build,
/// made the first time (about 6 GB).
///
/// # Errors
/// When it cannot be made.
pub fn python(root: &Path) -> Result<PathBuf, String> {
    if let Some(python) = std::env::var_os("LANGEVIN_BENCH_PYTHON") {
        return Ok(python.into());
    }
    let environment = crate::workspace::target(root).join("bench-venv");
    let python = environment.join("bin/python");
    let works = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-c", "import torch, diffusers, safetensors"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if works(&python) {
        return Ok(python);
    }
    let list = root.join("references/requirements.txt");
    let text = std::fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let wanted =
        text.lines().filter(|line| PACKAGES.iter().any(|name| line.starts_with(&format!("{name}=="))));
    let run = |command: &mut Command| match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    };
    eprintln!("making {} with PyTorch and diffusers", environment.display());
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(wanted))?;
    Ok(python)
}
