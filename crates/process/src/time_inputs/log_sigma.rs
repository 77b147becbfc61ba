//! `log_sigma`: a quarter of the logarithm of the noise, EDM's `c_noise`.
//!
//! Karras et al. 2022 (2206.00364), table 1: `ln(sigma / alpha) / 4`, with the logarithm clamped to
//! `[-10, 10]`.

use super::{LIMIT, TimeInput};
use crate::curve::Curve;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn TimeInput> = Entry {
    name: "log_sigma",
    aliases: &["edm"],
    summary: "ln(sigma / alpha) / 4 (EDM)",
    source: "Karras et al. 2022, arXiv:2206.00364, table 1",
    options: &[],
    build: |_| Ok(Box::new(LogSigma)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct LogSigma;

impl TimeInput for LogSigma {
    fn value(&self, _curve: &Curve, at: Level) -> f64 {
        -0.125 * at.log_snr().clamp(-LIMIT, LIMIT)
    }
}
