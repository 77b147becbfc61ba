//! `langevin upscale`: enlarge images.

use clap::Args;
use langevin::Result;
use langevin::restoration::RestoreKind;

use super::restoring::{MeasureFlags, RestoreFlags, TrainedFlags};
use crate::shell::{self, Shell};

/// The arguments of `upscale`.
#[derive(Args)]
#[command(
    after_help = "The large image is one that gives the small one when it is made smaller with --kernel: an image of another history fits another kernel. MODEL generates images, or was trained to enlarge (`langevin train --task upscale`): then --scale and --kernel are its own.

Examples:
  langevin upscale small.png --scale 4 -o large.png
  langevin upscale runs/mnist digit.png --scale 4 --kernel average --simulate
  langevin upscale runs/upscale4 small.png -o large.png
  langevin upscale runs/upscale4 set12/*.png --simulate --mode mean --json"
)]
pub struct Upscale {
    /// Scale factor [default: 4, or what the model was trained for].
    #[arg(long, value_parser = shell::from_1_to::<64>())]
    scale: Option<usize>,
    /// Kernel that the image was downscaled with [default: bicubic, or what the model was trained for].
    #[arg(long, value_parser = ["bicubic", "lanczos", "average"])]
    kernel: Option<String>,
    #[command(flatten)]
    measure: MeasureFlags,
    #[command(flatten)]
    trained: TrainedFlags,
    #[command(flatten)]
    flags: RestoreFlags,
}

impl Upscale {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let showing = self.flags.showing();
        let kind = RestoreKind::Upscale { scale: self.scale, kernel: self.kernel };
        let request = self.trained.on(self.measure.on(self.flags.request(kind)?));
        showing.restore(&request, shell)
    }
}
