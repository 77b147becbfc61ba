//! The transforms of [`super`]: along one axis, over tiles of pixels, and over kernels.

use std::mem::MaybeUninit;

use super::super::simd::{Simd, vectorised};
use super::POINTS;

/// How many rows of kernels are asked for ahead: the weights of a small network's layers come from memory each time.
const ROWS_AHEAD: usize = 8;

/// `B^T d`.
#[inline(always)]
unsafe fn input_points<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: arithmetic of the instruction set that the caller promises; so below.
    unsafe {
        let (four, five, two) = (S::splat(4.0), S::splat(-5.0), S::splat(2.0));
        let minus_four = S::splat(-4.0);
        let (a, b) = (S::fma(minus_four, d[2], d[4]), S::fma(minus_four, d[1], d[3]));
        let (c, e) = (S::sub(d[4], d[2]), S::mul(two, S::sub(d[3], d[1])));
        [
            S::fma(four, d[0], S::fma(five, d[2], d[4])),
            S::add(a, b),
            S::sub(a, b),
            S::add(c, e),
            S::sub(c, e),
            S::fma(four, d[1], S::fma(five, d[3], d[5])),
        ]
    }
}

/// `G g`.
#[inline(always)]
unsafe fn kernel_points<S: Simd>(g: [S::V; 3]) -> [S::V; 6] {
    // SAFETY: as above.
    unsafe {
        let sixth = S::splat(1.0 / 6.0);
        let s = S::mul(S::splat(-1.0 / 6.0), S::add(g[0], g[2]));
        let t = S::mul(sixth, g[1]);
        let p = S::fma(S::splat(1.0 / 24.0), g[0], S::mul(sixth, g[2]));
        let q = S::mul(S::splat(1.0 / 12.0), g[1]);
        [S::mul(S::splat(0.25), g[0]), S::sub(s, t), S::add(s, t), S::add(p, q), S::sub(p, q), g[2]]
    }
}

/// `A^T m`.
#[inline(always)]
unsafe fn output_pixels<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: as above.
    unsafe {
        let (a, b) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (c, e) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::add(m[0], S::add(a, c)),
            S::fma(S::splat(2.0), e, b),
            S::fma(S::splat(4.0), c, a),
            S::add(m[5], S::fma(S::splat(8.0), e, b)),
        ]
    }
}

/// `A y`.
#[inline(always)]
unsafe fn gradient_points<S: Simd>(y: [S::V; 4]) -> [S::V; 6] {
    // SAFETY: as above.
    unsafe {
        let (four, eight) = (S::splat(4.0), S::splat(8.0));
        let (e, o) = (S::add(y[0], y[2]), S::add(y[1], y[3]));
        let (p, q) = (S::fma(four, y[2], y[0]), S::fma(eight, y[3], S::add(y[1], y[1])));
        [y[0], S::add(e, o), S::sub(e, o), S::add(p, q), S::sub(p, q), y[3]]
    }
}

/// `G^T s`.
#[inline(always)]
unsafe fn kernel_gradient<S: Simd>(s: [S::V; 6]) -> [S::V; 3] {
    // SAFETY: as above.
    unsafe {
        let (sixth, minus_sixth) = (S::splat(1.0 / 6.0), S::splat(-1.0 / 6.0));
        let (a, b) = (S::add(s[1], s[2]), S::sub(s[2], s[1]));
        let (c, e) = (S::add(s[3], s[4]), S::sub(s[3], s[4]));
        [
            S::fma(S::splat(0.25), s[0], S::fma(minus_sixth, a, S::mul(S::splat(1.0 / 24.0), c))),
            S::fma(sixth, b, S::mul(S::splat(1.0 / 12.0), e)),
            S::fma(sixth, S::sub(c, a), s[5]),
        ]
    }
}

