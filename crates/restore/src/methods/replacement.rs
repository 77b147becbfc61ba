//! Replacement: an unconditional walk in which, after every step, what the measurement knows is replaced by the measurement
//! with the noise of that level (Song et al. 2021, "Score-Based Generative Modeling through Stochastic Differential
//! Equations", arXiv 2011.13456, appendix I.2, with the predictor-corrector sampler of Algorithm 3).
//!
//! For a mask the known pixels are replaced. Any other linear operator has `x + A+ (alpha y + sigma A n - A x)`, as in ILVR
//! (Choi et al. 2021, arXiv 2108.02938, eq. 8). The walk does not hear of what was replaced until the next call, so what is
//! drawn does not quite go with what is known: it is biased at any number of steps.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};

use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::{Walk, each, noise_in, norms, whole};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "replacement",
    aliases: &["score_sde", "ilvr"],
    summary: "an unconditional walk with the measured part put back after every step; fast, with seams",
    source: "Song et al. 2021, appendix I.2 (arXiv 2011.13456)",
    options: &[
        OptionDoc {
            key: "corrector",
            default: "1",
            doc: "Langevin steps at each level before the step to the next, 0 to 100",
        },
        OptionDoc { key: "snr", default: "0.16", doc: "their signal-to-noise ratio, which sets their size" },
    ],
    cases: &["replacement", "replacement:corrector=0"],
    candidates: &["replacement:corrector=0", "replacement:snr=0.05", "replacement:snr=0.16"],
    build: |options| {
        let corrector = whole(options, "corrector", 0, 100)?;
        Ok(Box::new(Replacement { corrector, snr: options.number("snr", 0.0, 10.0)? }))
    },
};

#[derive(Debug)]
struct Replacement {
    corrector: usize,
    snr: f64,
}

/// `x` at `at` with the measured part replaced by the measurement under fresh noise.
pub(super) fn replaced(walk: &mut Walk<'_, '_, '_>, x: Tensor<4>, at: Level) -> Result<Tensor<4>> {
    let noise = if at.is_clean() { None } else { Some(walk.fresh().mul_scalar(at.sigma)) };
    put_back(walk.problem, x, at, noise)
}

/// `x` at `at` with the measured part replaced by the measurement under `noise`.
pub(super) fn put_back(
    problem: &Problem,
    x: Tensor<4>,
    at: Level,
    noise: Option<Tensor<4>>,
) -> Result<Tensor<4>> {
    // Where the noise is, the operator sees alpha x0, and there is one measurement for that.
    let bare = match noise {
        Some(noise) => x.clone() - noise,
        None => x.clone(),
    };
    let off = problem.y().mul_scalar(at.alpha) - problem.apply(bare);
    Ok(x + problem.linear()?.pseudo_inverse(off))
}

impl Method for Replacement {
    fn needs(&self) -> Needs {
        Needs { linear: true, noiseless: true, ..Needs::default() }
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let mut walk = Walk::new(self.needs(), prior, problem, path, path.len().saturating_sub(1), run)?;
        let mut x = walk.begin(path[0]);
        for pair in path.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            for _ in 0..self.corrector {
                let denoised = walk.ask(&x, from)?;
                let noise = walk.fresh();
                // Algorithm 5: the score is minus the noise seen, over sigma.
                let seen = noise_in(&x, &denoised, from);
                let length = |(fresh, seen): (f64, f64)| {
                    let size = if seen > 0.0 { self.snr * fresh / seen * from.sigma } else { 0.0 };
                    2.0 * size * size
                };
                let sizes: Vec<f64> = norms(&noise).into_iter().zip(norms(&seen)).map(length).collect();
                let drift: Vec<f64> = sizes.iter().map(|size| size / from.sigma).collect();
                let spread: Vec<f64> = sizes.iter().map(|size| (2.0 * size).sqrt()).collect();
                x = x.clone() - seen * each(&drift, &x) + noise * each(&spread, &x);
                x = replaced(&mut walk, x, from)?;
            }
            let denoised = walk.ask(&x, from)?;
            let parts = from.ancestral(to, 1.0);
            x = x.mul_scalar(parts.x) + denoised.clone().mul_scalar(parts.x0);
            if parts.noise > 0.0 {
                x = x + walk.fresh().mul_scalar(parts.noise);
            }
            x = replaced(&mut walk, x, to)?;
            walk.tell(to, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len().saturating_sub(1) * (1 + self.corrector)
    }

    fn samples(&self) -> bool {
        true
    }

    fn begins(&self) -> bool {
        true
    }
}
