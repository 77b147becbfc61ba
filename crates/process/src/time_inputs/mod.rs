//! Time inputs: the number that tells a network the noise level (`c_noise`), one file each.

mod flow_time;
mod log_sigma;
mod log_snr;
mod sigma;
mod time;
mod timestep;

use std::fmt::Debug;

use crate::curve::Curve;
use crate::level::Level;
use crate::registry::Registry;

/// What a network is conditioned on about the noise.
pub trait TimeInput: Debug + Send + Sync {
    /// The number for a level of `curve`, finite everywhere.
    fn value(&self, curve: &Curve, at: Level) -> f64;
}

/// Every time input.
pub const TIME_INPUTS: Registry<dyn TimeInput> = Registry {
    kind: "time input",
    entries: &[
        timestep::ENTRY,
        log_sigma::ENTRY,
        log_snr::ENTRY,
        time::ENTRY,
        flow_time::ENTRY,
        sigma::ENTRY,
    ],
};

/// The log-SNR is clamped to `-LIMIT..LIMIT` before it becomes an input: beyond it the image is, to any
/// network, all signal or all noise.
const LIMIT: f64 = 20.0;
