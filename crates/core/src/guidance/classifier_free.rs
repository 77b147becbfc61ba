//! Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598, eq. 6), in the coordinate of denoised pictures:
//! `D = D(x | nothing) + scale * (D(x | class) - D(x | nothing))`.
//!
//! `scale` 1 is the conditional model itself, 0 the unconditional one, larger exaggerates the class.

use burn::tensor::Tensor;
use langevin_process::Result;

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};

/// A denoiser that is pushed towards its condition.
pub struct ClassifierFree<D> {
    inner: D,
    scale: f64,
}

impl<D: Denoiser> ClassifierFree<D> {
    /// Guides `inner` by `scale`.
    pub fn new(inner: D, scale: f64) -> Self {
        Self { inner, scale }
    }
}

impl<D: Denoiser> Denoiser for ClassifierFree<D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        if self.scale == 1.0 || !cond.has_labels() {
            return self.inner.denoise(x, at, cond);
        }
        let free = self.inner.denoise(x.clone(), at, &cond.unconditional())?;
        let told = self.inner.denoise(x, at, cond)?;
        Ok(free.clone() + (told - free).mul_scalar(self.scale))
    }
}
