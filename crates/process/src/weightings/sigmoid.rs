//! `sigmoid`: the noise's error counts fully at high noise and fades out at low noise.
//!
//! Kingma & Gao 2023 (2303.00848), section 5 and appendix M: `sigmoid(bias - log_snr)` on the noise's error;
//! Hoogeboom et al. 2024, simpler diffusion (2410.19324), write it `e^bias sigmoid(log_snr - bias)` on the
//! image's.

use super::{Weighting, bounded, of_image, of_noise};
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "sigmoid",
    aliases: &[],
    summary: "weight sigmoid(bias - log_snr) on the noise's error",
    source: "Kingma & Gao 2023, arXiv:2303.00848, section 5",
    options: &[OptionDoc { key: "bias", default: "2", doc: "the log-SNR at which the weight is one half" }],
    build: |options| Ok(Box::new(Sigmoid { bias: options.number("bias", -13.0, 13.0)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Sigmoid {
    bias: f64,
}

impl Weighting for Sigmoid {
    fn weight(&self, at: Level, coefficients: &Coefficients, _sigma_data: f64) -> f64 {
        let above = at.log_snr() - self.bias;
        bounded(if above < 0.0 {
            of_noise(at, coefficients) / (1.0 + libm::exp(above))
        } else {
            of_image(coefficients) * libm::exp(self.bias) / (1.0 + libm::exp(-above))
        })
    }
}
