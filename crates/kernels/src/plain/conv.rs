//! Convolution.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;
use burn::tensor::ops::ConvOptions;

use super::pixels::{mean_pool, upsample_nearest};
use super::shapes::{dims, per_channel, reshape};
use crate::options::Conv2d;

fn conv_options(options: Conv2d) -> ConvOptions<2> {
    ConvOptions {
        stride: [options.stride; 2],
        padding: [options.pad_rows, options.pad_cols],
        dilation: [1, 1],
        groups: 1,
    }
}

/// `[n, h, w, c]` -> `[n, c, h, w]`.
fn channels_first<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_permute(x, &[0, 3, 1, 2])
}

/// `[n, c, h, w]` -> `[n, h, w, c]`.
fn channels_last<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_permute(x, &[0, 2, 3, 1])
}

/// See [`crate::DiffusionOps::image_conv`].
pub fn image_conv<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    options: Conv2d,
) -> FloatTensor<B> {
    let x = if options.upsample { upsample_nearest::<B>(x, 1.0) } else { x };
    let y = B::conv2d(channels_first::<B>(x), weight, None, conv_options(options));
    B::float_add(channels_last::<B>(y), per_channel::<B>(bias))
}

/// See [`crate::DiffusionOps::image_conv_backward`].
pub fn image_conv_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    bias_rows: usize,
    options: Conv2d,
    input_grad: bool,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let x = if options.upsample { upsample_nearest::<B>(x, 1.0) } else { x };
    let (x, grad) = (channels_first::<B>(x), channels_first::<B>(grad));
    let [n, co, h, w] = dims::<B, 4>(&grad);
    let by_bias = B::float_sum_dim(reshape::<B, 3>(grad.clone(), [n, co, h * w]), 2);
    let by_bias = reshape::<B, 2>(by_bias, [n, co]);
    let by_bias = if bias_rows == n { by_bias } else { B::float_sum_dim(by_bias, 0) };
    let by_weight = B::conv2d_weight_backward(x.clone(), weight.clone(), grad.clone(), conv_options(options));
    let by_x = if input_grad { B::conv2d_x_backward(x, weight, grad, conv_options(options)) } else { x };
    let by_x = channels_last::<B>(by_x);
    let by_x = if options.upsample { mean_pool::<B>(by_x, 1.0) } else { by_x };
    (by_x, by_weight, by_bias)
}
