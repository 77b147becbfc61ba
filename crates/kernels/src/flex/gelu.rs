//! The functions of the GELU family (Hendrycks and Gimpel 2016, 1606.08415), alone and as gates (Shazeer 2020, 2002.05202), in
//! straight-line arithmetic that compilers turn into vector code.

use burn::tensor::TensorData;

use super::blocks::Blocks;
use super::sigmoid::{exp, fma, sigmoid};
use super::simd::{Isa, Simd, vectorised};
use super::tensors::{Tensor, numbers};
use crate::options::Gelu;

/// `1 / sqrt(2 pi)`.
const DENSITY: f32 = 0.398_942_3;
/// `2 sqrt(2 / pi)`, by which the approximation with a hyperbolic tangent is one with a logistic function.
const TANH: f32 = 1.595_769;
/// What it multiplies the cube by, times that.
const CUBE: f32 = 0.071_354_814;
/// What the simple approximation multiplies its input by.
const QUICK: f32 = 1.702;

/// The normal distribution's tail beyond `a >= 0`, and `exp(-a^2 / 2)`. The tail is that times a polynomial in
/// `1 / (1 + 0.3 a)` (the form of Abramowitz and Stegun 1964, 7.1.26), fitted here to 1.5e-7 of it up to `a = 14`.
#[inline(always)]
fn tail<S: Simd>(a: f32) -> (f32, f32) {
    let t = 1.0 / fma::<S>(0.3, a, 1.0);
    let series = fma::<S>(0.035_674_773, t, -0.157_203_08);
    let series = fma::<S>(series, t, 0.206_353_48);
    let series = fma::<S>(series, t, -0.053_683_63);
    let series = fma::<S>(series, t, 0.128_561_62);
    let series = fma::<S>(series, t, 0.099_913_49);
    let series = fma::<S>(series, t, 0.120_753_96);
    let series = fma::<S>(series, t, 0.119_629_3);
    let bell = exp::<S>(a * a * -0.5);
    (bell * (series * t), bell)
}

/// `x` times the normal distribution function, and the slope of that.
///
/// Over all finite numbers the largest error of a value is 1.3e-7 of the larger of 1 and `|x|`, and 4.2e-6 of the value itself
/// where that is 1e-30 or more; that of a slope 3.2e-7 up to `|x| = 1e6`, beyond which the bell, which does not fall below
/// `exp(-87)`, counts.
#[inline(always)]
fn exact<S: Simd>(x: f32) -> (f32, f32) {
    let (tail, bell) = tail::<S>(x.abs());
    let (value, share) = if x < 0.0 { (x * tail, tail) } else { (x - x * tail, 1.0 - tail) };
    (value, fma::<S>(x * DENSITY, bell, share))
}

/// `x sigmoid(x (cube x^2 + line))`, and its slope.
///
/// Over all finite numbers the largest error of a value is 1.6e-7 of the larger of 1 and `|x|` (the simple approximation:
/// 1.5e-7), and 1.2e-5 (4.9e-6) of the value itself where that is 1e-30 or more; that of a slope is 2.0e-6 (9.8e-7) up to
/// `|x| = 1e6`. The simple approximation is that up to 1.8e19 only: beyond, the square is infinite, and 0 times that no number.
#[inline(always)]
fn logistic<S: Simd>(x: f32, cube: f32, line: f32) -> (f32, f32) {
    let square = x * x;
    let share = sigmoid::<S>(x * fma::<S>(cube, square, line));
    let inner = fma::<S>(3.0 * cube, square, line);
    (x * share, share * fma::<S>(x * (1.0 - share), inner, 1.0))
}

/// `each(of)` with the function and its slope that `kind` names.
macro_rules! with_kind {
    ($kind:ident, $of:ident => $each:expr) => {
        match $kind {
            Gelu::Exact => {
                let $of = exact::<S>;
                $each
            }
            Gelu::Tanh => {
                let $of = |x: f32| logistic::<S>(x, CUBE, TANH);
                $each
            }
            Gelu::Quick => {
                let $of = |x: f32| logistic::<S>(x, 0.0, QUICK);
                $each
            }
        }
    };
}

#[inline(always)]
fn values_body<S: Simd>(x: &[f32], kind: Gelu, out: &mut [f32]) {
    with_kind!(kind, of => out.iter_mut().zip(x).for_each(|(out, x)| *out = of(*x).0));
}

vectorised! {
    /// The function of each number.
    fn values(isa, x: &[f32], kind: Gelu, out: &mut [f32]) = values_body
}

#[inline(always)]
fn slopes_body<S: Simd>(x: &[f32], grad: &[f32], kind: Gelu, out: &mut [f32]) {
    with_kind!(kind, of => out.iter_mut().zip(x).zip(grad).for_each(|((out, x), grad)| *out = grad * of(*x).1));
}

