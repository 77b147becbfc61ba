//! DiffPIR (Zhu et al. 2023, "Denoising Diffusion Models for Plug-and-Play Image Restoration", arXiv 2305.08995, Algorithm 1): the
//! model's clean image is drawn to the measurement, the noise is seen anew beside it, and a part of it is replaced.
//!
//! * `x0' = argmin |y - A x|^2 + rho |x - x0|^2`, `rho = lambda sigma_y^2 / s^2`, `s = sigma / alpha` (eq. 13). Without noise, where the authors'
//!   code takes a small one, it is the limit `x0 + A+ (y - A x0)`.
//! * `x' = alpha' x0' + sigma' (sqrt(1 - zeta) e' + sqrt(zeta) z)` with `e' = (x - alpha x0') / sigma` (eq. 14).
//!
//! `rho` depends on `sigma / alpha` alone, so the formulas hold in any process. `sigma_y` is in the model's units: the paper's 0.05 of
//! images in [0, 1] is 0.1 here. At `alpha = 0`, where `rho` would be 0, it is that of the next level.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};

use crate::consistent::Correction;
use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::{Walk, noise_in};

pub(super) const LAMBDA: OptionDoc = OptionDoc {
    key: "lambda",
    default: "1",
    doc: "how much the model counts beside the measurement, above 0; the code has 7 for blur",
};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "diffpir",
    aliases: &[],
    summary: "the model's image drawn to the measurement as far as its noise allows; 20 to 100 steps, no derivative",
    source: "Zhu et al. 2023, Algorithm 1, eq. 13 and 14 (arXiv 2305.08995)",
    options: &[
        LAMBDA,
        OptionDoc {
            key: "zeta",
            default: "0.3",
            doc: "share of fresh noise, 0 to 1; the paper: 0.1 to 0.3 for blur, 0.25 for upscaling, 1 for inpainting",
        },
    ],
    cases: &["diffpir"],
    candidates: &[
        "diffpir:zeta=0.1",
        "diffpir:zeta=1",
        "diffpir:lambda=0.3,zeta=0.3",
        "diffpir:lambda=3,zeta=0.3",
    ],
    build: |options| {
        Ok(Box::new(DiffPir {
            lambda: options.number("lambda", 1e-6, 1e6)?,
            zeta: options.number("zeta", 0.0, 1.0)?,
        }))
    },
};

#[derive(Debug)]
struct DiffPir {
    lambda: f64,
    zeta: f64,
}

impl Method for DiffPir {
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
        let mut x = walk.begin(path[0]);
        for pair in path.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let denoised = walk.ask(&x, from)?;
            let at = if from.alpha == 0.0 && !to.is_clean() { to } else { from };
            let drawn = correction.apply(problem, denoised, at)?;
            let seen = noise_in(&x, &drawn, from);
            x = walk.renewed(to, &drawn, seen, self.zeta.sqrt());
            walk.tell(to, &x, &drawn)?;
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
