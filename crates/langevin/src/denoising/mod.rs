//! Denoising pictures of any size with a model: the posterior's mean in one call, or draws from it.
//!
//! A noisy picture `y = x0 + sigma n` is what a diffusion model sees on its way, so the model answers it at the level `sigma`
//! with `E[x0 | y]`, and a sampler that begins there draws from `p(x0 | y)`. Pictures are divided into windows as memory
//! allows ([`langevin_core::Windowed`]); colours may be taken one by one, alpha is kept, depth too.

mod picture;
mod quality;

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;
use langevin_core::clipping::Clipped;
use langevin_core::{
    Cond, Denoiser, Error, Level, Levels, NoiseStreams, Result, Run, SYMMETRIES, SideBySide, Symmetric,
    Windowed, Windows, signed_to_batch,
};
use langevin_nn::NetworkConfig;
use langevin_process::SPACINGS;
use langevin_restore::units::{sigma_from_pixels, sigma_to_pixels};
use langevin_restore::{METHODS, NoPictures, Prior, Problem, noise_level, operators};

use crate::model::Model;

pub use picture::Values;
pub use quality::{Quality, baseline, quality};

/// Largest side of a window in pixels: beyond it nothing is gained.
const LARGEST: usize = 512;
/// Pixels that neighbouring windows of a network for any size share.
const OVERLAP: usize = 48;
/// Numbers that a layer holds beside its input and output, as a share of them.
const BESIDE: f64 = 1.5;

/// How a model denoises pictures of one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// How a picture is divided.
    pub windows: Windows,
    /// Bytes that the windows at work take, about.
    pub bytes: u64,
    /// Whether the network answers a pixel alike in a picture of any size; otherwise windows have the size it was trained on.
    pub any_size: bool,
    /// Channels that the model answers at once: all colours, or one.
    pub channels: usize,
}

/// What to make of a noisy picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Standard deviation of the noise in units of 0 to 255.
    pub sigma: f64,
    /// Draws from the posterior; 0: its mean in one call.
    pub draws: usize,
    /// Whether the model's answer is the mean of those to the eight turns and reflections of the picture.
    pub ensemble: bool,
    /// The sampler of draws, as in `langevin list samplers`; one that adds noise.
    pub sampler: String,
    /// Steps of each draw.
    pub steps: usize,
    /// The seed of draws.
    pub seed: u64,
    /// The number of the picture among those of a run: each has noise of its own.
    pub image: u64,
}

/// A denoised picture.
#[derive(Debug, Clone)]
pub struct Denoised {
    /// The posterior's mean: of the model, or of the draws.
    pub mean: Values,
    /// The standard deviation of the draws in the unit of the values, where there are two or more.
    pub deviation: Option<Values>,
    /// `|y - x|^2 / sigma^2` for each value, of the mean, or the average over the draws. Of a draw it is 1 if model and `sigma`
    /// are right; of the mean it is less by the share of the noise's variance that could not be removed.
    pub residual: f64,
    /// What `residual` would vary by for noise alone.
    pub residual_error: f64,
}

/// The plan for denoising a picture of `colours` channels, `height` and `width` with `model` within `memory` bytes for windows.
///
/// # Errors
/// Usage: the model is of other channels, or known for pictures of one size only; or `memory` is too little for one window.
pub fn plan(model: &Model, shape: [usize; 3], memory: u64) -> Result<Plan> {
    plan_by(model, shape, memory, |config, side| {
        (config.estimate(side, side).sampling_bytes as f64 * BESIDE) as u64
    })
}

/// As [`plan`], for a network whose derivative is asked for: what the pass back needs is kept.
///
/// # Errors
/// As [`plan`].
pub fn plan_with_derivative(model: &Model, shape: [usize; 3], memory: u64) -> Result<Plan> {
    plan_by(model, shape, memory, |config, side| {
        let estimate = config.estimate(side, side);
        estimate.training_bytes + (estimate.sampling_bytes as f64 * BESIDE) as u64
    })
}