vectorised! {
    /// `grad` times the slope at each number.
    fn slopes(isa, x: &[f32], grad: &[f32], kind: Gelu, out: &mut [f32]) = slopes_body
}

#[inline(always)]
fn gated_body<S: Simd>(x: &[f32], c: usize, kind: Gelu, out: &mut [f32]) {
    with_kind!(kind, of => for (out, row) in out.chunks_exact_mut(c).zip(x.chunks_exact(2 * c)) {
        let (value, gate) = row.split_at(c);
        out.iter_mut().zip(value).zip(gate).for_each(|((out, value), gate)| *out = value * of(*gate).0);
    });
}

vectorised! {
    /// Rows of `c` numbers times the function of the `c` after them.
    fn gated(isa, x: &[f32], c: usize, kind: Gelu, out: &mut [f32]) = gated_body
}

#[inline(always)]
fn gated_slopes_body<S: Simd>(x: &[f32], grad: &[f32], c: usize, kind: Gelu, out: &mut [f32]) {
    with_kind!(kind, of => {
        let rows = x.chunks_exact(2 * c).zip(grad.chunks_exact(c));
        for (out, (row, grad)) in out.chunks_exact_mut(2 * c).zip(rows) {
            let ((value, gate), (by_value, by_gate)) = (row.split_at(c), out.split_at_mut(c));
            for i in 0..c {
                let (share, slope) = of(gate[i]);
                by_value[i] = grad[i] * share;
                by_gate[i] = grad[i] * value[i] * slope;
            }
        }
    });
}

vectorised! {
    /// The gradient of [`gated`].
    fn gated_slopes(isa, x: &[f32], grad: &[f32], c: usize, kind: Gelu, out: &mut [f32]) = gated_slopes_body
}

