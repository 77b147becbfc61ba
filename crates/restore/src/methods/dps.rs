//! DPS (Chung et al. 2023, "Diffusion Posterior Sampling for General Noisy Inverse Problems", arXiv 2209.14687, Algorithm 1):
//! an ancestral step, then a step down the gradient of the residual with respect to the noisy image, through the model.
//!
//! The authors' code, from which the settings come, moves by `zeta` along the gradient of the norm `|y - A(x0(x))|`, each
//! image by itself. It works in a variance-preserving process; in another one the image is `sqrt(alpha^2 + sigma^2)` times
//! larger, at the start of the step and at its end, and so is the move: `zeta m m' d|y - A(x0(x))| / dx`.
//!
//! `zeta` is the length of a move in one of 1000 steps: with fewer steps it has to be larger. The norm has the same gradient
//! however small the residual is, so the noise of the measurement does not count; on Gaussian data neither mean nor covariance
//! are those of the posterior.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};

use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::{Walk, each, norms};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "dps",
    aliases: &[],
    summary: "follows the gradient of the residual through the model; any operator, slow",
    source: "Chung et al. 2023, Algorithm 1 (arXiv 2209.14687)",
    options: &[
        OptionDoc {
            key: "zeta",
            default: "0.3",
            doc: "length of the move in a step, above 0; 0.3 for upscaling and 0.5 for inpainting with 1000 steps",
        },
        OptionDoc { key: "eta", default: "1", doc: "share of fresh noise in a step, 0 to 1; 1 is ddpm's" },
    ],
    cases: &["dps"],
    candidates: &["dps:zeta=0.3", "dps:zeta=1", "dps:zeta=3", "dps:zeta=10"],
    build: |options| {
        Ok(Box::new(Dps { zeta: options.number("zeta", 0.0, 1e4)?, eta: options.number("eta", 0.0, 1.0)? }))
    },
};

#[derive(Debug)]
struct Dps {
    zeta: f64,
    eta: f64,
}

impl Method for Dps {
    fn needs(&self) -> Needs {
        Needs { derivative: true, ..Needs::default() }
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
            // Minus the gradient of the norm by the clean image: A^T r / |r|.
            let (denoised, down) = walk.ask_and_pull(&x, from, |clean, part| {
                let residual = part.residual(clean.clone());
                let inverse = |norm: f64| if norm > 0.0 { 1.0 / norm } else { 0.0 };
                let scale: Vec<f64> = norms(&residual).into_iter().map(inverse).collect();
                let residual = residual.clone() * each(&scale, &residual);
                Ok(part.pull(clean, residual))
            })?;
            let parts = from.ancestral(to, self.eta);
            x = x.mul_scalar(parts.x) + denoised.clone().mul_scalar(parts.x0);
            if parts.noise > 0.0 {
                x = x + walk.fresh().mul_scalar(parts.noise);
            }
            x = x + down.mul_scalar(self.zeta * from.magnitude() * to.magnitude());
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
