//! Group norm with SiLU, of one tensor and of two read as one.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};

use super::pixels::{join_channels, split_channels};
use super::shapes::{dims, per_channel, reshape};
use super::sigmoid::{swish, swish_backward};
use crate::options::GroupNorm;

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
    let per_image = |values: FloatTensor<B>| {
        let sums = reshape::<B, 2>(B::float_sum_dim(reshape::<B, 3>(values, [n, h * w, c]), 1), [n, c]);
        if rows == n { sums } else { B::float_sum_dim(sums, 0) }
    };
    let by_scale = per_image(B::float_mul(grad.clone(), xhat));
    let by_shift = per_image(grad.clone());
    let dxhat = reshape::<B, 4>(B::float_mul(grad, per_channel::<B>(scale)), grouped);
    if options.groups == 0 {
        return (reshape::<B, 4>(dxhat, shape), by_scale, by_shift);
    }
    let projection = group_mean::<B>(B::float_mul(dxhat.clone(), normalised.clone()));
    let mean = group_mean::<B>(dxhat.clone());
    let by_x = B::float_sub(B::float_sub(dxhat, mean), B::float_mul(normalised, projection));
    (reshape::<B, 4>(B::float_mul(by_x, inverse_std), shape), by_scale, by_shift)
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
