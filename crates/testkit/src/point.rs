//! A single image: the denoiser that always gives the same answer. Every sampler must land on it exactly.

use burn::tensor::Tensor;
use langevin_core::closed_form::{Exact, denoise};
use langevin_core::{Cond, Denoiser, Level, Levels, Result};

/// The distribution that holds one image alone. A list of one entry serves all values.
#[derive(Debug, Clone)]
pub struct Point(pub Vec<f64>);

impl Exact for Point {
    fn posterior_mean(&self, _at: Level, x: &[f64]) -> Vec<f64> {
        (0..x.len()).map(|index| self.0[index % self.0.len()]).collect()
    }

    /// The noise in `x` stays what it is.
    fn flow(&self, from: Level, to: Level, x: &[f64]) -> Vec<f64> {
        let moved =
            |(x, clean): (&f64, f64)| to.alpha * clean + to.sigma * (x - from.alpha * clean) / from.sigma;
        x.iter().zip(self.posterior_mean(from, x)).map(moved).collect()
    }
}

impl Denoiser for Point {
    fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
        Ok(denoise(self, x, at))
    }
}
