//! Group norm, modulation and SiLU in two passes over a group that stays in cache; the backward pass likewise, computing
//! the statistics again rather than keeping normalised values.

use rayon::prelude::*;

use super::sigmoid::{silu, silu_slope};
use super::{Tensor, dims, numbers, tensor};
use crate::ops::GroupNorm;

/// Partial sums kept side by side; fixed, so that the order of additions is.
const LANES: usize = 16;

/// The sum of `f(i)` over `values`, added in a fixed order.
#[inline(always)]
fn sum_of(values: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut total = 0.0;
    // Lanes are emptied into f64 now and then, so that rounding does not grow with the size of a group.
    for block in values.chunks(4096) {
        let mut lanes = [0.0_f32; LANES];
        let chunks = block.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane += f(*value);
            }
        }
        for (lane, value) in lanes.iter_mut().zip(rest) {
            *lane += f(*value);
        }
        total += lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>();
    }
    total
}

/// The sums of `a` and of `a * b`, added in a fixed order.
#[inline(always)]
fn sum_and_dot(a: &[f32], b: &[f32]) -> (f64, f64) {
    let (mut sum, mut dot) = (0.0, 0.0);
    for (a, b) in a.chunks(4096).zip(b.chunks(4096)) {
        let mut sums = [0.0_f32; LANES];
        let mut dots = [0.0_f32; LANES];
        let (chunks_a, chunks_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
        let (rest_a, rest_b) = (chunks_a.remainder(), chunks_b.remainder());
        for (a, b) in chunks_a.zip(chunks_b) {
            for lane in 0..LANES {
                sums[lane] += a[lane];
                dots[lane] += a[lane] * b[lane];
            }
        }
        for (lane, (a, b)) in rest_a.iter().zip(rest_b).enumerate() {
            sums[lane] += a;
            dots[lane] += a * b;
        }
        sum += sums.iter().map(|lane| f64::from(*lane)).sum::<f64>();
        dot += dots.iter().map(|lane| f64::from(*lane)).sum::<f64>();
    }
    (sum, dot)
}

/// Mean and `1 / std` of one group.
fn statistics(group: &[f32], eps: f64) -> (f32, f32) {
    let count = group.len() as f64;
    let mean = (sum_of(group, |value| value) / count) as f32;
    let variance = sum_of(group, |value| (value - mean) * (value - mean)) / count;
    (mean, (1.0 / (variance + eps).sqrt()) as f32)
}

/// See [`crate::DiffusionOps::group_norm_act`].
pub(super) fn forward(x: &Tensor, scale: &Tensor, shift: &Tensor, options: GroupNorm) -> Tensor {
    let shape @ [_, c, h, w] = dims::<4>(x);
    let rows = dims::<2>(scale)[0];
    let (pixels, width) = (h * w, c / options.groups);
    let (x, scale, shift) = (numbers(x), numbers(scale), numbers(shift));
    let mut out = vec![0.0_f32; x.len()];
    if x.is_empty() {
        return tensor(out, shape);
    }
    out.par_chunks_mut(width * pixels).zip(x.par_chunks(width * pixels)).enumerate().for_each(
        |(index, (out, group))| {
            let (picture, first) = (index / options.groups, index % options.groups * width);
            let modulation = if rows == 1 { first } else { picture * c + first };
            let (mean, inverse_std) = statistics(group, options.eps);
            let planes = out.chunks_exact_mut(pixels).zip(group.chunks_exact(pixels));
            for (channel, (out, plane)) in planes.enumerate() {
                let factor = scale[modulation + channel];
                let offset = shift[modulation + channel];
                let affine = |value: f32| (value - mean) * inverse_std * factor + offset;
                if options.silu {
                    out.iter_mut().zip(plane).for_each(|(out, value)| *out = silu(affine(*value)));
                } else {
                    out.iter_mut().zip(plane).for_each(|(out, value)| *out = affine(*value));
                }
            }
        },
    );
    tensor(out, shape)
}

/// See [`crate::DiffusionOps::group_norm_act_backward`].
pub(super) fn backward(
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    grad: &Tensor,
    options: GroupNorm,
) -> (Tensor, Tensor, Tensor) {
    let shape @ [n, c, h, w] = dims::<4>(x);
    let rows = dims::<2>(scale)[0];
    let (pixels, width) = (h * w, c / options.groups);
    let (x, scale, shift, grad) = (numbers(x), numbers(scale), numbers(shift), numbers(grad));
    let mut by_x = vec![0.0_f32; x.len()];
    let mut by_scale = vec![0.0_f32; n * c];
    let mut by_shift = vec![0.0_f32; n * c];
    if x.is_empty() {
        return (
            tensor(by_x, shape),
            tensor(vec![0.0; rows * c], [rows, c]),
            tensor(vec![0.0; rows * c], [rows, c]),
        );
    }
    let size = width * pixels;
    by_x.par_chunks_mut(size)
        .zip(by_scale.par_chunks_mut(width))
        .zip(by_shift.par_chunks_mut(width))
        .enumerate()
        .for_each_init(
            || vec![0.0_f32; pixels],
            |normalised, (index, ((by_x, by_scale), by_shift))| {
                let (picture, first) = (index / options.groups, index % options.groups * width);
                let modulation = if rows == 1 { first } else { picture * c + first };
                let group = &x[index * size..][..size];
                let grad = &grad[index * size..][..size];
                let (mean, inverse_std) = statistics(group, options.eps);
                // First the gradient of the modulated value, kept in `by_x`, with its sums.
                let (mut total, mut projection) = (0.0_f64, 0.0_f64);
                for channel in 0..width {
                    let span = channel * pixels..(channel + 1) * pixels;
                    let (plane, grad, out) = (&group[span.clone()], &grad[span.clone()], &mut by_x[span]);
                    let factor = scale[modulation + channel];
                    let offset = shift[modulation + channel];
                    for (normalised, value) in normalised.iter_mut().zip(plane) {
                        *normalised = (value - mean) * inverse_std;
                    }
                    if options.silu {
                        for ((out, grad), normalised) in out.iter_mut().zip(grad).zip(normalised.iter()) {
                            *out = grad * silu_slope(normalised * factor + offset);
                        }
                    } else {
                        out.copy_from_slice(grad);
                    }
                    let (sum, dot) = sum_and_dot(out, normalised);
                    by_shift[channel] = sum as f32;
                    by_scale[channel] = dot as f32;
                    total += sum * f64::from(factor);
                    projection += dot * f64::from(factor);
                }
                // Then the gradient of the input.
                let mean_grad = (total / size as f64) as f32;
                let mean_projection = (projection / size as f64) as f32;
                for channel in 0..width {
                    let span = channel * pixels..(channel + 1) * pixels;
                    let factor = scale[modulation + channel];
                    for (out, value) in by_x[span.clone()].iter_mut().zip(&group[span]) {
                        let normalised = (value - mean) * inverse_std;
                        *out = (*out * factor - mean_grad - normalised * mean_projection) * inverse_std;
                    }
                }
            },
        );
    if rows == 1 {
        by_scale = sum_rows(&by_scale, c);
        by_shift = sum_rows(&by_shift, c);
    }
    (tensor(by_x, shape), tensor(by_scale, [rows, c]), tensor(by_shift, [rows, c]))
}

/// The sum over the rows of a matrix of `columns` columns, first row first.
pub(super) fn sum_rows(matrix: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; columns];
    for row in matrix.chunks_exact(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// The sum of `values`, in a fixed order.
pub(super) fn sum(values: &[f32]) -> f64 {
    sum_of(values, |value| value)
}
