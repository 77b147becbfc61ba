//! `log_normal`: the logarithm of the noise is normal, whatever the schedule.
//!
//! Karras et al. 2022 (2206.00364), table 1: `ln(sigma / alpha)` has the mean -1.2 and the standard deviation
//! 1.2. A level outside the schedule is trained at its end.

use super::LevelDistribution;
use crate::diffusion::Diffusion;
use crate::quantile;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn LevelDistribution> = Entry {
    name: "log_normal",
    aliases: &["edm"],
    summary: "ln(sigma / alpha) is normal, whatever the schedule (EDM)",
    source: "Karras et al. 2022, arXiv:2206.00364, table 1",
    options: &[
        OptionDoc { key: "mean", default: "-1.2", doc: "P_mean, the mean of ln(sigma / alpha)" },
        OptionDoc { key: "std", default: "1.2", doc: "P_std, its standard deviation" },
    ],
    build: |options| {
        let (mean, std) = (options.number("mean", -20.0, 20.0)?, options.number("std", 1e-3, 20.0)?);
        Ok(Box::new(LogNormal { mean, std }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct LogNormal {
    mean: f64,
    std: f64,
}

impl LevelDistribution for LogNormal {
    fn time(&self, u: f64, diffusion: &Diffusion) -> f64 {
        diffusion.schedule().time(-2.0 * (self.mean + self.std * quantile::normal(u)))
    }
}
