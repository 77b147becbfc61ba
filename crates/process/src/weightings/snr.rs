//! `snr`: the squared error of the noise, whatever the network predicts.
//!
//! Salimans & Ho 2022 (2202.00512), section 4: the weight `snr` on the image's error is the weight 1 on the
//! noise's. It diverges without noise when the network predicts the image; there it is bounded.

use super::{Weighting, bounded, of_noise};
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "snr",
    aliases: &["epsilon"],
    summary: "weight snr on the image's error, 1 on the noise's",
    source: "Salimans & Ho 2022, arXiv:2202.00512, section 4",
    options: &[],
    build: |_| Ok(Box::new(Snr)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Snr;

impl Weighting for Snr {
    fn weight(&self, at: Level, coefficients: &Coefficients, _sigma_data: f64) -> f64 {
        bounded(of_noise(at, coefficients))
    }
}
