//! RED-diff (Mardani, Song, Kautz and Vahdat 2024, "A Variational Perspective on Solving Inverse Problems with Diffusion Models",
//! arXiv 2305.04391, Algorithm 1): an image `mu` is optimised with Adam, each step against the measurement and against what the model
//! says of it under the noise of one level, from much noise to little.
//!
//! The loss of a step is `v mean (y - A(mu))^2 / 2 + w mean (e(x) - n) mu`, with `x = alpha mu + sigma n`, `e` the noise that the model sees, held
//! fixed, and `w = lambda sigma / alpha` (the paper's choice, `linear`). Since `e(x) - n = alpha (mu - x0(x)) / sigma`, the
//! second gradient is `lambda (mu - x0(x))`, finite at `alpha = 0`. Both means are over their own numbers of values; multiplied by that of a
//! image, which Adam does not notice, the gradient is `lambda (mu - x0(x)) - v (pixels / measurements) A^T (y - A(mu))`.
//!
//! It looks for a mode: sharp where the measurement decides, soft where it does not. On Gaussian data with covariance `C` and mean
//! `m` the loss at one level is least where `(v c A^T A + lambda s^2 (C + s^2)^-1) (mu - m) = v c A^T (y - A m)`, `c` = pixels / measurements and
//! `s = sigma / alpha`: the posterior mean where `lambda s^2 = v c sigma_y^2` and `s` is small, which a walk passes on its way to
//! fitting the noise.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};

use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::Walk;

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "reddiff",
    aliases: &["red_diff"],
    summary: "optimises one image against measurement and model; soft, good PSNR, any operator, no derivative of the model",
    source: "Mardani, Song, Kautz and Vahdat 2024, Algorithm 1 (arXiv 2305.04391)",
    options: &[
        OptionDoc { key: "lambda", default: "0.25", doc: "weight of the model, at least 0" },
        OptionDoc {
            key: "measurement",
            default: "1",
            doc: "weight of the measurement (the paper's v), at least 0",
        },
        OptionDoc { key: "lr", default: "0.1", doc: "Adam's learning rate, above 0" },
        OptionDoc { key: "beta1", default: "0.9", doc: "Adam's memory of gradients, 0 to 1" },
        OptionDoc { key: "beta2", default: "0.99", doc: "Adam's memory of their squares, 0 to 1" },
    ],
    cases: &["reddiff"],
    candidates: &[
        "reddiff:lr=0.1",
        "reddiff:lr=0.25",
        "reddiff:lr=0.25,lambda=1",
        "reddiff:lr=0.5,lambda=0.5",
    ],
    build: |options| {
        Ok(Box::new(RedDiff {
            lambda: options.number("lambda", 0.0, 1e6)?,
            measurement: options.number("measurement", 0.0, 1e6)?,
            rate: options.number("lr", 1e-9, 1e3)?,
            beta1: options.number("beta1", 0.0, 0.999_999)?,
            beta2: options.number("beta2", 0.0, 0.999_999)?,
        }))
    },
};

#[derive(Debug)]
struct RedDiff {
    lambda: f64,
    measurement: f64,
    rate: f64,
    beta1: f64,
    beta2: f64,
}

/// What Adam adds to the root of the squares.
const EPSILON: f64 = 1e-8;

impl Method for RedDiff {
    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let mut walk = Walk::new(self.needs(), prior, problem, path, path.len().saturating_sub(1), run)?;
        let values = |shape: [usize; 3]| shape.iter().product::<usize>() as f64;
        let share = self.measurement * values(problem.shape()) / values(problem.measured_shape());
        let mut mu = walk.guess();
        let (mut first, mut second) = (mu.zeros_like(), mu.zeros_like());
        for (index, pair) in path.windows(2).enumerate() {
            let (from, to) = (pair[0], pair[1]);
            let x = mu.clone().mul_scalar(from.alpha) + walk.fresh().mul_scalar(from.sigma);
            let denoised = walk.ask(&x, from)?;
            let pulled = problem.pull(mu.clone(), problem.residual(mu.clone()));
            let gradient = (mu.clone() - denoised.clone()).mul_scalar(self.lambda) - pulled.mul_scalar(share);
            first = first.mul_scalar(self.beta1) + gradient.clone().mul_scalar(1.0 - self.beta1);
            second =
                second.mul_scalar(self.beta2) + (gradient.clone() * gradient).mul_scalar(1.0 - self.beta2);
            let steps = i32::try_from(index + 1).unwrap_or(i32::MAX);
            let mean = first.clone().mul_scalar(1.0 / (1.0 - self.beta1.powi(steps)));
            let size = second.clone().mul_scalar(1.0 / (1.0 - self.beta2.powi(steps))).sqrt();
            mu = mu - mean.mul_scalar(self.rate) / size.add_scalar(EPSILON);
            walk.tell(to, &mu, &denoised)?;
        }
        Ok(mu)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len().saturating_sub(1)
    }

    fn samples(&self) -> bool {
        false
    }
}
