//! `flow`: the straight line from image to noise, `alpha + sigma = 1`.
//!
//! Lipman et al. 2023 (2210.02747), eq. 20 with sigma_min = 0; Liu et al. 2023 (2209.03003).
//! `alpha = sigmoid(log_snr / 2)`.

use super::Process;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Process> = Entry {
    name: "flow",
    aliases: &["rectified_flow"],
    summary: "the straight line from image to noise: alpha + sigma = 1 (flow matching, SD3)",
    source: "Lipman et al. 2023, arXiv:2210.02747, eq. 20",
    options: &[],
    build: |_| Ok(Box::new(Flow)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Flow;

impl Process for Flow {
    fn name(&self) -> &'static str {
        "flow"
    }

    fn level(&self, log_snr: f64) -> Level {
        let sigmoid = |x: f64| 1.0 / (1.0 + libm::exp(-x));
        Level { alpha: sigmoid(0.5 * log_snr), sigma: sigmoid(-0.5 * log_snr) }
    }

    fn log_alpha_slope(&self, log_snr: f64) -> f64 {
        0.5 / (1.0 + libm::exp(0.5 * log_snr))
    }
}
