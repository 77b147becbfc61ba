//! DDNM+ (Wang, Yu and Zhang 2023, arXiv 2212.00490, section 3.3 and appendix I): DDNM for measurements with noise. The correction
//! of each singular value is scaled by `lambda`, and the fresh noise is made smaller, so that the noise of the measurement and it
//! together have the variance of the level (eq. 17 to 19 and 51).
//!
//! For the singular value `s` and a step to `Level { alpha, sigma }`, with `a = alpha sigma_y / s`:
//!
//! * `sigma >= a`: `lambda = 1`, fresh noise of the variance `sigma^2 - a^2`;
//! * `sigma < a`: `lambda = sqrt(1 - eta^2) sigma / a`, fresh noise of the deviation `eta sigma`;
//! * `s = 0`: as DDNM, `sigma (sqrt(1 - eta^2) e + eta z)`.
//!
//! These depend on `sigma / alpha` alone, so they hold in any process as they stand. Without noise it is DDNM.

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Level, Result, Run};

use super::ddnm::{ETA, REPEAT, TRAVEL};
use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::travel;
use crate::walk::{Walk, noise_in, whole};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "ddnm_plus",
    aliases: &["ddnm+"],
    summary: "ddnm for measurements with noise; needs the decomposition",
    source: "Wang, Yu and Zhang 2023, eq. 17 to 19 and 51 (arXiv 2212.00490)",
    options: &[ETA, TRAVEL, REPEAT],
    cases: &["ddnm_plus", "ddnm_plus:travel=1,repeat=2"],
    candidates: &["ddnm_plus:eta=0", "ddnm_plus:eta=0.85", "ddnm_plus:eta=1", "ddnm_plus:travel=2,repeat=3"],
    build: |options| {
        Ok(Box::new(DdnmPlus {
            eta: options.number("eta", 0.0, 1.0)?,
            travel: whole(options, "travel", 1, 1000)?,
            repeat: whole(options, "repeat", 1, 1000)?,
        }))
    },
};

#[derive(Debug)]
struct DdnmPlus {
    eta: f64,
    travel: usize,
    repeat: usize,
}

impl DdnmPlus {
    /// What a step to `to` makes of a coordinate with the singular value `s`: `lambda`, the factor of the noise that was seen
    /// and that of fresh noise.
    fn parts(&self, s: f64, sigma_y: f64, to: Level) -> [f64; 3] {
        let old = (1.0 - self.eta * self.eta).max(0.0).sqrt();
        if s == 0.0 || sigma_y == 0.0 {
            return [1.0, to.sigma * old, to.sigma * self.eta];
        }
        let measured = to.alpha * sigma_y / s;
        if to.sigma < measured {
            return [old * to.sigma / measured, 0.0, to.sigma * self.eta];
        }
        [1.0, 0.0, (to.sigma * to.sigma - measured * measured).sqrt()]
    }
}

impl Method for DdnmPlus {
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
        let mut walk = Walk::new(self.needs(), prior, problem, path, self.calls(path), run)?;
        let spectrum = problem.spectrum()?;
        let (sigma_y, measured) = (problem.sigma(), spectrum.measured());
        let inverse = spectrum.map(|s| if s > 0.0 { 1.0 / s } else { 0.0 });
        let heard = spectrum.map(|s| f64::from(u8::from(s > 0.0)));
        let known = measured * inverse;
        let x = walk.begin(path[0]);
        walk.travel(path, (self.travel, self.repeat), x, |walk, x, from, to| {
            let denoised = walk.ask(&x, from)?;
            let seen = spectrum.analyse(noise_in(&x, &denoised, from));
            let clean = spectrum.analyse(denoised);
            let part = |which: usize| spectrum.map(|s| self.parts(s, sigma_y, to)[which]);
            // U^T y over s less the coordinate itself, where it was measured.
            let off = known.clone() - clean.clone() * heard.clone();
            let consistent = clean + off * part(0);
            let mut c = consistent.clone().mul_scalar(to.alpha);
            if !to.is_clean() {
                c = c + seen * part(1) + walk.fresh() * part(2);
            }
            Ok((spectrum.synthesise(c), spectrum.synthesise(consistent)))
        })
    }

    fn calls(&self, path: &[Level]) -> usize {
        travel::calls(path.len().saturating_sub(1), self.travel, self.repeat)
    }

    fn samples(&self) -> bool {
        true
    }

    fn begins(&self) -> bool {
        true
    }
}
