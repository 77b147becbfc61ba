//! Attention by blocks of queries: scores, a softmax in place, and the mixture, for one head of one image at a time, so
//! that a large image never holds all its scores at once.

use rayon::prelude::*;

use super::buffers::{Shared, written};
use super::gemm::MAX_ROWS;
use super::lanes::{SIDE, fold};
use super::matrix::{Matrix, multiply, multiply_turned, product};
use super::sigmoid::exp;
use super::simd::{Isa, Simd, vectorised};
use super::tensors::{Tensor, dims, numbers, tensor};
use crate::options::Attention;

/// Queries handled together at most, in whole register tiles.
const BLOCK: usize = 4 * MAX_ROWS;
/// Numbers of scores that stay in the first cache.
const SCORES: usize = 6 << 10;
/// The same in the backward pass, where each block adds to the gradients of all keys.
const BACKWARD_BLOCK: usize = 256;

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn exponentials_body<S: Simd>(scores: &mut [f32], columns: usize, scale: f32, inverses: &mut [f32]) {
    for (row, inverse) in scores.chunks_exact_mut(columns).zip(inverses) {
        let mut largest = [f32::NEG_INFINITY; SIDE];
        let chunks = row.chunks_exact(SIDE);
        let rest = chunks.remainder();
        for chunk in chunks {
            for i in 0..SIDE {
                largest[i] = larger(chunk[i], largest[i]);
            }
        }
        for (largest, score) in largest.iter_mut().zip(rest) {
            *largest = larger(*score, *largest);
        }
        let largest = fold(largest, larger);
        let mut sums = [0.0_f32; SIDE];
        let mut chunks = row.chunks_exact_mut(SIDE);
        for chunk in &mut chunks {
            for i in 0..SIDE {
                chunk[i] = probability::<S>((chunk[i] - largest) * scale);
                sums[i] += chunk[i];
            }
        }
        for (score, sum) in chunks.into_remainder().iter_mut().zip(&mut sums) {
            *score = probability::<S>((*score - largest) * scale);
            *sum += *score;
        }
        *inverse = 1.0 / fold(sums, |a, b| a + b);
    }
}

/// `exp(x)` of `x <= 0`, no smaller than 2e-33: a probability that is not a slow denormal number when divided by the sum.
#[inline(always)]
fn probability<S: Simd>(x: f32) -> f32 {
    exp::<S>(if x < -75.0 { -75.0 } else { x })
}

vectorised! {
    /// Turns rows of scores into probabilities but for a factor of each row, `inverses`.
    fn exponentials(isa, scores: &mut [f32], columns: usize, scale: f32, inverses: &mut [f32]) = exponentials_body
}

/// Turns rows of scores into probabilities.
fn softmax(isa: Isa, scores: &mut [f32], columns: usize, scale: f32) {
    let mut inverses = vec![0.0; scores.len() / columns.max(1)];
    exponentials(isa, scores, columns, scale, &mut inverses);
    for (row, inverse) in scores.chunks_exact_mut(columns).zip(inverses) {
        row.iter_mut().for_each(|p| *p *= inverse);
    }
}

#[inline(always)]
fn score_slopes_body<S: Simd>(by_p: &mut [f32], p: &[f32], columns: usize, scale: f32) {
    for (by_p, p) in by_p.chunks_exact_mut(columns).zip(p.chunks_exact(columns)) {
        let mut sums = [0.0_f32; SIDE];
        let (slopes, weights) = (by_p.chunks_exact(SIDE), p.chunks_exact(SIDE));
        for ((sum, slope), weight) in sums.iter_mut().zip(slopes.remainder()).zip(weights.remainder()) {
            *sum = slope * weight;
        }
        for (slopes, weights) in slopes.zip(weights) {
            for i in 0..SIDE {
                sums[i] += slopes[i] * weights[i];
            }
        }
        let total = fold(sums, |a, b| a + b);
        by_p.iter_mut().zip(p).for_each(|(by_p, p)| *by_p = p * (*by_p - total) * scale);
    }
}

vectorised! {
    /// From the gradient of probabilities to that of scores: `p (dp - sum(p dp)) scale`.
    fn score_slopes(isa, by_p: &mut [f32], p: &[f32], columns: usize, scale: f32) = score_slopes_body
}

/// The sizes of one attention.
#[derive(Clone, Copy)]
struct Sizes {
    n: usize,
    heads: usize,
    queries: usize,
    keys: usize,
    dim: usize,
    inner: usize,
}

impl Sizes {
    fn new(q: &Tensor, k: &Tensor, options: Attention) -> Self {
        let [n, queries, inner] = dims::<3>(q);
        let keys = dims::<3>(k)[1];
        Self { n, heads: options.heads, queries, keys, dim: inner / options.heads, inner }
    }

    /// One head of one image of `tokens` rows.
    fn head<'a>(&self, values: &'a [f32], image: usize, head: usize, tokens: usize) -> Matrix<'a> {
        let start = (image * tokens * self.inner + head * self.dim).min(values.len());
        Matrix::new(&values[start..], tokens, self.dim, self.inner)
    }
}

