//! `geometric`: the noise grows by a constant factor, the schedule of variance-exploding models.
//!
//! Song et al. 2021 (2011.13456), eq. 30: `sigma(t) = sigma_min (sigma_max / sigma_min)^t`.

use super::Schedule;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "geometric",
    aliases: &["ve"],
    summary: "noise that grows by a constant factor (NCSN, VE)",
    source: "Song et al. 2021, arXiv:2011.13456, eq. 30",
    options: &[
        OptionDoc { key: "sigma_min", default: "0.01", doc: "sigma / alpha at t = 0" },
        OptionDoc { key: "sigma_max", default: "50", doc: "sigma / alpha at t = 1" },
    ],
    cases: &["geometric"],
    build: |options| {
        let sigma_min = options.number("sigma_min", 1e-6, 1e4)?;
        let sigma_max = options.number("sigma_max", sigma_min * (1.0 + 1e-6), 1e4)?;
        Ok(Box::new(Geometric { low: libm::log(sigma_min), rise: libm::log(sigma_max / sigma_min) }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Geometric {
    low: f64,
    rise: f64,
}

impl Schedule for Geometric {
    fn log_snr(&self, t: f64) -> f64 {
        -2.0 * (self.low + t.clamp(0.0, 1.0) * self.rise)
    }

    fn time(&self, log_snr: f64) -> f64 {
        ((-0.5 * log_snr - self.low) / self.rise).clamp(0.0, 1.0)
    }

    fn slope(&self, _t: f64) -> f64 {
        -2.0 * self.rise
    }
}
