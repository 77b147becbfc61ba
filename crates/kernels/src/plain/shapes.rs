//! Shapes of backend tensors.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;

pub(super) fn dims<B: Backend, const D: usize>(x: &FloatTensor<B>) -> [usize; D] {
    x.shape().dims()
}

pub(super) fn reshape<B: Backend, const D: usize>(x: FloatTensor<B>, shape: [usize; D]) -> FloatTensor<B> {
    B::float_reshape(x, Shape::from(shape))
}

pub(super) fn per_channel<B: Backend>(modulation: FloatTensor<B>) -> FloatTensor<B> {
    let [rows, c] = dims::<B, 2>(&modulation);
    reshape::<B, 4>(modulation, [rows, 1, 1, c])
}
