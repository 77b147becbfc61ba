//! What a sampler is.

use std::fmt::Debug;

use burn::tensor::Tensor;
use langevin_core::{Denoiser, Level, Result, Run};

/// A way to walk from noise to an image.
///
/// # Examples
/// One of one's own, DDIM without noise, along the levels of any path:
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use langevin_core::closed_form::Gaussian;
/// use langevin_core::{Cond, Denoiser, Level, Levels, NoiseStreams, Progress, Result, Run};
/// use langevin_sample::{Sampler, steps};
///
/// #[derive(Debug)]
/// struct Euler;
///
/// impl Sampler for Euler {
///     fn sample(
///         &self,
///         model: &dyn Denoiser,
///         mut x: Tensor<4>,
///         path: &[Level],
///         run: &mut Run<'_>,
///     ) -> Result<Tensor<4>> {
///         let batch = x.dims()[0];
///         for step in steps(path)? {
///             let denoised = model.denoise(x.clone(), &Levels::all(step.from, batch), &run.cond)?;
///             x = step.advance(x, denoised.clone());
///             let (index, steps, level) = (step.index + 1, step.count, step.to);
///             run.report(&Progress { step: index, steps, level, x: &x, denoised: &denoised })?;
///         }
///         Ok(x)
///     }
///
///     fn calls(&self, path: &[Level]) -> usize {
///         path.len() - 1
///     }
///
///     fn order(&self) -> Option<usize> {
///         Some(1)
///     }
/// }
///
/// let path = [Level { alpha: 0.1, sigma: 1.0 }, Level { alpha: 0.7, sigma: 0.7 }, Level::CLEAN];
/// let mut run = Run::new(Cond::none(), NoiseStreams::new(0, [0]));
/// let x = Tensor::<4>::ones([1, 1, 2, 2], &Device::flex());
/// let image = Euler.sample(&Gaussian::same(0.5, 0.0), x, &path, &mut run)?;
/// assert_eq!(image.into_data().try_to_vec::<f32>().unwrap(), [0.5; 4]);
/// # Ok::<(), langevin_core::Error>(())
/// ```
pub trait Sampler: Debug + Send + Sync {
    /// Walks `x` along `path` and returns it at the last level.
    ///
    /// A stochastic method draws only from `run.noise`, with [`langevin_core::Purpose::Sampler`] and the index of the
    /// step, or of a point of a Brownian path. After each step `run` gets a report, and may stop the work.
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
