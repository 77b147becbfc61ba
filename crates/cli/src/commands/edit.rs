//! `langevin edit`: put images under noise, and let a model walk on from there.

use clap::Args;
use langevin::Result;
use langevin::restoration::shape_of;
use langevin::restore::{NoImages, operators};

use super::restoring::{Common, Job};
use super::trained::Serves;
use crate::shell::Shell;

/// The arguments of `edit`.
#[derive(Args)]
#[command(
    after_help = "SDEdit (Meng et al. 2022): the more noise, the freer the model is; a sketch becomes an image, an image a variation of
itself.

Examples:
  langevin edit runs/mnist sketch.png --strength 0.6 -o drawn.png
  langevin edit runs/mnist digit.png --strength 0.4 --samples 9 -o out/
  langevin edit runs/latent star.png --prompt \"a red star at night\" --strength 0.7 -o red.png"
)]
pub struct Edit {
    #[command(flatten)]
    common: Common,
    /// Share of the steps that are walked: near 0 changes nothing, 1 draws anew.
    #[arg(long, default_value_t = 0.5)]
    strength: f64,
    /// What walks, as in `langevin list samplers`; the paper's adds noise.
    #[arg(long, default_value = "ddpm")]
    sampler: String,
}

impl Edit {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        self.common.run(
            shell,
            &Job {
                method: Some(format!("sdedit:strength={},sampler={}", self.strength, self.sampler)),
                noise: None,
                rounded: false,
                simulate: false,
                reference: None,
                operator: &|image, _| operators::build("identity", shape_of(image), &NoImages),
                reports: false,
                serves: Serves::Nothing,
            },
        )
    }
}
