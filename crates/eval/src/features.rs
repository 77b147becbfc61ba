//! What turns images into the numbers that are compared, and what a classifier learns from them: both come from outside.

use langevin_core::{Image, Result};

use crate::{Described, Sample};

/// Something that describes images by numbers.
pub trait Features: Send + Sync {
    /// What to call it, with what decides its numbers: `own 3f2a...`, `random seed 0`.
    fn name(&self) -> String;

    /// How many classes it reads; 0 when it reads none.
    fn classes(&self) -> usize;

    /// The numbers of `images`, which have the size and channels it was made for. An image's numbers do not depend on
    /// the images beside it.
    ///
    /// # Errors
    /// Failed, when the numbers cannot be computed.
    fn describe(&self, images: &[Image]) -> Result<Described>;
}

/// Something that learns to read classes.
pub trait Trainer: Sync {
    /// Learns on the labelled images of `on` and gives the share of the labelled images of `test` that it reads right.
    ///
    /// # Errors
    /// Usage, when images have no labels.
    fn accuracy(&self, on: &Sample, test: &Sample) -> Result<f64>;
}
