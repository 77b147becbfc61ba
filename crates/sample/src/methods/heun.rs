//! Heun's method on the probability-flow equation, with EDM's optional churn: Karras et al. 2022, "Elucidating the Design
//! Space of Diffusion-Based Generative Models" (arXiv 2206.00364), Algorithms 1 and 2; k-diffusion's `sample_heun`.
//!
//! The paper averages two slopes of `x / alpha` over `sigma / alpha`. Written with the model's answers, `D` at the start
//! and `D'` at the end of an Euler step, that average is the Euler step towards `D + w (D' - D)` with
//! `w = (sigma / alpha) / (sigma' / alpha') / 2`: one half for short steps, and above 1, beyond the second answer, where
//! the noise more than halves. The paper lets `w` grow without bound, which a path that starts with (almost) no signal
//! does not survive: on a mixture of Gaussians, 10 trailing steps of the cosine schedule end 2.8 away from the exact flow,
//! and 0.04 away with `w` at most 4. That limit leaves the paper's own paths alone from 12 steps up; below that a limit of
//! 1 is two to four times nearer than either.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::churn::{Churn, S_CHURN, S_NOISE, S_TMAX, S_TMIN};
use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::{evaluate, report};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "heun",
    aliases: &["edm"],
    summary: "second-order steps of two network evaluations, with EDM's churn",
    source: "Karras et al. 2022, Algorithms 1 and 2 (arXiv 2206.00364)",
    options: &[
        S_CHURN,
        S_TMIN,
        S_TMAX,
        S_NOISE,
        OptionDoc {
            key: "limit",
            default: "4",
            doc: "largest weight of a step's second evaluation: EDM's rule has none and overshoots where the noise falls \
                  by more than 8 in one step, as it does at the start of a cosine path",
        },
    ],
    cases: &["heun", "heun:limit=1", "heun:s_churn=10,s_noise=1.003"],
    build: |options| {
        Ok(Box::new(Heun {
            churn: Churn::new(options)?,
            limit: options.number("limit", 0.5, 1e9)?,
            over: Over::Ratio,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
pub(super) struct Heun {
    pub(super) churn: Churn,
    pub(super) limit: f64,
    pub(super) over: Over,
}

/// What the two slopes are averaged over.
#[derive(Debug)]
pub(super) enum Over {
    /// `sigma / alpha`, EDM's noise.
    Ratio,
    /// `sigma / (alpha + sigma)`, the flow's time.
    Time,
}

impl Over {
    /// The weight of the second answer, half the fall of the variable.
    fn weight(&self, step: PathStep) -> f64 {
        match self {
            Self::Ratio => 0.5 / step.kept(),
            Self::Time => {
                let time = |level: Level| level.sigma / (level.alpha + level.sigma);
                0.5 * time(step.from) / time(step.to)
            }
        }
    }
}

/// The image at the end of a step, and the clean one that the step led towards.
pub(super) fn advance(
    model: &dyn Denoiser,
    x: Tensor<4>,
    step: PathStep,
    over: &Over,
    limit: f64,
    run: &Run<'_>,
) -> Result<(Tensor<4>, Tensor<4>)> {
    let mut denoised = evaluate(model, &x, step.from, run)?;
    let mut next = step.advance(x.clone(), denoised.clone());
    if step.to.sigma > 0.0 {
        let second = evaluate(model, &next, step.to, run)?;
        denoised = denoised.clone() + (second - denoised).mul_scalar(over.weight(step).min(limit));
        next = step.advance(x, denoised.clone());
    }
    Ok((next, denoised))
}

/// The calls of a method that asks once in steps to the clean image and twice in others.
pub(super) fn two_where_noisy(path: &[Level]) -> usize {
    let noisy_ends = path.iter().skip(1).filter(|level| level.sigma > 0.0).count();
    path.len() - 1 + noisy_ends
}

impl Sampler for Heun {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let (raised, step) = self.churn.raise(x, step, run);
            let denoised;
            (x, denoised) = advance(model, raised, step, &self.over, self.limit, run)?;
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        two_where_noisy(path)
    }

    fn order(&self) -> Option<usize> {
        self.churn.is_off().then_some(2)
    }
}
