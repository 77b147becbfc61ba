//! The images a model was trained on, which are too many to hold: they come by in chunks.

use langevin_core::{Image, Result};

use crate::Rows;

/// Some images of a gallery.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The images, made ready as those they are compared with.
    pub images: Vec<Image>,
    /// Their features, when asked for.
    pub rows: Option<Rows>,
}

/// All training images.
pub trait Gallery: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Images `from..to`, with features when wanted.
    ///
    /// # Errors
    /// Bad input, when they cannot be read.
    fn chunk(&self, from: usize, to: usize, features: bool) -> Result<Chunk>;
}
