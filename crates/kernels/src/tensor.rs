//! The same operations on `Tensor`: what networks and trainers call.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::arithmetic::Arithmetic;
use crate::ops::DiffusionOps;
use crate::options::{AdamW, Attention, Conv2d, Gelu, GroupNorm};

/// Convolution with bias (a 1 x 1 kernel is a matrix product per pixel).
///
/// # Shapes
/// `x` `[n, h, w, ci]`, `weight` `[co, ci, kh, kw]`, `bias` `[1, co]`, or `[n, co]` where each image has its own;
/// result `[n, h', w', co]`, see [`Conv2d::output`].
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<2>, options: Conv2d) -> Tensor<4> {
    let [n, _, _, ci] = x.dims();
    let [co, wi, _, _] = weight.dims();
    assert_eq!(ci, wi, "the convolution takes {wi} channels, the image has {ci}");
    assert!([[1, co], [n, co]].contains(&bias.dims()), "the bias is {:?} for {n} x {co}", bias.dims());
    Tensor::from_dispatch(Dispatch::image_conv(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        here(options),
    ))
}

/// As this thread computes now, where that was set.
fn here(options: Conv2d) -> Conv2d {
    match Arithmetic::current() {
        Arithmetic::Fast => options,
        arithmetic => Conv2d { arithmetic, ..options },
    }
}

/// `x weight^T + bias`; the weight lies as PyTorch's does.
///
/// # Shapes
/// `x` `[n, i]`, `weight` `[o, i]`, `bias` `[o]`; result `[n, o]`.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    assert_eq!(x.dims()[1], weight.dims()[1], "inputs of the linear layer");
    Tensor::from_dispatch(Dispatch::row_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// Group norm, then `* scale + shift` for each channel, then SiLU where `options.silu`.
///
/// # Shapes
/// `x` `[n, h, w, c]`; `scale` and `shift` both `[n, c]` or both `[1, c]`; result as `x`.
pub fn group_norm(x: Tensor<4>, scale: Tensor<2>, shift: Tensor<2>, options: GroupNorm) -> Tensor<4> {
    let [n, _, _, c] = x.dims();
    check_norm(n, c, &scale, &shift, options);
    Tensor::from_dispatch(Dispatch::group_norm_act(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        options,
    ))
}

/// [`conv2d`] of two images whose channels are joined, `[n, h, w, ca]` and `[n, h, w, cb]`; on the CPU a 1 x 1 convolution
/// reads both where they lie.
pub fn conv2d_joined(
    a: Tensor<4>,
    b: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<2>,
    options: Conv2d,
) -> Tensor<4> {
    let ([n, .., ca], [.., cb]) = (a.dims(), b.dims());
    let [co, wi, _, _] = weight.dims();
    assert_eq!(a.dims()[..3], b.dims()[..3], "images whose channels are joined");
    assert_eq!(ca + cb, wi, "the convolution takes {wi} channels, the images have {ca} and {cb}");
    assert!([[1, co], [n, co]].contains(&bias.dims()), "the bias is {:?} for {n} x {co}", bias.dims());
    Tensor::from_dispatch(Dispatch::joined_conv(
        a.into_dispatch(),
        b.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        here(options),
    ))
}

/// [`group_norm`] of two images whose channels are joined, `[n, h, w, ca]` and `[n, h, w, cb]`; the result has all of them,
/// and on the CPU both are read where they lie.
pub fn group_norm_joined(
    a: Tensor<4>,
    b: Tensor<4>,
    scale: Tensor<2>,
    shift: Tensor<2>,
    options: GroupNorm,
) -> Tensor<4> {
    let ([n, .., ca], [.., cb]) = (a.dims(), b.dims());
    assert_eq!(a.dims()[..3], b.dims()[..3], "images whose channels are joined");
    check_norm(n, ca + cb, &scale, &shift, options);
    Tensor::from_dispatch(Dispatch::joined_norm_act(
        a.into_dispatch(),
        b.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        options,
    ))
}

/// What a group norm asks of `n` images of `c` channels.
fn check_norm(n: usize, c: usize, scale: &Tensor<2>, shift: &Tensor<2>, options: GroupNorm) {
    assert_eq!(scale.dims(), shift.dims(), "scale and shift of a group norm");
    assert!([[n, c], [1, c]].contains(&scale.dims()), "scale is {:?} for {n} x {c} channels", scale.dims());
    let divides = options.groups == 0 || c.is_multiple_of(options.groups);
    assert!(divides, "{c} channels do not divide into {} groups", options.groups);
}

/// Multi-head `softmax(q k^T / sqrt(dim)) v` (Vaswani et al. 2017, equation 1).
///
/// # Shapes
/// `q` `[n, tokens, heads * dim]`, `k` and `v` `[n, keys, heads * dim]`; result as `q`.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize) -> Tensor<3> {
    let inner = q.dims()[2];
    assert!(heads > 0 && inner.is_multiple_of(heads), "{inner} channels do not divide into {heads} heads");
    assert_eq!((k.dims(), v.dims()[2]), (v.dims(), inner), "keys and values of attention");
    let options = Attention { heads, scale: 1.0 / ((inner / heads) as f64).sqrt() };
    Tensor::from_dispatch(Dispatch::softmax_attention(
        q.into_dispatch(),
        k.into_dispatch(),
        v.into_dispatch(),
        options,
    ))
}

