//! What a trained restorer is conditioned on: the degraded image, next to the noisy one.

use langevin_restore::{Shape, enlargement};

/// The condition made of the small image `small`, planes of `low` (channels, rows, columns): its enlargement to `large`.
pub fn of_small(small: &[f64], low: Shape, large: Shape) -> Vec<f32> {
    enlargement(low, large).apply(small).into_iter().map(|value| value as f32).collect()
}

/// The condition made of an image in whose planes the pixels of `hidden` do not count: the image with a gray hole, and
/// the hole in white.
pub fn filled_in(planes: &[f32], hidden: &[bool]) -> Vec<f32> {
    let shown = |(value, hidden): (&f32, &bool)| if *hidden { 0.0 } else { *value };
    let holed = planes.iter().zip(hidden.iter().cycle()).map(shown);
    holed.chain(hidden.iter().map(|hidden| f32::from(*hidden))).collect()
}