/// Reads a square of `$side` x `$side` vectors with `$load` (of row and column), applies `$f` down the columns and then along
/// the rows, and gives each of the `$to` resulting rows to `$store` as it comes, while it is in registers. No closures: they
/// would not be compiled for the instruction set.
macro_rules! both_ways {
    ($f:ident::<$simd:ident>, $side:literal, $to:literal, |$i:ident, $j:ident| $load:expr, |$row:ident, $values:ident| $store:expr) => {{
        let zero = $simd::splat(0.0);
        let mut half = [[zero; $side]; $to];
        for $j in 0..$side {
            let mut column = [zero; $side];
            for $i in 0..$side {
                column[$i] = $load;
            }
            let points = $f::<$simd>(column);
            for row in 0..$to {
                half[row][$j] = points[row];
            }
        }
        for $row in 0..$to {
            let $values = $f::<$simd>(half[$row]);
            $store
        }
    }};
}

/// Writes a row of points, which are `stride` apart.
#[inline(always)]
unsafe fn store_row<S: Simd, const N: usize>(out: *mut f32, row: usize, stride: usize, values: [S::V; N]) {
    for (column, value) in values.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { S::store(out.add((row * N + column) * stride), *value) };
    }
}

#[inline(always)]
unsafe fn spread_body<S: Simd>(pixels: &[[*const f32; 6]; 6], c: usize, out: *mut f32, stride: usize) {
    for k in (0..c).step_by(S::LANES) {
        // SAFETY: the promises of `spread_input`.
        unsafe {
            both_ways!(input_points::<S>, 6, 6, |i, j| S::load(pixels[i][j].add(k)), |row, points| {
                store_row::<S, 6>(out.add(k), row, stride, points)
            });
        }
    }
}

vectorised! {
    /// Transforms one tile of an input: point `p` of channel `k` goes to `out[p * stride + k]`.
    ///
    /// # Safety
    /// `c`, a multiple of the vector, numbers can be read from each pixel, and the points written.
    pub(super) unsafe fn spread_input(isa, pixels: &[[*const f32; 6]; 6], c: usize, out: *mut f32, stride: usize) = spread_body
}

#[inline(always)]
unsafe fn spread_gradient_body<S: Simd>(
    pixels: &[[*const f32; 4]; 4],
    c: usize,
    out: *mut f32,
    stride: usize,
) {
    for k in (0..c).step_by(S::LANES) {
        // SAFETY: the promises of `spread_gradient`.
        unsafe {
            both_ways!(gradient_points::<S>, 4, 6, |i, j| S::load(pixels[i][j].add(k)), |row, points| {
                store_row::<S, 6>(out.add(k), row, stride, points)
            });
        }
    }
}

vectorised! {
    /// The same for one tile of an output's gradient.
    ///
    /// # Safety
    /// As for [`spread_input`].
    pub(super) unsafe fn spread_gradient(isa, pixels: &[[*const f32; 4]; 4], c: usize, out: *mut f32, stride: usize) =
        spread_gradient_body
}

#[inline(always)]
unsafe fn gather_body<S: Simd>(
    points: *const f32,
    stride: usize,
    c: usize,
    bias: *const f32,
    out: &[[*mut f32; 4]; 4],
) {
    for k in (0..c).step_by(S::LANES) {
        // SAFETY: the promises of `gather_output`.
        unsafe {
            let bias = if bias.is_null() { S::splat(0.0) } else { S::load(bias.add(k)) };
            both_ways!(
                output_pixels::<S>,
                6,
                4,
                |i, j| S::load(points.add((6 * i + j) * stride + k)),
                |row, pixels| for (value, out) in pixels.iter().zip(&out[row]) {
                    if !out.is_null() {
                        S::store(out.add(k), S::add(*value, bias));
                    }
                }
            );
        }
    }
}

vectorised! {
    /// Transforms one tile back, adds the bias and writes the pixels whose place is not null.
    ///
    /// # Safety
    /// `c`, a multiple of the vector, numbers can be read for each point and from the bias if there is one, and written
    /// to each pixel.
    pub(super) unsafe fn gather_output(
        isa,
        points: *const f32,
        stride: usize,
        c: usize,
        bias: *const f32,
        out: &[[*mut f32; 4]; 4],
    ) = gather_body
}

