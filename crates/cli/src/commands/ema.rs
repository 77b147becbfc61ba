//! `langevin ema`: an average of the weights of any width, after training.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::files::write_file;
use langevin::training::post_hoc_ema as post_hoc;

use crate::outputs::{self, Claim};
use crate::shell::Shell;

/// The arguments of `ema`.
#[derive(Args)]
#[command(
    after_help = "A run that was trained with --set train.ema_snapshots=N has what this needs. The width is the deviation of the
average's profile as a part of the training so far; which one is best differs from run to run, and can be tried here.

Examples:
  langevin train mnist/ --preset mnist --set train.ema_snapshots=8192 --out runs/mnist
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
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Store the weights in 16 bits.
    #[arg(long)]
    half: bool,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Ema {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let made = post_hoc::average(&self.run, self.width, self.at, self.half)?;
        let output =
            self.output.clone().unwrap_or_else(|| self.run.join(format!("ema-{}.safetensors", self.width)));
        let _claim = Claim::new([output.as_path()], self.force)?;
        write_file(&output, &made.bytes)?;
        shell.say(&format!(
            "average of width {} after {} images, of {} snapshots; its profile is met to {:.2}%",
            self.width,
            made.images,
            made.snapshots,
            100.0 * made.error
        ));
        if self.json {
            return outputs::result(
                &serde_json::json!({
                    "output": output, "width": self.width, "images": made.images,
                    "snapshots": made.snapshots, "profile_error": made.error,
                })
                .to_string(),
            );
        }
        outputs::result(&output.display().to_string())
    }
}