/// A tensor whose rows of `width` numbers `fill(first row, rows)` writes from many threads.
fn by_rows(shape: Vec<usize>, width: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Tensor {
    let rows = shape.iter().product::<usize>() / width.max(1);
    let out = Blocks::new(1, rows, width).filled(|_, rows, out| fill(rows.start, out));
    Tensor::from_data(TensorData::new(out, shape))
}

/// See [`crate::DiffusionOps::gelu_act`]; packed.
pub(super) fn forward(x: &Tensor, kind: Gelu) -> Tensor {
    let (isa, shape) = (Isa::best(), x.layout().shape().to_vec());
    let x = numbers(x);
    by_rows(shape, 1, |first, out| values(isa, &x[first..][..out.len()], kind, out))
}

/// See [`crate::DiffusionOps::gelu_act_backward`]; all tensors packed.
pub(super) fn backward(x: &Tensor, grad: &Tensor, kind: Gelu) -> Tensor {
    let (isa, shape) = (Isa::best(), x.layout().shape().to_vec());
    let (x, grad) = (numbers(x), numbers(grad));
    by_rows(shape, 1, |first, out| {
        let span = first..first + out.len();
        slopes(isa, &x[span.clone()], &grad[span], kind, out);
    })
}

/// See [`crate::DiffusionOps::gated_gelu`]; packed.
pub(super) fn gated_forward(x: &Tensor, kind: Gelu) -> Tensor {
    let (isa, mut shape) = (Isa::best(), x.layout().shape().to_vec());
    let x = numbers(x);
    let last = shape.last_mut().expect("a side of two halves");
    *last /= 2;
    let c = *last;
    by_rows(shape, c, |first, out| gated(isa, &x[2 * first * c..][..2 * out.len()], c, kind, out))
}

/// See [`crate::DiffusionOps::gated_gelu_backward`]; all tensors packed.
pub(super) fn gated_backward(x: &Tensor, grad: &Tensor, kind: Gelu) -> Tensor {
    let (isa, shape) = (Isa::best(), x.layout().shape().to_vec());
    let (x, grad) = (numbers(x), numbers(grad));
    let c = shape.last().expect("a side of two halves") / 2;
    by_rows(shape, 2 * c, |first, out| {
        let (x, grad) = (&x[2 * first * c..][..out.len()], &grad[first * c..][..out.len() / 2]);
        gated_slopes(isa, x, grad, c, kind, out);
    })
}

#[cfg(test)]
mod tests {
    use super::super::every_number::{arithmetics, largest_errors, raise};
    use super::super::simd::Portable;
    use super::*;

    /// Beyond this, slopes multiply a number by an exponential that no longer falls.
    const SLOPES_TO: f32 = 1e6;
    /// Beyond this, squares are infinite.
    const SQUARES_TO: f32 = 1.8e19;

    /// The largest errors of `kind`: of values relative to the larger of 1 and the input's magnitude, of values of 1e-30 or
    /// more relative to themselves, and of slopes. `share` gives the share of a number that the function lets through, and
    /// the slope of that share.
    fn errors_of(kind: Gelu, share: impl Fn(f64) -> (f64, f64) + Sync) -> [f64; 3] {
        largest_errors(|x| {
            if kind == Gelu::Quick && x[0].abs() > SQUARES_TO {
                return [0.0; 3];
            }
            let shares = x.iter().map(|x| match f64::from(*x) {
                x if x.abs() > 128.0 => (f64::from(u8::from(x > 0.0)), 0.0),
                x => share(x),
            });
            let (shares, slopes_of): (Vec<f64>, Vec<f64>) = shares.unzip();
            let each = |f: &dyn Fn(f64, usize) -> f64| -> Vec<f64> {
                x.iter().enumerate().map(|(i, x)| f(f64::from(*x), i)).collect()
            };
            let expected = each(&|x, i| x * shares[i]);
            let expected_slopes = each(&|x, i| shares[i] + x * slopes_of[i]);
            let to_input = each(&|x, _| 1.0 / x.abs().max(1.0));
            let to_value =
                each(&|_, i| if expected[i].abs() < 1e-30 { 0.0 } else { 1.0 / expected[i].abs() });
            let ones = (vec![1.0_f32; x.len()], vec![1.0; x.len()]);
            let (mut out, mut errors) = (vec![0.0; x.len()], [0.0_f64; 3]);
            for isa in arithmetics() {
                let widest = Isa::best();
                values(isa, x, kind, &mut out);
                raise(widest, &mut errors[0], &out, &expected, &to_input);
                raise(widest, &mut errors[1], &out, &expected, &to_value);
                if x[0].abs() <= SLOPES_TO {
                    slopes(isa, x, &ones.0, kind, &mut out);
                    raise(widest, &mut errors[2], &out, &expected_slopes, &ones.1);
                }
            }
            errors
        })
    }

    fn assert_within(found: [f64; 3], stated: [f64; 3]) {
        println!("{found:?}");
        assert!(found.iter().zip(stated).all(|(found, stated)| *found <= stated), "{found:?} of {stated:?}");
    }

    #[test]
    #[ignore = "all numbers, a minute: cargo test --release -p langevin-kernels --lib every_number -- --ignored"]
    fn every_number_of_the_exact_one_is_within_the_stated_error() {
        let share = |x: f64| {
            let density = (-0.5 * x * x).exp() * 0.398_942_280_401_432_7;
            (0.5 * libm::erfc(-x / std::f64::consts::SQRT_2), density)
        };
        assert_within(errors_of(Gelu::Exact, share), [1.3e-7, 4.2e-6, 3.2e-7]);
    }

    /// The share of [`logistic`], and its slope.
    fn logistic_share(x: f64, cube: f64, line: f64) -> (f64, f64) {
        let share = 1.0 / (1.0 + (-x * (cube * x * x + line)).exp());
        (share, share * (1.0 - share) * (3.0 * cube * x * x + line))
    }

    #[test]
    #[ignore = "all numbers, a minute: cargo test --release -p langevin-kernels --lib every_number -- --ignored"]
    fn every_number_of_that_with_a_tangent_is_within_the_stated_error() {
        let line = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
        let share = |x| logistic_share(x, 0.044_715 * line, line);
        assert_within(errors_of(Gelu::Tanh, share), [1.6e-7, 1.2e-5, 2.0e-6]);
    }

    #[test]
    #[ignore = "all numbers, a minute: cargo test --release -p langevin-kernels --lib every_number -- --ignored"]
    fn every_number_of_the_simple_one_is_within_the_stated_error() {
        assert_within(errors_of(Gelu::Quick, |x| logistic_share(x, 0.0, 1.702)), [1.5e-7, 4.9e-6, 9.8e-7]);
    }

    #[test]
    fn the_exact_one_is_exact_in_its_tail_too() {
        let normal = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
        for i in -1200..1200 {
            let x = i as f32 / 100.0;
            let (value, slope) = exact::<Portable>(x);
            let expected = f64::from(x) * normal(f64::from(x));
            let error = (f64::from(value) - expected).abs();
            assert!(error < 1.5e-7 * f64::from(x.abs()).max(1.0), "{x}: {value} for {expected}");
            assert!(error < 5e-6 * expected.abs() + 1e-30, "{x}: {value} for {expected}");
            let density = (-0.5 * f64::from(x).powi(2)).exp() * 0.398_942_280_401_432_7;
            let expected = normal(f64::from(x)) + f64::from(x) * density;
            assert!((f64::from(slope) - expected).abs() < 5e-7, "{x}: {slope} for {expected}");
        }
    }
}
