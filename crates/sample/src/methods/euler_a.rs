//! Euler with ancestral noise: an Euler step to less noise than asked for, and fresh noise up to the level; k-diffusion's
//! `sample_euler_ancestral`.
//!
//! How far down and how much back is [`Level::ancestral`], the posterior of Ho et al. 2020 (arXiv 2006.11239, eq. 7) at
//! `eta = 1`. In the coordinate of levels this is `ddim:eta=1`; it is here under the name it is known by, with the factor
//! on its noise.

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::steps;
use crate::sampler::Sampler;
use crate::walk::{ETA, FreshNoise, S_NOISE, evaluate, fresh, report};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "euler_a",
    aliases: &["euler_ancestral"],
    summary: "Euler steps with ancestral noise",
    source: "k-diffusion, sample_euler_ancestral; Ho et al. 2020, eq. 7 (arXiv 2006.11239)",
    options: &[ETA, S_NOISE],
    cases: &["euler_a", "euler_a:eta=0.5,s_noise=1.003"],
    build: |options| Ok(Box::new(EulerA(FreshNoise::read(options)?))),
    ..Entry::BLANK
};

#[derive(Debug)]
struct EulerA(FreshNoise);

impl Sampler for EulerA {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let denoised = evaluate(model, &x, step.from, run)?;
            let parts = step.from.ancestral(step.to, self.0.eta);
            x = x.mul_scalar(parts.x) + denoised.clone().mul_scalar(parts.x0);
            if parts.noise > 0.0 {
                x = x.clone() + fresh(run, step.index as u64, &x).mul_scalar(parts.noise * self.0.factor);
            }
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        self.0.order(1)
    }
}
