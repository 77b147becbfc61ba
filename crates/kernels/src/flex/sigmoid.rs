//! The logistic function and SiLU, in straight-line arithmetic that compilers turn into vector code: no library call, and
//! multiplication fused with addition where the instruction set can, so that all that can give the same bits.

use burn::tensor::TensorData;
use rayon::prelude::*;

use super::simd::{Isa, Simd, vectorised};
use super::tensors::{Tensor, numbers};

/// Numbers one task works on.
const CHUNK: usize = 1 << 14;

/// `a * b + c`.
#[inline(always)]
pub(super) fn fma<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if S::FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// `exp(x)` for `x` clamped to `[-87, 88]`; the largest relative error over all numbers there is 8.5e-8 (Cody and Waite
/// 1980; the polynomial is that of the Cephes library's `expf`).
#[inline(always)]
pub(super) fn exp<S: Simd>(x: f32) -> f32 {
    const TO_INTEGER: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer kept in the low bits
    let x = x.clamp(-87.0, 88.0);
    let shifted = fma::<S>(x, std::f32::consts::LOG2_E, TO_INTEGER);
    let whole = shifted - TO_INTEGER;
    let rest = fma::<S>(whole, 2.121_944_4e-4, fma::<S>(whole, -0.693_359_4, x));
    let series = fma::<S>(1.987_569_1e-4, rest, 1.398_2e-3);
    let series = fma::<S>(series, rest, 8.333_452e-3);
    let series = fma::<S>(series, rest, 4.166_579_6e-2);
    let series = fma::<S>(series, rest, 1.666_666_6e-1);
    let series = fma::<S>(series, rest, 0.5);
    let mantissa = fma::<S>(series, rest * rest, rest) + 1.0;
    let exponent = (shifted.to_bits().wrapping_sub(TO_INTEGER.to_bits()).wrapping_add(127)) << 23;
    mantissa * f32::from_bits(exponent)
}

/// `1 / (1 + exp(-x))`; the largest error over all finite numbers is 9.0e-8.
#[inline(always)]
pub(super) fn sigmoid<S: Simd>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<S>(-x))
}

/// `x * sigmoid(x)`; the largest error over all finite numbers is 1.2e-7 of the larger of 1 and `|x|`.
#[inline(always)]
pub(super) fn silu<S: Simd>(x: f32) -> f32 {
    x / (1.0 + exp::<S>(-x))
}

/// The slope of [`silu`]; the largest error over all numbers up to `|x| = 1e6` is 9.8e-7.
#[inline(always)]
pub(super) fn silu_slope<S: Simd>(x: f32) -> f32 {
    let s = sigmoid::<S>(x);
    s * fma::<S>(x, 1.0 - s, 1.0)
}

#[inline(always)]
fn swish_body<S: Simd>(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = silu::<S>(*value));
}

vectorised! {
    /// SiLU in place.
    fn swish_chunk(isa, values: &mut [f32]) = swish_body
}

