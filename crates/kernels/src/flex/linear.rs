//! Linear layers of a few rows.

use super::conv;
use super::matrix::{Matrix, multiply_turned, product};
use super::simd::Isa;
use super::tensors::{Tensor, dims, numbers, tensor};

/// See [`crate::DiffusionOps::row_linear`]; all tensors packed.
pub(super) fn forward(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    let ([n, _], [outputs, _]) = (dims::<2>(x), dims::<2>(weight));
    tensor(conv::rows(Isa::best(), numbers(x), n, weight, bias), [n, outputs])
}

/// See [`crate::DiffusionOps::row_linear_backward`]; all tensors packed.
pub(super) fn backward(x: &Tensor, weight: &Tensor, grad: &Tensor) -> (Tensor, Tensor, Tensor) {
    let isa = Isa::best();
    let ([n, inputs], [outputs, _]) = (dims::<2>(x), dims::<2>(weight));
    let of_grad = Matrix::new(numbers(grad), n, outputs, outputs);
    let of_weight = Matrix::new(numbers(weight), outputs, inputs, inputs).right_once(isa);
    let by_x = product(isa, of_grad, &of_weight);
    let by_weight =
        multiply_turned(isa, of_grad, &Matrix::new(numbers(x), n, inputs, inputs).right_once(isa));
    let by_bias = super::blocks::sum_rows(numbers(grad), outputs);
    (tensor(by_x, [n, inputs]), tensor(by_weight, [outputs, inputs]), tensor(by_bias, [outputs]))
}
