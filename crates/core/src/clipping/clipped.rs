//! Static thresholding: the denoised image is kept within the range of data (Ho et al. 2020, `clip_denoised`).

use burn::tensor::Tensor;
use langevin_process::Result;

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};

/// A denoiser whose answers are clamped to `[-range, range]`.
pub struct Clipped<D> {
    inner: D,
    range: f64,
}

impl<D: Denoiser> Clipped<D> {
    /// Clamps the answers of `inner` to `[-range, range]`; images have range 1.
    pub fn new(inner: D, range: f64) -> Self {
        Self { inner, range }
    }
}

impl<D: Denoiser> Denoiser for Clipped<D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        Ok(self.inner.denoise(x, at, cond)?.clamp(-self.range, self.range))
    }

    fn begin(&self) {
        self.inner.begin();
    }
}
