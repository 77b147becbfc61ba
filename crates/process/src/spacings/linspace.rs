//! `linspace`: evenly spaced times from the noisy end to the last level with noise, both included.
//!
//! Lin et al. 2024 (2305.08891), table 2, and diffusers: `round(linspace(0, N - 1, steps))` backwards. A
//! continuous schedule has times from 1 to 0.001. One step is taken from the noisy end.

use super::{Spacing, of_times, require_entries};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "linspace",
    aliases: &[],
    summary: "even times from the noisy end to the last level with noise",
    source: "Lin et al. 2024, arXiv:2305.08891, table 2",
    options: &[],
    build: |_| Ok(Box::new(Linspace)),
};

#[derive(Debug)]
struct Linspace;

impl Spacing for Linspace {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        let part = |i: usize| if i == 0 { 0.0 } else { i as f64 / (steps - 1) as f64 };
        let Some(entries) = diffusion.schedule().timesteps() else {
            let first = super::first_time(steps);
            return of_times(diffusion, (0..steps).map(|i| 1.0 - part(i) * (1.0 - first)));
        };
        require_entries(entries, steps)?;
        let last = (entries - 1) as f64;
        // The index is counted from the clean end before it is rounded, as numpy does.
        let index = |i: usize| {
            if steps == 1 {
                last
            } else {
                ((steps - 1 - i) as f64 * (last / (steps - 1) as f64)).round_ties_even()
            }
        };
        of_times(diffusion, (0..steps).map(|i| index(i) / last))
    }
}
