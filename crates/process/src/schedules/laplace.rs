//! `laplace`: the log-SNR of a uniform time has a Laplace distribution, so most time is spent near its mean.
//!
//! Hang & Gu 2024 (2407.03297), table 1: `log_snr = mean - scale * sgn(1/2 - t) * ln(1 - 2 |t - 1/2|)`,
//! `+inf` at 0 and `-inf` at 1.

use super::Schedule;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "laplace",
    aliases: &[],
    summary: "log-SNR spread like a Laplace distribution, most time near its mean",
    source: "Hang & Gu 2024, arXiv:2407.03297, table 1",
    options: &[
        OptionDoc { key: "mean", default: "0", doc: "mu, the log-SNR at t = 1/2" },
        OptionDoc { key: "scale", default: "0.5", doc: "b, the spread of the log-SNR" },
    ],
    cases: &["laplace", "laplace:mean=2,scale=1"],
    build: |options| {
        let (mean, scale) = (options.number("mean", -50.0, 50.0)?, options.number("scale", 1e-3, 50.0)?);
        Ok(Box::new(Laplace { mean, scale }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Laplace {
    mean: f64,
    scale: f64,
}

impl Schedule for Laplace {
    fn log_snr(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        if t <= 0.5 {
            self.mean - self.scale * libm::log(2.0 * t)
        } else {
            self.mean + self.scale * libm::log(2.0 * (1.0 - t))
        }
    }

    fn time(&self, log_snr: f64) -> f64 {
        let z = (log_snr - self.mean) / self.scale;
        if z >= 0.0 { 0.5 * libm::exp(-z) } else { 1.0 - 0.5 * libm::exp(z) }
    }

    fn slope(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        -self.scale / t.min(1.0 - t)
    }
}
