//! Ancestral sampling (Ho, Jain and Abbeel 2020, "Denoising Diffusion Probabilistic Models", arXiv 2006.11239,
//! Algorithm 2): each step draws from the posterior of the less noisy image given the current one and the model's
//! answer, eq. 6 and 7.
//!
//! [`Level::ancestral`] is eq. 7 for the steps of any path in any process, finite at both ends. Its noise is Ho's `beta
//! tilde`, right when the clean image is known for certain. Ho's `beta` is what is right for data of variance 1: `beta
//! tilde` and, through the coefficient of x0, the variance `sigma^2 / (alpha^2 + sigma^2)` of such data given x. For a VP
//! process that sum is `beta` exactly, and in the others it keeps the meaning.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Error, Level, Levels, Progress, Purpose, Result, Run};

use crate::path::steps;
use crate::sampler::Sampler;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "ddpm",
    aliases: &["ancestral"],
    summary: "ancestral sampling: noise at every step; needs many steps",
    source: "Ho et al. 2020, Algorithm 2 (arXiv 2006.11239)",
    options: &[OptionDoc {
        key: "variance",
        default: "fixed_small",
        doc: "noise of a step: fixed_small (beta tilde, right for certain images) or fixed_large (beta, right for data of variance 1), or none (the mean alone, for comparing programs)",
    }],
    cases: &["ddpm", "ddpm:variance=fixed_large"],
    build: |options| {
        let variance = match options.text("variance") {
            "fixed_small" => Variance::Small,
            "fixed_large" => Variance::Large,
            "none" => Variance::None,
            other => {
                return Err(Error::usage(format!("ddpm: there is no variance \"{other}\""))
                    .hint("use fixed_small, fixed_large or none"));
            }
        };
        Ok(Box::new(Ddpm { variance }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Ddpm {
    variance: Variance,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variance {
    Small,
    Large,
    None,
}

impl Sampler for Ddpm {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let [batch, c, h, w] = x.dims();
        for step in steps(path)? {
            let denoised = model.denoise(x.clone(), &Levels::all(step.from, batch), &run.cond)?;
            let posterior = step.from.ancestral(step.to, 1.0);
            x = x.mul_scalar(posterior.x) + denoised.clone().mul_scalar(posterior.x0);
            // The last step adds nothing: z = 0 at t = 1 in Algorithm 2.
            if step.to.sigma > 0.0 && self.variance != Variance::None {
                let deviation = posterior.noise.hypot(self.unknown(step.from) * posterior.x0);
                let noise = run.noise.normal(Purpose::Sampler, step.index as u64, [c, h, w], &x.device());
                x = x + noise.mul_scalar(deviation);
            }
            let (level, steps) = (step.to, step.count);
            run.report(&Progress { step: step.index + 1, steps, level, x: &x, denoised: &denoised })?;
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

impl Ddpm {
    /// The standard deviation of the clean image given the noisy one that the noise of a step allows for: none, or that
    /// of data of variance 1.
    fn unknown(&self, at: Level) -> f64 {
        if self.variance == Variance::Large { at.sigma / at.magnitude() } else { 0.0 }
    }
}
