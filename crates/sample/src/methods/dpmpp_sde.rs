//! DPM-Solver++ (stochastic): singlestep with fresh noise to the point inside the step and to its end, both read from one
//! Brownian path; k-diffusion's `sample_dpmpp_sde`, after Lu et al. 2022 (arXiv 2211.01095).

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Denoiser, Level, Result, Run};

use super::dpm2::two_where_finite;
use super::dpmpp_2s::R;
use crate::brownian::Brownian;
use crate::path::steps;
use crate::sampler::Sampler;
use crate::walk::{ETA, FreshNoise, S_NOISE, evaluate, report};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp_sde",
    aliases: &["dpm++_sde"],
    summary: "stochastic singlestep of two network evaluations on a Brownian path",
    source: "k-diffusion, sample_dpmpp_sde; Lu et al. 2022 (arXiv 2211.01095)",
    options: &[ETA, S_NOISE, R],
    cases: &["dpmpp_sde", "dpmpp_sde:eta=0"],
    build: |options| {
        Ok(Box::new(DpmppSde { noise: FreshNoise::read(options)?, r: options.number("r", 0.05, 1.0)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct DpmppSde {
    noise: FreshNoise,
    r: f64,
}

impl Sampler for DpmppSde {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let steps = steps(path)?;
        let mut brownian = Brownian::new(run, &x, path[0]);
        for step in steps {
            let mut denoised = evaluate(model, &x, step.from, run)?;
            if step.kept() > 0.0 {
                let inside = step.between(self.r);
                let parts = step.from.ancestral(inside, self.noise.eta);
                let mut between = x.clone().mul_scalar(parts.x) + denoised.clone().mul_scalar(parts.x0);
                if parts.noise > 0.0 {
                    let noise = brownian.noise_to(inside);
                    between = between + noise.mul_scalar(parts.noise * self.noise.factor);
                }
                let second = evaluate(model, &between, inside, run)?;
                denoised = denoised.clone() + (second - denoised).mul_scalar(0.5 / self.r);
            }
            let parts = step.from.ancestral(step.to, self.noise.eta);
            x = x.mul_scalar(parts.x) + denoised.clone().mul_scalar(parts.x0);
            if parts.noise > 0.0 {
                x = x + brownian.advance(step.to).mul_scalar(parts.noise * self.noise.factor);
            }
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        two_where_finite(path)
    }

    fn order(&self) -> Option<usize> {
        // The two answers are weighed for a step whose points keep all their noise, which holds where eta is 0.
        self.noise.order(2)
    }
}
