//! `soft_min_snr`: `min_snr` with a smooth bend.
//!
//! Crowson et al. 2024, HDiT (2401.11605), section 4.2 and k-diffusion: the weight
//! `1 / (1 / snr + 1 / gamma)` on the image's error, with `gamma = 1 / sigma_data^2` (4 for 0.5). On EDM's
//! F it is `(s sigma_data)^2 / (s^2 + sigma_data^2)^2` with `s = sigma / alpha`.

use super::{Weighting, bounded, of_image, of_noise};
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "soft_min_snr",
    aliases: &[],
    summary: "weight 1 / (1 / snr + 1 / gamma) on the image's error",
    source: "Crowson et al. 2024, arXiv:2401.11605, section 4.2",
    options: &[OptionDoc {
        key: "gamma",
        default: "auto",
        doc: "the weight without noise; auto is 1 / sigma_data^2",
    }],
    build: |options| {
        let auto = options.text("gamma") == "auto";
        let gamma = if auto { None } else { Some(options.number("gamma", 1e-6, 1e6)?) };
        Ok(Box::new(SoftMinSnr { gamma }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct SoftMinSnr {
    gamma: Option<f64>,
}

impl Weighting for SoftMinSnr {
    fn weight(&self, at: Level, coefficients: &Coefficients, sigma_data: f64) -> f64 {
        let gamma = self.gamma.unwrap_or(1.0 / (sigma_data * sigma_data));
        let snr = at.snr();
        // The same on both sides of snr = gamma, with snr at most divided by what is larger.
        bounded(if snr < gamma {
            of_noise(at, coefficients) / (snr / gamma + 1.0)
        } else {
            of_image(coefficients) * gamma / (1.0 + gamma / snr)
        })
    }
}
