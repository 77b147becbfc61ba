//! The gated residual: what a block adds to its input, times a gate for each channel.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;

use super::shapes::{dims, per_channel, reshape};

/// See [`crate::DiffusionOps::gated_residual`].
pub fn gated_residual<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    gate: FloatTensor<B>,
) -> FloatTensor<B> {
    B::float_add(x, B::float_mul(y, per_channel::<B>(gate)))
}

/// See [`crate::DiffusionOps::gated_residual_backward`].
pub fn gated_residual_backward<B: Backend>(
    y: FloatTensor<B>,
    gate: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let [n, h, w, c] = dims::<B, 4>(&y);
    let by_gate = reshape::<B, 3>(B::float_mul(grad.clone(), y), [n, h * w, c]);
    let by_gate = reshape::<B, 2>(B::float_sum_dim(by_gate, 1), [n, c]);
    (B::float_mul(grad, per_channel::<B>(gate)), by_gate)
}
