//! DPIR (Zhang, Li, Zuo, Zhang, Van Gool and Timofte 2021, "Plug-and-Play Image Restoration with Deep Denoiser Prior", arXiv
//! 2008.13751, Algorithm 1): half-quadratic splitting. The image is drawn to the measurement and denoised in turn, from much
//! noise to that of the measurement, and none is added.
//!
//! * `x = argmin |y - A x|^2 + rho |x - z|^2`, `rho = lambda sigma_y^2 / s^2` (eq. 6a).
//! * `z = D(x, s)` (eq. 6b), with `s` falling evenly in its logarithm from 49 of 255 to the noise of the measurement.
//!
//! Nothing of it is random: one image, near the one of the least error, where [`super::diffpir`] draws one of many.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};

use crate::consistent::Correction;
use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::units::PIXELS;
use crate::walk::Walk;

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "dpir",
    aliases: &["plug_and_play"],
    summary: "draws to the measurement and denoises in turn; one image, the best PSNR for blur, 8 to 24 steps, no derivative",
    source: "Zhang et al. 2021, Algorithm 1 (arXiv 2008.13751)",
    options: &[
        OptionDoc {
            key: "lambda",
            default: "0.23",
            doc: "how much the model counts against the measurement, above 0; the paper: 0.19 to 0.55",
        },
        OptionDoc {
            key: "last",
            default: "1",
            doc: "the last noise that is removed, in noises of the measurement, above 0",
        },
    ],
    cases: &["dpir"],
    candidates: &["dpir", "dpir:lambda=0.5", "dpir:lambda=1"],
    build: |options| {
        Ok(Box::new(Dpir {
            lambda: options.number("lambda", 1e-6, 1e6)?,
            last: options.number("last", 0.01, 100.0)?,
        }))
    },
};

/// The noise that is removed first, at most: that of the paper, 49 of 255.
const FIRST: f64 = 49.0 / PIXELS;

#[derive(Debug)]
struct Dpir {
    lambda: f64,
    last: f64,
}

impl Dpir {
    /// As many levels as `path` has steps, for a measurement with noise `sigma`.
    fn levels(&self, sigma: f64, path: &[Level]) -> Vec<Level> {
        let count = path.len() - 1;
        let ratios = || path.iter().map(|level| level.ratio());
        let least = ratios().filter(|ratio| *ratio > 0.0).fold(FIRST, f64::min);
        let last = (self.last * sigma).max(least);
        let first = ratios().fold(0.0, f64::max).min(FIRST).max(last);
        let part = |index: usize| index as f64 / (count - 1).max(1) as f64;
        let noise = |index| if count == 1 { last } else { first * (last / first).powf(part(index)) };
        (0..count).map(|index| Level { alpha: 1.0, sigma: noise(index) }).collect()
    }
}

impl Method for Dpir {
    fn needs(&self) -> Needs {
        Needs { linear: true, ..Needs::default() }
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let mut walk = Walk::new(self.needs(), prior, problem, path, path.len().saturating_sub(1), run)?;
        let correction = Correction::Prox { lambda: self.lambda };
        let mut z = walk.guess();
        for (at, to) in self.levels(problem.sigma(), path).into_iter().zip(&path[1..]) {
            let x = correction.apply(problem, z, at)?;
            z = walk.ask(&x, at)?;
            walk.tell(*to, &x, &z)?;
        }
        Ok(z)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len().saturating_sub(1)
    }

    fn samples(&self) -> bool {
        false
    }
}
