//! The functions of the GELU family, alone and as gates.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Slice;

use crate::options::Gelu;

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
