//! PiGDM, pseudo-inverse guidance (Song, Vahdat, Mardani and Kautz 2023, "Pseudoinverse-Guided Diffusion Models for Inverse
//! Problems", OpenReview 9_gsMA8MRKQ, eq. 7 and Algorithm 1): the clean image given `x` is taken for normal around the model's answer
//! with the variance `r^2`, which makes the likelihood of the measurement known:
//!
//! `d ln p(y | x) / dx = J^T A^T (r^2 A A^T + sigma_y^2)^-1 (y - A x0)`, `J = dx0/dx`, `r^2 = d^2 s^2 / (d^2 + s^2)`,
//!
//! with `s = sigma / alpha` and `d = 1` the deviation of data (appendix A.3). `g = J^T A^T (A A^T + sigma_y^2 / r^2)^-1 (y - A x0)`
//! is what the code computes: without noise `A^T (A A^T)^-1` is the pseudo-inverse.
//!
//! * `weight=paper`: DDIM's step, and `alpha alpha' g` added, as in the authors' later code (RED-diff's repository, `awd`).
//! * `weight=score`: the likelihood's gradient as it stands, which moves the model's answer by `(sigma^2 / alpha) / r^2 g`. On
//!   Gaussian data with variance `d^2` in every direction this is the exact posterior: its mean and covariance come out as the
//!   steps become short.
//!
//! At `alpha = 0` the model does not look at `x`, and there is no guidance.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};

use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::{Walk, choice};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "pigdm",
    aliases: &["pgdm"],
    summary: "guided through the model by the pseudo-inverse, with or without noise; linear operators",
    source: "Song, Vahdat, Mardani and Kautz 2023, eq. 7 and Algorithm 1 (OpenReview 9_gsMA8MRKQ)",
    options: &[
        OptionDoc { key: "eta", default: "1", doc: "share of fresh noise in a step, 0 to 1; 1 is ddpm's" },
        OptionDoc {
            key: "weight",
            default: "paper",
            doc: "paper: its adaptive weight; score: the gradient of the likelihood as it stands",
        },
        OptionDoc { key: "scale", default: "1", doc: "factor on the guidance, at least 0" },
        OptionDoc { key: "data", default: "1", doc: "standard deviation of data, in units of -1 to 1" },
    ],
    cases: &["pigdm", "pigdm:weight=score"],
    candidates: &["pigdm:eta=0", "pigdm", "pigdm:weight=score,data=0.5", "pigdm:weight=score,data=0.5,eta=0"],
    build: |options| {
        Ok(Box::new(Pigdm {
            eta: options.number("eta", 0.0, 1.0)?,
            score: choice(options, "weight", &["paper", "score"])? == 1,
            scale: options.number("scale", 0.0, 1e4)?,
            data: options.number("data", 1e-3, 1e3)?,
        }))
    },
};

#[derive(Debug)]
struct Pigdm {
    eta: f64,
    score: bool,
    scale: f64,
    data: f64,
}

impl Pigdm {
    /// `r^2`.
    fn variance(&self, at: Level) -> f64 {
        let data = self.data * self.data;
        data * (at.sigma * at.sigma) / (at.alpha * at.alpha * data + at.sigma * at.sigma)
    }
}

impl Method for Pigdm {
    fn needs(&self) -> Needs {
        Needs { linear: true, derivative: true, ..Needs::default() }
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
            let variance = self.variance(from);
            let (denoised, pulled) = walk.ask_and_pull(&x, from, |clean, part| {
                let linear = part.linear()?;
                let rho = part.sigma() * part.sigma() / variance;
                // prox(x0) = x0 + A^T (A A^T + rho)^-1 (y - A x0)
                let moved = if rho > 0.0 {
                    linear.prox(clean.clone(), rho)
                } else {
                    linear.consistent(clean.clone())
                };
                Ok(moved - clean)
            })?;
            let guide = pulled.mul_scalar(self.scale * from.alpha);
            let parts = from.ancestral(to, self.eta);
            let towards = if self.score && from.alpha > 0.0 {
                // (sigma^2 / alpha) / r^2 in place of alpha, in all that the model's answer is in.
                let ratio = from.ratio();
                denoised.clone() + guide.clone().mul_scalar(ratio * ratio / variance)
            } else {
                denoised.clone()
            };
            x = x.mul_scalar(parts.x) + towards.mul_scalar(parts.x0);
            if !self.score {
                x = x + guide.mul_scalar(to.alpha);
            }
            if parts.noise > 0.0 {
                x = x + walk.fresh().mul_scalar(parts.noise);
            }
            walk.tell(to, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len().saturating_sub(1)
    }

    fn samples(&self) -> bool {
        true
    }

    fn begins(&self) -> bool {
        true
    }
}
