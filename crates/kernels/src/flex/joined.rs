//! A 1 x 1 convolution over the joined channels of two tensors, which are read where they lie: no copy is made of them, nor
//! of their gradients. The same sums in the same order as over the joined tensor, so the same bytes.

use super::conv::{self, Sizes, bias_gradient, panels, tap_gradients};
use super::half;
use super::indirect::{Bias, Side, product};
use super::pixels;
use super::simd::Isa;
use super::taps::Taps;
use super::tensors::{Tensor, dims, numbers, tensor};
use super::weight_cache::Layout;
use crate::arithmetic::Arithmetic;
use crate::options::Conv2d;

/// Whether the two can be read apart: the first ends with a whole panel.
fn apart(isa: Isa, a: &Tensor, weight: &Tensor, options: Conv2d) -> bool {
    let ([.., ca], [_, _, kh, kw]) = (dims::<4>(a), dims::<4>(weight));
    [kh, kw] == [1, 1] && options.keeps_size(1) && !options.upsample && ca.is_multiple_of(isa.panel())
}

/// See [`crate::DiffusionOps::joined_conv`]; all tensors packed.
pub(super) fn forward(a: &Tensor, b: &Tensor, weight: &Tensor, bias: &Tensor, options: Conv2d) -> Tensor {
    let isa = Isa::best();
    if !apart(isa, a, weight, options) {
        return conv::forward(&pixels::join(a, b), weight, bias, options);
    }
    let ([n, h, w, ca], [.., cb], [co, ..]) = (dims::<4>(a), dims::<4>(b), dims::<4>(weight));
    let taps = Taps::new([h, w], [1, 1], options);
    let bias = Bias::new(numbers(bias), co, isa.panel());
    let layout = match options.arithmetic {
        Arithmetic::Bf16 if half::native(isa) => Layout::Pairs,
        Arithmetic::Bf16 => Layout::Rounded,
        _ => Layout::Taps,
    };
    let weights = panels(isa, weight, [co, ca + cb], &taps, layout, true);
    let weights = weights.get().expect("just made");
    let sum = |a: &[f32], b: &[f32], [da, db]: [usize; 2]| {
        let sides = [Side { x: a, depth: da, first: 0 }, Side { x: b, depth: db, first: da }];
        product(sides, n, &taps.forward(), weights, Some(&bias), &[co]).remove(0)
    };
    let (a, b) = (numbers(a), numbers(b));
    let out = match layout {
        Layout::Pairs => {
            let pairs = [half::pairs_of(ca), half::pairs_of(cb)];
            sum(&half::pair_columns(a, ca), &half::pair_columns(b, cb), pairs)
        }
        Layout::Rounded => sum(&half::rounded(a), &half::rounded(b), [ca, cb]),
        _ => sum(a, b, [ca, cb]),
    };
    tensor(out, [n, h, w, co])
}

/// See [`crate::DiffusionOps::joined_conv_backward`]; all tensors packed.
pub(super) fn backward(
    a: &Tensor,
    b: &Tensor,
    weight: &Tensor,
    grad: &Tensor,
    bias_rows: usize,
    options: Conv2d,
) -> (Tensor, Tensor, Tensor, Tensor) {
    let isa = Isa::best();
    let ([n, h, w, ca], [.., cb], [co, ..]) = (dims::<4>(a), dims::<4>(b), dims::<4>(weight));
    if !apart(isa, a, weight, options) {
        let joined = pixels::join(a, b);
        let (by_x, by_weight, by_bias) = conv::backward(&joined, weight, grad, bias_rows, options, true);
        let (by_a, by_b) = pixels::split(&by_x, ca);
        return (by_a, by_b, by_weight, by_bias);
    }
    let taps = Taps::new([h, w], [1, 1], options);
    let by_bias = bias_gradient(numbers(grad), n, h * w, co, bias_rows);
    let [by_a, by_b] =
        [a, b].map(|x| tap_gradients(isa, &Sizes::new(x, weight, options), &taps, numbers(x), numbers(grad)));
    let mut by_weight = Vec::with_capacity(co * (ca + cb));
    for (a, b) in by_a.chunks_exact(ca).zip(by_b.chunks_exact(cb)) {
        by_weight.extend_from_slice(a);
        by_weight.extend_from_slice(b);
    }
    let weights = panels(isa, weight, [co, ca + cb], &taps, Layout::Taps, false);
    let side = Side { x: numbers(grad), depth: co, first: 0 };
    let weights = weights.get().expect("just made");
    let mut by_x = product([side], n, &taps.backward(), weights, None, &[ca, cb]);
    let by_b = tensor(by_x.remove(1), [n, h, w, cb]);
    let by_a = tensor(by_x.remove(0), [n, h, w, ca]);
    (by_a, by_b, tensor(by_weight, [co, ca + cb, 1, 1]), tensor(by_bias, [bias_rows, co]))
}
