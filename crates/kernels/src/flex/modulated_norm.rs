//! Modulated layer norm: each pixel's numbers, or each token's, are normalised together, then scaled and shifted; one pass
//! over memory forward and one backward.

use super::blocks::Blocks;
use super::lanes::sum;
use super::sigmoid::fma;
use super::simd::{Isa, Simd, vectorised};
use super::tensors::{Tensor, dims, numbers, tensor};

/// Mean and `1 / std` of a pixel's numbers.
#[inline(always)]
fn moments<S: Simd>(pixel: &[f32], eps: f32) -> (f32, f32) {
    let share = 1.0 / pixel.len() as f32;
    let mean = sum(pixel, pixel, |sum, x, _| sum + x) * share;
    let variance = sum(pixel, pixel, |sum, x, _| fma::<S>(x - mean, x - mean, sum)) * share;
    (mean, 1.0 / (variance + eps).sqrt())
}

#[inline(always)]
fn apply_body<S: Simd>(x: &[f32], scale: &[f32], shift: &[f32], eps: f32, out: &mut [f32]) {
    let c = scale.len();
    for (out, pixel) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
        let (mean, inverse_std) = moments::<S>(pixel, eps);
        for (((out, x), scale), shift) in out.iter_mut().zip(pixel).zip(scale).zip(shift) {
            *out = fma::<S>((x - mean) * inverse_std, *scale, *shift);
        }
    }
}

vectorised! {
    /// Pixels normalised, scaled and shifted.
    fn apply(isa, x: &[f32], scale: &[f32], shift: &[f32], eps: f32, out: &mut [f32]) = apply_body
}

#[inline(always)]
fn slopes_body<S: Simd>(
    x: &[f32],
    scale: &[f32],
    grad: &[f32],
    eps: f32,
    by_scale: &mut [f32],
    by_shift: &mut [f32],
    out: &mut [f32],
) {
    let c = scale.len();
    let share = 1.0 / c as f32;
    for ((out, pixel), grad) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(grad.chunks_exact(c)) {
        let (mean, inverse_std) = moments::<S>(pixel, eps);
        let (by_scale, by_shift) = (&mut by_scale[..c], &mut by_shift[..c]);
        for i in 0..c {
            by_shift[i] += grad[i];
            by_scale[i] = fma::<S>(grad[i], (pixel[i] - mean) * inverse_std, by_scale[i]);
            out[i] = grad[i] * scale[i];
        }
        let middle = sum(out, out, |sum, slope, _| sum + slope) * share;
        let along = sum(out, pixel, |sum, slope, x| fma::<S>(slope, (x - mean) * inverse_std, sum)) * share;
        for (out, x) in out.iter_mut().zip(pixel) {
            *out = (*out - middle - (x - mean) * inverse_std * along) * inverse_std;
        }
    }
}

vectorised! {
    /// The input's gradient, and what the pixels add to those of scale and shift.
    fn slopes(
        isa,
        x: &[f32],
        scale: &[f32],
        grad: &[f32],
        eps: f32,
        by_scale: &mut [f32],
        by_shift: &mut [f32],
        out: &mut [f32],
    ) = slopes_body
}

/// The pixels of `x`, those of the whole batch as one image's where `rows` of scale and shift is 1.
fn blocks(x: &Tensor, rows: usize) -> Blocks {
    let [n, h, w, c] = dims::<4>(x);
    if rows == 1 { Blocks::new(1, n * h * w, c) } else { Blocks::new(n, h * w, c) }
}

/// See [`crate::DiffusionOps::modulated_norm`]; all tensors packed.
pub(super) fn forward(x: &Tensor, scale: &Tensor, shift: &Tensor, eps: f64) -> Tensor {
    let isa = Isa::best();
    let ([rows, c], values) = (dims::<2>(scale), numbers(x));
    let (blocks, scale, shift) = (blocks(x, rows), numbers(scale), numbers(shift));
    let out = blocks.filled(|image, pixels, out| {
        let row = image * c..(image + 1) * c;
        apply(isa, &values[blocks.numbers(&pixels)], &scale[row.clone()], &shift[row], eps as f32, out);
    });
    tensor(out, dims::<4>(x))
}

/// See [`crate::DiffusionOps::modulated_norm_backward`]; all tensors packed.
pub(super) fn backward(x: &Tensor, scale: &Tensor, grad: &Tensor, eps: f64) -> (Tensor, Tensor, Tensor) {
    let isa = Isa::best();
    let ([rows, c], values) = (dims::<2>(scale), numbers(x));
    let (blocks, scale, grad) = (blocks(x, rows), numbers(scale), numbers(grad));
    let (by_x, totals) = blocks.filled_and_summed(2 * c, |image, pixels, out, sums| {
        let (span, (by_scale, by_shift)) = (blocks.numbers(&pixels), sums.split_at_mut(c));
        let scale = &scale[image * c..][..c];
        slopes(isa, &values[span.clone()], scale, &grad[span], eps as f32, by_scale, by_shift, out);
    });
    let half = |first: usize| {
        let rows = totals.chunks_exact((2 * c).max(1)).flat_map(|row| &row[first..][..c]);
        tensor(rows.copied().collect(), [blocks.n, c])
    };
    (tensor(by_x, dims::<4>(x)), half(0), half(c))
}
