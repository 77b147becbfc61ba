//! `sub_vp`: less noise than variance-preserving for the same signal, `sigma = 1 - alpha^2`.
//!
//! Song et al. 2021 (2011.13456), eq. 29. With `h = exp(-log_snr / 2)`, `sigma / alpha = h` is a quadratic in
//! alpha: `alpha^2 + h alpha - 1 = 0`.

use super::Process;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Process> = Entry {
    name: "sub_vp",
    aliases: &[],
    summary: "less noise than variance-preserving: sigma = 1 - alpha^2",
    source: "Song et al. 2021, arXiv:2011.13456, eq. 29",
    options: &[],
    build: |_| Ok(Box::new(SubVp)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct SubVp;

impl Process for SubVp {
    fn name(&self) -> &'static str {
        "sub_vp"
    }

    fn level(&self, log_snr: f64) -> Level {
        // The positive root, written with whichever of h and 1 / h does not overflow.
        if log_snr >= 0.0 {
            let h = libm::exp(-0.5 * log_snr);
            let alpha = 2.0 / (h + libm::sqrt(h * h + 4.0));
            Level { alpha, sigma: h * alpha }
        } else {
            let g = libm::exp(0.5 * log_snr);
            let sigma = 2.0 / (1.0 + libm::sqrt(1.0 + 4.0 * g * g));
            Level { alpha: g * sigma, sigma }
        }
    }

    fn log_alpha_slope(&self, log_snr: f64) -> f64 {
        0.5 / libm::sqrt(1.0 + 4.0 * libm::exp(log_snr))
    }
}
