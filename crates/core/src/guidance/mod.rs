//! Denoisers made from denoisers: guidance and clipping.

mod classifier_free;
mod clipped;
mod thresholded;

pub use classifier_free::ClassifierFree;
pub use clipped::Clipped;
pub use thresholded::Thresholded;
