//! A measurement as lines of the report, next to its baselines.

use langevin_eval::{Line, Measured, Report, Value};

/// Adds the values of `found` to `report`, with those of the held-out and the shuffled images.
pub(super) fn add(
    report: &mut Report,
    found: &Measured,
    floor: Option<&Measured>,
    ceiling: Option<&Measured>,
) {
    for value in &found.values {
        let same = |other: Option<&'_ Measured>| -> Option<Value> {
            other?.values.iter().find(|other| other.name == value.name).cloned()
        };
        report.metrics.push(Line::new(value, same(floor).as_ref(), same(ceiling).as_ref()));
    }
}
