//! Nearest-neighbour upsampling and mean pooling by 2; channels joined and split.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Shape, Slice};

use super::shapes::{dims, reshape};

/// See [`crate::DiffusionOps::upsample_nearest`].
pub fn upsample_nearest<B: Backend>(x: FloatTensor<B>, factor: f64) -> FloatTensor<B> {
    let [n, h, w, c] = dims::<B, 4>(&x);
    let x = if factor == 1.0 { x } else { B::float_mul_scalar(x, factor.into()) };
    let x = B::float_expand(reshape::<B, 5>(x, [n * h, 1, w, 1, c]), Shape::from([n * h, 2, w, 2, c]));
    reshape::<B, 4>(x, [n, 2 * h, 2 * w, c])
}

/// See [`crate::DiffusionOps::mean_pool`].
pub fn mean_pool<B: Backend>(x: FloatTensor<B>, factor: f64) -> FloatTensor<B> {
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
