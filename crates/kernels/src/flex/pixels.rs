//! Nearest-neighbour upsampling and mean pooling by 2; channels joined and split.

use rayon::prelude::*;

use super::tensors::{Tensor, dims, numbers, tensor};

/// See [`crate::DiffusionOps::upsample_nearest`].
pub(super) fn upsample_nearest(x: &Tensor, factor: f64) -> Tensor {
    let [n, h, w, c] = dims::<4>(x);
    let factor = factor as f32;
    let mut out = vec![0.0_f32; 4 * n * c * h * w];
    if !out.is_empty() {
        out.par_chunks_mut(4 * w * c).zip(numbers(x).par_chunks(w * c)).for_each(|(rows, input)| {
            let (upper, lower) = rows.split_at_mut(2 * w * c);
            for (pair, pixel) in upper.chunks_exact_mut(2 * c).zip(input.chunks_exact(c)) {
                let (left, right) = pair.split_at_mut(c);
                left.iter_mut().zip(pixel).for_each(|(out, value)| *out = value * factor);
                right.copy_from_slice(left);
            }
            lower.copy_from_slice(upper);
        });
    }
    tensor(out, [n, 2 * h, 2 * w, c])
}

/// See [`crate::DiffusionOps::mean_pool`].
pub(super) fn mean_pool(x: &Tensor, factor: f64) -> Tensor {
    let [n, h, w, c] = dims::<4>(x);
    let (h2, w2) = (h / 2, w / 2);
    let factor = factor as f32;
    let mut out = vec![0.0_f32; n * c * h2 * w2];
    let x = numbers(x);
    if !out.is_empty() {
        out.par_chunks_mut(w2 * c).enumerate().for_each(|(row, out)| {
            let (image, y) = (row / h2, row % h2);
            let line = |y: usize| &x[(image * h + y) * w * c..][..w * c];
            let (upper, lower) = (line(2 * y), line(2 * y + 1));
            for (i, out) in out.chunks_exact_mut(c).enumerate() {
                let pair = 2 * i * c..(2 * i + 2) * c;
                let ((a, b), (d, e)) = (upper[pair.clone()].split_at(c), lower[pair].split_at(c));
                for k in 0..c {
                    out[k] = ((a[k] + b[k]) + (d[k] + e[k])) * factor;
                }
            }
        });
    }
    tensor(out, [n, h2, w2, c])
}

/// See [`crate::DiffusionOps::join_channels`].
pub(super) fn join(a: &Tensor, b: &Tensor) -> Tensor {
    let ([n, h, w, ca], [_, _, _, cb]) = (dims::<4>(a), dims::<4>(b));
    let mut out = Vec::with_capacity(n * h * w * (ca + cb));
    for (a, b) in numbers(a).chunks_exact(ca.max(1)).zip(numbers(b).chunks_exact(cb.max(1))) {
        out.extend_from_slice(a);
        out.extend_from_slice(b);
    }
    tensor(out, [n, h, w, ca + cb])
}

/// See [`crate::DiffusionOps::split_channels`].
pub(super) fn split(x: &Tensor, first: usize) -> (Tensor, Tensor) {
    let [n, h, w, c] = dims::<4>(x);
    let mut a = Vec::with_capacity(n * h * w * first);
    let mut b = Vec::with_capacity(n * h * w * (c - first));
    for pixel in numbers(x).chunks_exact(c.max(1)) {
        let (left, right) = pixel.split_at(first);
        a.extend_from_slice(left);
        b.extend_from_slice(right);
    }
    (tensor(a, [n, h, w, first]), tensor(b, [n, h, w, c - first]))
}
