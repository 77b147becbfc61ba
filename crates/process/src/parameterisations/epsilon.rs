//! `epsilon`: the network predicts the noise.
//!
//! Ho et al. 2020 (2006.11239), eq. 12 and 14: `x0 = (x - sigma F) / alpha`. The input is divided by
//! `sqrt(alpha^2 + sigma^2)`, which is 1 for a variance-preserving process.

use super::{Coefficients, Parameterisation, require_signal};
use crate::error::Result;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Parameterisation> = Entry {
    name: "epsilon",
    aliases: &["eps", "noise"],
    summary: "the network predicts the noise (DDPM)",
    source: "Ho et al. 2020, arXiv:2006.11239, eq. 14",
    options: &[],
    build: |_| Ok(Box::new(Epsilon)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Epsilon;

impl Parameterisation for Epsilon {
    fn coefficients(&self, at: Level, _sigma_data: f64) -> Result<Coefficients> {
        require_signal(at, "noise (epsilon)")?;
        Ok(Coefficients {
            skip: 1.0 / at.alpha,
            out: -at.sigma / at.alpha,
            input: 1.0 / at.magnitude(),
            target_x0: 0.0,
            target_noise: 1.0,
        })
    }
}
