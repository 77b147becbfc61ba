//! The reference bodies, in plain backend operations: what every faster body must agree with, and on an autodiff
//! backend, what every hand-written backward pass must agree with.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Shape, Slice};

use crate::options::{AdamW, Attention, Conv2d, Gelu, GroupNorm};

/// Rows handled together by [`row_linear`]; a shorter last block is filled up with zeros.
const ROWS: usize = 16;

fn dims<B: Backend, const D: usize>(x: &FloatTensor<B>) -> [usize; D] {
    x.shape().dims()
}

fn reshape<B: Backend, const D: usize>(x: FloatTensor<B>, shape: [usize; D]) -> FloatTensor<B> {
    B::float_reshape(x, Shape::from(shape))
}

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
    let x = if options.upsample { double_pixels::<B>(x, 1.0) } else { x };
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
    let x = if options.upsample { double_pixels::<B>(x, 1.0) } else { x };
    let (x, grad) = (channels_first::<B>(x), channels_first::<B>(grad));
    let [n, co, h, w] = dims::<B, 4>(&grad);
    let by_bias = B::float_sum_dim(reshape::<B, 3>(grad.clone(), [n, co, h * w]), 2);
    let by_bias = reshape::<B, 2>(by_bias, [n, co]);
    let by_bias = if bias_rows == n { by_bias } else { B::float_sum_dim(by_bias, 0) };
    let by_weight = B::conv2d_weight_backward(x.clone(), weight.clone(), grad.clone(), conv_options(options));
    let by_x = if input_grad { B::conv2d_x_backward(x, weight, grad, conv_options(options)) } else { x };
    let by_x = channels_last::<B>(by_x);
    let by_x = if options.upsample { halve_pixels::<B>(by_x, 1.0) } else { by_x };
    (by_x, by_weight, by_bias)
}

/// See [`crate::DiffusionOps::row_linear`]. Rows go in blocks of 16, so that the product a row goes through always
/// has the same shape, and with it the same order of additions.
pub fn row_linear<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    let [n, inputs] = dims::<B, 2>(&x);
    let [outputs, _] = dims::<B, 2>(&weight);
    let blocks = n.div_ceil(ROWS);
    let missing = blocks * ROWS - n;
    let x = if missing == 0 {
        x
    } else {
        let zeros = B::float_zeros(Shape::from([missing, inputs]), &x.device(), x.dtype().into());
        B::float_cat(vec![x, zeros], 0)
    };
    let x = reshape::<B, 3>(x, [blocks, ROWS, inputs]);
    let weight = reshape::<B, 3>(weight, [1, outputs, inputs]);
    let weight = B::float_expand(weight, Shape::from([blocks, outputs, inputs]));
    let y = B::float_matmul(x, B::float_swap_dims(weight, 1, 2));
    let y = reshape::<B, 2>(y, [blocks * ROWS, outputs]);
    let y = if missing == 0 { y } else { B::float_slice(y, &[Slice::from(0..n), Slice::from(0..outputs)]) };
    B::float_add(y, reshape::<B, 2>(bias, [1, outputs]))
}

/// See [`crate::DiffusionOps::row_linear_backward`].
pub fn row_linear_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let outputs = dims::<B, 2>(&grad)[1];
    (
        B::float_matmul(grad.clone(), weight),
        B::float_matmul(B::float_swap_dims(grad.clone(), 0, 1), x),
        reshape::<B, 1>(B::float_sum_dim(grad, 0), [outputs]),
    )
}

/// Normalised values `[n, h * w, groups, c/groups]` and `1/std` `[n, 1, groups, 1]`.
fn normalise<B: Backend>(x: FloatTensor<B>, options: GroupNorm) -> (FloatTensor<B>, FloatTensor<B>) {
    let [n, h, w, c] = dims::<B, 4>(&x);
    if options.groups == 0 {
        let one = B::float_ones([n, 1, 1, 1].into(), &x.device(), x.dtype().into());
        return (reshape::<B, 4>(x, [n, h * w, 1, c]), one);
    }
    assert!(c.is_multiple_of(options.groups), "{c} channels do not divide into {} groups", options.groups);
    let x = reshape::<B, 4>(x, [n, h * w, options.groups, c / options.groups]);
    let centred = B::float_sub(x.clone(), group_mean::<B>(x));
    let variance = group_mean::<B>(B::float_mul(centred.clone(), centred.clone()));
    let inverse_std = B::float_recip(B::float_sqrt(B::float_add_scalar(variance, options.eps.into())));
    (B::float_mul(centred, inverse_std.clone()), inverse_std)
}

