//! PNDM's linear multistep half (PLMS): Liu et al. 2022, "Pseudo Numerical Methods for Diffusion Models on Manifolds" (arXiv
//! 2202.09778), section 3.3, eq. 12, begun by an improved Euler step instead of Runge-Kutta steps, as Stable Diffusion does;
//! diffusers' `PNDMScheduler(skip_prk_steps=True)`.
//!
//! The noise of the last four answers in Adams' and Bashforth's weights, carried by DDIM's step (the paper's transfer, eq.
//! 11). The first step asks twice and takes the mean of the two noises; written with clean pictures that is a step towards
//! `D + w (D' - D)` with `w = exp(h) / 2`, which is limited as in [`super::heun`].

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Denoiser, Level, Result, Run};

use super::dpm2::LIMIT;
use crate::noise_history::adams_bashforth;
use crate::path::steps;
use crate::sampler::Sampler;
use crate::walk::{ask, tell};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "pndm",
    aliases: &["plms"],
    summary: "multistep in the noise, one model call a step and one more in the first; 20 steps or more, or even ones",
    source: "Liu et al. 2022, eq. 11 and 12 (arXiv 2202.09778)",
    options: &[LIMIT],
    build: |options| Ok(Box::new(Pndm { limit: options.number("limit", 0.5, 1e9)? })),
};

#[derive(Debug)]
struct Pndm {
    limit: f64,
}

impl Sampler for Pndm {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        // Newest first.
        let mut noises: Vec<Tensor<4>> = Vec::new();
        for step in steps(path)? {
            let mut denoised = ask(model, &x, step.from, run)?;
            let present = step.noise_in(x.clone(), denoised.clone());
            noises.insert(0, present.clone());
            noises.truncate(4);
            let before = x.clone();
            x = step.advance(x, denoised.clone());
            if step.index == 0 && step.to.sigma > 0.0 {
                let second = ask(model, &x, step.to, run)?;
                let weight = (0.5 / step.kept()).min(self.limit);
                denoised = denoised.clone() + (second - denoised).mul_scalar(weight);
                x = step.advance(before, denoised.clone());
            } else if step.from.alpha > 0.0 {
                let length = step.to.alpha * (step.to.ratio() - step.from.ratio());
                for (weight, noise) in adams_bashforth(noises.len()).iter().zip(&noises).skip(1) {
                    x = x + (noise.clone() - present.clone()).mul_scalar(weight * length);
                }
            }
            tell(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1 + usize::from(path.get(1).is_some_and(|level| level.sigma > 0.0))
    }

    fn order(&self) -> Option<usize> {
        Some(2)
    }
}
