//! What a block adds to its input, times a gate for each channel.

use rayon::prelude::*;

use super::blocks::Blocks;
use super::sigmoid::fma;
use super::simd::{Isa, Simd, vectorised};
use super::{Shared, Tensor, dims, numbers, tensor, written};

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

/// See [`crate::DiffusionOps::gated_add`]; all tensors packed.
pub(super) fn forward(x: &Tensor, y: &Tensor, gate: &Tensor) -> Tensor {
    let isa = Isa::best();
    let [n, h, w, c] = dims::<4>(x);
    let blocks = Blocks::new(n, h * w, c);
    let (x, y, gate) = (numbers(x), numbers(y), numbers(gate));
    let out = written(x.len(), |out| {
        let out = Shared(out);
        (0..blocks.count()).into_par_iter().for_each(|index| {
            let (picture, span) = blocks.numbers(index);
            // SAFETY: this block's own part of the result, all of which is written.
            let out = unsafe { std::slice::from_raw_parts_mut(out.at(span.start), span.len()) };
            add(isa, &x[span.clone()], &y[span], &gate[picture * c..][..c], out);
        });
    });
    tensor(out, [n, h, w, c])
}

/// See [`crate::DiffusionOps::gated_add_backward`]; all tensors packed.
pub(super) fn backward(y: &Tensor, gate: &Tensor, grad: &Tensor) -> (Tensor, Tensor) {
    let isa = Isa::best();
    let [n, h, w, c] = dims::<4>(y);
    let blocks = Blocks::new(n, h * w, c);
    let (y, gate, grad) = (numbers(y), numbers(gate), numbers(grad));
    let mut parts = vec![0.0_f32; blocks.count() * c];
    let by_y = written(y.len(), |out| {
        let out = Shared(out);
        parts.par_chunks_mut(c.max(1)).enumerate().for_each(|(index, by_gate)| {
            let (picture, span) = blocks.numbers(index);
            // SAFETY: this block's own part of the result, all of which is written.
            let out = unsafe { std::slice::from_raw_parts_mut(out.at(span.start), span.len()) };
            slopes(isa, &y[span.clone()], &gate[picture * c..][..c], &grad[span], by_gate, out);
        });
    });
    (tensor(by_y, [n, h, w, c]), tensor(blocks.totals(&parts, c), [n, c]))
}
