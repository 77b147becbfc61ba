//! `trailing`: evenly spaced times, each at the noisy end of its interval.
//!
//! Lin et al. 2024 (2305.08891), table 2, and diffusers: `round(N - i N / steps) - 1` for
//! `i = 0 .. steps - 1`. It starts at the noisy end, which few steps need. A continuous schedule has the
//! times `1 - i / steps`.

use super::end::{END, End};
use super::{Spacing, require_entries};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "trailing",
    aliases: &["uniform"],
    summary: "even times from the noisy end",
    source: "Lin et al. 2024, arXiv:2305.08891, table 2",
    options: &[
        OptionDoc { key: "top", default: "1", doc: "highest time of a continuous schedule, in (0, 1]" },
        END,
    ],
    build: |options| {
        Ok(Box::new(Trailing { top: options.number("top", 1e-6, 1.0)?, end: End::read(options)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Trailing {
    top: f64,
    end: End,
}

impl Spacing for Trailing {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        let Some(entries) = diffusion.schedule().timesteps() else {
            let time = |i: usize| self.top * (steps - i) as f64 / steps as f64;
            return self.end.path(diffusion, (0..steps).map(time));
        };
        require_entries(entries, steps)?;
        let stride = entries as f64 / steps as f64;
        let index = |i: usize| (entries as f64 - i as f64 * stride).round_ties_even() - 1.0;
        self.end.path(diffusion, (0..steps).map(|i| index(i) / (entries - 1) as f64))
    }
}
