//! Annealed Langevin dynamics: Song & Ermon 2019, NCSN (1907.05600), Algorithm 1. At every level a few steps
//! `x + a/2 score + sqrt(a) z` with `a = epsilon sigma_i^2 / sigma_L^2`, then on with the same image at less noise; Jolicoeur-Martineau
//! et al. 2021 (2009.05475) end with the model's clean image.
//!
//! In another process than VE the image over `alpha` is what goes on. Nothing but these steps takes the noise away: a path needs
//! many levels that lie close to each other (`exponential` spacing, tens of levels and more).

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::steps;
use crate::sampler::Sampler;
use crate::walk::{evaluate, fresh, report, whole};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "annealed_langevin",
    aliases: &["ncsn"],
    summary: "Langevin steps at every level (NCSN); needs many levels",
    source: "Song & Ermon 2019, Algorithm 1 (arXiv 1907.05600)",
    options: &[
        OptionDoc {
            key: "inner",
            default: "8",
            doc: "steps at a level, T in the paper, 1 to 1000 (NCSN takes 100)",
        },
        OptionDoc {
            key: "step",
            default: "0.4",
            doc: "step over the variance of the noise, epsilon / sigma_L^2, 0 to 1 (NCSN takes 0.2: 2e-5 at 0.01)",
        },
    ],
    cases: &["annealed_langevin"],
    build: |options| {
        let inner = whole(options, "inner", 1, 1000)?;
        Ok(Box::new(AnnealedLangevin { inner, step: options.number("step", 1e-6, 1.0)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct AnnealedLangevin {
    inner: usize,
    step: f64,
}

impl Sampler for AnnealedLangevin {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let at = step.from;
            let mut denoised = evaluate(model, &x, at, run)?;
            for inner in 0..self.inner {
                if inner > 0 {
                    denoised = evaluate(model, &x, at, run)?;
                }
                // sigma^2 score = alpha D - x.
                let pull = denoised.clone().mul_scalar(at.alpha) - x.clone();
                let noise = fresh(run, (step.index * self.inner + inner) as u64, &x);
                x = x + pull.mul_scalar(0.5 * self.step) + noise.mul_scalar(self.step.sqrt() * at.sigma);
            }
            x = if step.to.is_clean() {
                denoised = evaluate(model, &x, at, run)?;
                denoised.clone().mul_scalar(step.to.alpha)
            } else if at.alpha == 0.0 {
                // Without signal there is only noise to take along.
                x.mul_scalar(step.to.sigma / at.sigma)
            } else {
                x.mul_scalar(step.to.alpha / at.alpha)
            };
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        (path.len() - 1) * self.inner + usize::from(path.last().is_some_and(|level| level.is_clean()))
    }

    fn order(&self) -> Option<usize> {
        None
    }
}
