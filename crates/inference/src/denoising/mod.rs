//! Denoising images of any size with a model: the posterior's mean in one call, or draws from it.
//!
//! A noisy image `y = x0 + sigma n` is what a diffusion model sees on its way, so the model answers it at the level `sigma`
//! with `E[x0 | y]`, and a sampler that begins there draws from `p(x0 | y)`. Images are divided into windows as memory
//! allows ([`langevin_core::Windowed`]); colours may be taken one by one, alpha is kept, depth too.

mod clean_image;
pub mod job;
mod quality;
mod request;

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;
use langevin_core::{
    Cond, Denoiser, Error, Level, Levels, NoiseStreams, Planes, Result, SYMMETRIES, Stop, check_finite,
    signed_to_batch,
};
use langevin_model::windows::Plan;
use langevin_model::{Model, Pipeline};
use langevin_restore::units::{sigma_from_pixels, sigma_to_pixels};
use langevin_restore::{METHODS, NoImages, Prior, Problem, image_noise, operators};

pub use crate::job::Mode;
pub use job::{Compared, DenoiseOutcome, DenoisedImage};
pub use langevin_model::windows::plan;
pub use quality::{Quality, baseline, quality};
pub use request::DenoiseRequest;

/// What to make of a noisy image.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Standard deviation of the noise in units of 0 to 255.
    pub sigma: f64,
    /// Draws from the posterior; 0: its mean in one call.
    pub draws: usize,
    /// Whether the model's answer is the mean of those to the eight turns and reflections of the image.
    pub ensemble: bool,
    /// The sampler of draws, as in `langevin list samplers`; one that adds noise.
    pub sampler: String,
    /// Steps of each draw.
    pub steps: usize,
    /// The seed of draws.
    pub seed: u64,
    /// The number of the image among those of a run: each has noise of its own.
    pub image: u64,
}

/// A denoised image.
#[derive(Debug, Clone)]
pub struct Denoised {
    /// The posterior's mean: of the model, or of the draws.
    pub mean: Planes,
    /// The standard deviation of the draws in the unit of the values, where there are two or more.
    pub deviation: Option<Planes>,
    /// `|y - x|^2 / sigma^2` for each value, of the mean, or the average over the draws. Of a draw it is 1 if model and `sigma`
    /// are right; of the mean it is less by the share of the noise's variance that could not be removed.
    pub residual: f64,
    /// What `residual` would vary by for noise alone.
    pub residual_error: f64,
}

/// The lowest and highest noise that `model` was trained for, in units of 0 to 255.
pub fn range(model: &Model) -> (f64, f64) {
    let (lowest, highest) = model.sigma_range();
    (sigma_to_pixels(lowest), sigma_to_pixels(highest))
}

/// The noise of `noisy` in units of 0 to 255, as [`langevin_restore::noise_level`] estimates it: the mean over the colours.
///
/// # Errors
/// Usage, when the image is too small.
pub fn estimate(noisy: &Planes) -> Result<f64> {
    Ok(sigma_to_pixels(image_noise(noisy)?))
}

/// Denoises `noisy` as `request` says; `progress` is called with the share that is done, from 0 to 1, and `drawn` gets each
/// sample with its number.
///
/// # Errors
/// Usage: a sigma that is not in (0, 255], a sampler that is unknown. Interrupted, when stopped. As the model's denoiser, and
/// `drawn`.
#[allow(clippy::too_many_arguments)]
pub fn denoise(
    model: &Model,
    plan: &Plan,
    noisy: &Planes,
    request: &Request,
    device: &Device,
    stop: &Stop,
    progress: impl Fn(f64) + Send + Sync,
    drawn: impl FnMut(usize, &Planes) -> Result<()>,
) -> Result<Denoised> {
    let made = denoised((model, plan), noisy, request, (device, stop), progress, drawn);
    made.map_err(|error| stop.check("denoising").err().unwrap_or(error))
}

