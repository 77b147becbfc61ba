//! `p2`: less weight on the lowest noise, where only imperceptible detail is left to learn.
//!
//! Choi et al. 2022 (2204.00227), eq. 8: `1 / (k + snr)^gamma` on the noise's error.

use super::{Weighting, bounded, of_image, of_noise};
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "p2",
    aliases: &[],
    summary: "weight 1 / (k + snr)^gamma on the noise's error",
    source: "Choi et al. 2022, arXiv:2204.00227, eq. 8",
    options: &[
        OptionDoc { key: "gamma", default: "1", doc: "how strongly low noise is held down; 0 is snr" },
        OptionDoc { key: "k", default: "1", doc: "the snr at which it begins" },
    ],
    build: |options| {
        Ok(Box::new(P2 { gamma: options.number("gamma", 0.0, 10.0)?, k: options.number("k", 1e-6, 1e6)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct P2 {
    gamma: f64,
    k: f64,
}

impl Weighting for P2 {
    fn weight(&self, at: Level, coefficients: &Coefficients, _sigma_data: f64) -> f64 {
        let snr = at.snr();
        if snr < 1.0 {
            return bounded(of_noise(at, coefficients) * libm::pow(self.k + snr, -self.gamma));
        }
        // The same, snr / (k + snr)^gamma on the image's error, without an infinity over an infinity.
        let bend = libm::pow(1.0 + self.k / snr, -self.gamma);
        if coefficients.target_noise == 0.0 {
            return bounded(of_image(coefficients) * libm::pow(snr, 1.0 - self.gamma) * bend);
        }
        bounded(of_noise(at, coefficients) * libm::pow(snr, -self.gamma) * bend)
    }
}
