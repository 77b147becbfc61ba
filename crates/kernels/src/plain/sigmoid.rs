//! SiLU.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;

/// See [`crate::DiffusionOps::swish`].
pub fn swish<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(x.clone(), B::sigmoid(x))
}

/// See [`crate::DiffusionOps::swish_backward`]: `s (1 + x (1 - s))` with `s = sigmoid(x)`.
pub fn swish_backward<B: Backend>(x: FloatTensor<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
    let s = B::sigmoid(x.clone());
    let rest = B::float_add_scalar(B::float_neg(s.clone()), 1.0.into());
    let slope = B::float_mul(s, B::float_add_scalar(B::float_mul(x, rest), 1.0.into()));
    B::float_mul(grad, slope)
}
