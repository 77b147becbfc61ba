//! Noise levels optimised for one model: searched over measured errors of single steps, then refined by the sampling error they
//! cause.

mod refine;
mod search;

pub use search::{GridRequest, optimise};
