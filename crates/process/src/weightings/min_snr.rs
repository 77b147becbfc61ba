//! `min_snr`: like `snr`, but no more than gamma at low noise, so that easy levels do not crowd out the rest.
//!
//! Hang et al. 2023 (2303.09556), section 3.4: the weight `min(snr, gamma)` on the image's error,
//! `min(gamma / snr, 1)` on the noise's.

use super::{Weighting, bounded, of_image, of_noise};
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "min_snr",
    aliases: &["min_snr_gamma"],
    summary: "weight min(snr, gamma) on the image's error",
    source: "Hang et al. 2023, arXiv:2303.09556, section 3.4",
    options: &[OptionDoc { key: "gamma", default: "5", doc: "the highest weight" }],
    build: |options| Ok(Box::new(MinSnr { gamma: options.number("gamma", 1e-6, 1e6)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct MinSnr {
    gamma: f64,
}

impl Weighting for MinSnr {
    fn weight(&self, at: Level, coefficients: &Coefficients, _sigma_data: f64) -> f64 {
        bounded(of_noise(at, coefficients).min(self.gamma * of_image(coefficients)))
    }
}
