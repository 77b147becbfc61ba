//! The mathematics of diffusion in f64: noise schedules, processes, parameterisations, loss weightings,
//! training densities and spacings. No tensors and no files.

mod error;
pub mod registry;

pub use error::{Error, ErrorKind, Result, nearest};
