//! The words every method is written with: ask the model, draw noise, tell of a step.

use burn::tensor::Tensor;
use langevin_core::process::limits::shown;
use langevin_core::registry::{OptionDoc, Options};
use langevin_core::{Denoiser, Error, Level, Levels, Progress, Purpose, Result, Run};

use crate::path::{PathStep, steps};

/// The model's clean images for `x` at one level.
pub(crate) fn evaluate(model: &dyn Denoiser, x: &Tensor<4>, at: Level, run: &Run<'_>) -> Result<Tensor<4>> {
    model.denoise(x.clone(), &Levels::all(at, x.dims()[0]), &run.cond)
}

/// Reports the end of `step`.
pub(crate) fn report(run: &mut Run<'_>, step: PathStep, x: &Tensor<4>, denoised: &Tensor<4>) -> Result<()> {
    run.report(&Progress { step: step.index + 1, steps: step.count, level: step.to, x, denoised })
}

/// Fresh noise of variance 1, number `index` of the run.
pub(crate) fn fresh(run: &Run<'_>, index: u64, x: &Tensor<4>) -> Tensor<4> {
    let [_, c, h, w] = x.dims();
    run.noise.normal(Purpose::Sampler, index, [c, h, w], &x.device())
}

pub(crate) const ETA: OptionDoc = OptionDoc {
    key: "eta",
    default: "1",
    doc: "share of fresh noise, 0 (none, deterministic) to 1 (as much as ddpm)",
};

pub(crate) const S_NOISE: OptionDoc =
    OptionDoc { key: "s_noise", default: "1", doc: "factor on the fresh noise, 1 or slightly above" };

/// The share of fresh noise and the factor on it, from [`ETA`] and [`S_NOISE`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct FreshNoise {
    pub(crate) eta: f64,
    pub(crate) factor: f64,
}

impl FreshNoise {
    pub(crate) const NONE: Self = Self { eta: 0.0, factor: 1.0 };

    pub(crate) fn read(options: &Options) -> Result<Self> {
        Ok(Self { eta: options.number("eta", 0.0, 1.0)?, factor: options.number("s_noise", 0.0, 10.0)? })
    }

    /// `order` where nothing is random.
    pub(crate) fn order(self, order: usize) -> Option<usize> {
        (self.eta == 0.0).then_some(order)
    }
}

/// A walk of steps to less noise than asked for, each with fresh noise up to the level. `towards` turns the model's answer at
/// the start of a step of finite length, for the image and the step to less noise, into the clean image it aims at.
pub(crate) fn ancestral(
    model: &dyn Denoiser,
    mut x: Tensor<4>,
    path: &[Level],
    noise: FreshNoise,
    run: &mut Run<'_>,
    towards: impl Fn(&Tensor<4>, &Tensor<4>, PathStep, &Run<'_>) -> Result<Tensor<4>>,
) -> Result<Tensor<4>> {
    for step in steps(path)? {
        let mut denoised = evaluate(model, &x, step.from, run)?;
        let parts = step.from.ancestral(step.to, noise.eta);
        let down = step.until(Level { alpha: step.to.alpha, sigma: parts.x * step.from.sigma });
        if step.kept() > 0.0 {
            denoised = towards(&x, &denoised, down, run)?;
        }
        x = down.advance(x, denoised.clone());
        if parts.noise > 0.0 {
            x = x.clone() + fresh(run, step.index as u64, &x).mul_scalar(parts.noise * noise.factor);
        }
        report(run, step, &x, &denoised)?;
    }
    Ok(x)
}

/// A whole number among the options.
pub(crate) fn whole(options: &Options, key: &str, low: usize, high: usize) -> Result<usize> {
    let value = options.number(key, low as f64, high as f64)?;
    if value.fract() == 0.0 {
        return Ok(value as usize);
    }
    Err(Error::usage(format!("option {key}={} must be a whole number", shown(&value))))
}

/// The position in `words` of the text of an option.
pub(crate) fn choice(options: &Options, key: &str, words: &[&str]) -> Result<usize> {
    let text = options.text(key);
    words.iter().position(|word| *word == text).ok_or_else(|| {
        Error::usage(format!("option {key}: there is no \"{text}\""))
            .hint(format!("use {}", words.join(" or ")))
    })
}