/// Layer norm (Ba et al. 2016, 1607.06450) of each pixel's channels, then `* scale + shift`.
///
/// # Shapes
/// `x` `[n, h, w, c]`; `scale` and `shift` both `[n, c]` or both `[1, c]`; result as `x`. `eps` is added to the variance.
pub fn layer_norm(x: Tensor<4>, scale: Tensor<2>, shift: Tensor<2>, eps: f64) -> Tensor<4> {
    let [n, _, _, c] = x.dims();
    check_norm(n, c, &scale, &shift, GroupNorm { groups: 1, eps, silu: false });
    Tensor::from_dispatch(Dispatch::modulated_norm(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        eps,
    ))
}

/// Gated residual: `x + gate * y`, a gate for each channel.
///
/// # Shapes
/// `x` and `y` `[n, h, w, c]`, `gate` `[n, c]`; result as `x`.
pub fn gated_residual(x: Tensor<4>, y: Tensor<4>, gate: Tensor<2>) -> Tensor<4> {
    let [n, _, _, c] = x.dims();
    assert_eq!((x.dims(), [n, c]), (y.dims(), gate.dims()), "what is added, and its gates");
    Tensor::from_dispatch(Dispatch::gated_residual(
        x.into_dispatch(),
        y.into_dispatch(),
        gate.into_dispatch(),
    ))
}

/// A function of the GELU family of every number, any shape.
pub fn gelu<const D: usize>(x: Tensor<D>, kind: Gelu) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::gelu_act(x.into_dispatch(), kind))
}

/// `a * gelu(b)`, where the last side of `x`, an even number, is `a` and `b` beside each other; the result's is half as long.
pub fn gated_gelu<const D: usize>(x: Tensor<D>, kind: Gelu) -> Tensor<D> {
    assert!(x.dims()[D - 1].is_multiple_of(2), "two halves: {:?}", x.dims());
    Tensor::from_dispatch(Dispatch::gated_gelu(x.into_dispatch(), kind))
}

/// `x * sigmoid(x)`, any shape.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::swish(x.into_dispatch()))
}

/// Nearest-neighbour upsampling by 2: `[n, h, w, c]` -> `[n, 2h, 2w, c]`.
pub fn upsample_nearest2x(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::upsample_nearest(x.into_dispatch(), 1.0))
}

/// Average of each 2 x 2 block: `[n, h, w, c]` -> `[n, h/2, w/2, c]`; an odd last row or column is dropped.
pub fn downsample2x(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::mean_pool(x.into_dispatch(), 0.25))
}

/// The channels of two images beside each other: `[n, h, w, ca]` and `[n, h, w, cb]` -> `[n, h, w, ca + cb]`.
pub fn join_channels(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    assert_eq!(a.dims()[..3], b.dims()[..3], "images whose channels are joined");
    Tensor::from_dispatch(Dispatch::join_channels(a.into_dispatch(), b.into_dispatch()))
}

/// `[n, c, h, w]` -> `[n, h, w, c]`, as the operations here take images.
pub fn channels_last(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}

/// `[n, h, w, c]` -> `[n, c, h, w]`.
pub fn channels_first(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

/// Leaves `sum`, without autodiff, for the gradient of `parameter`, a leaf of shape `sum`'s: where the next backward pass
/// makes that gradient in a convolution or a linear layer it adds the sum, so that both never lie in memory for all
/// parameters. Whatever it does not add to, [`take_gradient_sum`] gives back, and the caller adds it.
pub fn leave_gradient_sum<const D: usize>(parameter: Tensor<D>, sum: Tensor<D>) {
    assert_eq!(parameter.dims(), sum.dims(), "a parameter and the sum of its gradients");
    let sum = Tensor::from_inner(sum);
    let sum = match parameter.gradient_checkpointing_strategy() {
        Some(strategy) => sum.with_gradient_checkpointing_strategy(strategy),
        None => sum,
    };
    drop(Dispatch::leave_sum(parameter.into_dispatch(), sum.into_dispatch()));
}

/// The sum that [`leave_gradient_sum`] left, if the backward pass did not add it; without autodiff.
pub fn take_gradient_sum<const D: usize>(parameter: Tensor<D>) -> Option<Tensor<D>> {
    let shape = parameter.dims();
    let sum: Tensor<1> = Tensor::from_dispatch(Dispatch::take_sum(parameter.into_dispatch()));
    let sum = sum.inner();
    (sum.shape().num_elements() > 0).then(|| sum.reshape(shape))
}

/// One AdamW step and the moving average that follows it, in one pass: returns the new `(param, m, v, ema)`.
///
/// All five tensors have one shape and lie on a device without autodiff.
pub fn adamw_ema_step<const D: usize>(
    param: Tensor<D>,
    grad: Tensor<D>,
    m: Tensor<D>,
    v: Tensor<D>,
    ema: Tensor<D>,
    options: &AdamW,
) -> (Tensor<D>, Tensor<D>, Tensor<D>, Tensor<D>) {
    let (param, m, v, ema) = Dispatch::adamw_ema(
        param.into_dispatch(),
        grad.into_dispatch(),
        m.into_dispatch(),
        v.into_dispatch(),
        ema.into_dispatch(),
        *options,
    );
    (
        Tensor::from_dispatch(param),
        Tensor::from_dispatch(m),
        Tensor::from_dispatch(v),
        Tensor::from_dispatch(ema),
    )
}
