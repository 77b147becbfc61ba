//! Denoisers whose answers are kept within the range of pictures.

mod clipped;
mod thresholded;

pub use clipped::Clipped;
pub use thresholded::Thresholded;