/// Mean over the second and fourth dimensions, which stay with size 1.
fn group_mean<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mean_dim(B::float_mean_dim(x, 3), 1)
}

fn per_channel<B: Backend>(modulation: FloatTensor<B>) -> FloatTensor<B> {
    let [rows, c] = dims::<B, 2>(&modulation);
    reshape::<B, 4>(modulation, [rows, 1, 1, c])
}

/// See [`crate::DiffusionOps::group_norm_act`].
pub fn group_norm_act<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    options: GroupNorm,
) -> FloatTensor<B> {
    let shape = dims::<B, 4>(&x);
    let normalised = reshape::<B, 4>(normalise::<B>(x, options).0, shape);
    let y = B::float_add(B::float_mul(normalised, per_channel::<B>(scale)), per_channel::<B>(shift));
    if options.silu { swish::<B>(y) } else { y }
}

/// See [`crate::DiffusionOps::group_norm_act_backward`].
///
/// With `z = xhat * scale + shift` and `dz` its gradient, `dxhat = dz * scale` and
/// `dx = (dxhat - mean(dxhat) - xhat * mean(dxhat * xhat)) / std`, means over the group (Wu and He 2018).
pub fn group_norm_act_backward<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    grad: FloatTensor<B>,
    options: GroupNorm,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let shape @ [n, h, w, c] = dims::<B, 4>(&x);
    let (normalised, inverse_std) = normalise::<B>(x, options);
    let grouped = dims::<B, 4>(&normalised);
    let xhat = reshape::<B, 4>(normalised.clone(), shape);
    let grad = if options.silu {
        let z = B::float_add(
            B::float_mul(xhat.clone(), per_channel::<B>(scale.clone())),
            per_channel::<B>(shift),
        );
        swish_backward::<B>(z, grad)
    } else {
        grad
    };
    let rows = dims::<B, 2>(&scale)[0];
    let per_picture = |values: FloatTensor<B>| {
        let sums = reshape::<B, 2>(B::float_sum_dim(reshape::<B, 3>(values, [n, h * w, c]), 1), [n, c]);
        if rows == n { sums } else { B::float_sum_dim(sums, 0) }
    };
    let by_scale = per_picture(B::float_mul(grad.clone(), xhat));
    let by_shift = per_picture(grad.clone());
    let dxhat = reshape::<B, 4>(B::float_mul(grad, per_channel::<B>(scale)), grouped);
    if options.groups == 0 {
        return (reshape::<B, 4>(dxhat, shape), by_scale, by_shift);
    }
    let projection = group_mean::<B>(B::float_mul(dxhat.clone(), normalised.clone()));
    let mean = group_mean::<B>(dxhat.clone());
    let by_x = B::float_sub(B::float_sub(dxhat, mean), B::float_mul(normalised, projection));
    (reshape::<B, 4>(B::float_mul(by_x, inverse_std), shape), by_scale, by_shift)
}

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

/// See [`crate::DiffusionOps::joined_norm_act`].
pub fn joined_norm_act<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    options: GroupNorm,
) -> FloatTensor<B> {
    group_norm_act::<B>(join_channels::<B>(a, b), scale, shift, options)
}

/// See [`crate::DiffusionOps::joined_norm_act_backward`].
pub fn joined_norm_act_backward<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    grad: FloatTensor<B>,
    options: GroupNorm,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let first = dims::<B, 4>(&a)[3];
    let joined = join_channels::<B>(a, b);
    let (by_x, by_scale, by_shift) = group_norm_act_backward::<B>(joined, scale, shift, grad, options);
    let (by_a, by_b) = split_channels::<B>(by_x, first);
    (by_a, by_b, by_scale, by_shift)
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

/// Each pixel as a picture of its own, whose channels are one group, with the scale of its picture.
fn as_pictures<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    eps: f64,
) -> (FloatTensor<B>, FloatTensor<B>, GroupNorm) {
    let [n, h, w, c] = dims::<B, 4>(&x);
    let each = |row: FloatTensor<B>| {
        let row = B::float_expand(per_channel::<B>(row), Shape::from([n, h, w, c]));
        reshape::<B, 2>(row, [n * h * w, c])
    };
    let options = GroupNorm { groups: 1, eps, silu: false };
    (reshape::<B, 4>(x, [n * h * w, 1, 1, c]), each(scale), options)
}

