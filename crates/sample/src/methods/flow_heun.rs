//! Heun's method over the time of a flow: the mean of the two velocities `n - x0` over `sigma / (alpha + sigma)` (Lipman et al.
//! 2023, arXiv 2210.02747; diffusers' `FlowMatchHeunDiscreteScheduler`).
//!
//! Euler's step is the same in every coordinate ([`super::euler`]); Heun's is not. Here the second answer has half the fall
//! of the time as its weight, which is finite from pure noise on and needs no limit until the last steps.

use langevin_core::registry::Entry;

use super::heun::{Heun, Over};
use crate::churn::{Churn, S_CHURN, S_NOISE, S_TMAX, S_TMIN};
use crate::sampler::Sampler;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "flow_heun",
    aliases: &["flow_match_heun"],
    summary: "second-order steps of two network evaluations over a flow's time",
    source: "Lipman et al. 2023 (arXiv 2210.02747); Karras et al. 2022, Algorithm 2 (arXiv 2206.00364)",
    options: &[S_CHURN, S_TMIN, S_TMAX, S_NOISE],
    cases: &["flow_heun"],
    build: |options| {
        Ok(Box::new(Heun { churn: Churn::new(options)?, limit: f64::INFINITY, over: Over::Time }))
    },
    ..Entry::BLANK
};
