//! Processes: how signal and noise share a log-SNR, one file each.

mod edm;
mod flow;
mod sub_vp;
mod ve;
mod vp;

use std::fmt::Debug;

use crate::level::Level;
use crate::registry::Registry;

/// A noising process: the level `{ alpha, sigma }` of a log-SNR.
pub trait Process: Debug + Send + Sync {
    /// What users type.
    fn name(&self) -> &'static str;

    /// The level of a log-SNR, finite from `-inf` to `+inf`, where it is [`Level::CLEAN`].
    fn level(&self, log_snr: f64) -> Level;

    /// `d ln(alpha) / d log_snr`, from which the drift follows. In `[0, 1/2]`.
    fn log_alpha_slope(&self, log_snr: f64) -> f64;
}

/// Every process.
pub const PROCESSES: Registry<dyn Process> =
    Registry { kind: "process", entries: &[vp::ENTRY, sub_vp::ENTRY, ve::ENTRY, edm::ENTRY, flow::ENTRY] };
