//! `langevin edit`: put images under noise, and sample from there.

use clap::Args;
use langevin::Result;
use langevin::restoration::{RestoreKind, RestoreRequest};

use super::restoring::RestoreFlags;
use crate::shell::Shell;

/// The arguments of `edit`.
#[derive(Args)]
#[command(
    after_help = "SDEdit (Meng et al. 2022): the more noise, the freer the model is; a sketch becomes an image, an image a variation of itself.

Examples:
  langevin edit runs/mnist sketch.png --strength 0.6 -o drawn.png
  langevin edit runs/mnist digit.png --strength 0.4 --samples 9 -o out/
  langevin edit runs/latent star.png --prompt \"a red star\" --strength 0.7"
)]
pub struct Edit {
    /// Fraction of the steps to run: near 0 changes nothing, 1 generates a new image.
    #[arg(long, alias = "denoising-strength", value_name = "FRACTION", default_value_t = 0.5)]
    strength: f64,
    /// Sampler, as in `langevin list samplers`; the paper's adds noise.
    #[arg(long, aliases = ["sampler-name", "sampling-method"], value_name = "NAME", default_value = "ddpm")]
    sampler: String,
    #[command(flatten)]
    flags: RestoreFlags,
}

impl Edit {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let showing = self.flags.showing();
        let request = self.flags.request(RestoreKind::Edit { strength: self.strength })?;
        showing.restore(&RestoreRequest { sampler: Some(self.sampler), ..request }, shell)
    }
}
