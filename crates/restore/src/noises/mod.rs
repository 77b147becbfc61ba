//! Noise of measurements, one file each. A new one is a file here and a line in [`NOISES`].

mod gaussian;
mod poisson;
mod salt_pepper;

use std::fmt::Debug;

use langevin_core::registry::Registry;
use langevin_core::{Purpose, Result, Stream};

/// Noise that a measurement has.
pub trait Noise: Debug + Send + Sync {
    /// Adds noise to one measurement in the units of models, in place, from `stream`.
    fn add(&self, y: &mut [f64], stream: &mut Stream);

    /// The standard deviation of the noise in the units of models for methods that know of Gaussian noise alone, for the
    /// measurement `y`: exact for Gaussian noise, otherwise the root of the mean variance.
    fn sigma(&self, y: &[f64]) -> f64;
}

/// Every noise by name.
pub const NOISES: Registry<dyn Noise> =
    Registry { kind: "noise", entries: &[gaussian::ENTRY, poisson::ENTRY, salt_pepper::ENTRY] };

/// The noise that `spec` asks for: a number is the standard deviation of Gaussian noise in units of 0 to 255.
///
/// # Errors
/// Usage: a negative or unlikely number, an unknown name or option.
pub fn build(spec: &str) -> Result<Box<dyn Noise>> {
    match spec.trim().parse::<f64>() {
        Ok(_) => NOISES.build(&format!("gaussian:sigma={}", spec.trim())),
        Err(_) => NOISES.build(spec),
    }
}

/// The stream that the noise of image `image` of `seed` comes from.
pub fn stream(seed: u64, image: u64) -> Stream {
    Stream::new(seed, Purpose::Measurement, image, 0)
}
