//! Convolution of two tensors read as one.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;

use super::conv::{image_conv, image_conv_backward};
use super::pixels::{join_channels, split_channels};
use super::shapes::dims;
use crate::options::Conv2d;

/// See [`crate::DiffusionOps::joined_conv`].
pub fn joined_conv<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    options: Conv2d,
) -> FloatTensor<B> {
    image_conv::<B>(join_channels::<B>(a, b), weight, bias, options)
}

/// See [`crate::DiffusionOps::joined_conv_backward`].
pub fn joined_conv_backward<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    bias_rows: usize,
    options: Conv2d,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let first = dims::<B, 4>(&a)[3];
    let joined = join_channels::<B>(a, b);
    let (by_x, by_weight, by_bias) = image_conv_backward::<B>(joined, weight, grad, bias_rows, options, true);
    let (by_a, by_b) = split_channels::<B>(by_x, first);
    (by_a, by_b, by_weight, by_bias)
}
