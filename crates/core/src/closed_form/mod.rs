//! Distributions of images that are known in closed form: their denoiser, its derivative, score, density and posterior at
//! every noise level. What is computed with a network can be checked against them.

mod correlated;
mod exact;
mod gaussian;
mod mixture;

pub use correlated::Correlated;
pub use exact::{ClosedForm, Exact, denoise};
pub use gaussian::Gaussian;
pub use mixture::{Component, Mixture};
