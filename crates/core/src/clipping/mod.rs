//! Denoisers whose answers are kept within the range of images.

mod clipped;
mod thresholded;

pub use clipped::Clipped;
pub use thresholded::Thresholded;
