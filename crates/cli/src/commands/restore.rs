//! `langevin restore`: restore degraded pictures with a model, whatever happened to them.

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
  langevin list operators"
)]
pub struct Restore {
    #[command(flatten)]
    common: Common,
    /// What happened to the pictures, as in `langevin list operators`.
    #[arg(long, value_name = "NAME:key=value")]
    operator: String,
    #[command(flatten)]
    measuring: Measuring,
}

impl Restore {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let Measuring { method, noise, simulate, reference } = &self.measuring;
        self.common.run(
            shell,
            &Job {
                method: method.clone(),
                noise,
                simulate: *simulate,
                reference: reference.as_deref(),
                operator: &|picture, channels| {
                    let shape = clean_shape(&self.operator, picture, channels, *simulate)?;
                    operators::build(&self.operator, shape, &open)
                },
                reports: true,
                serves: Serves::Nothing,
            },
        )
    }
}