fn plan_by(
    model: &Model,
    [colours, height, width]: [usize; 3],
    memory: u64,
    each: impl Fn(&NetworkConfig, usize) -> u64,
) -> Result<Plan> {
    let own = model.info.channels;
    if own != 1 && own != colours {
        let kind = |channels| match channels {
            1 => "gray".to_owned(),
            3 => "colour".to_owned(),
            other => format!("of {other} channels"),
        };
        return Err(Error::usage(format!(
            "{}: its pictures are {}, and this one is {}",
            model.name,
            kind(own),
            kind(colours)
        ))
        .hint("use a model of such pictures; one of gray pictures takes each colour by itself"));
    }
    let Some(network) = model.denoiser.network() else {
        if [1, height, width] != model.shape() {
            return Err(Error::usage(format!(
                "{}: is known in closed form, for pictures of its own size alone",
                model.name
            )));
        }
        let windows = Windows { side: height.max(width), overlap: 1, multiple: 1, at_once: 1 };
        return Ok(Plan { windows, bytes: 0, any_size: false, channels: 1 });
    };
    let config = network.config();
    let (multiple, any_size) = (config.size_multiple(), any_size(config));
    let bytes = |side: usize, at_once: usize| each(config, side) * at_once as u64;
    let threads = rayon::current_num_threads().max(1);
    let (side, at_once) = if any_size {
        let least = (2 * OVERLAP).next_multiple_of(multiple);
        let needed =
            height.max(width).next_multiple_of(multiple).clamp(least, LARGEST.next_multiple_of(multiple));
        let fits = |at_once| {
            let sides = (least..=needed).rev().step_by(multiple);
            sides.map(|side| (side, at_once)).find(|(side, at_once)| bytes(*side, *at_once) <= memory)
        };
        fits(threads).or_else(|| fits(1))
    } else {
        let side = model.info.size.0.min(model.info.size.1);
        let most = (memory / bytes(side, 1).max(1)).min(8 * threads as u64) as usize;
        (most > 0).then_some((side, most))
    }
    .ok_or_else(|| {
        Error::usage(format!("{} MiB are too little for one window of this network", memory >> 20))
            .hint("allow it more with --memory")
    })?;
    let overlap = if any_size { OVERLAP } else { side / 4 };
    let windows = Windows { side, overlap, multiple, at_once };
    Ok(Plan { windows, bytes: bytes(side, at_once), any_size, channels: own })
}

/// Whether a network answers a pixel alike in a picture of any size: it neither attends nor normalises.
pub(crate) fn any_size(config: &NetworkConfig) -> bool {
    let attends = config.transformer.is_some()
        || !config.attention_levels.is_empty()
        || config.up_attention_levels.as_ref().is_some_and(|levels| !levels.is_empty())
        || (config.mid_block && config.mid_attention);
    config.norm_groups == 0 && !attends
}

/// The lowest and highest noise that `model` was trained for, in units of 0 to 255.
pub fn range(model: &Model) -> (f64, f64) {
    let diffusion = model.denoiser.diffusion();
    (sigma_to_pixels(diffusion.lowest().ratio()), sigma_to_pixels(diffusion.highest().ratio()))
}

/// The noise of `noisy` in units of 0 to 255, as [`langevin_restore::noise_level`] estimates it: the mean over the colours.
///
/// # Errors
/// Usage, when the picture is too small.
pub fn estimate(noisy: &Values) -> Result<f64> {
    let of = |plane| noise_level(plane, noisy.width, (-1.0, 1.0));
    let total = noisy.planes().map(of).sum::<Result<f64>>()?;
    Ok(sigma_to_pixels(total / noisy.channels as f64))
}

