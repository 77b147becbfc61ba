//! Attention.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;

use super::shapes::{dims, reshape};
use crate::options::Attention;

/// `[n, tokens, heads * dim]` -> `[n, heads, tokens, dim]`.
fn heads_first<B: Backend>(x: FloatTensor<B>, heads: usize) -> FloatTensor<B> {
    let [n, tokens, inner] = dims::<B, 3>(&x);
    B::float_swap_dims(reshape::<B, 4>(x, [n, tokens, heads, inner / heads]), 1, 2)
}

/// Undoes [`heads_first`].
fn heads_last<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [n, heads, tokens, dim] = dims::<B, 4>(&x);
    reshape::<B, 3>(B::float_swap_dims(x, 1, 2), [n, tokens, heads * dim])
}

/// Probabilities `[n, heads, queries, keys]`.
fn probabilities<B: Backend>(q: FloatTensor<B>, k: FloatTensor<B>, options: Attention) -> FloatTensor<B> {
    let scores = B::float_matmul(B::float_mul_scalar(q, options.scale.into()), B::float_swap_dims(k, 2, 3));
    B::softmax(scores, 3)
}

/// See [`crate::DiffusionOps::softmax_attention`].
pub fn softmax_attention<B: Backend>(
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    options: Attention,
) -> FloatTensor<B> {
    let [q, k, v] = [q, k, v].map(|x| heads_first::<B>(x, options.heads));
    heads_last::<B>(B::float_matmul(probabilities::<B>(q, k, options), v))
}

/// See [`crate::DiffusionOps::softmax_attention_backward`]. The probabilities are computed again rather than kept.
pub fn softmax_attention_backward<B: Backend>(
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    grad: FloatTensor<B>,
    options: Attention,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let [q, k, v, grad] = [q, k, v, grad].map(|x| heads_first::<B>(x, options.heads));
    let p = probabilities::<B>(q.clone(), k.clone(), options);
    let by_v = B::float_matmul(B::float_swap_dims(p.clone(), 2, 3), grad.clone());
    let by_p = B::float_matmul(grad, B::float_swap_dims(v, 2, 3));
    let row = B::float_sum_dim(B::float_mul(by_p.clone(), p.clone()), 3);
    let by_scores = B::float_mul_scalar(B::float_mul(p, B::float_sub(by_p, row)), options.scale.into());
    let by_q = B::float_matmul(by_scores.clone(), k);
    let by_k = B::float_matmul(B::float_swap_dims(by_scores, 2, 3), q);
    (heads_last::<B>(by_q), heads_last::<B>(by_k), heads_last::<B>(by_v))
}
