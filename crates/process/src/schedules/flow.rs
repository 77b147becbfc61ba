//! `flow`: the log-SNR of the straight line from image to noise, `alpha = 1 - t`, `sigma = t`.
//!
//! Lipman et al. 2023 (2210.02747), eq. 20 with sigma_min = 0; Liu et al. 2023 (2209.03003). The log-SNR is
//! `+inf` at 0 and `-inf` at 1.

use super::Schedule;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "flow",
    aliases: &["rectified_flow"],
    summary: "the straight line from image to noise (flow matching, rectified flow)",
    source: "Lipman et al. 2023, arXiv:2210.02747, eq. 20",
    options: &[],
    cases: &["flow"],
    build: |_| Ok(Box::new(Flow)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Flow;

impl Schedule for Flow {
    fn log_snr(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        2.0 * libm::log((1.0 - t) / t)
    }

    fn time(&self, log_snr: f64) -> f64 {
        1.0 / (1.0 + libm::exp(0.5 * log_snr))
    }

    fn slope(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        -2.0 / (t * (1.0 - t))
    }
}
