//! The pictures a model was trained on, which are too many to hold: they come by in chunks.

use langevin_core::{Picture, Result};

use crate::Rows;

/// Some pictures of a gallery.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The pictures, made ready as those they are compared with.
    pub pictures: Vec<Picture>,
    /// Their features, when asked for.
    pub rows: Option<Rows>,
}

/// All training pictures.
pub trait Gallery: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pictures `from..to`, with features when wanted.
    ///
    /// # Errors
    /// Bad input, when they cannot be read.
    fn chunk(&self, from: usize, to: usize, features: bool) -> Result<Chunk>;
}
