//! Units: what is 0 to 255 for people is -1 to 1 for models.

use langevin_core::process::limits::shown;
use langevin_core::{Error, Result};

/// Steps of 8-bit pixels in one unit of a model.
pub const PIXELS: f64 = 127.5;

/// The standard deviation, in the units of models, of noise that has the deviation `sigma` on values from 0 to 255.
///
/// # Errors
/// Usage, when it is negative, not finite, or above 255: more than the range of an image, so likely a mistake of units.
pub fn sigma_from_pixels(sigma: f64) -> Result<f64> {
    if !(0.0..=255.0).contains(&sigma) {
        return Err(Error::usage(format!("a noise of {} must lie in 0 to 255", shown(&sigma)))
            .hint("it is a standard deviation in units of 8-bit pixels: 25 is strong noise"));
    }
    Ok(sigma / PIXELS)
}

/// The reverse of [`sigma_from_pixels`].
pub fn sigma_to_pixels(sigma: f64) -> f64 {
    sigma * PIXELS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_127_5_to_a_unit() {
        assert_eq!(sigma_from_pixels(25.5).unwrap(), 0.2);
        assert_eq!(sigma_to_pixels(0.2), 25.5);
        for wrong in [-1.0, 256.0, f64::NAN, f64::INFINITY] {
            assert_eq!(sigma_from_pixels(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
