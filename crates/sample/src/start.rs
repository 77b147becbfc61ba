//! Where sampling starts: pure noise at the first level of the path.

use burn::tensor::{Device, Tensor};
use langevin_core::{Level, Purpose, Run};

/// Noise of standard deviation `highest.sigma`, drawn from the streams of the run: what a path beginning at `highest`
/// starts from.
///
/// Where `highest.alpha` is not zero the mean of the data is left out, as in every published sampler.
///
/// # Shapes
/// `shape` is `[channels, height, width]`; the result is `[batch, channels, height, width]` with one picture for each
/// stream of `run.noise`.
pub fn start_noise(run: &Run<'_>, highest: Level, shape: [usize; 3], device: &Device) -> Tensor<4> {
    run.noise.normal(Purpose::Start, 0, shape, device).mul_scalar(highest.sigma)
}
