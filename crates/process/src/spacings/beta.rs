//! `beta`: times along a beta distribution, most of them near both ends.
//!
//! Lee et al. 2024, Beta Sampling (2407.12173), section 3.2: the times are quantiles of Beta(0.6, 0.6), from
//! 1 to the first level with noise. On the flow schedule they are what diffusers calls `use_beta_sigmas`.

use super::{Spacing, first_time, of_times};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::quantile;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "beta",
    aliases: &[],
    summary: "times along a beta distribution, most near both ends",
    source: "Lee et al. 2024, arXiv:2407.12173, section 3.2",
    options: &[
        OptionDoc { key: "alpha", default: "0.6", doc: "first shape; lower places more levels at low noise" },
        OptionDoc {
            key: "beta",
            default: "0.6",
            doc: "second shape; lower places more levels at high noise",
        },
    ],
    build: |options| {
        Ok(Box::new(Beta {
            alpha: options.number("alpha", 0.1, 10.0)?,
            beta: options.number("beta", 0.1, 10.0)?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Beta {
    alpha: f64,
    beta: f64,
}

impl Spacing for Beta {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        let first = if diffusion.schedule().timesteps().is_some() { 0.0 } else { first_time(steps) };
        let part = |i: usize| if i == 0 { 0.0 } else { i as f64 / (steps - 1) as f64 };
        let time = |i: usize| first + (1.0 - first) * quantile::beta(1.0 - part(i), self.alpha, self.beta);
        of_times(diffusion, (0..steps).map(time))
    }
}
