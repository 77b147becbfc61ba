//! Restart sampling (Xu et al. 2023, "Restart Sampling for Improving Generative Processes", arXiv 2306.14878, Algorithm 1):
//! Heun's method, and where it has reached `low`, several times back: noise up to `high`, and the same stretch again. The
//! noise forgets errors made above; the deterministic steps make few below.
//!
//! The stretch is walked along the levels of the path between the first level at or below `high` and the first at or below
//! `low`, in `sigma / alpha`. A path without two noisy levels there is walked once.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use super::heun::{self, Over, two_where_noisy};
use crate::path::steps;
use crate::sampler::Sampler;
use crate::walk::{S_NOISE, fresh, report, whole};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "restart",
    aliases: &[],
    summary: "Heun with the low-noise stretch walked several times, from fresh noise",
    source: "Xu et al. 2023, Algorithm 1 (arXiv 2306.14878)",
    options: &[
        OptionDoc { key: "low", default: "0.1", doc: "sigma/alpha where the stretch ends" },
        OptionDoc { key: "high", default: "2", doc: "sigma/alpha where the stretch begins" },
        OptionDoc { key: "times", default: "2", doc: "how often the stretch is walked again, 0 to 100" },
        S_NOISE,
        OptionDoc {
            key: "limit",
            default: "4",
            doc: "largest weight of a step's second evaluation, as in heun",
        },
    ],
    cases: &["restart", "restart:times=0"],
    build: |options| {
        Ok(Box::new(Restart {
            low: options.number("low", 1e-6, 1e6)?,
            high: options.number("high", 1e-6, 1e6)?,
            times: whole(options, "times", 0, 100)?,
            noise: options.number("s_noise", 0.0, 10.0)?,
            limit: options.number("limit", 0.5, 1e9)?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Restart {
    low: f64,
    high: f64,
    times: usize,
    noise: f64,
    limit: f64,
}

impl Restart {
    /// The indices of the levels where the stretch begins and ends.
    fn stretch(&self, path: &[Level]) -> Option<(usize, usize)> {
        let reached = |ratio: f64| {
            path.iter().position(|level| level.ratio() <= ratio).filter(|index| path[*index].sigma > 0.0)
        };
        let (begin, end) = (reached(self.high)?, reached(self.low)?);
        (begin < end && self.times > 0).then_some((begin, end))
    }
}

impl Sampler for Restart {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let steps = steps(path)?;
        let stretch = self.stretch(path);
        let walk = |x, step, run: &Run<'_>| heun::advance(model, x, step, &Over::Ratio, self.limit, run);
        for step in &steps {
            let mut denoised;
            (x, denoised) = walk(x, *step, run)?;
            if let Some((begin, end)) = stretch.filter(|(_, end)| *end == step.index + 1) {
                let (low, high) = (path[end], path[begin]);
                let scale = high.alpha / low.alpha;
                let added = (high.sigma.powi(2) - (scale * low.sigma).powi(2)).max(0.0).sqrt();
                for time in 0..self.times {
                    let noise = fresh(run, time as u64, &x).mul_scalar(added * self.noise);
                    x = x.mul_scalar(scale) + noise;
                    for step in &steps[begin..end] {
                        (x, denoised) = walk(x, *step, run)?;
                    }
                }
            }
            report(run, *step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        let again = self.stretch(path).map_or(0, |(begin, end)| 2 * (end - begin) * self.times);
        two_where_noisy(path) + again
    }

    fn order(&self) -> Option<usize> {
        (self.times == 0).then_some(2)
    }
}
