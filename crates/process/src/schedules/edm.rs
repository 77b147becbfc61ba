//! `edm`: the range of noise of EDM, curved so that most time is spent at low noise.
//!
//! Karras et al. 2022 (2206.00364), eq. 5 read as a function of time:
//! `sigma(t) = (sigma_min^(1/rho) + t (sigma_max^(1/rho) - sigma_min^(1/rho)))^rho`. `rho = 0` is its limit
//! for large rho, noise that grows by a constant factor. Training with EDM's own density does not depend on
//! the curve.

use super::Schedule;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "edm",
    aliases: &["karras"],
    summary: "the range of noise of EDM, most time at low noise",
    source: "Karras et al. 2022, arXiv:2206.00364, eq. 5",
    options: &[
        OptionDoc { key: "sigma_min", default: "0.002", doc: "sigma / alpha at t = 0" },
        OptionDoc { key: "sigma_max", default: "80", doc: "sigma / alpha at t = 1" },
        OptionDoc { key: "rho", default: "7", doc: "curvature, at least 1; 0 for a constant factor" },
    ],
    cases: &["edm", "edm:rho=0", "edm:rho=1"],
    build: |options| {
        let sigma_min = options.number("sigma_min", 1e-6, 1e4)?;
        let sigma_max = options.number("sigma_max", sigma_min * (1.0 + 1e-6), 1e4)?;
        let rho = options.number("rho", 0.0, 1000.0)?;
        if rho == 0.0 {
            return super::SCHEDULES.build(&format!("geometric:sigma_min={sigma_min},sigma_max={sigma_max}"));
        }
        let rho = options.number("rho", 1.0, 1000.0)?;
        let low = libm::pow(sigma_min, 1.0 / rho);
        Ok(Box::new(Edm { low, rise: libm::pow(sigma_max, 1.0 / rho) - low, rho }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Edm {
    low: f64,
    rise: f64,
    rho: f64,
}

impl Schedule for Edm {
    fn log_snr(&self, t: f64) -> f64 {
        -2.0 * self.rho * libm::log(self.low + t.clamp(0.0, 1.0) * self.rise)
    }

    fn time(&self, log_snr: f64) -> f64 {
        ((libm::exp(-0.5 * log_snr / self.rho) - self.low) / self.rise).clamp(0.0, 1.0)
    }

    fn slope(&self, t: f64) -> f64 {
        -2.0 * self.rho * self.rise / (self.low + t.clamp(0.0, 1.0) * self.rise)
    }
}
