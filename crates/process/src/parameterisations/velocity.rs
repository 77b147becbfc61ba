//! `velocity`: the network predicts the direction from image to noise.
//!
//! Lipman et al. 2023 (2210.02747), eq. 23; Liu et al. 2023 (2209.03003), eq. 1: `F = n - x0`, so
//! `x0 = (x - sigma F) / (alpha + sigma)`. The input is divided by `alpha + sigma`, which is 1 for the flow
//! process.

use super::{Coefficients, Parameterisation};
use crate::error::Result;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Parameterisation> = Entry {
    name: "velocity",
    aliases: &["flow"],
    summary: "the network predicts n - x0, the velocity of the straight line (flow matching)",
    source: "Lipman et al. 2023, arXiv:2210.02747, eq. 23",
    options: &[],
    build: |_| Ok(Box::new(Velocity)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Velocity;

impl Parameterisation for Velocity {
    fn coefficients(&self, at: Level, _sigma_data: f64) -> Result<Coefficients> {
        let sum = at.alpha + at.sigma;
        Ok(Coefficients {
            skip: 1.0 / sum,
            out: -at.sigma / sum,
            input: 1.0 / sum,
            target_x0: -1.0,
            target_noise: 1.0,
        })
    }
}
