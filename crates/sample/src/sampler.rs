//! What a sampler is.

use std::fmt::Debug;

use burn::tensor::Tensor;
use langevin_core::{Denoiser, Level, Result, Run};

/// A way to walk from noise to an image.
pub trait Sampler: Debug + Send + Sync {
    /// Walks `x` along `path` and returns it at the last level.
    ///
    /// A stochastic method draws only from `run.noise`, with [`langevin_core::Purpose::Sampler`] and the index of the
    /// step, or of a point of a Brownian path. After each step `run` is told, and may stop the walk.
    ///
    /// # Shapes
    /// `x`: `[batch, channels, height, width]`, distributed as `alpha * x0 + sigma * n` at `path[0]`; the result has the
    /// same shape. `path` has one level more than there are steps, noisiest first; its last level is usually clean
    /// (`sigma = 0`) but need not be.
    ///
    /// # Errors
    /// Usage, when the path is not one (see [`crate::steps`]) or the model has no answer at one of its levels;
    /// interrupted, when the run was cancelled.
    fn sample(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>>;

    /// How many times exactly [`Sampler::sample`] asks the model along `path`; at most, if the method is adaptive.
    fn calls(&self, path: &[Level]) -> usize;

    /// Whether the method finds its steps on the way, so that the calls depend on the images. It stops with an error
    /// before it asks more often than [`Sampler::calls`] says.
    fn is_adaptive(&self) -> bool {
        false
    }

    /// The order `p` to which the method follows the probability-flow equation: its error falls as `steps^-p` on a
    /// smooth path between finite levels that begins with short steps. `None` for a method that adds noise, which follows no single
    /// trajectory, and for an adaptive one, whose steps are not those of the path.
    fn order(&self) -> Option<usize>;
}
