//! The seam: one trait of operations over backend tensors, with plain bodies as defaults.

// The `backend_extension` macro copies every signature into its generated implementation.
#![allow(clippy::too_many_arguments, clippy::type_complexity)]

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, backend_extension};

use crate::options::{AdamW, Attention, Conv2d, Gelu, GroupNorm};
use crate::plain;

/// What a diffusion network asks of a backend beyond Burn's own operations.
///
/// The defaults are the reference. Shapes: `n` images, `h` rows, `w` columns, `c` channels; the channels of a pixel lie
/// beside each other, `[n, h, w, c]`, because then every operation of a network runs over whole vectors of them, however
/// small the image.
#[backend_extension(Flex, Autodiff)]
pub trait DiffusionOps: Backend {
    /// Convolution with bias: `x` `[n, h, w, ci]`, `weight` `[co, ci, kh, kw]` -> `[n, h', w', co]`. `bias` is `[1, co]`,
    /// or `[n, co]` where each image has its own (a time embedding added to the output).
    fn image_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Conv2d,
    ) -> FloatTensor<Self> {
        plain::image_conv::<Self>(x, weight, bias, options)
    }

    /// The gradients of [`DiffusionOps::image_conv`] by `x`, `weight` and `bias` (which had `bias_rows` rows). With
    /// `input_grad` false the first is not wanted and may be anything.
    fn image_conv_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        bias_rows: usize,
        options: Conv2d,
        input_grad: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::image_conv_backward::<Self>(x, weight, grad, bias_rows, options, input_grad)
    }

    /// `x weight^T + bias`: `x` `[n, i]`, `weight` `[o, i]`, `bias` `[o]` -> `[n, o]`; a row does not depend on the
    /// rows beside it, to the bit.
    fn row_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        plain::row_linear::<Self>(x, weight, bias)
    }

    /// The gradients of [`DiffusionOps::row_linear`] by `x`, `weight` and `bias`.
    fn row_linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::row_linear_backward::<Self>(x, weight, grad)
    }

    /// Group norm, then a scale and a shift for each channel, then SiLU if asked for:
    /// `act(normalised(x) * scale + shift)` with `x` `[n, h, w, c]`; `scale` and `shift` are `[n, c]`, or `[1, c]` where
    /// all images share them.
    fn group_norm_act(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        options: GroupNorm,
    ) -> FloatTensor<Self> {
        plain::group_norm_act::<Self>(x, scale, shift, options)
    }

    /// The gradients of [`DiffusionOps::group_norm_act`] by `x`, `scale` and `shift`.
    fn group_norm_act_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        options: GroupNorm,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::group_norm_act_backward::<Self>(x, scale, shift, grad, options)
    }

    /// [`DiffusionOps::image_conv`] of two images whose channels are joined, `[n, h, w, ca]` and `[n, h, w, cb]`, without a
    /// copy of them where the backend can.
    fn joined_conv(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Conv2d,
    ) -> FloatTensor<Self> {
        plain::joined_conv::<Self>(a, b, weight, bias, options)
    }

    /// The gradients of [`DiffusionOps::joined_conv`] by `a`, `b`, `weight` and `bias`.
    fn joined_conv_backward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        bias_rows: usize,
        options: Conv2d,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::joined_conv_backward::<Self>(a, b, weight, grad, bias_rows, options)
    }

    /// [`DiffusionOps::group_norm_act`] of two images whose channels are joined; the result has all of them.
    fn joined_norm_act(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        options: GroupNorm,
    ) -> FloatTensor<Self> {
        plain::joined_norm_act::<Self>(a, b, scale, shift, options)
    }

    /// The gradients of [`DiffusionOps::joined_norm_act`] by `a`, `b`, `scale` and `shift`.
    fn joined_norm_act_backward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        options: GroupNorm,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::joined_norm_act_backward::<Self>(a, b, scale, shift, grad, options)
    }

    /// `softmax(scale * q k^T) v` for each head, all `[n, tokens, heads * dim]`; the tokens of `k` and `v` may differ in
    /// number from `q`'s.
    fn softmax_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: Attention,
    ) -> FloatTensor<Self> {
        plain::softmax_attention::<Self>(q, k, v, options)
    }

    /// The gradients of [`DiffusionOps::softmax_attention`] by `q`, `k` and `v`.
    fn softmax_attention_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        options: Attention,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::softmax_attention_backward::<Self>(q, k, v, grad, options)
    }

    /// Modulated layer norm: of each pixel's channels, or each token's, then a scale and a shift,
    /// `normalised(x) * scale + shift` with `x` `[n, h, w, c]`; `scale` and `shift` are `[n, c]`, or `[1, c]` where all images
    /// share them (the adaptive layer norm of Peebles and Xie 2022, 2212.09748).
    fn modulated_norm(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        plain::modulated_norm::<Self>(x, scale, shift, eps)
    }

    /// The gradients of [`DiffusionOps::modulated_norm`] by `x`, `scale` and `shift`.
    fn modulated_norm_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        eps: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::modulated_norm_backward::<Self>(x, scale, grad, eps)
    }

    /// Gated residual: `x + gate * y` with `x` and `y` `[n, h, w, c]` and `gate` `[n, c]`.
    fn gated_residual(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        gate: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        plain::gated_residual::<Self>(x, y, gate)
    }

    /// The gradients of [`DiffusionOps::gated_residual`] by `y` and `gate`; that by `x` is `grad`.
    fn gated_residual_backward(
        y: FloatTensor<Self>,
        gate: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::gated_residual_backward::<Self>(y, gate, grad)
    }

    /// A function of every number, any shape.
    fn gelu_act(x: FloatTensor<Self>, kind: Gelu) -> FloatTensor<Self> {
        plain::gelu_act::<Self>(x, kind)
    }

    /// The gradient of [`DiffusionOps::gelu_act`].
    fn gelu_act_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, kind: Gelu) -> FloatTensor<Self> {
        plain::gelu_act_backward::<Self>(x, grad, kind)
    }

    /// `a * gelu(b)` where the last side of `x` is `a` and `b` beside each other (Shazeer 2020, 2002.05202).
    fn gated_gelu(x: FloatTensor<Self>, kind: Gelu) -> FloatTensor<Self> {
        plain::gated_gelu::<Self>(x, kind)
    }

    /// The gradient of [`DiffusionOps::gated_gelu`].
    fn gated_gelu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, kind: Gelu) -> FloatTensor<Self> {
        plain::gated_gelu_backward::<Self>(x, grad, kind)
    }

    /// `x * sigmoid(x)`, any shape.
    fn swish(x: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::swish::<Self>(x)
    }

    /// The gradient of [`DiffusionOps::swish`].
    fn swish_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::swish_backward::<Self>(x, grad)
    }

    /// Nearest-neighbour upsampling, each pixel `factor` times a 2 x 2 block of itself: `[n, h, w, c]` -> `[n, 2h, 2w, c]`.
    fn upsample_nearest(x: FloatTensor<Self>, factor: f64) -> FloatTensor<Self> {
        plain::upsample_nearest::<Self>(x, factor)
    }

    /// Pooling of 2 x 2 blocks, each `factor` times its sum (0.25 gives the mean): `[n, 2h, 2w, c]` -> `[n, h, w, c]`; an odd last
    /// row or column is dropped.
    fn mean_pool(x: FloatTensor<Self>, factor: f64) -> FloatTensor<Self> {
        plain::mean_pool::<Self>(x, factor)
    }

    /// The channels of two images beside each other: `[n, h, w, ca]` and `[n, h, w, cb]` -> `[n, h, w, ca + cb]`.
    fn join_channels(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::join_channels::<Self>(a, b)
    }

    /// Undoes [`DiffusionOps::join_channels`]: the `first` channels, and the others.
    fn split_channels(x: FloatTensor<Self>, first: usize) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::split_channels::<Self>(x, first)
    }

    /// Leaves a sum that the next backward pass may add the gradient of `parameter`, a leaf, to; returns the parameter.
    fn leave_sum(parameter: FloatTensor<Self>, _sum: FloatTensor<Self>) -> FloatTensor<Self> {
        parameter
    }

    /// The sum that [`DiffusionOps::leave_sum`] left, if no backward pass added to it, or else a tensor without numbers.
    fn take_sum(parameter: FloatTensor<Self>) -> FloatTensor<Self> {
        let device = parameter.device();
        Self::float_zeros([0].into(), &device, parameter.dtype().into())
    }

    /// One AdamW step on one parameter and its moving average; returns the new `(param, m, v, ema)`.
    fn adamw_ema(
        param: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        m: FloatTensor<Self>,
        v: FloatTensor<Self>,
        ema: FloatTensor<Self>,
        options: AdamW,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::adamw_ema::<Self>(param, grad, m, v, ema, options)
    }
}
