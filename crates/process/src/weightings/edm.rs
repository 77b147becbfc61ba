//! `edm`: the weight of EDM, which makes the loss of its preconditioned network 1 at every level at the
//! start.
//!
//! Karras et al. 2022 (2206.00364), table 1: `(s^2 + sigma_data^2) / (s sigma_data)^2` on the image's
//! error, with `s = sigma / alpha`; it is 1 on the error of EDM's F. It diverges without noise when the
//! network predicts the image; there it is bounded.

use super::{Weighting, bounded, out_over_sigma};
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "edm",
    aliases: &["karras"],
    summary: "EDM's weight, 1 on the error of its F",
    source: "Karras et al. 2022, arXiv:2206.00364, table 1",
    options: &[],
    build: |_| Ok(Box::new(Edm)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Edm;

impl Weighting for Edm {
    fn weight(&self, at: Level, coefficients: &Coefficients, sigma_data: f64) -> f64 {
        let scaled = out_over_sigma(at, coefficients) * libm::hypot(at.sigma / sigma_data, at.alpha);
        bounded(scaled * scaled)
    }
}
