//! Twice and half the size.

use rayon::prelude::*;

use super::{Tensor, dims, numbers, tensor};

/// See [`crate::DiffusionOps::double_pixels`].
pub(super) fn double(x: &Tensor, factor: f64) -> Tensor {
    let [n, c, h, w] = dims::<4>(x);
    let factor = factor as f32;
    let mut out = vec![0.0_f32; 4 * n * c * h * w];
    if !out.is_empty() {
        out.par_chunks_mut(4 * h * w).zip(numbers(x).par_chunks(h * w)).for_each(|(out, plane)| {
            for (rows, input) in out.chunks_exact_mut(4 * w).zip(plane.chunks_exact(w)) {
                let (upper, lower) = rows.split_at_mut(2 * w);
                for (pair, value) in upper.chunks_exact_mut(2).zip(input) {
                    pair.fill(value * factor);
                }
                lower.copy_from_slice(upper);
            }
        });
    }
    tensor(out, [n, c, 2 * h, 2 * w])
}

/// See [`crate::DiffusionOps::halve_pixels`].
pub(super) fn halve(x: &Tensor, factor: f64) -> Tensor {
    let [n, c, h, w] = dims::<4>(x);
    let (h2, w2) = (h / 2, w / 2);
    let factor = factor as f32;
    let mut out = vec![0.0_f32; n * c * h2 * w2];
    if !out.is_empty() {
        out.par_chunks_mut(h2 * w2).zip(numbers(x).par_chunks(h * w)).for_each(|(out, plane)| {
            for (out, rows) in out.chunks_exact_mut(w2).zip(plane.chunks_exact(2 * w)) {
                let (upper, lower) = rows.split_at(w);
                let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
                for (out, (upper, lower)) in out.iter_mut().zip(pairs) {
                    *out = ((upper[0] + upper[1]) + (lower[0] + lower[1])) * factor;
                }
            }
        });
    }
    tensor(out, [n, c, h2, w2])
}