fn denoised(
    (model, plan): (&Model, &Plan),
    noisy: &Planes,
    request: &Request,
    (device, stop): (&Device, &Stop),
    progress: impl Fn(f64) + Send + Sync,
    mut drawn: impl FnMut(usize, &Planes) -> Result<()>,
) -> Result<Denoised> {
    let sigma = sigma_from_pixels(request.sigma)?;
    if sigma == 0.0 {
        return Err(
            Error::usage("a noise of 0 leaves nothing to remove").hint("say how strong it is, up to 255")
        );
    }
    let [channels, height, width] = noisy.shape();
    let values = |values| noisy.with_values(values);
    let shape = [channels / plan.channels, plan.channels, height, width];
    let diffusion = model.denoiser.diffusion();
    // The mean is the model's answer as it is; what samplers see of it is clipped as the model says.
    let pipeline = Pipeline::new(model, plan.windows.at_once)
        .with_windows(Some(plan.windows))
        .with_symmetries(request.ensemble);
    let path = pipeline.path(&request.sampler, "karras", request.steps)?;
    let exact = (request.draws > 0)
        .then(|| METHODS.build(&format!("exact:draw=sample,sampler={}", request.sampler)))
        .transpose()?;
    let calls = exact.as_ref().map_or(1, |method| method.calls(&path)) * request.draws.max(1);
    let times = if request.ensemble { SYMMETRIES } else { 1 };
    let all = (times * calls * shape[0] * pipeline.windows_of(height, width)?).max(1);
    let done = AtomicUsize::new(0);
    let watch = |now: usize, of: usize| {
        // Each call tells from its first window on.
        let before = done.load(Ordering::Relaxed) / of * of;
        done.store(before + now, Ordering::Relaxed);
        progress((before + now) as f64 / all as f64);
        !stop.is_requested()
    };
    let Some(method) = exact else {
        let y = signed_to_batch(noisy.values.clone(), shape, device);
        // A clean end above the noise asked for is the nearest that the model knows.
        let at = Level { alpha: 1.0, sigma: sigma.max(diffusion.lowest().ratio()) };
        let pipeline = pipeline.with_clip(false);
        let denoiser = pipeline.denoiser(watch)?;
        denoiser.begin();
        let mean = denoiser.denoise(y, &Levels::all(at, shape[0]), &Cond::none())?;
        let mean = mean.try_into_vec_as::<f32>().expect("a float tensor holds floats");
        let residual = residual(&noisy.values, &mean, sigma);
        let residual_error = (2.0 / mean.len() as f64).sqrt();
        return Ok(Denoised { mean: values(mean), deviation: None, residual, residual_error });
    };
    let denoiser = pipeline.denoiser(watch)?;
    let operator = operators::build("identity", [plan.channels, height, width], &NoImages)?;
    let y = signed_to_batch(noisy.values.clone(), shape, device);
    let problem = Problem::new(operator, y, sigma)?;
    let mut moments = Moments::new(noisy.values.len());
    let mut left = 0.0;
    for draw in 0..request.draws as u64 {
        let number = |plane: u64| (request.image << 32) + draw * shape[0] as u64 + plane;
        let streams = NoiseStreams::new(request.seed, (0..shape[0] as u64).map(number));
        let mut run = pipeline.run(Cond::none(), streams).stopped_by(stop);
        denoiser.begin();
        let made = method.restore(Prior::new(denoiser.as_ref()), &problem, &path, &mut run)?;
        let made = check_finite(made, &format!("draw {draw}"))?;
        let made = made.try_into_vec_as::<f32>().expect("a float tensor holds floats");
        left += residual(&noisy.values, &made, sigma) / request.draws as f64;
        moments.add(&made);
        drawn(draw as usize, &values(made))?;
    }
    let residual_error = (2.0 / noisy.values.len() as f64 / request.draws as f64).sqrt();
    let deviation = (request.draws > 1).then(|| values(moments.deviation()));
    Ok(Denoised { mean: values(moments.mean), deviation, residual: left, residual_error })
}

/// `|y - x|^2 / sigma^2` for each value.
fn residual(y: &[f32], x: &[f32], sigma: f64) -> f64 {
    let sum: f64 = y.iter().zip(x).map(|(y, x)| f64::from(y - x).powi(2)).sum();
    sum / (sigma * sigma) / y.len() as f64
}

/// Mean and squared distance from it, as draws come by (Welford 1962).
struct Moments {
    count: usize,
    mean: Vec<f32>,
    squares: Vec<f32>,
}

impl Moments {
    fn new(len: usize) -> Self {
        Self { count: 0, mean: vec![0.0; len], squares: vec![0.0; len] }
    }

    fn add(&mut self, values: &[f32]) {
        self.count += 1;
        for ((mean, square), value) in self.mean.iter_mut().zip(&mut self.squares).zip(values) {
            let off = value - *mean;
            *mean += off / self.count as f32;
            *square += off * (value - *mean);
        }
    }

    fn deviation(&self) -> Vec<f32> {
        self.squares.iter().map(|square| (square / (self.count - 1) as f32).sqrt()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_draws() {
        let mut moments = Moments::new(2);
        [[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]].iter().for_each(|draw| moments.add(draw));
        assert_eq!(moments.mean, [3.0, 5.0]);
        assert!((moments.deviation()[0] - 7.0_f32.sqrt()).abs() < 1e-6 && moments.deviation()[1] == 0.0);
    }
}
