//! The ranges of numbers that a user gives: each is stated once, and checked for flags, settings, recipes and requests alike.

use std::fmt::Display;

use crate::error::{Error, Result};

/// Most steps of sampling.
pub const STEPS: u64 = 10_000;
/// Most images at once, in training as in sampling.
pub const BATCH_SIZE: u64 = 65_536;
/// Most images of one sampling, and most images that are held out of a training.
pub const COUNT: u64 = 1_000_000;
/// Longest side of an image in pixels.
pub const SIDE: u64 = 16_384;
/// Most images seen in a training, and most images between two of its events.
pub const IMAGES: u64 = 1_000_000_000_000_000;
/// Largest seed of a training: settings are TOML, whose integers end there.
pub const TRAINING_SEED: u64 = i64::MAX as u64;
/// Most noise levels that the variational bound of an image is estimated from.
pub const BOUND_DRAWS: u64 = 1_000_000;
/// Strongest guidance, either way.
pub const CFG_SCALE: f64 = 100.0;

/// Whether `value`, called `name`, lies from `low` to `high`; what is not a number does not.
///
/// ```
/// use langevin_process::limits;
///
/// assert!(limits::check("steps", 20, 1, limits::STEPS).is_ok());
/// let error = limits::check("steps", 10_001, 1, limits::STEPS).unwrap_err();
/// assert_eq!(error.to_string(), "steps = 10001 must be from 1 to 10000");
/// assert!(limits::check("cfg_scale", f64::NAN, -1e6, 1e6).is_err());
/// ```
///
/// # Errors
/// Usage, naming it, its value and the range.
pub fn check<T: PartialOrd + Display>(name: &str, value: T, low: T, high: T) -> Result<()> {
    if (&low..=&high).contains(&&value) {
        return Ok(());
    }
    Err(Error::usage(format!("{name} = {} must be from {} to {}", shown(&value), shown(&low), shown(&high))))
}

/// A number as a person writes it: one of many digits in powers of ten, where that is the same number.
pub fn shown(value: &impl Display) -> String {
    let plain = value.to_string();
    if plain.len() <= 20 {
        return plain;
    }
    match plain.parse::<f64>() {
        Ok(number) => format!("{number:e}"),
        Err(_) => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_many_digits_are_shown_in_powers_of_ten() {
        assert_eq!(shown(&1e308), "1e308");
        assert_eq!(shown(&-1e-30), "-1e-30");
        assert_eq!((shown(&0.25), shown(&u64::MAX)), ("0.25".to_owned(), u64::MAX.to_string()));
        assert_eq!((shown(&f64::NAN), shown(&f64::INFINITY)), ("NaN".to_owned(), "inf".to_owned()));
        let refused = check("scale", 1e308, 0.0, 1e9).unwrap_err();
        assert_eq!(refused.to_string(), "scale = 1e308 must be from 0 to 1000000000");
    }
}
