//! `log_snr`: the logarithm of the signal-to-noise ratio.
//!
//! Salimans & Ho 2022 (2202.00512), section 4: `2 ln(alpha / sigma)`, clamped to `[-20, 20]`.

use super::{LIMIT, TimeInput};
use crate::curve::Curve;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn TimeInput> = Entry {
    name: "log_snr",
    aliases: &[],
    summary: "2 ln(alpha / sigma), clamped to [-20, 20]",
    source: "Salimans & Ho 2022, arXiv:2202.00512, section 4",
    options: &[],
    build: |_| Ok(Box::new(LogSnr)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct LogSnr;

impl TimeInput for LogSnr {
    fn value(&self, _curve: &Curve, at: Level) -> f64 {
        at.log_snr().clamp(-LIMIT, LIMIT)
    }
}
