//! `logit_normal`: the logit of the schedule's time is normal, so that middle times are seen most.
//!
//! Esser et al. 2024, SD3 (2403.03206), eq. 19, with mean 0 and standard deviation 1.

use super::LevelDistribution;
use crate::diffusion::Diffusion;
use crate::quantile;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn LevelDistribution> = Entry {
    name: "logit_normal",
    aliases: &[],
    summary: "the logit of the time is normal: middle times most (SD3)",
    source: "Esser et al. 2024, arXiv:2403.03206, eq. 19",
    options: &[
        OptionDoc { key: "mean", default: "0", doc: "mean of ln(t / (1 - t)); below 0 favours low noise" },
        OptionDoc { key: "std", default: "1", doc: "its standard deviation" },
    ],
    build: |options| {
        let (mean, std) = (options.number("mean", -20.0, 20.0)?, options.number("std", 1e-3, 20.0)?);
        Ok(Box::new(LogitNormal { mean, std }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct LogitNormal {
    mean: f64,
    std: f64,
}

impl LevelDistribution for LogitNormal {
    fn time(&self, u: f64, _diffusion: &Diffusion) -> f64 {
        1.0 / (1.0 + libm::exp(-self.mean - self.std * quantile::normal(u)))
    }
}
