//! From the start of a program to sixteen images on disk: what a user waits for.

use std::process::Command;
use std::time::Instant;

use super::median::median;
use super::sides::{Sides, THREADS};

const RUNS: usize = 3;

/// Seconds of each side.
pub struct Cold {
    ours: f64,
    theirs: f64,
}

impl Cold {
    /// The result in a sentence.
    pub fn sentence(&self) -> String {
        format!(
            "Cold start to 16 images (`mnist`, DDIM, 50 steps, fresh processes, median of {RUNS}): ours {:.2} s, diffusers \
             {:.2} s: **{:.1} times as fast**.",
            self.ours,
            self.theirs,
            self.theirs / self.ours
        )
    }
}

/// Times both sides on the same weights, as a pipeline folder for diffusers and a model file for `langevin sample`.
///
/// # Errors
/// When one of them fails.
pub fn compare(sides: &Sides) -> Result<Cold, String> {
    let folder = sides.folder.display();
    let mut theirs = sides.theirs()?;
    theirs.ask(&format!("build mnist {folder}"))?;
    theirs.ask(&format!("pipeline mnist {folder}/pipeline"))?;
    let mut ours = sides.ours()?;
    ours.ask(&format!("load mnist {folder}/mnist.safetensors"))?;
    ours.ask(&format!("model mnist {folder}/model.safetensors"))?;
    drop((theirs, ours));
    let threads = THREADS.to_string();
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let mut command = Command::new(crate::workspace::target(&sides.root).join("release/langevin"));
        command.args(["sample", &format!("{folder}/model.safetensors"), "-n", "16", "--steps", "50"]);
        command.args([
            "--sampler",
            "ddim",
            "--threads",
            &threads,
            "-q",
            "-o",
            &format!("{folder}/ours-{run}/"),
        ]);
        our_times.push(seconds(command)?);
        let mut command = Command::new(&sides.python);
        command.arg(sides.root.join("references/bench/cold.py"));
        command.args([format!("{folder}/pipeline"), format!("{folder}/theirs-{run}")]);
        command.env("OMP_NUM_THREADS", &threads);
        their_times.push(seconds(command)?);
    }
    Ok(Cold { ours: median(&our_times), theirs: median(&their_times) })
}

fn seconds(mut command: Command) -> Result<f64, String> {
    let start = Instant::now();
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(start.elapsed().as_secs_f64())
}
