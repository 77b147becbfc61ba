//! `langevin upscale`: draw small images large.

use clap::Args;
use langevin::Result;
use langevin::restore::operators;

use super::restoring::{Common, Job, Measuring, clean_shape, open};
use super::trained::{Serves, TrainedFlags};
use crate::shell::{self, Shell};

/// The arguments of `upscale`.
#[derive(Args)]
#[command(
    after_help = "The large image is one that gives the small one when it is made smaller with --kernel: an image of another history
fits another kernel. MODEL draws images of the large size, or was trained to enlarge (`langevin train --task upscale`): then
it takes images of any size, and --scale and --kernel are its own.

Examples:
  langevin upscale runs/mnist small.png --scale 4 -o large.png
  langevin upscale runs/mnist digit.png --scale 4 --kernel average --simulate --samples 8 -o out/
  langevin upscale runs/upscale4 small.png -o large.png
  langevin upscale runs/upscale4 set12/*.png --simulate --mode mean --json"
)]
pub struct Upscale {
    #[command(flatten)]
    common: Common,
    /// How many times larger [default: 4, or what the model was trained for].
    #[arg(long, value_parser = shell::from_1_to::<64>())]
    scale: Option<usize>,
    /// How the image was made small [default: bicubic, or what the model was trained for].
    #[arg(long, value_parser = ["bicubic", "lanczos", "average"])]
    kernel: Option<String>,
    #[command(flatten)]
    measuring: Measuring,
    #[command(flatten)]
    trained: TrainedFlags,
}

impl Upscale {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let kernel = self.kernel.as_deref();
        let spec = format!("{}:scale={}", kernel.unwrap_or("bicubic"), self.scale.unwrap_or(4));
        let Measuring { method, noise, simulate, reference } = &self.measuring;
        self.common.run(
            shell,
            &Job {
                method: method.clone(),
                noise: noise.as_deref(),
                rounded: false,
                simulate: *simulate,
                reference: reference.as_deref(),
                operator: &|image, channels| {
                    let shape = clean_shape(&spec, image, channels, *simulate)?;
                    operators::build(&spec, shape, &open)
                },
                reports: true,
                serves: Serves::Upscale { scale: self.scale, kernel, flags: &self.trained },
            },
        )
    }
}
