//! `rescaled`: a base schedule stretched so that its end holds no signal at all (zero terminal SNR).
//!
//! Lin et al. 2024 (2305.08891), algorithm 1: with `a = sqrt(alpha_bar)`,
//! `a' = (a - a(1)) a(0) / (a(0) - a(1))`: the clean end stays and the noisy end becomes 0. A network that
//! predicts noise or score has no answer at that end.

use super::{Schedule, Table, build_inner};
use crate::error::Error;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "rescaled",
    aliases: &["zero_terminal_snr"],
    summary: "a base schedule stretched to end without any signal",
    source: "Lin et al. 2024, arXiv:2305.08891, algorithm 1",
    options: &[OptionDoc {
        key: "base",
        default: "linear",
        doc: "the schedule to rescale, its own options separated by ';'",
    }],
    cases: &[
        "rescaled",
        "rescaled:base=linear:steps=0",
        "rescaled:base=cosine",
        "rescaled:base=scaled_linear",
    ],
    build: |options| {
        let base = build_inner(options.text("base")).map_err(|error| error.within("rescaled: base"))?;
        let (first, last) = (root_signal(base.log_snr(0.0)), root_signal(base.log_snr(1.0)));
        if first <= last {
            return Err(Error::usage("rescaled: the base's signal does not fall"));
        }
        let Some(table) = base.table() else { return Ok(Box::new(Rescaled { base, first, last })) };
        let stretch = |signal: &f64| {
            let root = (libm::sqrt(*signal) - last) * first / (first - last);
            (root * root).max(0.0)
        };
        let mut stretched: Vec<f64> = table.iter().map(stretch).collect();
        if let Some(end) = stretched.last_mut() {
            *end = 0.0;
        }
        Ok(Box::new(Table::from_alphas_cumprod(stretched)?))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Rescaled {
    base: Box<dyn Schedule>,
    /// `a(0)`.
    first: f64,
    /// `a(1)`.
    last: f64,
}

impl Schedule for Rescaled {
    fn log_snr(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        if t == 1.0 {
            return f64::NEG_INFINITY;
        }
        let (first, last, base) = (self.first, self.last, self.base.log_snr(t));
        let root = root_signal(base);
        let stretched = (root - last) * first / (first - last);
        // 1 - a from 1 - a^2 = sigmoid(-log_snr), so that it does not cancel near t = 0.
        let lost = 1.0 / (1.0 + libm::exp(base)) / (1.0 + root);
        let lost = (first * lost - last * (1.0 - first)) / (first - last);
        libm::log(stretched * stretched) - libm::log(lost * (1.0 + stretched))
    }
}

/// `sqrt(alpha_bar)` of the variance-preserving form.
fn root_signal(log_snr: f64) -> f64 {
    1.0 / libm::sqrt(1.0 + libm::exp(-log_snr))
}
