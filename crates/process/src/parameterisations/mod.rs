//! Parameterisations: what a network's output means, as five numbers that depend on the level, one file each.

mod consistency;
mod edm;
mod epsilon;
mod score;
mod v;
mod velocity;
mod x0;

use std::fmt::Debug;

use crate::error::{Error, Result};
use crate::level::Level;
use crate::registry::Registry;

/// The coefficients around a network F at one level.
///
/// `denoised = skip * x + out * F(input * x, c_noise)`, and F is trained towards
/// `target_x0 * x0 + target_noise * n`. The two agree: with F at its target, denoised is `x0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// `c_skip`, the factor on `x` in the denoised image.
    pub skip: f64,
    /// `c_out`, the factor on the network's output in the denoised image.
    pub out: f64,
    /// `c_in`, the factor on `x` before the network.
    pub input: f64,
    /// The factor on the clean image in the network's target.
    pub target_x0: f64,
    /// The factor on the noise in the network's target.
    pub target_noise: f64,
}

/// What a network predicts.
pub trait Parameterisation: Debug + Send + Sync {
    /// The coefficients at `at`, for data of standard deviation `sigma_data` (which only `edm` uses).
    ///
    /// # Errors
    /// Usage where the denoised image is undefined: `epsilon` and `score` at `alpha = 0`.
    fn coefficients(&self, at: Level, sigma_data: f64) -> Result<Coefficients>;
}

/// Every parameterisation.
pub const PARAMETERISATIONS: Registry<dyn Parameterisation> = Registry {
    kind: "parameterisation",
    entries: &[
        epsilon::ENTRY,
        x0::ENTRY,
        v::ENTRY,
        score::ENTRY,
        edm::ENTRY,
        velocity::ENTRY,
        consistency::ENTRY,
    ],
};

/// Refuses `alpha = 0` for a network that predicts `what`, which there says nothing about the image.
fn require_signal(at: Level, what: &str) -> Result<()> {
    // Below this 1 / alpha^2 overflows.
    if at.alpha > 1e-150 {
        return Ok(());
    }
    Err(Error::usage(format!(
        "a network that predicts {what} has no denoised image at pure noise (alpha = 0): x is all noise, \
         and x0 = (x - sigma n) / alpha divides by zero"
    ))
    .hint("use parameterisation v, x0, velocity or edm, or a schedule that does not end at zero signal"))
}