#[inline(always)]
fn spread_kernels_body<S: Simd>(
    taps: &[f32],
    width: usize,
    turned: bool,
    out: &mut [MaybeUninit<f32>],
    stride: usize,
) {
    let size = taps.len() / 9;
    assert!(taps.len() == 9 * size && size.is_multiple_of(width) && width.is_multiple_of(S::LANES));
    assert!(stride >= size && out.len() >= (POINTS - 1) * stride + size);
    for row in 0..size / width {
        for lane in (0..width).step_by(S::LANES) {
            // SAFETY: the lengths were looked at, and the instruction set is the one this is compiled for.
            unsafe {
                let from = taps.as_ptr().add(9 * row * width + lane);
                for tap in 0..9 {
                    S::prefetch(from.wrapping_add((9 * ROWS_AHEAD + tap) * width));
                }
                let out = out.as_mut_ptr().cast::<f32>().add(row * width + lane);
                both_ways!(
                    kernel_points::<S>,
                    3,
                    6,
                    |i, j| {
                        let tap = if turned { 8 - 3 * i - j } else { 3 * i + j };
                        S::load(from.add(tap * width))
                    },
                    |row, points| store_row::<S, 6>(out, row, stride, points)
                );
            }
        }
    }
}

vectorised! {
    /// Transforms kernels, turned by half a turn if asked for: rows of nine taps of `width` numbers each, to one matrix for
    /// each point, which are `stride` apart in `out`. All of each matrix is written.
    pub(in super::super) fn spread_kernels(
        isa,
        taps: &[f32],
        width: usize,
        turned: bool,
        out: &mut [MaybeUninit<f32>],
        stride: usize,
    ) = spread_kernels_body
}

#[inline(always)]
fn gather_kernels_body<S: Simd>(points: &[f32], stride: usize, taps: &mut [f32]) {
    let size = taps.len() / 9;
    assert!(points.len() >= (POINTS - 1) * stride + size && size.is_multiple_of(S::LANES));
    for k in (0..size).step_by(S::LANES) {
        // SAFETY: as above.
        unsafe {
            let from = points.as_ptr().add(k);
            let out = taps.as_mut_ptr().add(k);
            both_ways!(
                kernel_gradient::<S>,
                6,
                3,
                |i, j| S::load(from.add((6 * i + j) * stride)),
                |row, taps| store_row::<S, 3>(out, row, size, taps)
            );
        }
    }
}

vectorised! {
    /// The gradient of kernels from that of their points, which are `stride` apart; taps lie one after the other.
    pub(super) fn gather_kernels(isa, points: &[f32], stride: usize, taps: &mut [f32]) = gather_kernels_body
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One transform on numbers, as a vector of equal lanes.
    fn transform<const N: usize, const M: usize>(
        f: unsafe fn([[f32; 4]; N]) -> [[f32; 4]; M],
        values: [f64; N],
    ) -> [f64; M] {
        // SAFETY: arrays are everywhere.
        let out = unsafe { f(values.map(|value| [value as f32; 4])) };
        out.map(|lanes| f64::from(lanes[0]))
    }

    /// In one dimension: four outputs of three taps over six inputs, and its transposes.
    #[test]
    fn transforms_are_a_convolution_and_its_gradients() {
        use crate::flex::simd::Portable;
        let d = [0.3, -0.7, 1.1, 0.2, -0.4, 0.9];
        let g = [0.5, -0.25, 0.8];
        let y = [0.7, -0.2, 0.4, 1.3];
        let spread = transform(input_points::<Portable>, d);
        let kernel = transform(kernel_points::<Portable>, g);
        let products: [f64; 6] = std::array::from_fn(|i| spread[i] * kernel[i]);
        let out = transform(output_pixels::<Portable>, products);
        for i in 0..4 {
            let exact: f64 = (0..3).map(|k| d[i + k] * g[k]).sum();
            assert!((out[i] - exact).abs() < 1e-5, "output {i}: {} for {exact}", out[i]);
        }
        let slopes = transform(gradient_points::<Portable>, y);
        let products: [f64; 6] = std::array::from_fn(|i| spread[i] * slopes[i]);
        let by_kernel = transform(kernel_gradient::<Portable>, products);
        for k in 0..3 {
            let exact: f64 = (0..4).map(|i| d[i + k] * y[i]).sum();
            assert!((by_kernel[k] - exact).abs() < 1e-5, "tap {k}: {} for {exact}", by_kernel[k]);
        }
    }
}
