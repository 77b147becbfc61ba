//! The logistic function and SiLU, in straight-line arithmetic that compilers turn into vector code and that gives the
//! same bits on every x86 (no fused multiply-add, no library call).

use burn::tensor::TensorData;
use rayon::prelude::*;

use super::simd::{Isa, Simd, vectorised};
use super::{Tensor, numbers};

/// Numbers one task works on.
const CHUNK: usize = 1 << 14;

/// `exp(x)` to about 1e-7 relative, for `x` clamped to `[-87, 88]` (Cody and Waite 1980; the polynomial is that of the
/// Cephes library's `expf`).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const TO_INTEGER: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer kept in the low bits
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + TO_INTEGER;
    let whole = shifted - TO_INTEGER;
    let rest = (x - whole * 0.693_359_4) - whole * -2.121_944_4e-4;
    let series = 1.987_569_1e-4;
    let series = series * rest + 1.398_2e-3;
    let series = series * rest + 8.333_452e-3;
    let series = series * rest + 4.166_579_6e-2;
    let series = series * rest + 1.666_666_6e-1;
    let series = series * rest + 0.5;
    let mantissa = series * (rest * rest) + rest + 1.0;
    let exponent = (shifted.to_bits().wrapping_sub(TO_INTEGER.to_bits()).wrapping_add(127)) << 23;
    mantissa * f32::from_bits(exponent)
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `x * sigmoid(x)`.
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// The slope of [`silu`].
#[inline(always)]
pub(super) fn silu_slope(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

#[inline(always)]
fn swish_body<S: Simd>(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = silu(*value));
}

vectorised! {
    /// SiLU in place.
    fn swish_chunk(isa, values: &mut [f32]) = swish_body
}

#[inline(always)]
fn slope_body<S: Simd>(x: &[f32], grad: &[f32], out: &mut [f32]) {
    for ((out, x), grad) in out.iter_mut().zip(x).zip(grad) {
        *out = grad * silu_slope(*x);
    }
}

vectorised! {
    /// `grad` times the slope of SiLU at `x`.
    fn slope_chunk(isa, x: &[f32], grad: &[f32], out: &mut [f32]) = slope_body
}

/// SiLU of every number; in place where nobody else holds the tensor.
pub(super) fn swish(mut x: Tensor) -> Tensor {
    let isa = Isa::best();
    let shape = x.layout().shape().clone();
    let chunk = |chunk: &mut [f32]| swish_chunk(isa, chunk);
    if x.layout().start_offset() == 0
        && let Some(values) = x.try_storage_mut::<f32>()
        && values.len() == shape.num_elements()
    {
        values.par_chunks_mut(CHUNK).for_each(chunk);
        return x;
    }
    let mut out = numbers(&x).to_vec();
    out.par_chunks_mut(CHUNK).for_each(chunk);
    Tensor::from_data(TensorData::new(out, shape))
}

/// `grad` times the slope of SiLU at `x`.
pub(super) fn swish_backward(x: &Tensor, grad: &Tensor) -> Tensor {
    let isa = Isa::best();
    let mut out = vec![0.0_f32; numbers(x).len()];
    out.par_chunks_mut(CHUNK)
        .zip(numbers(x).par_chunks(CHUNK).zip(numbers(grad).par_chunks(CHUNK)))
        .for_each(|(out, (x, grad))| slope_chunk(isa, x, grad, out));
    Tensor::from_data(TensorData::new(out, grad.layout().shape().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exp() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.5e-7, "exp({x}) is off by {error:.1e}");
        }
        assert!(exp(-1000.0) < 1e-37 && exp(1000.0) > 1e38 && exp(f32::NAN).is_nan());
    }

    #[test]
    fn silu_and_its_slope_agree() {
        for i in -100..100 {
            let x = i as f32 / 10.0;
            let exact = |x: f64| x / (1.0 + (-x).exp());
            let slope = (exact(f64::from(x) + 1e-6) - exact(f64::from(x) - 1e-6)) / 2e-6;
            assert!((f64::from(silu(x)) - exact(f64::from(x))).abs() < 1e-6);
            assert!((f64::from(silu_slope(x)) - slope).abs() < 1e-6);
        }
    }
}
