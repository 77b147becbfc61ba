//! `langevin restore`: restore degraded images with a model, whatever happened to them.

use clap::Args;
use langevin::Result;
use langevin::restoration::RestoreKind;

use super::restoring::{MeasureFlags, RestoreFlags};
use crate::shell::Shell;

/// The arguments of `restore`.
#[derive(Args)]
#[command(
    after_help = "Operators are joined with +, the first one first: gaussian_blur:sigma=2+average:scale=2. Reported of a result: the operator's adjoint error (rounding alone, about 1e-16), the residual against the noise (chi-square is 1 for a posterior sample, less for a mean), and with --simulate or --reference PSNR and SSIM next to those of the input and of a classical restoration. Observed pixels of a mask without noise are the input's to the byte.

Examples:
  langevin restore runs/mnist digit.png --operator average:scale=4 --simulate
  langevin restore runs/mnist digit.png --operator motion_blur:length=7 --noise 5
  langevin restore runs/mnist a.png --operator bicubic:scale=2 --reference b.png
  langevin restore runs/mnist a.png b.png --operator average:scale=4 --calibrate
  langevin list operators"
)]
pub struct Restore {
    /// Degradation operator, as in `langevin list operators`.
    #[arg(long, value_name = "NAME:key=value")]
    operator: String,
    /// The images are clean: degrade and restore them, and report how well the spread of the samples is calibrated. Options are
    /// tuned on the first half of the images, coverage is measured on the others. Without --method, for every method that samples.
    #[arg(long, conflicts_with_all = ["simulate", "reference", "output"])]
    calibrate: bool,
    #[command(flatten)]
    measure: MeasureFlags,
    #[command(flatten)]
    flags: RestoreFlags,
}

impl Restore {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (showing, calibrates) = (self.flags.showing(), self.calibrate);
        let kind = RestoreKind::Restore { operator: self.operator };
        let request = self.measure.on(self.flags.request(kind)?);
        if calibrates { showing.calibrate(&request, shell) } else { showing.restore(&request, shell) }
    }
}
