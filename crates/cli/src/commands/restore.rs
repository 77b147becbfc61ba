//! `langevin restore`: restore degraded images with a model, whatever happened to them.

use clap::Args;
use langevin::Result;
use langevin::restore::operators;

use super::restoring::{Common, Job, Measuring, clean_shape, open};
use super::trained::Serves;
use crate::shell::Shell;

/// The arguments of `restore`.
#[derive(Args)]
#[command(
    after_help = "Operators are joined with +, the first one first: gaussian_blur:sigma=2+average:scale=2. What is said of a result: the
operator's adjoint error (rounding alone, about 1e-16), the residual against the noise (chi-square is 1 for a draw
from the posterior, less for a mean), and with --simulate or --reference PSNR and SSIM beside those of the input and
of a classical restoration. Kept pixels of a mask without noise are the input's to the byte.

Examples:
  langevin restore runs/mnist digit.png --operator average:scale=4 --simulate --samples 8 -o out/
  langevin restore runs/mnist digit.png --operator motion_blur:length=7 --noise 5 --method diffpir --simulate
  langevin restore runs/mnist small.png --operator bicubic:scale=2 --reference digit.png
  langevin restore runs/mnist digits/*.png --operator average:scale=4 --calibrate --samples 9 --steps 20
  langevin list operators"
)]
pub struct Restore {
    #[command(flatten)]
    common: Common,
    /// What happened to the images, as in `langevin list operators`.
    #[arg(long, value_name = "NAME:key=value")]
    operator: String,
    /// Take the images for clean ones, degrade and restore them, and say how far the spread of the draws can be trusted: constants
    /// are chosen on the first half of the images, coverage is counted on the others. Without --method, for every method that draws.
    #[arg(long, conflicts_with_all = ["simulate", "reference", "output"])]
    calibrate: bool,
    #[command(flatten)]
    measuring: Measuring,
}

impl Restore {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let Measuring { method, noise, simulate, reference } = &self.measuring;
        if self.calibrate {
            let operator = |shape| operators::build(&self.operator, shape, &open);
            return self.common.calibrate(shell, &operator, method.as_deref(), noise.as_deref());
        }
        self.common.run(
            shell,
            &Job {
                method: method.clone(),
                noise: noise.as_deref(),
                rounded: self.operator.contains("blur"),
                simulate: *simulate,
                reference: reference.as_deref(),
                operator: &|image, channels| {
                    let shape = clean_shape(&self.operator, image, channels, *simulate)?;
                    operators::build(&self.operator, shape, &open)
                },
                reports: true,
                serves: Serves::Nothing,
            },
        )
    }
}