/// See [`crate::DiffusionOps::softmax_attention`]; all tensors packed.
pub(super) fn forward(q: &Tensor, k: &Tensor, v: &Tensor, options: Attention) -> Tensor {
    let isa = Isa::best();
    let sizes @ Sizes { n, heads, queries, keys, dim, inner } = Sizes::new(q, k, options);
    let (q, k, v) = (numbers(q), numbers(k), numbers(v));
    let block = (SCORES / keys.max(1) / MAX_ROWS * MAX_ROWS).clamp(MAX_ROWS, BLOCK);
    let blocks = queries.div_ceil(block);
    // The right sides of each head, which all its blocks share.
    let sides = |task: usize| {
        let (image, head) = (task / heads, task % heads);
        let of = |values| sizes.head(values, image, head, keys);
        (of(k).turned(isa), of(v).right(isa))
    };
    let sides: Vec<_> = (0..n * heads).into_par_iter().map(sides).collect();
    let out = written(n * queries * inner, |out| {
        let out = Shared(out);
        (0..n * heads * blocks).into_par_iter().for_each(|task| {
            let (image, rest) = (task / (heads * blocks), task % (heads * blocks));
            let (head, first) = (rest / blocks, rest % blocks * block);
            let rows = block.min(queries - first);
            let q = sizes.head(q, image, head, queries).block(first, rows);
            let (k, v) = &sides[image * heads + head];
            let mut scores = product(isa, q, k);
            let mut inverses = [0.0; BLOCK];
            exponentials(isa, &mut scores, keys, options.scale as f32, &mut inverses[..rows]);
            let p = Matrix::new(&scores, rows, keys, keys);
            let start = out.at((image * queries + first) * inner + head * dim);
            // SAFETY: this image's, head's and block's own part of the result, written row by row.
            unsafe {
                multiply(isa, p, v, start, inner);
                for (row, inverse) in inverses[..rows].iter().enumerate() {
                    let line = std::slice::from_raw_parts_mut(start.add(row * inner), dim);
                    line.iter_mut().for_each(|value| *value *= inverse);
                }
            }
        });
    });
    tensor(out, [n, queries, inner])
}

/// See [`crate::DiffusionOps::softmax_attention_backward`]; all tensors packed.
pub(super) fn backward(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    grad: &Tensor,
    options: Attention,
) -> (Tensor, Tensor, Tensor) {
    let isa = Isa::best();
    let sizes @ Sizes { n, heads, queries, keys, dim, inner } = Sizes::new(q, k, options);
    let (q, k, v, grad) = (numbers(q), numbers(k), numbers(v), numbers(grad));
    let mut by_k = vec![0.0_f32; n * keys * inner];
    let mut by_v = vec![0.0_f32; n * keys * inner];
    let (all_k, all_v) = (Shared(by_k.as_mut_ptr()), Shared(by_v.as_mut_ptr()));
    let by_q = written(n * queries * inner, |by_q| {
        let by_q = Shared(by_q);
        (0..n * heads).into_par_iter().for_each(|task| {
            let (image, head) = (task / heads, task % heads);
            let (all_q, of_k, of_v) = (
                sizes.head(q, image, head, queries),
                sizes.head(k, image, head, keys),
                sizes.head(v, image, head, keys),
            );
            let grad = sizes.head(grad, image, head, queries);
            let (turned_k, packed_k, turned_v) = (of_k.turned(isa), of_k.right(isa), of_v.turned(isa));
            for first in (0..queries).step_by(BACKWARD_BLOCK) {
                let rows = BACKWARD_BLOCK.min(queries - first);
                let (q, grad) = (all_q.block(first, rows), grad.block(first, rows));
                let mut p = product(isa, q, &turned_k);
                let mut by_p = product(isa, grad, &turned_v);
                softmax(isa, &mut p, keys, options.scale as f32);
                score_slopes(isa, &mut by_p, &p, keys, options.scale as f32);
                let of_v = multiply_turned(isa, Matrix::new(&p, rows, keys, keys), &grad.right(isa));
                let slopes = Matrix::new(&by_p, rows, keys, keys);
                let of_k = multiply_turned(isa, slopes, &q.right(isa));
                let start = (image * queries + first) * inner + head * dim;
                // SAFETY: this image's, head's and block's own part of the result.
                unsafe { multiply(isa, slopes, &packed_k, by_q.at(start), inner) };
                for (all, part) in [(&all_k, of_k), (&all_v, of_v)] {
                    for (key, part) in part.chunks_exact(dim).enumerate() {
                        let to = all.at((image * keys + key) * inner + head * dim);
                        for (i, value) in part.iter().enumerate() {
                            // SAFETY: this image's and head's own part of the result.
                            unsafe { *to.add(i) += value };
                        }
                    }
                }
            }
        });
    });
    (tensor(by_q, [n, queries, inner]), tensor(by_k, [n, keys, inner]), tensor(by_v, [n, keys, inner]))
}
