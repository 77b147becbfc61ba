//! The exact posterior of denoising: for `y = x0 + sigma_y n` the model itself is the answer.
//!
//! `E[x0 | y] = D(y, sigma_y)` in one call, the image of least expected squared error (Miyasawa 1961; Robbins 1956). And
//! `y` is a noisy image like any other on the way of a sampler, so walking from it, at the level `sigma_y`, to the clean
//! end draws from `p(x0 | y)` (Kawar et al. 2021, "Stochastic Image Denoising by Sampling from the Posterior Distribution",
//! arXiv 2101.09552, with a sampler in place of annealed Langevin dynamics). A sampler without noise of its own maps each
//! `y` to one image, so the draws need one that adds noise.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Error, Level, Levels, Progress, Result, Run};
use langevin_sample::{SAMPLERS, Sampler, steps};

use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "exact",
    aliases: &["denoise"],
    summary: "the exact posterior of denoising: its mean in one call, or draws from it",
    source: "Miyasawa 1961; Kawar et al. 2021 (arXiv 2101.09552)",
    options: &[
        OptionDoc {
            key: "draw",
            default: "mean",
            doc: "mean: E[x0 | y] in one call; sample: a draw from p(x0 | y)",
        },
        OptionDoc {
            key: "sampler",
            default: "ddpm",
            doc: "what walks from y, for draw=sample; one that adds noise",
        },
        OptionDoc {
            key: "rho",
            default: "3",
            doc: "how the levels of the walk crowd at its end: Karras' rho",
        },
    ],
    cases: &["exact", "exact:draw=sample"],
    candidates: &["exact"],
    build: |options| {
        let sampler = match options.text("draw") {
            "mean" => None,
            "sample" => Some(SAMPLERS.build(options.text("sampler"))?),
            other => {
                return Err(
                    Error::usage(format!("exact: there is no draw={other}")).hint("use mean or sample")
                );
            }
        };
        Ok(Box::new(Exact { sampler, rho: options.number("rho", 1.0, 100.0)? }))
    },
};

#[derive(Debug)]
struct Exact {
    sampler: Option<Box<dyn Sampler>>,
    rho: f64,
}

/// The ratio of noise to signal at which a walk ends before its last step, at most this share of where it begins.
const LAST: f64 = 0.02;

impl Exact {
    /// As many steps as `path` has, from the noise `sigma` to none, where the signal is 1 throughout.
    fn levels(&self, sigma: f64, path: &[Level]) -> Vec<Level> {
        let count = path.len() - 1;
        let least = path.iter().rev().map(|level| level.ratio()).find(|ratio| *ratio > 0.0).unwrap_or(sigma);
        let last = least.min(LAST * sigma);
        let (first, end) = (sigma.powf(1.0 / self.rho), last.powf(1.0 / self.rho));
        let part = |index: usize| index as f64 / (count - 1).max(1) as f64;
        let noisy = (0..count).map(|index| (first + part(index) * (end - first)).powf(self.rho));
        noisy.chain([0.0]).map(|sigma| Level { alpha: 1.0, sigma }).collect()
    }
}

impl Method for Exact {
    fn needs(&self) -> Needs {
        Needs { identity: true, noise: true, ..Needs::default() }
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        self.needs().check(problem, prior)?;
        let (y, sigma) = (problem.y(), problem.sigma());
        if let Some(sampler) = &self.sampler {
            steps(path)?;
            return sampler.sample(prior.denoiser, y, &self.levels(sigma, path), run);
        }
        let at = Level { alpha: 1.0, sigma };
        let mean = prior.denoiser.denoise(y, &Levels::all(at, problem.batch()), &run.cond)?;
        run.report(&Progress { step: 1, steps: 1, level: Level::CLEAN, x: &mean, denoised: &mean })?;
        Ok(mean)
    }

    fn calls(&self, path: &[Level]) -> usize {
        self.sampler.as_ref().map_or(1, |sampler| sampler.calls(path))
    }

    fn samples(&self) -> bool {
        self.sampler.is_some()
    }
}