/// Denoises `noisy` as `request` says; `told` is called with the share that is done, from 0 to 1, and ends the work by answering
/// `false`; `drawn` gets each draw with its number.
///
/// # Errors
/// Usage: a sigma that is not in (0, 255], a sampler that is unknown. Interrupted, when `told` ended the work. As
/// the model's denoiser, and `drawn`.
pub fn denoise(
    model: &Model,
    plan: &Plan,
    noisy: &Values,
    request: &Request,
    device: &Device,
    told: impl Fn(f64) -> bool + Send + Sync,
    mut drawn: impl FnMut(usize, &Values) -> Result<()>,
) -> Result<Denoised> {
    let sigma = sigma_from_pixels(request.sigma)?;
    if sigma == 0.0 {
        return Err(
            Error::usage("a noise of 0 leaves nothing to remove").hint("say how strong it is, up to 255")
        );
    }
    let Values { channels, height, width, .. } = *noisy;
    let values = |values| Values { values, channels, height, width };
    let shape = [channels / plan.channels, plan.channels, height, width];
    let diffusion = model.denoiser.diffusion();
    let path = SPACINGS.build("karras")?.path(diffusion, request.steps)?;
    let exact = (request.draws > 0)
        .then(|| METHODS.build(&format!("exact:draw=sample,sampler={}", request.sampler)))
        .transpose()?;
    let calls = exact.as_ref().map_or(1, |method| method.calls(&path)) * request.draws.max(1);
    let inner = SideBySide::new(&model.denoiser, plan.windows.at_once)?;
    let windowed = Windowed::new(inner, plan.windows)?;
    let times = if request.ensemble { SYMMETRIES } else { 1 };
    let all = (times * calls * shape[0] * windowed.count(height, width)).max(1);
    let done = AtomicUsize::new(0);
    let windowed = windowed.watched(|now, of| {
        // Each call tells from its first window on.
        let before = done.load(Ordering::Relaxed) / of * of;
        done.store(before + now, Ordering::Relaxed);
        told((before + now) as f64 / all as f64)
    });
    let answers: Box<dyn Denoiser + '_> =
        if request.ensemble { Box::new(Symmetric(windowed)) } else { Box::new(windowed) };
    let Some(method) = exact else {
        let y = signed_to_batch(noisy.values.clone(), shape, device);
        // A clean end above the noise asked for is the nearest that the model knows.
        let at = Level { alpha: 1.0, sigma: sigma.max(diffusion.lowest().ratio()) };
        answers.begin();
        let mean = answers.denoise(y, &Levels::all(at, shape[0]), &Cond::none())?;
        let mean = mean.try_into_vec_as::<f32>().expect("a float tensor holds floats");
        let residual = residual(&noisy.values, &mean, sigma);
        let residual_error = (2.0 / mean.len() as f64).sqrt();
        return Ok(Denoised { mean: values(mean), deviation: None, residual, residual_error });
    };
    let windowed = Clipped::new(answers, 1.0);
    let operator = operators::build("identity", [plan.channels, height, width], &NoPictures)?;
    let y = signed_to_batch(noisy.values.clone(), shape, device);
    let problem = Problem::new(operator, y, sigma)?;
    let mut moments = Moments::new(noisy.values.len());
    let mut left = 0.0;
    for draw in 0..request.draws as u64 {
        let number = |plane: u64| (request.image << 32) + draw * shape[0] as u64 + plane;
        let streams = NoiseStreams::new(request.seed, (0..shape[0] as u64).map(number));
        let mut run = Run::new(Cond::none(), streams);
        windowed.begin();
        let made = method.restore(Prior::new(&windowed), &problem, &path, &mut run)?;
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

    #[test]
    fn attention_and_norms_keep_a_network_to_its_size() {
        let plain = NetworkConfig { norm_groups: 0, mid_attention: false, ..NetworkConfig::default() };
        assert!(any_size(&plain));
        assert!(!any_size(&NetworkConfig { norm_groups: 8, ..plain.clone() }));
        assert!(!any_size(&NetworkConfig { attention_levels: vec![1], ..plain.clone() }));
        assert!(!any_size(&NetworkConfig { mid_attention: true, ..plain }));
    }
}
