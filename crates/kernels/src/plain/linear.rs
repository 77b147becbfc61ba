//! Linear layers of a few rows.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, Slice};

use super::shapes::{dims, reshape};

/// Rows handled together by [`row_linear`]; a shorter last block is filled up with zeros.
const ROWS: usize = 16;

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