#[inline(always)]
fn slope_body<S: Simd>(x: &[f32], grad: &[f32], out: &mut [f32]) {
    for ((out, x), grad) in out.iter_mut().zip(x).zip(grad) {
        *out = grad * silu_slope::<S>(*x);
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
    use super::super::every_number::{arithmetics, largest_errors, raise};
    use super::super::simd::Portable;
    use super::*;

    /// Fused arithmetic, which any processor can do one number at a time.
    #[derive(Clone, Copy)]
    struct Fused;

    impl Simd for Fused {
        type V = f32;
        const LANES: usize = 1;
        const ROWS: &'static [usize] = &[1];
        const FUSED: bool = true;

        unsafe fn splat(value: f32) -> f32 {
            value
        }

        unsafe fn load(from: *const f32) -> f32 {
            // SAFETY: the caller says that it can be read.
            unsafe { *from }
        }

        unsafe fn store(to: *mut f32, value: f32) {
            // SAFETY: the caller says that it can be written.
            unsafe { *to = value }
        }

        unsafe fn add(a: f32, b: f32) -> f32 {
            a + b
        }

        unsafe fn sub(a: f32, b: f32) -> f32 {
            a - b
        }

        unsafe fn mul(a: f32, b: f32) -> f32 {
            a * b
        }

        unsafe fn fma(a: f32, b: f32, c: f32) -> f32 {
            a.mul_add(b, c)
        }
    }

    #[test]
    fn exp_is_exp() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).exp();
            for found in [exp::<Portable>(x), exp::<Fused>(x)] {
                let error = (f64::from(found) - exact).abs() / exact;
                assert!(error < 2.5e-7, "exp({x}) is off by {error:.1e}");
            }
        }
        assert!(
            exp::<Fused>(-1000.0) < 1e-37 && exp::<Fused>(1000.0) > 1e38 && exp::<Fused>(f32::NAN).is_nan()
        );
    }

    #[test]
    fn silu_and_its_slope_agree() {
        for i in -100..100 {
            let x = i as f32 / 10.0;
            let exact = |x: f64| x / (1.0 + (-x).exp());
            let slope = (exact(f64::from(x) + 1e-6) - exact(f64::from(x) - 1e-6)) / 2e-6;
            for (value, found) in
                [(silu::<Portable>(x), silu_slope::<Portable>(x)), (silu::<Fused>(x), silu_slope::<Fused>(x))]
            {
                assert!((f64::from(value) - exact(f64::from(x))).abs() < 1e-6);
                assert!((f64::from(found) - slope).abs() < 1e-6);
            }
        }
    }

    #[inline(always)]
    fn each_body<S: Simd>(x: &[f32], out: &mut [Vec<f32>; 4]) {
        let [powers, shares, values, slopes] = out.each_mut().map(|out| &mut out[..x.len()]);
        for i in 0..x.len() {
            powers[i] = exp::<S>(x[i]);
            shares[i] = sigmoid::<S>(x[i]);
            values[i] = silu::<S>(x[i]);
            slopes[i] = silu_slope::<S>(x[i]);
        }
    }

    vectorised! {
        /// `exp`, the logistic function, SiLU and its slope of each number.
        fn each(isa, x: &[f32], out: &mut [Vec<f32>; 4]) = each_body
    }

    #[test]
    #[ignore = "all numbers, a minute: cargo test --release -p langevin-kernels --lib every_number -- --ignored"]
    fn every_number_is_within_the_stated_error() {
        let found = largest_errors(|x| {
            let of = |x: f32| {
                let x = f64::from(x);
                let power = x.clamp(-700.0, 700.0).exp();
                (power, power / (1.0 + power))
            };
            let (powers, shares): (Vec<f64>, Vec<f64>) = x.iter().map(|x| of(*x)).unzip();
            let each_of = |f: &dyn Fn(f64, usize) -> f64| -> Vec<f64> {
                x.iter().enumerate().map(|(i, x)| f(f64::from(*x), i)).collect()
            };
            let values = each_of(&|x, i| x * shares[i]);
            let slopes = each_of(&|x, i| shares[i] + shares[i] * x * (1.0 - shares[i]));
            let to_power = each_of(&|x, i| if (-87.0..=88.0).contains(&x) { 1.0 / powers[i] } else { 0.0 });
            let to_input = each_of(&|x, _| 1.0 / x.abs().max(1.0));
            // Beyond this, the slope is a number times an exponential that no longer falls.
            let to_slope = each_of(&|x, _| f64::from(u8::from(x.abs() < 1e6)));
            let ones = vec![1.0; x.len()];
            let (mut out, mut errors) = ([(); 4].map(|()| vec![0.0_f32; x.len()]), [0.0_f64; 4]);
            for isa in arithmetics() {
                each(isa, x, &mut out);
                let widest = Isa::best();
                raise(widest, &mut errors[0], &out[0], &powers, &to_power);
                raise(widest, &mut errors[1], &out[1], &shares, &ones);
                raise(widest, &mut errors[2], &out[2], &values, &to_input);
                raise(widest, &mut errors[3], &out[3], &slopes, &to_slope);
            }
            errors
        });
        println!("{found:?}");
        let stated = [8.5e-8, 9.0e-8, 1.2e-7, 9.8e-7];
        assert!(found.iter().zip(stated).all(|(found, stated)| *found <= stated), "{found:?} of {stated:?}");
    }
}
