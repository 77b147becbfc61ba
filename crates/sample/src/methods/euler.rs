//! Euler's method on the probability-flow equation, with EDM's optional churn: Karras et al. 2022 (arXiv 2206.00364),
//! Algorithm 2 without its second-order lines 9 to 11; k-diffusion's `sample_euler`.
//!
//! Euler's step depends on the variable one steps in. EDM steps `x / alpha` over `sigma / alpha`; a flow model steps `x`
//! over time. Both keep the model's clean image and noise fixed during the step, so both are the same step,
//! [`crate::PathStep::advance`], and the same as DDIM's with `eta = 0`. (Euler on the time of a VP equation is a different, worse
//! method: it bends even when the answer is exact.) What this method has beside DDIM is the churn.

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Denoiser, Level, Levels, Progress, Result, Run};

use crate::churn::{Churn, S_CHURN, S_NOISE, S_TMAX, S_TMIN};
use crate::path::steps;
use crate::sampler::Sampler;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "euler",
    aliases: &["flow_euler", "flow_match_euler"],
    summary: "Euler steps of the probability flow (the same as ddim), with EDM's churn",
    source: "Karras et al. 2022, Algorithm 2 without correction (arXiv 2206.00364)",
    options: &[S_CHURN, S_TMIN, S_TMAX, S_NOISE],
    cases: &["euler", "euler:s_churn=10"],
    build: |options| Ok(Box::new(Euler { churn: Churn::new(options)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Euler {
    churn: Churn,
}

impl Sampler for Euler {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let batch = x.dims()[0];
        for step in steps(path)? {
            let (raised, step) = self.churn.raise(x, step, run);
            let denoised = model.denoise(raised.clone(), &Levels::all(step.from, batch), &run.cond)?;
            x = step.advance(raised, denoised.clone());
            let (level, steps) = (step.to, step.count);
            run.report(&Progress { step: step.index + 1, steps, level, x: &x, denoised: &denoised })?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        self.churn.is_off().then_some(1)
    }
}