/// See [`crate::DiffusionOps::token_norm`].
pub fn token_norm<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    eps: f64,
) -> FloatTensor<B> {
    let shape = dims::<B, 4>(&x);
    let (_, shift, _) = as_pictures::<B>(x.clone(), shift, eps);
    let (x, scale, options) = as_pictures::<B>(x, scale, eps);
    reshape::<B, 4>(group_norm_act::<B>(x, scale, shift, options), shape)
}

/// See [`crate::DiffusionOps::token_norm_backward`].
pub fn token_norm_backward<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    grad: FloatTensor<B>,
    eps: f64,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let shape @ [n, h, w, c] = dims::<B, 4>(&x);
    let rows = dims::<B, 2>(&scale)[0];
    let (x, scale, options) = as_pictures::<B>(x, scale, eps);
    let grad = reshape::<B, 4>(grad, [n * h * w, 1, 1, c]);
    let (by_x, by_scale, by_shift) = group_norm_act_backward::<B>(x, scale.clone(), scale, grad, options);
    let together = |by: FloatTensor<B>| {
        let sums = B::float_sum_dim(reshape::<B, 3>(by, [rows, n * h * w / rows, c]), 1);
        reshape::<B, 2>(sums, [rows, c])
    };
    (reshape::<B, 4>(by_x, shape), together(by_scale), together(by_shift))
}

/// See [`crate::DiffusionOps::gated_add`].
pub fn gated_add<B: Backend>(x: FloatTensor<B>, y: FloatTensor<B>, gate: FloatTensor<B>) -> FloatTensor<B> {
    B::float_add(x, B::float_mul(y, per_channel::<B>(gate)))
}

/// See [`crate::DiffusionOps::gated_add_backward`].
pub fn gated_add_backward<B: Backend>(
    y: FloatTensor<B>,
    gate: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let [n, h, w, c] = dims::<B, 4>(&y);
    let by_gate = reshape::<B, 3>(B::float_mul(grad.clone(), y), [n, h * w, c]);
    let by_gate = reshape::<B, 2>(B::float_sum_dim(by_gate, 1), [n, c]);
    (B::float_mul(grad, per_channel::<B>(gate)), by_gate)
}

/// The share of `x` that [`gelu_act`] lets through, and the slope of that share.
fn gelu_share<B: Backend>(x: FloatTensor<B>, kind: Gelu) -> (FloatTensor<B>, FloatTensor<B>) {
    let (cube, line) = match kind {
        Gelu::Exact => {
            let half = std::f64::consts::FRAC_1_SQRT_2;
            let erf = B::float_erf(B::float_mul_scalar(x.clone(), half.into()));
            let share = B::float_mul_scalar(B::float_add_scalar(erf, 1.0.into()), 0.5.into());
            let bell = B::float_exp(B::float_mul_scalar(B::float_mul(x.clone(), x), (-0.5).into()));
            let density = (2.0 * std::f64::consts::PI).sqrt().recip();
            return (share, B::float_mul_scalar(bell, density.into()));
        }
        Gelu::Tanh => {
            let line = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
            (0.044_715 * line, line)
        }
        Gelu::Quick => (0.0, 1.702),
    };
    let square = B::float_mul(x.clone(), x.clone());
    let of_square =
        |cube: f64| B::float_add_scalar(B::float_mul_scalar(square.clone(), cube.into()), line.into());
    let share = B::sigmoid(B::float_mul(x, of_square(cube)));
    let rest = B::float_add_scalar(B::float_neg(share.clone()), 1.0.into());
    let slope = B::float_mul(B::float_mul(share.clone(), rest), of_square(3.0 * cube));
    (share, slope)
}

/// See [`crate::DiffusionOps::gelu_act`].
pub fn gelu_act<B: Backend>(x: FloatTensor<B>, kind: Gelu) -> FloatTensor<B> {
    B::float_mul(x.clone(), gelu_share::<B>(x, kind).0)
}

/// See [`crate::DiffusionOps::gelu_act_backward`].
pub fn gelu_act_backward<B: Backend>(x: FloatTensor<B>, grad: FloatTensor<B>, kind: Gelu) -> FloatTensor<B> {
    let (share, slope) = gelu_share::<B>(x.clone(), kind);
    B::float_mul(grad, B::float_add(share, B::float_mul(x, slope)))
}

/// The two halves of the last side.
fn halves<B: Backend>(x: FloatTensor<B>) -> [FloatTensor<B>; 2] {
    let shape = x.shape();
    let (last, sides) = shape.as_slice().split_last().expect("a last side");
    [0, 1].map(|half| {
        let mut slices: Vec<Slice> = sides.iter().map(|side| Slice::from(0..*side)).collect();
        slices.push(Slice::from(half * last / 2..(half + 1) * last / 2));
        B::float_slice(x.clone(), &slices)
    })
}

