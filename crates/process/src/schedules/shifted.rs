//! `shifted`: a base schedule moved towards more noise, as larger images need.
//!
//! Hoogeboom et al. 2023, simple diffusion (2301.11093), section 3.1: `log_snr - 2 ln(shift)` with
//! `shift = side / 64`, since neighbouring pixels of a larger image average out the noise. Esser et al.
//! 2024, SD3 (2403.03206), eq. 23, is the same thing on `flow`: `t' = shift t / (1 + (shift - 1) t)`.

use super::{Schedule, Table, build_inner};
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "shifted",
    aliases: &[],
    summary: "a base schedule with more noise, for larger images",
    source: "Hoogeboom et al. 2023, arXiv:2301.11093; Esser et al. 2024, arXiv:2403.03206, eq. 23",
    options: &[
        OptionDoc {
            key: "base",
            default: "flow",
            doc: "the schedule to shift, its own options separated by ';'",
        },
        OptionDoc { key: "shift", default: "3", doc: "factor on sigma / alpha: side / 64, or SD3's 3" },
    ],
    cases: &[
        "shifted",
        "shifted:base=cosine,shift=4",
        "shifted:base=rescaled:base=linear,shift=2",
        "shifted:base=linear:start=0.001;steps=0,shift=0.5",
    ],
    build: |options| {
        let base = build_inner(options.text("base")).map_err(|error| error.within("shifted: base"))?;
        let by = 2.0 * libm::log(options.number("shift", 1e-3, 1e3)?);
        let Some(table) = base.table() else { return Ok(Box::new(Shifted { base, by })) };
        let shift = |signal: &f64| {
            let snr = signal / (1.0 - signal) * libm::exp(-by);
            snr / (1.0 + snr)
        };
        Ok(Box::new(Table::from_alphas_cumprod(table.iter().map(shift).collect())?))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Shifted {
    base: Box<dyn Schedule>,
    by: f64,
}

impl Schedule for Shifted {
    fn log_snr(&self, t: f64) -> f64 {
        self.base.log_snr(t) - self.by
    }

    fn time(&self, log_snr: f64) -> f64 {
        self.base.time(log_snr + self.by)
    }

    fn slope(&self, t: f64) -> f64 {
        self.base.slope(t)
    }
}
