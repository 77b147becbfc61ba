//! `timestep`: the index into the integer table, as DDPM and diffusers' networks take it.
//!
//! Ho et al. 2020 (2006.11239). For a table of N entries it is `t (N - 1)`, in `[0, N - 1]`, and may be
//! fractional; for a continuous schedule it is `1000 t`, in `[0, 1000]` (as flow-matching networks take it).

use super::TimeInput;
use crate::curve::Curve;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn TimeInput> = Entry {
    name: "timestep",
    aliases: &["index"],
    summary: "the index into the integer table, or 1000 t of a continuous schedule",
    source: "Ho et al. 2020, arXiv:2006.11239",
    options: &[],
    build: |_| Ok(Box::new(Timestep)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Timestep;

impl TimeInput for Timestep {
    fn value(&self, curve: &Curve, at: Level) -> f64 {
        let scale = curve.schedule().timesteps().map_or(1000.0, |steps| (steps - 1) as f64);
        let value = scale * curve.time(at);
        // Inverting the schedule leaves a rounding error, and networks were trained on whole numbers.
        let whole = value.round_ties_even();
        if (value - whole).abs() < 1e-6 { whole } else { value }
    }
}