/// See [`crate::DiffusionOps::gated_gelu`].
pub fn gated_gelu<B: Backend>(x: FloatTensor<B>, kind: Gelu) -> FloatTensor<B> {
    let [value, gate] = halves::<B>(x);
    B::float_mul(value, gelu_act::<B>(gate, kind))
}

/// See [`crate::DiffusionOps::gated_gelu_backward`].
pub fn gated_gelu_backward<B: Backend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
    kind: Gelu,
) -> FloatTensor<B> {
    let last = x.shape().num_dims() - 1;
    let [value, gate] = halves::<B>(x);
    let by_value = B::float_mul(grad.clone(), gelu_act::<B>(gate.clone(), kind));
    let by_gate = gelu_act_backward::<B>(gate, B::float_mul(grad, value), kind);
    B::float_cat(vec![by_value, by_gate], last)
}

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

/// See [`crate::DiffusionOps::double_pixels`].
pub fn double_pixels<B: Backend>(x: FloatTensor<B>, factor: f64) -> FloatTensor<B> {
    let [n, h, w, c] = dims::<B, 4>(&x);
    let x = if factor == 1.0 { x } else { B::float_mul_scalar(x, factor.into()) };
    let x = B::float_expand(reshape::<B, 5>(x, [n * h, 1, w, 1, c]), Shape::from([n * h, 2, w, 2, c]));
    reshape::<B, 4>(x, [n, 2 * h, 2 * w, c])
}

/// See [`crate::DiffusionOps::halve_pixels`].
pub fn halve_pixels<B: Backend>(x: FloatTensor<B>, factor: f64) -> FloatTensor<B> {
    let [n, h, w, c] = dims::<B, 4>(&x);
    let (h2, w2) = (h / 2, w / 2);
    let x = if (h, w) == (2 * h2, 2 * w2) {
        x
    } else {
        let all = [n, 2 * h2, 2 * w2, c].map(|end| Slice::from(0..end));
        B::float_slice(x, &all)
    };
    let x = B::float_sum_dim(reshape::<B, 5>(x, [n * h2, 2, w2, 2, c]), 3);
    let x = B::float_sum_dim(x, 1);
    B::float_mul_scalar(reshape::<B, 4>(x, [n, h2, w2, c]), factor.into())
}

/// See [`crate::DiffusionOps::join_channels`].
pub fn join_channels<B: Backend>(a: FloatTensor<B>, b: FloatTensor<B>) -> FloatTensor<B> {
    B::float_cat(vec![a, b], 3)
}

/// See [`crate::DiffusionOps::split_channels`].
pub fn split_channels<B: Backend>(x: FloatTensor<B>, first: usize) -> (FloatTensor<B>, FloatTensor<B>) {
    let [n, h, w, c] = dims::<B, 4>(&x);
    let part = |from: usize, to: usize| {
        [Slice::from(0..n), Slice::from(0..h), Slice::from(0..w), Slice::from(from..to)]
    };
    (B::float_slice(x.clone(), &part(0, first)), B::float_slice(x, &part(first, c)))
}

/// See [`crate::DiffusionOps::adamw_ema`].
pub fn adamw_ema<B: Backend>(
    param: FloatTensor<B>,
    grad: FloatTensor<B>,
    m: FloatTensor<B>,
    v: FloatTensor<B>,
    ema: FloatTensor<B>,
    options: AdamW,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let mix = |old: FloatTensor<B>, keep: f64, new: FloatTensor<B>| {
        B::float_add(B::float_mul_scalar(old, keep.into()), B::float_mul_scalar(new, (1.0 - keep).into()))
    };
    let grad = B::float_mul_scalar(grad, options.grad_scale.into());
    let m = mix(m, options.beta1, grad.clone());
    let v = mix(v, options.beta2, B::float_mul(grad.clone(), grad));
    let (step, root) = options.step_sizes();
    let below =
        B::float_add_scalar(B::float_mul_scalar(B::float_sqrt(v.clone()), root.into()), options.eps.into());
    let change = B::float_mul_scalar(B::float_div(m.clone(), below), step.into());
    let param = B::float_mul_scalar(param, (1.0 - options.learning_rate * options.weight_decay).into());
    let param = B::float_sub(param, change);
    let ema = mix(ema, options.ema_decay, param.clone());
    (param, m, v, ema)
}
