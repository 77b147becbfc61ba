//! `leading`: evenly spaced times, each at the clean end of its interval.
//!
//! Song et al. 2020, DDIM (2010.02502) and diffusers: `i * floor(N / steps) + offset` for
//! `i = steps - 1 .. 0`. The first level is not the noisy end, a flaw that Lin et al. (2305.08891), section
//! 3.3, describe; it is here for models that were made with it. One step is taken from the noisy end, where
//! `leading` would start without noise. A continuous schedule has the times `i / steps + 0.001`.

use super::end::{END, EXTRA, End, extra};
use super::{Spacing, first_time, require_entries};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "leading",
    aliases: &[],
    summary: "even times from just below the noisy end (DDIM's original)",
    source: "Song et al. 2020, arXiv:2010.02502; Lin et al. 2024, arXiv:2305.08891, table 2",
    options: &[
        OptionDoc {
            key: "offset",
            default: "0",
            doc: "added to every index of a table (Stable Diffusion: 1); ignored by continuous schedules",
        },
        EXTRA,
        END,
    ],
    build: |options| {
        Ok(Box::new(Leading {
            offset: options.get("offset")?,
            extra: extra(options)?,
            end: End::read(options)?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Leading {
    offset: usize,
    extra: usize,
    end: End,
}

impl Spacing for Leading {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        if steps <= 1 {
            return self.end.path(diffusion, vec![1.0; steps]);
        }
        let placed = steps + self.extra;
        let Some(entries) = diffusion.schedule().timesteps() else {
            let first = first_time(placed);
            let time = |i: usize| (i as f64 / placed as f64 + first).min(1.0);
            return self.end.path(diffusion, (self.extra..placed).rev().map(time));
        };
        require_entries(entries, placed)?;
        let index = |i: usize| (i * (entries / placed)).saturating_add(self.offset).min(entries - 1);
        let time = |i: usize| index(i) as f64 / (entries - 1) as f64;
        self.end.path(diffusion, (self.extra..placed).rev().map(time))
    }
}
