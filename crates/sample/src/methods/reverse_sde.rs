//! The reverse equation with any amount of noise between the probability flow and the reverse SDE: Song et al. 2021
//! (2011.13456), eq. 6 and 13; Zhang & Chen 2023, DEIS (2204.13902), eq. 6,
//! `dx = (f x - (1 + lambda^2) / 2 g^2 score) dt + lambda g dw`.
//!
//! With the model's clean image held during a step the equation is linear and is solved exactly, in every process: of the
//! noise in `x` the part `(r' / r)^(lambda^2)` is kept, `r = sigma / alpha`, and the rest is drawn anew. `lambda = 0` is `ddim`,
//! `lambda = 1` ancestral sampling, and above it more noise is renewed than that.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::{evaluate, fresh, report};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "reverse_sde",
    aliases: &["sde"],
    summary: "the reverse SDE with any amount of noise: 0 is the probability flow, 1 the reverse SDE",
    source: "Song et al. 2021, eq. 6; Zhang & Chen 2023, eq. 6 (arXiv 2204.13902)",
    options: &[OptionDoc { key: "lambda", default: "1", doc: "amount of noise, 0 (none) to 4" }],
    cases: &["reverse_sde", "reverse_sde:lambda=0", "reverse_sde:lambda=0.5"],
    build: |options| Ok(Box::new(ReverseSde { lambda: options.number("lambda", 0.0, 4.0)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct ReverseSde {
    lambda: f64,
}

impl ReverseSde {
    /// The part of the noise that a step keeps.
    fn kept(&self, step: PathStep) -> f64 {
        // Without noise in the equation all is kept, also where the step starts without signal.
        if self.lambda == 0.0 { 1.0 } else { step.kept().powf(self.lambda * self.lambda) }
    }
}

impl Sampler for ReverseSde {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let denoised = evaluate(model, &x, step.from, run)?;
            let kept = self.kept(step);
            let scale = step.to.sigma * kept / step.from.sigma;
            x = x.mul_scalar(scale) + denoised.clone().mul_scalar(step.to.alpha - step.from.alpha * scale);
            let deviation = step.to.sigma * (1.0 - kept * kept).max(0.0).sqrt();
            if deviation > 0.0 {
                x = x.clone() + fresh(run, step.index as u64, &x).mul_scalar(deviation);
            }
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        (self.lambda == 0.0).then_some(1)
    }
}
