//! Where sampling starts: pure noise at the first level of the path.

use burn::tensor::{Device, Tensor};
use langevin_core::{Level, Purpose, Run};

/// Noise of standard deviation `highest.sigma`, drawn from the streams of the run or the noise that was given to start from: what a path beginning at `highest`
/// starts from.
///
/// Where `highest.alpha` is not zero the mean of the data is left out, as in every published sampler.
///
/// # Shapes
/// `shape` is `[channels, height, width]`; the result is `[batch, channels, height, width]` with one image for each
/// stream of `run.noise`.
pub fn start_noise(run: &Run<'_>, highest: Level, shape: [usize; 3], device: &Device) -> Tensor<4> {
    let unit = match &run.start {
        Some(noise) => noise.clone(),
        None => run.noise.normal(Purpose::Start, 0, shape, device),
    };
    unit.mul_scalar(highest.sigma)
}

/// As [`start_noise`] for a walk from pure noise: where the run says so, of the magnitude of noisy images of unit variance, which
/// differs where the walk begins at a level with signal.
pub fn pure_start(run: &Run<'_>, highest: Level, shape: [usize; 3], device: &Device) -> Tensor<4> {
    let noise = start_noise(run, highest, shape, device);
    if run.unit_start { noise.mul_scalar(highest.magnitude() / highest.sigma) } else { noise }
}
