//! The gated residual: what a block adds to its input, times a gate for each channel.

use super::blocks::Blocks;
use super::sigmoid::fma;
use super::simd::{Isa, Simd, vectorised};
use super::tensors::{Tensor, dims, numbers, tensor};

#[inline(always)]
fn add_body<S: Simd>(x: &[f32], y: &[f32], gate: &[f32], out: &mut [f32]) {
    let c = gate.len();
    for ((out, x), y) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(y.chunks_exact(c)) {
        for (((out, x), y), gate) in out.iter_mut().zip(x).zip(y).zip(gate) {
            *out = fma::<S>(*gate, *y, *x);
        }
    }
}

vectorised! {
    /// `x + gate * y` by channel.
    fn add(isa, x: &[f32], y: &[f32], gate: &[f32], out: &mut [f32]) = add_body
}

#[inline(always)]
fn slopes_body<S: Simd>(y: &[f32], gate: &[f32], grad: &[f32], by_gate: &mut [f32], out: &mut [f32]) {
    let c = gate.len();
    for ((out, y), grad) in out.chunks_exact_mut(c).zip(y.chunks_exact(c)).zip(grad.chunks_exact(c)) {
        let by_gate = &mut by_gate[..c];
        for i in 0..c {
            by_gate[i] = fma::<S>(grad[i], y[i], by_gate[i]);
            out[i] = grad[i] * gate[i];
        }
    }
}

vectorised! {
    /// The gradient by `y`, and what the pixels add to that of the gate.
    fn slopes(isa, y: &[f32], gate: &[f32], grad: &[f32], by_gate: &mut [f32], out: &mut [f32]) = slopes_body
}

/// See [`crate::DiffusionOps::gated_residual`]; all tensors packed.
pub(super) fn forward(x: &Tensor, y: &Tensor, gate: &Tensor) -> Tensor {
    let isa = Isa::best();
    let [n, h, w, c] = dims::<4>(x);
    let blocks = Blocks::new(n, h * w, c);
    let (x, y, gate) = (numbers(x), numbers(y), numbers(gate));
    let out = blocks.filled(|image, pixels, out| {
        let span = blocks.numbers(&pixels);
        add(isa, &x[span.clone()], &y[span], &gate[image * c..][..c], out);
    });
    tensor(out, [n, h, w, c])
}

/// See [`crate::DiffusionOps::gated_residual_backward`]; all tensors packed.
pub(super) fn backward(y: &Tensor, gate: &Tensor, grad: &Tensor) -> (Tensor, Tensor) {
    let isa = Isa::best();
    let [n, h, w, c] = dims::<4>(y);
    let blocks = Blocks::new(n, h * w, c);
    let (y, gate, grad) = (numbers(y), numbers(gate), numbers(grad));
    let (by_y, by_gate) = blocks.filled_and_summed(c, |image, pixels, out, by_gate| {
        let span = blocks.numbers(&pixels);
        slopes(isa, &y[span.clone()], &gate[image * c..][..c], &grad[span], by_gate, out);
    });
    (tensor(by_y, [n, h, w, c]), tensor(by_gate, [n, c]))
}
