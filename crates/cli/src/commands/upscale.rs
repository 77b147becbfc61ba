//! `langevin upscale`: draw small pictures large.

use clap::Args;
use langevin::Result;
use langevin::restore::operators;

use super::restoring::{Common, Job, Measuring, clean_shape, open};
use crate::shell::{self, Shell};

/// The arguments of `upscale`.
#[derive(Args)]
#[command(
    after_help = "The large picture is one that gives the small one when it is made smaller with --kernel: a picture of another history
fits another kernel. MODEL draws pictures of the large size.

Examples:
  langevin upscale runs/mnist small.png --scale 4 -o large.png
  langevin upscale runs/mnist digit.png --scale 4 --kernel average --simulate --samples 8 -o out/"
)]
pub struct Upscale {
    #[command(flatten)]
    common: Common,
    /// How many times larger.
    #[arg(long, default_value_t = 4, value_parser = shell::from_1_to::<64>())]
    scale: usize,
    /// How the picture was made small.
    #[arg(long, default_value = "bicubic", value_parser = ["bicubic", "lanczos", "average"])]
    kernel: String,
    #[command(flatten)]
    measuring: Measuring,
}

impl Upscale {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let spec = format!("{}:scale={}", self.kernel, self.scale);
        let Measuring { method, noise, simulate, reference } = &self.measuring;
        self.common.run(
            shell,
            &Job {
                method: method.clone(),
                noise,
                simulate: *simulate,
                reference: reference.as_deref(),
                operator: &|picture, channels| {
                    let shape = clean_shape(&spec, picture, channels, *simulate)?;
                    operators::build(&spec, shape, &open)
                },
                reports: true,
            },
        )
    }
}
