//! `langevin inpaint`: fill in parts of images, and leave the rest to the byte.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::restoration::RestoreKind;

use super::restoring::{MeasureFlags, RestoreFlags, TrainedFlags};
use crate::shell::Shell;

/// The arguments of `inpaint`.
#[derive(Args)]
#[command(
    after_help = "White pixels of the mask and transparent pixels of the image are filled in; all others stay equal to the input to the byte (with --noise they are denoised too). MODEL is a generative model, or one trained for inpainting (`langevin train --task inpaint`).

Examples:
  langevin inpaint photo.jpg --mask hole.png -o filled.jpg
  langevin inpaint runs/mnist digit.png --mask hole.png --method repaint -n 8
  langevin inpaint runs/mnist digit.png --mask keep.png --invert-mask --simulate
  langevin inpaint runs/inpaint photo.png --mask hole.png --samples 4 -o out/"
)]
pub struct Inpaint {
    /// An image of the same size: white is filled in.
    #[arg(long, value_name = "IMAGE")]
    mask: Option<PathBuf>,
    /// Fill in what is black in the mask.
    #[arg(long, requires = "mask")]
    invert_mask: bool,
    #[command(flatten)]
    measure: MeasureFlags,
    #[command(flatten)]
    trained: TrainedFlags,
    #[command(flatten)]
    flags: RestoreFlags,
}

impl Inpaint {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let showing = self.flags.showing();
        let kind = RestoreKind::Inpaint { mask: self.mask, invert: self.invert_mask };
        let request = self.trained.on(self.measure.on(self.flags.request(kind)?));
        showing.restore(&request, shell)
    }
}
