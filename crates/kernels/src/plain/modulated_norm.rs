//! Modulated layer norm: of each pixel or token, with a scale and a shift for each image.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;

use super::group_norm::{group_norm_act, group_norm_act_backward};
use super::shapes::{dims, per_channel, reshape};
use crate::options::GroupNorm;

/// Each pixel as an image of its own, whose channels are one group, with the scale of its image.
fn as_images<B: Backend>(
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

/// See [`crate::DiffusionOps::modulated_norm`].
pub fn modulated_norm<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    eps: f64,
) -> FloatTensor<B> {
    let shape = dims::<B, 4>(&x);
    let (_, shift, _) = as_images::<B>(x.clone(), shift, eps);
    let (x, scale, options) = as_images::<B>(x, scale, eps);
    reshape::<B, 4>(group_norm_act::<B>(x, scale, shift, options), shape)
}

/// See [`crate::DiffusionOps::modulated_norm_backward`].
pub fn modulated_norm_backward<B: Backend>(
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    grad: FloatTensor<B>,
    eps: f64,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let shape @ [n, h, w, c] = dims::<B, 4>(&x);
    let rows = dims::<B, 2>(&scale)[0];
    let (x, scale, options) = as_images::<B>(x, scale, eps);
    let grad = reshape::<B, 4>(grad, [n * h * w, 1, 1, c]);
    let (by_x, by_scale, by_shift) = group_norm_act_backward::<B>(x, scale.clone(), scale, grad, options);
    let together = |by: FloatTensor<B>| {
        let sums = B::float_sum_dim(reshape::<B, 3>(by, [rows, n * h * w / rows, c]), 1);
        reshape::<B, 2>(sums, [rows, c])
    };
    (reshape::<B, 4>(by_x, shape), together(by_scale), together(by_shift))
}
