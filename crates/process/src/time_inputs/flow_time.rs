//! `flow_time`: where the level lies on the straight line from image to noise, whatever the schedule.
//!
//! Esser et al. 2024, SD3 (2403.03206): the network takes `1000 sigma` of the flow *after* its schedule is
//! shifted, so the number belongs to the level and not to the schedule's time:
//! `scale * sigma / (alpha + sigma)`.

use super::TimeInput;
use crate::curve::Curve;
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn TimeInput> = Entry {
    name: "flow_time",
    aliases: &[],
    summary: "1000 sigma / (alpha + sigma), whatever the schedule (SD3)",
    source: "Esser et al. 2024, arXiv:2403.03206",
    options: &[OptionDoc { key: "scale", default: "1000", doc: "the value at pure noise" }],
    build: |options| Ok(Box::new(FlowTime { scale: options.number("scale", 1e-3, 1e6)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct FlowTime {
    scale: f64,
}

impl TimeInput for FlowTime {
    fn value(&self, _curve: &Curve, at: Level) -> f64 {
        self.scale * at.sigma / (at.alpha + at.sigma)
    }
}
