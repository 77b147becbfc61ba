//! `langevin ema`: an average of the weights of any width, after training.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::core::spelled;
use langevin::training::post_hoc_ema::{self, EmaOutcome, EmaRequest};

use crate::headings::{COMMON, OUTPUT};
use crate::outputs;
use crate::shell::Shell;

/// The arguments of `ema`.
#[derive(Args)]
#[command(
    after_help = "A run that was trained with --set train.ema_snapshots=N has what this needs. The width is the deviation of the average's profile as a part of the training so far; which one is best differs from run to run, and can be tried here.

Examples:
  langevin train mnist/ --set train.ema_snapshots=8192 --out runs/mnist
  langevin ema runs/mnist --width 0.08
  langevin ema runs/mnist --width 0.15 --at 65536 -o early.safetensors"
)]
pub struct Ema {
    /// A run folder.
    run: PathBuf,
    /// Relative width of the average, more than 0 and up to 0.28.
    #[arg(long)]
    width: f64,
    /// Images seen at its end [default: the last snapshot].
    #[arg(long, value_name = "IMAGES")]
    at: Option<u64>,
    /// The file to write [default: ema-WIDTH.safetensors in the run folder].
    #[arg(short, long = "out", alias = "output", value_name = "FILE", help_heading = OUTPUT)]
    output: Option<PathBuf>,
    /// Store the weights in 16 bits.
    #[arg(long, help_heading = OUTPUT)]
    half: bool,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
    /// Refuse weights that are not finite, or become so in 16 bits.
    #[arg(long)]
    strict: bool,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Ema {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let Self { run, width, at, output, half, force, strict, json } = self;
        let request = EmaRequest { run, width, at, output, half, strict };
        let made = shell.run(force, |context| post_hoc_ema::run(&request, context))?;
        let EmaOutcome { output, images, snapshots, error } = made;
        shell.say(&format!(
            "average of width {width} after {images} images, of {snapshots} snapshots; its profile is met to {:.2}%",
            100.0 * error
        ));
        if json {
            return outputs::result(
                &serde_json::json!({
                    "output": spelled(&output), "width": width, "images": images, "snapshots": snapshots,
                    "profile_error": error,
                })
                .to_string(),
            );
        }
        outputs::path(&output)
    }
}
