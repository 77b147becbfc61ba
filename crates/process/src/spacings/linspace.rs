//! `linspace`: evenly spaced times from the noisy end to the last level with noise, both included.
//!
//! Lin et al. 2024 (2305.08891), table 2, and diffusers: `round(linspace(0, N - 1, steps))` backwards. A
//! continuous schedule has times from 1 to 0.001. One step is taken from the noisy end.

use super::end::{END, EXTRA, End, extra};
use super::{Spacing, require_entries};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "linspace",
    aliases: &[],
    summary: "even times from the noisy end to the last level with noise",
    source: "Lin et al. 2024, arXiv:2305.08891, table 2",
    options: &[
        OptionDoc {
            key: "round",
            default: "true",
            doc: "whether times of a table are whole timesteps; false lets them lie between two",
        },
        OptionDoc {
            key: "first",
            default: "auto",
            doc: "lowest time of a continuous schedule, in (0, 1); auto is 0.001, or less for more than 1000 steps",
        },
        EXTRA,
        END,
    ],
    build: |options| {
        Ok(Box::new(Linspace {
            round: options.get("round")?,
            first: match options.text("first") {
                "auto" => None,
                _ => Some(options.number("first", 1e-9, 0.999_999)?),
            },
            extra: extra(options)?,
            end: End::read(options)?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Linspace {
    round: bool,
    first: Option<f64>,
    extra: usize,
    end: End,
}

impl Spacing for Linspace {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        let placed = steps + self.extra;
        let part = |i: usize| if i == 0 { 0.0 } else { i as f64 / (placed - 1) as f64 };
        let Some(entries) = diffusion.schedule().timesteps() else {
            let first = self.first.unwrap_or_else(|| super::first_time(placed));
            return self.end.path(diffusion, (0..steps).map(|i| 1.0 - part(i) * (1.0 - first)));
        };
        require_entries(entries, placed)?;
        let last = (entries - 1) as f64;
        // The index is counted from the clean end before it is rounded, as numpy does.
        let index = |i: usize| {
            let index = if i == 0 { last } else { (placed - 1 - i) as f64 * (last / (placed - 1) as f64) };
            if self.round { index.round_ties_even() } else { index }
        };
        self.end.path(diffusion, (0..steps).map(|i| index(i) / last))
    }
}
