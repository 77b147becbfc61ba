//! Denoisers made from denoisers: guidance and clipping.

mod classifier_free;
mod clipped;

pub use classifier_free::ClassifierFree;
pub use clipped::Clipped;
