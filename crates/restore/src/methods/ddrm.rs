//! DDRM (Kawar et al. 2022, "Denoising Diffusion Restoration Models", arXiv 2201.11793, eq. 7 and 8): a walk in the
//! coordinates of the singular value decomposition of the operator, each coordinate by itself.
//!
//! A coordinate with singular value `s` has the measurement `y_s = (U^T y) / s` under the noise `sigma_y / s`. In the paper's
//! variance-exploding notation, at the noise `sigma'` of the level a step leads to:
//!
//! * `s = 0`: DDIM with the share `eta` of fresh noise;
//! * `sigma' < sigma_y / s`: mean `x0 + sqrt(1 - eta^2) sigma' (y_s - x0) / (sigma_y / s)`, deviation `eta sigma'`;
//! * `sigma' >= sigma_y / s`: mean `(1 - eta_b) x0 + eta_b y_s`, variance `sigma'^2 - eta_b^2 sigma_y^2 / s^2`.
//!
//! Here `x = alpha (the paper's x)` and `sigma' = sigma / alpha`, so that every term is multiplied by alpha, and `alpha = 0` is
//! no exception.
//!
//! On Gaussian data what is measured without noise comes out exactly as measured; the rest follows one trajectory towards an
//! unconditional answer, so that only where the two are independent the draws are from the posterior.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};

use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::{Walk, noise_in};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "ddrm",
    aliases: &[],
    summary: "each singular value by itself, about 20 steps; needs the decomposition",
    source: "Kawar et al. 2022, eq. 7 and 8 (arXiv 2201.11793)",
    options: &[
        OptionDoc {
            key: "eta",
            default: "0.85",
            doc: "share of fresh noise where nothing is measured or less noise is left than was measured, 0 to 1",
        },
        OptionDoc {
            key: "eta_b",
            default: "1",
            doc: "weight of the measurement while there is more noise than it has, 0 to 1",
        },
    ],
    cases: &["ddrm"],
    candidates: &["ddrm:eta=0", "ddrm:eta=0.85", "ddrm:eta=1", "ddrm:eta=0.85,eta_b=0.7"],
    build: |options| {
        Ok(Box::new(Ddrm {
            eta: options.number("eta", 0.0, 1.0)?,
            eta_b: options.number("eta_b", 0.0, 1.0)?,
        }))
    },
};

#[derive(Debug)]
struct Ddrm {
    eta: f64,
    eta_b: f64,
}

impl Ddrm {
    /// What a step to `to` makes of a coordinate with the singular value `s`: the factors of the clean image, of the noise
    /// that was seen, of `U^T y`, and of fresh noise.
    fn parts(&self, s: f64, sigma_y: f64, to: Level) -> [f64; 4] {
        let Level { alpha, sigma } = to;
        let old = (1.0 - self.eta * self.eta).max(0.0).sqrt() * sigma;
        if s == 0.0 {
            return [alpha, old, 0.0, self.eta * sigma];
        }
        if sigma * s < alpha * sigma_y {
            return [alpha - old * s / sigma_y, 0.0, old / sigma_y, self.eta * sigma];
        }
        let left = sigma * sigma - (alpha * self.eta_b * sigma_y / s).powi(2);
        [alpha * (1.0 - self.eta_b), 0.0, alpha * self.eta_b / s, left.max(0.0).sqrt()]
    }
}

impl Method for Ddrm {
    fn needs(&self) -> Needs {
        Needs { linear: true, spectrum: true, ..Needs::default() }
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let mut walk = Walk::new(self.needs(), prior, problem, path, path.len().saturating_sub(1), run)?;
        let spectrum = problem.spectrum()?;
        let (sigma_y, measured) = (problem.sigma(), spectrum.measured());
        // The beginning, before eq. 7: the measurement where it has less noise than the level, else nothing.
        let first = path[0];
        let heard = |s: f64| s > 0.0 && s * first.sigma > first.alpha * sigma_y;
        let known = measured.clone() * spectrum.map(|s| if heard(s) { first.alpha / s } else { 0.0 });
        let spread = |s: f64| {
            let own = if heard(s) { first.alpha * sigma_y / s } else { 0.0 };
            (1.0 - (own / first.sigma).powi(2)).max(0.0).sqrt()
        };
        let mut c = known + walk.start(first) * spectrum.map(spread);
        for pair in path.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let x = spectrum.synthesise(c.clone());
            let denoised = walk.ask(&x, from)?;
            let clean = spectrum.analyse(denoised.clone());
            let seen = noise_in(&c, &clean, from);
            let part = |which: usize| spectrum.map(|s| self.parts(s, sigma_y, to)[which]);
            c = clean * part(0) + seen * part(1) + measured.clone() * part(2);
            if !to.is_clean() {
                c = c + walk.fresh() * part(3);
            }
            walk.tell(to, &spectrum.synthesise(c.clone()), &denoised)?;
        }
        Ok(spectrum.synthesise(c))
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len().saturating_sub(1)
    }

    fn samples(&self) -> bool {
        true
    }
}
