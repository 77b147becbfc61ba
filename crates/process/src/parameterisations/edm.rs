//! `edm`: the preconditioning of EDM, whose input and target have unit variance and whose output errs least.
//!
//! Karras et al. 2022 (2206.00364), table 1, in the coordinate `x / alpha` with the noise `sigma / alpha`.
//! With `d = sqrt(sigma^2 + alpha^2 sigma_data^2)`, the standard deviation of `x`, no alpha is left in a
//! denominator: `c_skip = alpha sigma_data^2 / d^2`, `c_out = sigma sigma_data / d`, `c_in = 1 / d`.

use super::{Coefficients, Parameterisation};
use crate::error::Result;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Parameterisation> = Entry {
    name: "edm",
    aliases: &["f"],
    summary: "EDM's preconditioned residual F",
    source: "Karras et al. 2022, arXiv:2206.00364, table 1",
    options: &[],
    build: |_| Ok(Box::new(Edm)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Edm;

impl Parameterisation for Edm {
    fn coefficients(&self, at: Level, sigma_data: f64) -> Result<Coefficients> {
        let deviation = libm::hypot(at.sigma, at.alpha * sigma_data);
        Ok(Coefficients {
            skip: at.alpha * sigma_data * sigma_data / (deviation * deviation),
            out: at.sigma * sigma_data / deviation,
            input: 1.0 / deviation,
            target_x0: at.sigma / (deviation * sigma_data),
            target_noise: -at.alpha * sigma_data / deviation,
        })
    }
}
