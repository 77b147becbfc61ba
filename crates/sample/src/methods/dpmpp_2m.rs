//! DPM-Solver++(2M) (Lu et al. 2022, "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models",
//! arXiv 2211.01095, Algorithm 2); k-diffusion's `sample_dpmpp_2m`.
//!
//! One model call a step: the clean image is extrapolated to the middle of the step from this answer and the last. Steps
//! are measured by `h`, half the growth of the log-SNR. The first step, the step to `sigma = 0`, and the step after one
//! that began without signal (`alpha = 0`) have no finite slope to extrapolate, and are first order.

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Denoiser, Level, Levels, Progress, Result, Run};

use crate::multistep::{SOLVER_TYPE, SOLVER_TYPES};
use crate::path::steps;
use crate::quadrature::phi_2;
use crate::sampler::Sampler;
use crate::walk::choice;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp_2m",
    aliases: &["dpm++_2m", "dpmpp2m"],
    summary: "second-order multistep, one model call a step; the best start for 8 to 30 steps",
    source: "Lu et al. 2022, Algorithm 2 (arXiv 2211.01095)",
    options: &[SOLVER_TYPE],
    cases: &["dpmpp_2m", "dpmpp_2m:solver_type=heun"],
    build: |options| Ok(Box::new(Dpmpp2m { heun: choice(options, "solver_type", SOLVER_TYPES)? == 1 })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Dpmpp2m {
    heun: bool,
}

impl Sampler for Dpmpp2m {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let batch = x.dims()[0];
        let mut last: Option<(Tensor<4>, f64)> = None;
        for step in steps(path)? {
            let denoised = model.denoise(x.clone(), &Levels::all(step.from, batch), &run.cond)?;
            let h = step.length();
            let towards = match last {
                Some((before, h_before)) if h.is_finite() && h_before.is_finite() => {
                    let r = h_before / h;
                    // The slope integrated exactly, or its value in the middle of the step.
                    let weight = if self.heun { phi_2(h) / -(-h).exp_m1() } else { 0.5 };
                    denoised.clone() + (denoised.clone() - before).mul_scalar(weight / r)
                }
                _ => denoised.clone(),
            };
            x = step.advance(x, towards);
            let (level, steps) = (step.to, step.count);
            run.report(&Progress { step: step.index + 1, steps, level, x: &x, denoised: &denoised })?;
            last = Some((denoised, h));
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        Some(2)
    }
}
