//! A denoiser that counts how often it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Tensor;
use langevin_core::{Cond, Denoiser, Levels, Result};

/// Passes every question on to `inner` and counts it.
#[derive(Debug)]
pub struct Counting<D> {
    inner: D,
    calls: AtomicUsize,
}

impl<D: Denoiser> Counting<D> {
    /// Counts the calls of `inner`.
    pub fn new(inner: D) -> Self {
        Self { inner, calls: AtomicUsize::new(0) }
    }

    /// The number of calls so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl<D: Denoiser> Denoiser for Counting<D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.denoise(x, at, cond)
    }
}
