//! For tests: the largest errors over all finite numbers.

use rayon::prelude::*;

use super::simd::{Isa, Simd, vectorised};

/// Errors gathered side by side.
const SIDE: usize = 16;

/// The largest errors of each kind; `errors` gives them of 1024 numbers at a time, which have one sign and one exponent.
pub(super) fn largest_errors<const N: usize>(errors: impl Fn(&[f32]) -> [f64; N] + Sync) -> [f64; N] {
    let larger = |a: [f64; N], b: [f64; N]| std::array::from_fn(|i| a[i].max(b[i]));
    let of_block = |high: u32| {
        let numbers: Vec<f32> = (0..1 << 10).map(|low| f32::from_bits((high << 10) | low)).collect();
        if numbers[0].is_finite() { errors(&numbers) } else { [0.0; N] }
    };
    (0..1_u32 << 22).into_par_iter().map(of_block).reduce(|| [0.0; N], larger)
}

/// The instruction set that does not fuse multiplication and addition, and one that does, where there is one.
pub(super) fn arithmetics() -> [Isa; 2] {
    let all = Isa::all();
    [all[0], all[all.len() - 1]]
}

#[inline(always)]
fn raise_body<S: Simd>(largest: &mut f64, found: &[f32], expected: &[f64], weights: &[f64]) {
    let mut lanes = [*largest; SIDE];
    let found = found.as_chunks::<SIDE>().0;
    let (expected, weights) = (expected.as_chunks::<SIDE>().0, weights.as_chunks::<SIDE>().0);
    for ((found, expected), weights) in found.iter().zip(expected).zip(weights) {
        for i in 0..SIDE {
            let error = (f64::from(found[i]) - expected[i]).abs() * weights[i];
            // What is no number is infinitely far.
            let error = if error < f64::INFINITY { error } else { f64::INFINITY };
            lanes[i] = if error > lanes[i] { error } else { lanes[i] };
        }
    }
    *largest = lanes.into_iter().fold(*largest, f64::max);
}

vectorised! {
    /// Raises `largest` to the largest error of those found, each times its weight.
    pub(super) fn raise(isa, largest: &mut f64, found: &[f32], expected: &[f64], weights: &[f64]) = raise_body
}
