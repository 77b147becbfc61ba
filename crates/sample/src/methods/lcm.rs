//! Multistep consistency sampling: land on the model's clean image, noise it up to the next level, ask again. Song et al.
//! 2023, "Consistency Models" (arXiv 2303.01469), Algorithm 1; Luo et al. 2023, "Latent Consistency Models" (arXiv
//! 2310.04378), Algorithm 3; diffusers' `LCMScheduler`.
//!
//! For models distilled to answer in one step, where 1 to 8 steps serve. diffusers multiplies the answer by boundary
//! coefficients of `10 * timestep`, which differ from 1 and 0 by less than 4e-6 from timestep 19 on; a model that needs them
//! has them in its parameterisation here.

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::steps;
use crate::sampler::Sampler;
use crate::walk::{evaluate, fresh, report};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "lcm",
    aliases: &["consistency"],
    summary: "consistency sampling for few-step models: all noise is fresh",
    source: "Song et al. 2023, Algorithm 1 (arXiv 2303.01469); Luo et al. 2023, Algorithm 3 (arXiv 2310.04378)",
    options: &[],
    cases: &["lcm"],
    build: |_| Ok(Box::new(Lcm)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Lcm;

impl Sampler for Lcm {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let denoised = evaluate(model, &x, step.from, run)?;
            x = denoised.clone().mul_scalar(step.to.alpha);
            if step.to.sigma > 0.0 {
                x = x.clone() + fresh(run, step.index as u64, &x).mul_scalar(step.to.sigma);
            }
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        None
    }
}
