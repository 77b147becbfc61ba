//! Tensors of the CPU as the numbers that they are.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, TensorData};

/// The CPU tensor.
pub(super) type Tensor = FloatTensor<Flex>;

pub(super) fn all_f32(tensors: &[&Tensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

/// The tensor laid out plainly, so that [`numbers`] can see it; no copy where it already is.
pub(super) fn packed(x: Tensor) -> Tensor {
    if x.as_slice::<f32>().is_some() { x } else { x.to_contiguous() }
}

pub(super) fn numbers(x: &Tensor) -> &[f32] {
    x.as_slice::<f32>().expect("a packed f32 tensor")
}

pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor {
    Tensor::from_data(TensorData::new(values, shape))
}

pub(super) fn dims<const D: usize>(x: &Tensor) -> [usize; D] {
    x.layout().shape().dims()
}
