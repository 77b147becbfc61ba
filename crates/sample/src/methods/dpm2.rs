//! DPM-Solver-2 on the probability-flow equation, with EDM's churn: the slope at the middle of the step (in log-SNR)
//! carries the whole step. Lu et al. 2022 (arXiv 2206.00927), Algorithm 1 with `r_1 = 1/2`; k-diffusion's `sample_dpm_2`.
//!
//! Written with the model's answers, `D` at the start and `D'` at the middle, the step is the Euler step towards
//! `D + w (D' - D)` with `w = exp(h / 2)`, the root of the factor by which the noise falls. As in [`super::heun`] that
//! weight needs a limit where a path starts with (almost) no signal.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::churn::{Churn, S_CHURN, S_NOISE, S_TMAX, S_TMIN};
use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::{evaluate, report};

pub(super) const LIMIT: OptionDoc = OptionDoc {
    key: "limit",
    default: "4",
    doc: "largest weight of a step's second evaluation; the published rule has none and overshoots where the noise falls by \
          more than 16 in one step",
};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpm2",
    aliases: &["dpm_2", "kdpm2"],
    summary: "second-order midpoint steps of two network evaluations, with EDM's churn",
    source: "Lu et al. 2022, Algorithm 1 (arXiv 2206.00927); k-diffusion, sample_dpm_2",
    options: &[S_CHURN, S_TMIN, S_TMAX, S_NOISE, LIMIT],
    cases: &["dpm2", "dpm2:s_churn=10"],
    build: |options| {
        Ok(Box::new(Dpm2 { churn: Churn::new(options)?, limit: options.number("limit", 0.5, 1e9)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Dpm2 {
    churn: Churn,
    limit: f64,
}

/// The clean image that a midpoint step of finite length to a noisy level aims at, and the images it saw.
pub(super) fn towards(
    model: &dyn Denoiser,
    x: &Tensor<4>,
    denoised: &Tensor<4>,
    step: PathStep,
    limit: f64,
    run: &Run<'_>,
) -> Result<Tensor<4>> {
    let middle = step.until(step.between(0.5));
    let second = evaluate(model, &middle.advance(x.clone(), denoised.clone()), middle.to, run)?;
    let weight = (1.0 / middle.kept()).min(limit);
    Ok(denoised.clone() + (second - denoised.clone()).mul_scalar(weight))
}

impl Sampler for Dpm2 {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let (raised, step) = self.churn.raise(x, step, run);
            let mut denoised = evaluate(model, &raised, step.from, run)?;
            if step.kept() > 0.0 {
                denoised = towards(model, &raised, &denoised, step, self.limit, run)?;
            }
            x = step.advance(raised, denoised.clone());
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        two_where_finite(path)
    }

    fn order(&self) -> Option<usize> {
        self.churn.is_off().then_some(2)
    }
}

/// The calls of a method that asks twice in steps of finite length and once in others.
pub(super) fn two_where_finite(path: &[Level]) -> usize {
    let finite = path.windows(2).filter(|pair| pair[0].alpha > 0.0 && pair[1].sigma > 0.0).count();
    path.len() - 1 + finite
}
