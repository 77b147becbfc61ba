//! `langevin inpaint`: draw parts of images anew, and leave the rest to the byte.

use std::path::PathBuf;

use clap::Args;
use langevin::restoration::{Colours, shape_of};
use langevin::restore::operators::{Mask, hidden};
use langevin::{Error, Result, data};

use super::restoring::{Common, Job, Measuring};
use super::trained::{Serves, TrainedFlags};
use crate::shell::Shell;

/// The arguments of `inpaint`.
#[derive(Args)]
#[command(
    after_help = "White pixels of the mask are drawn anew, and those that are transparent in the image; all others are the input's
to the byte (with --noise they are cleaned too). MODEL draws images of this size, or was trained to fill in holes
(`langevin train --task inpaint`): then it takes images of any size.

Examples:
  langevin inpaint runs/mnist digit.png --mask hole.png -o filled.png
  langevin inpaint runs/mnist digit.png --mask hole.png --method repaint --samples 8 -o out/
  langevin inpaint runs/mnist digit.png --mask keep.png --invert-mask --simulate
  langevin inpaint runs/inpaint photo.png --mask hole.png --samples 4 -o out/"
)]
pub struct Inpaint {
    #[command(flatten)]
    common: Common,
    /// An image of the same size: white is drawn anew.
    #[arg(long, value_name = "IMAGE")]
    mask: Option<PathBuf>,
    /// Draw anew what is black in the mask.
    #[arg(long, requires = "mask")]
    invert_mask: bool,
    #[command(flatten)]
    measuring: Measuring,
    #[command(flatten)]
    trained: TrainedFlags,
}

impl Inpaint {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let mask = self.mask.as_ref().map(data::read_image).transpose()?;
        let name = self.mask.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        let Measuring { method, noise, simulate, reference } = &self.measuring;
        self.common.run(
            shell,
            &Job {
                method: method.clone(),
                noise: noise.as_deref(),
                rounded: false,
                simulate: *simulate,
                reference: reference.as_deref(),
                operator: &|image, _| {
                    let size = (image.width, image.height);
                    let masked =
                        mask.as_ref().map(|mask| hidden(mask, &name, size, self.invert_mask)).transpose()?;
                    let anew = match (masked, Colours::of(image).transparent()) {
                        (Some(masked), Some(transparent)) => {
                            masked.into_iter().zip(transparent).map(|(a, b)| a || b).collect()
                        }
                        (Some(pixels), None) | (None, Some(pixels)) => pixels,
                        (None, None) => {
                            return Err(Error::usage("nothing says which pixels are to be drawn anew")
                                .hint("give --mask, or an image with transparent pixels"));
                        }
                    };
                    Ok(Box::new(Mask::new(shape_of(image), &anew)?))
                },
                reports: true,
                serves: Serves::Inpaint(&self.trained),
            },
        )
    }
}
