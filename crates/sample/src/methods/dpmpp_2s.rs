//! DPM-Solver++(2S) (Lu et al. 2022, arXiv 2211.01095, Algorithm 1): the model's answer at a point inside the step stands
//! for the whole step. Two calls a step and no memory, so the steps may be as uneven as one likes.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use super::dpm2::two_where_finite;
use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::{evaluate, report};

pub(super) const R: OptionDoc =
    OptionDoc { key: "r", default: "0.5", doc: "where inside the step the model is evaluated, in log-SNR" };

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp_2s",
    aliases: &["dpm++_2s"],
    summary: "second-order singlestep of two network evaluations, without memory",
    source: "Lu et al. 2022, Algorithm 1 (arXiv 2211.01095)",
    options: &[R],
    cases: &["dpmpp_2s", "dpmpp_2s:r=0.3"],
    build: |options| Ok(Box::new(Dpmpp2s { r: options.number("r", 0.05, 1.0)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Dpmpp2s {
    r: f64,
}

/// The clean image that a step of finite length to a noisy level aims at.
pub(super) fn towards(
    model: &dyn Denoiser,
    x: &Tensor<4>,
    denoised: &Tensor<4>,
    step: PathStep,
    r: f64,
    run: &Run<'_>,
) -> Result<Tensor<4>> {
    let inside = step.until(step.between(r));
    let second = evaluate(model, &inside.advance(x.clone(), denoised.clone()), inside.to, run)?;
    Ok(denoised.clone() + (second - denoised.clone()).mul_scalar(0.5 / r))
}

impl Sampler for Dpmpp2s {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let mut denoised = evaluate(model, &x, step.from, run)?;
            if step.kept() > 0.0 {
                denoised = towards(model, &x, &denoised, step, self.r, run)?;
            }
            x = step.advance(x, denoised.clone());
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        two_where_finite(path)
    }

    fn order(&self) -> Option<usize> {
        Some(2)
    }
}
