//! Attention as two matrix products for each head with a softmax in place between them.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use rayon::prelude::*;

use super::sigmoid::exp;
use super::{Tensor, dims, numbers, packed, tensor};
use crate::ops::Attention;

fn product(a: Tensor, b: Tensor) -> Tensor {
    Flex::float_matmul(a, b)
}

fn turned(x: Tensor) -> Tensor {
    Flex::float_swap_dims(x, 2, 3)
}

/// Probabilities `[n, heads, queries, keys]`.
fn probabilities(q: Tensor, k: Tensor, options: Attention) -> Tensor {
    let mut scores = product(q, turned(k));
    let keys = dims::<4>(&scores)[3];
    let scale = options.scale as f32;
    scores.storage_mut::<f32>().par_chunks_mut(keys.max(1)).for_each(|row| {
        let largest = row.iter().fold(f32::NEG_INFINITY, |largest, score| largest.max(*score));
        row.iter_mut().for_each(|score| *score = exp((*score - largest) * scale));
        let inverse = (1.0 / super::group_norm::sum(row)) as f32;
        row.iter_mut().for_each(|p| *p *= inverse);
    });
    scores
}

/// See [`crate::DiffusionOps::softmax_attention`].
pub(super) fn forward(q: Tensor, k: Tensor, v: Tensor, options: Attention) -> Tensor {
    product(probabilities(q, k, options), v)
}

/// See [`crate::DiffusionOps::softmax_attention_backward`]: with `dp = g v^T`, the gradient of the scores is
/// `p (dp - sum(p dp))`.
pub(super) fn backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    grad: Tensor,
    options: Attention,
) -> (Tensor, Tensor, Tensor) {
    let p = probabilities(q.clone(), k.clone(), options);
    let by_v = product(turned(p.clone()), grad.clone());
    let by_p = product(grad, turned(v));
    let shape @ [_, _, _, keys] = dims::<4>(&p);
    let scale = options.scale as f32;
    let (p, by_p) = (packed(p), packed(by_p));
    let mut by_scores = vec![0.0_f32; numbers(&p).len()];
    by_scores
        .par_chunks_mut(keys.max(1))
        .zip(numbers(&p).par_chunks(keys.max(1)))
        .zip(numbers(&by_p).par_chunks(keys.max(1)))
        .for_each(|((out, p), by_p)| {
            out.iter_mut().zip(p.iter().zip(by_p)).for_each(|(out, (p, by_p))| *out = p * by_p);
            let total = super::group_norm::sum(out) as f32;
            out.iter_mut().zip(p).for_each(|(out, p)| *out = (*out - p * total) * scale);
        });
    let by_scores = tensor(by_scores, shape);
    let by_q = product(by_scores.clone(), k);
    let by_k = product(turned(by_scores), q);
    (by_q, by_k, by_v)
}
