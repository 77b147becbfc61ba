//! `time`: the schedule's time `t` in `[0, 1]`.
//!
//! Song et al. 2021 (2011.13456), whose continuous networks take `t` itself.

use super::TimeInput;
use crate::curve::Curve;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn TimeInput> = Entry {
    name: "time",
    aliases: &[],
    summary: "the schedule's time t in [0, 1]",
    source: "Song et al. 2021, arXiv:2011.13456",
    options: &[],
    build: |_| Ok(Box::new(Time)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Time;

impl TimeInput for Time {
    fn value(&self, curve: &Curve, at: Level) -> f64 {
        curve.time(at)
    }
}
