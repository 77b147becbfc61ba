//! The seam: one trait of operations over backend tensors, with plain bodies as defaults.

// The `backend_extension` macro copies every signature into its generated implementation.
#![allow(clippy::too_many_arguments, clippy::type_complexity)]

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, backend_extension};

use crate::arithmetic::Arithmetic;
use crate::plain;

/// How a convolution walks over its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Step between neighbouring outputs, in pixels; 1 or more.
    pub stride: usize,
    /// Zeros added before and after the rows.
    pub pad_rows: (usize, usize),
    /// Zeros added before and after the columns.
    pub pad_cols: (usize, usize),
    /// Whether the input is first doubled in size by repeating pixels.
    pub upsample: bool,
    /// How it is computed, unless the thread is within another [`Arithmetic::within`].
    pub arithmetic: Arithmetic,
}

impl Conv2d {
    /// Stride 1 with zeros around so that the output has the input's size (odd kernels).
    pub fn same(kernel: usize) -> Self {
        Self::padded(1, kernel / 2)
    }

    /// A stride, and the same padding on all four sides.
    pub fn padded(stride: usize, padding: usize) -> Self {
        Self {
            stride,
            pad_rows: (padding, padding),
            pad_cols: (padding, padding),
            upsample: false,
            arithmetic: Arithmetic::Fast,
        }
    }

    /// Whether it walks, upsampling aside, as [`Conv2d::same`] for this kernel.
    pub(crate) fn keeps_size(&self, kernel: usize) -> bool {
        let Self { upsample, arithmetic, .. } = *self;
        *self == Self { upsample, arithmetic, ..Self::same(kernel) }
    }

    /// Output size `[height, width]` for an input and a kernel of the given sizes.
    ///
    /// # Panics
    /// When the kernel is larger than the padded input.
    pub fn output(&self, [h, w]: [usize; 2], [kh, kw]: [usize; 2]) -> [usize; 2] {
        let (h, w) = if self.upsample { (2 * h, 2 * w) } else { (h, w) };
        let padded = [h + self.pad_rows.0 + self.pad_rows.1, w + self.pad_cols.0 + self.pad_cols.1];
        assert!(padded[0] >= kh && padded[1] >= kw, "a {kh}x{kw} kernel does not fit a {h}x{w} picture");
        [(padded[0] - kh) / self.stride + 1, (padded[1] - kw) / self.stride + 1]
    }
}

/// How a group norm normalises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupNorm {
    /// Number of groups; divides the channels. 0 leaves the values as they are, so that only scale, shift and SiLU are left
    /// and a pixel does not depend on the size of the picture around it.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f64,
    /// Whether SiLU follows.
    pub silu: bool,
}

/// Which function of the GELU family (Hendrycks and Gimpel 2016, 1606.08415).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gelu {
    /// `x Phi(x)`, with the normal distribution function.
    Exact,
    /// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    Tanh,
    /// `x sigmoid(1.702 x)`.
    Quick,
}

/// How attention divides its channels and scales its scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// Number of heads; divides the channels.
    pub heads: usize,
    /// The scores are `scale * q k^T`; usually `1 / sqrt(head dim)`.
    pub scale: f64,
}

/// The numbers of one AdamW step (Loshchilov and Hutter 2019, algorithm 2) and of the weight average that follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay; each step multiplies the weights by `1 - learning_rate * weight_decay`.
    pub weight_decay: f64,
    /// This step's number, from 1; corrects the moments' bias.
    pub step: u64,
    /// The gradient is multiplied by this first (clipping, accumulation).
    pub grad_scale: f64,
    /// The average becomes `ema_decay * average + (1 - ema_decay) * weights`.
    pub ema_decay: f64,
}

/// What a diffusion network asks of a backend beyond Burn's own operations.
///
/// The defaults are the reference. Shapes: `n` pictures, `h` rows, `w` columns, `c` channels; the channels of a pixel lie
/// beside each other, `[n, h, w, c]`, because then every operation of a network runs over whole vectors of them, however
/// small the picture.
#[backend_extension(Flex, Autodiff)]
pub trait DiffusionOps: Backend {
    /// Convolution with bias: `x` `[n, h, w, ci]`, `weight` `[co, ci, kh, kw]` -> `[n, h', w', co]`. `bias` is `[1, co]`,
    /// or `[n, co]` where each picture has its own (a time embedding added to the output).
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
    /// all pictures share them.
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

    /// [`DiffusionOps::image_conv`] of two pictures whose channels are joined, `[n, h, w, ca]` and `[n, h, w, cb]`, without a
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

    /// [`DiffusionOps::group_norm_act`] of two pictures whose channels are joined; the result has all of them.
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

    /// Layer norm of each pixel's channels, or each token's, then a scale and a shift: `normalised(x) * scale + shift` with `x`
    /// `[n, h, w, c]`; `scale` and `shift` are `[n, c]`, or `[1, c]` where all pictures share them.
    fn token_norm(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        plain::token_norm::<Self>(x, scale, shift, eps)
    }

    /// The gradients of [`DiffusionOps::token_norm`] by `x`, `scale` and `shift`.
    fn token_norm_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        eps: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        plain::token_norm_backward::<Self>(x, scale, grad, eps)
    }

    /// `x + gate * y` with `x` and `y` `[n, h, w, c]` and `gate` `[n, c]`.
    fn gated_add(x: FloatTensor<Self>, y: FloatTensor<Self>, gate: FloatTensor<Self>) -> FloatTensor<Self> {
        plain::gated_add::<Self>(x, y, gate)
    }

    /// The gradients of [`DiffusionOps::gated_add`] by `y` and `gate`; that by `x` is `grad`.
    fn gated_add_backward(
        y: FloatTensor<Self>,
        gate: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        plain::gated_add_backward::<Self>(y, gate, grad)
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

    /// Each pixel becomes `factor` times a 2 x 2 block of itself: `[n, h, w, c]` -> `[n, 2h, 2w, c]`.
    fn double_pixels(x: FloatTensor<Self>, factor: f64) -> FloatTensor<Self> {
        plain::double_pixels::<Self>(x, factor)
    }

    /// Each 2 x 2 block becomes `factor` times its sum (0.25 averages): `[n, 2h, 2w, c]` -> `[n, h, w, c]`; an odd last
    /// row or column is dropped.
    fn halve_pixels(x: FloatTensor<Self>, factor: f64) -> FloatTensor<Self> {
        plain::halve_pixels::<Self>(x, factor)
    }

    /// The channels of two pictures beside each other: `[n, h, w, ca]` and `[n, h, w, cb]` -> `[n, h, w, ca + cb]`.
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
