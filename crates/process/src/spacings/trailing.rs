//! `trailing`: evenly spaced times, each at the noisy end of its interval.
//!
//! Lin et al. 2024 (2305.08891), table 2, and diffusers: `round(N - i N / steps) - 1` for
//! `i = 0 .. steps - 1`. It starts at the noisy end, which few steps need. A continuous schedule has the
//! times `1 - i / steps`.

use super::{Spacing, of_times, require_entries};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "trailing",
    aliases: &["uniform"],
    summary: "even times from the noisy end",
    source: "Lin et al. 2024, arXiv:2305.08891, table 2",
    options: &[],
    build: |_| Ok(Box::new(Trailing)),
};

#[derive(Debug)]
struct Trailing;

impl Spacing for Trailing {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        let Some(entries) = diffusion.schedule().timesteps() else {
            return of_times(diffusion, (0..steps).map(|i| (steps - i) as f64 / steps as f64));
        };
        require_entries(entries, steps)?;
        let stride = entries as f64 / steps as f64;
        let index = |i: usize| (entries as f64 - i as f64 * stride).round_ties_even() - 1.0;
        of_times(diffusion, (0..steps).map(|i| index(i) / (entries - 1) as f64))
    }
}
