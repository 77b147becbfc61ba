//! What turns pictures into the numbers that are compared, and what a classifier learns from them: both come from outside.

use langevin_core::{Picture, Result};

use crate::{Rows, Sample};

/// What is known of some pictures.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// One row for each picture.
    pub rows: Rows,
    /// The class that each picture is read as, from features that read classes.
    pub read: Option<Vec<u32>>,
}

/// Something that describes pictures by numbers.
pub trait Features: Send + Sync {
    /// What to call it, with what decides its numbers: `own 3f2a...`, `random seed 0`.
    fn name(&self) -> String;

    /// How many classes it reads; 0 when it reads none.
    fn classes(&self) -> usize;

    /// The numbers of `pictures`, which have the size and channels it was made for. A picture's numbers do not depend on
    /// the pictures beside it.
    ///
    /// # Errors
    /// Failed, when the numbers cannot be computed.
    fn describe(&self, pictures: &[Picture]) -> Result<Described>;
}

/// Something that learns to read classes.
pub trait Trainer: Sync {
    /// Learns on the labelled pictures of `on` and gives the share of the labelled pictures of `test` that it reads right.
    ///
    /// # Errors
    /// Usage, when pictures have no labels.
    fn accuracy(&self, on: &Sample, test: &Sample) -> Result<f64>;
}
