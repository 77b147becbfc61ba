//! `leading`: evenly spaced times, each at the clean end of its interval.
//!
//! Song et al. 2020, DDIM (2010.02502) and diffusers: `i * floor(N / steps) + offset` for
//! `i = steps - 1 .. 0`. The first level is not the noisy end, a flaw that Lin et al. (2305.08891), section
//! 3.3, describe; it is here for models that were made with it. One step is taken from the noisy end, where
//! `leading` would start without noise. A continuous schedule has the times `i / steps + 0.001`.

use super::{Spacing, finish, first_time, of_times, require_entries};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "leading",
    aliases: &[],
    summary: "even times from just below the noisy end (DDIM's original)",
    source: "Song et al. 2020, arXiv:2010.02502; Lin et al. 2024, arXiv:2305.08891, table 2",
    options: &[OptionDoc {
        key: "offset",
        default: "0",
        doc: "added to every index of a table (Stable Diffusion: 1); ignored by continuous schedules",
    }],
    build: |options| Ok(Box::new(Leading { offset: options.get("offset")? })),
};

#[derive(Debug)]
struct Leading {
    offset: usize,
}

impl Spacing for Leading {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        if steps <= 1 {
            return finish(vec![diffusion.highest(); steps]);
        }
        let Some(entries) = diffusion.schedule().timesteps() else {
            let first = first_time(steps);
            return of_times(diffusion, (0..steps).rev().map(|i| (i as f64 / steps as f64 + first).min(1.0)));
        };
        require_entries(entries, steps)?;
        let index = |i: usize| (i * (entries / steps)).saturating_add(self.offset).min(entries - 1);
        of_times(diffusion, (0..steps).rev().map(|i| index(i) as f64 / (entries - 1) as f64))
    }
}
