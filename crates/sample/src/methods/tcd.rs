//! Trajectory consistency sampling (Zheng et al. 2024, "Trajectory Consistency Distillation", arXiv 2402.19159, Algorithm
//! 4): a deterministic step to less noise than asked for, at `(1 - eta)` of the next level's time, and fresh noise up to the
//! level. `eta = 0` is DDIM, `eta = 1` is consistency sampling ([`super::lcm`]).
//!
//! A path has levels and no times: the time is that of the run's [`TimeMap`], the model's own as a rule, which on a table is the
//! index that diffusers' `TCDScheduler` takes.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run, TimeMap};

use crate::path::steps;
use crate::sampler::Sampler;
use crate::walk::{evaluate, fresh, report};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "tcd",
    aliases: &[],
    summary: "consistency sampling that keeps a part of the noise, for few-step models",
    source: "Zheng et al. 2024, Algorithm 4 (arXiv 2402.19159)",
    options: &[OptionDoc {
        key: "eta",
        default: "0.3",
        doc: "the paper's gamma: 0 keeps all noise (ddim), 1 none (lcm)",
    }],
    cases: &["tcd", "tcd:eta=0"],
    build: |options| Ok(Box::new(Tcd { eta: options.number("eta", 0.0, 1.0)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Tcd {
    eta: f64,
}

/// The noise kept and the fresh noise of a step to `to`: `x` at `(1 - eta)` of its time, scaled to its signal, has the first,
/// and the second makes up for the rest.
fn shares(time_map: &TimeMap, to: Level, eta: f64) -> (f64, f64) {
    // A schedule's clean end may hold more noise than the end of the path.
    let kept = to.alpha * time_map.part_of(to, 1.0 - eta).ratio().min(to.ratio());
    (kept, (to.sigma * to.sigma - kept * kept).max(0.0).sqrt())
}

impl Sampler for Tcd {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let denoised = evaluate(model, &x, step.from, run)?;
            let (kept, renewed) = shares(&run.time_map, step.to, self.eta);
            let down = step.until(Level { alpha: step.to.alpha, sigma: kept });
            x = down.advance(x, denoised.clone());
            if self.eta > 0.0 && renewed > 0.0 {
                x = x.clone() + fresh(run, step.index as u64, &x).mul_scalar(renewed);
            }
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        (self.eta == 0.0).then_some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eta_goes_from_all_noise_kept_to_none() {
        let to = Level { alpha: 0.6, sigma: 0.8 };
        let shares = |to, eta| shares(&TimeMap::FLOW, to, eta);
        let (kept, renewed) = shares(to, 0.0);
        assert!((kept - 0.8).abs() < 1e-15 && renewed < 1e-7);
        assert_eq!(shares(to, 1.0), (0.0, 0.8));
        // On the flow, the paper's own words: x at time 0.7 * 0.5, with the signal of time 0.5.
        let (kept, renewed) = shares(Level { alpha: 0.5, sigma: 0.5 }, 0.3);
        assert!((kept - 0.5 / 0.65 * 0.35).abs() < 1e-15);
        assert!((kept.hypot(renewed) - 0.5).abs() < 1e-15);
        assert_eq!(shares(Level::CLEAN, 0.3), (0.0, 0.0));
    }
}
