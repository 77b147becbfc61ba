//! The "churn" of Karras et al. 2022 (arXiv 2206.00364), Algorithm 2, lines 4 to 6: before a step the image is noised
//! up a little, so that the step forgets some of the error made so far.

use burn::tensor::Tensor;
use langevin_core::process::limits::shown;
use langevin_core::registry::{OptionDoc, Options};
use langevin_core::{Error, Level, Purpose, Result, Run};

use crate::path::PathStep;

/// How much noise is added before a step, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Churn {
    amount: f64,
    lowest: f64,
    highest: f64,
    noise: f64,
}

pub(crate) const S_CHURN: OptionDoc = OptionDoc {
    key: "s_churn",
    default: "0",
    doc: "noise added over all steps; 0 is deterministic, EDM uses up to 80",
};
pub(crate) const S_TMIN: OptionDoc =
    OptionDoc { key: "s_tmin", default: "0", doc: "churn only where sigma/alpha is at least this" };
pub(crate) const S_TMAX: OptionDoc =
    OptionDoc { key: "s_tmax", default: "inf", doc: "churn only where sigma/alpha is at most this" };
pub(crate) const S_NOISE: OptionDoc = OptionDoc {
    key: "s_noise",
    default: "1",
    doc: "standard deviation of the added noise, 1 or slightly above",
};

impl Churn {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let at_least_zero = |key: &str| -> Result<f64> {
            let value: f64 = options.get(key)?;
            if value >= 0.0 {
                return Ok(value);
            }
            Err(Error::usage(format!("option {key}={} must be at least 0", shown(&value))))
        };
        Ok(Self {
            amount: options.number("s_churn", 0.0, 1e6)?,
            lowest: at_least_zero("s_tmin")?,
            highest: at_least_zero("s_tmax")?,
            noise: options.number("s_noise", 0.0, 10.0)?,
        })
    }

    pub(crate) fn is_off(&self) -> bool {
        self.amount == 0.0
    }

    /// The noised-up image, and the step from its new level to the old end.
    ///
    /// Noise is added in EDM's own coordinate: `alpha` stays, `sigma` grows by `1 + gamma`. The new level may therefore
    /// lie off the curve of the model's process, which a denoiser must be able to answer.
    pub(crate) fn raise(&self, x: Tensor<4>, step: PathStep, run: &Run<'_>) -> (Tensor<4>, PathStep) {
        let ratio = step.from.ratio();
        let within = ratio.is_finite() && (self.lowest..=self.highest).contains(&ratio);
        if self.is_off() || !within {
            return (x, step);
        }
        let gamma = (self.amount / step.count as f64).min(std::f64::consts::SQRT_2 - 1.0);
        let raised = Level { alpha: step.from.alpha, sigma: step.from.sigma * (1.0 + gamma) };
        let added = self.noise * step.from.sigma * (gamma * (2.0 + gamma)).sqrt();
        let [_, c, h, w] = x.dims();
        let noise = run.noise.normal(Purpose::Sampler, step.index as u64, [c, h, w], &x.device());
        (x + noise.mul_scalar(added), PathStep { from: raised, ..step })
    }
}
