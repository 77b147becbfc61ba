//! `log_snr`: even steps of the log-SNR, each removing as many nats of uncertainty as the next.
//!
//! Lu et al. 2022, DPM-Solver (2206.00927), section 3.3. The steps of `exponential`, with the range given as
//! log-SNR.

use super::{Spacing, finish};
use crate::diffusion::Diffusion;
use crate::error::{Error, Result};
use crate::level::Level;
use crate::registry::{Entry, OptionDoc, Options};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "log_snr",
    aliases: &["lambda"],
    summary: "even steps of the log-SNR (DPM-Solver)",
    source: "Lu et al. 2022, arXiv:2206.00927, section 3.3",
    options: &[
        OptionDoc {
            key: "min",
            default: "auto",
            doc: "lowest log-SNR; auto starts at the schedule's noisy end, the grid at -10 or above",
        },
        OptionDoc {
            key: "max",
            default: "auto",
            doc: "highest log-SNR before the clean image; auto is the schedule's own, but at most 10",
        },
    ],
    build: |options| {
        let read = |key: &str, options: &Options| match options.text(key) {
            "auto" => Ok(None),
            _ => options.number(key, -40.0, 40.0).map(Some),
        };
        Ok(Box::new(LogSnr { min: read("min", options)?, max: read("max", options)? }))
    },
    ..Entry::BLANK
};

/// What stands in for an end of the schedule that goes further.
const AUTO: f64 = 10.0;

#[derive(Debug)]
struct LogSnr {
    min: Option<f64>,
    max: Option<f64>,
}

impl Spacing for LogSnr {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        let (highest, lowest) = (diffusion.highest(), diffusion.lowest());
        let min = self.min.unwrap_or(-AUTO).max(highest.log_snr());
        let max = self.max.unwrap_or(AUTO.max(min + 1.0)).min(lowest.log_snr());
        if steps > 1 && min >= max {
            return Err(Error::usage(format!(
                "the range of log-SNR is empty: min {min} is not below max {max}"
            )));
        }
        let part = |i: usize| if i == 0 { 0.0 } else { i as f64 / (steps - 1) as f64 };
        let mut path: Vec<Level> =
            (0..steps).map(|i| diffusion.level_at(min + part(i) * (max - min))).collect();
        if let (None, Some(first)) = (self.min, path.first_mut()) {
            *first = highest;
        }
        finish(path)
    }
}
