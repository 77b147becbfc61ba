//! The transforms of [`super`] over tiles of pixels and over kernels, in both directions, for each size of tile.

use super::super::simd::Simd;

/// How many rows of kernels are asked for ahead: the weights of a small network's layers come from memory each time.
const ROWS_AHEAD: usize = 8;

/// Reads a square of `$side` x `$side` vectors with `$load` (of row and column), applies `$f` down the columns and then along
/// the rows, and gives each of the `$to` resulting rows to `$store` as it comes, while it is in registers. No closures: they
/// would not be compiled for the instruction set.
macro_rules! both_ways {
    ($f:ident::<$simd:ident>, $side:expr, $to:expr, |$i:ident, $j:ident| $load:expr, |$row:ident, $values:ident| $store:expr) => {{
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

/// The walks for tiles of `$tile` x `$tile` outputs over `$side` x `$side` inputs, whose transforms along one axis are in
/// `super::$axis`.
macro_rules! walks {
    ($(#[$doc:meta])* $name:ident, $axis:ident, $side:literal, $tile:literal) => {
        $(#[$doc])*
        pub(super) mod $name {
        use std::mem::MaybeUninit;

        use super::super::$axis::{gradient_points, input_points, kernel_gradient, kernel_points, output_pixels};
        use super::{ROWS_AHEAD, store_row};
        use crate::flex::simd::{Simd, vectorised};

        #[inline(always)]
        unsafe fn spread_body<S: Simd>(pixels: &[[*const f32; $side]; $side], c: usize, out: *mut f32, stride: usize) {
            for k in (0..c).step_by(S::LANES) {
                // SAFETY: the promises of `spread_input`.
                unsafe {
                    both_ways!(input_points::<S>, $side, $side, |i, j| S::load(pixels[i][j].add(k)), |row, points| {
                        store_row::<S, $side>(out.add(k), row, stride, points)
                    });
                }
            }
        }

        vectorised! {
            /// Transforms one tile of an input: point `p` of channel `k` goes to `out[p * stride + k]`.
            ///
            /// # Safety
            /// `c`, a multiple of the vector, numbers can be read from each pixel, and the points written.
            pub(in crate::flex) unsafe fn spread_input(isa, pixels: &[[*const f32; $side]; $side], c: usize, out: *mut f32, stride: usize) = spread_body
        }

        #[inline(always)]
        unsafe fn spread_gradient_body<S: Simd>(
            pixels: &[[*const f32; $tile]; $tile],
            c: usize,
            out: *mut f32,
            stride: usize,
        ) {
            for k in (0..c).step_by(S::LANES) {
                // SAFETY: the promises of `spread_gradient`.
                unsafe {
                    both_ways!(gradient_points::<S>, $tile, $side, |i, j| S::load(pixels[i][j].add(k)), |row, points| {
                        store_row::<S, $side>(out.add(k), row, stride, points)
                    });
                }
            }
        }

        vectorised! {
            /// The same for one tile of an output's gradient.
            ///
            /// # Safety
            /// As for [`spread_input`].
            pub(in crate::flex) unsafe fn spread_gradient(isa, pixels: &[[*const f32; $tile]; $tile], c: usize, out: *mut f32, stride: usize) =
                spread_gradient_body
        }

        #[inline(always)]
        unsafe fn gather_body<S: Simd>(
            points: *const f32,
            stride: usize,
            c: usize,
            bias: *const f32,
            out: &[[*mut f32; $tile]; $tile],
        ) {
            for k in (0..c).step_by(S::LANES) {
                // SAFETY: the promises of `gather_output`.
                unsafe {
                    let bias = if bias.is_null() { S::splat(0.0) } else { S::load(bias.add(k)) };
                    both_ways!(
                        output_pixels::<S>,
                        $side,
                        $tile,
                        |i, j| S::load(points.add(($side * i + j) * stride + k)),
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
            pub(in crate::flex) unsafe fn gather_output(
                isa,
                points: *const f32,
                stride: usize,
                c: usize,
                bias: *const f32,
                out: &[[*mut f32; $tile]; $tile],
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
            assert!(stride >= size && out.len() >= ($side * $side - 1) * stride + size);
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
                            $side,
                            |i, j| {
                                let tap = if turned { 8 - 3 * i - j } else { 3 * i + j };
                                S::load(from.add(tap * width))
                            },
                            |row, points| store_row::<S, $side>(out, row, stride, points)
                        );
                    }
                }
            }
        }

        vectorised! {
            /// Transforms kernels, turned by half a turn if asked for: rows of nine taps of `width` numbers each, to one matrix for
            /// each point, which are `stride` apart in `out`. All of each matrix is written.
            pub(in crate::flex) fn spread_kernels(
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
            assert!(points.len() >= ($side * $side - 1) * stride + size && size.is_multiple_of(S::LANES));
            for k in (0..size).step_by(S::LANES) {
                // SAFETY: as above.
                unsafe {
                    let from = points.as_ptr().add(k);
                    let out = taps.as_mut_ptr().add(k);
                    both_ways!(
                        kernel_gradient::<S>,
                        $side,
                        3,
                        |i, j| S::load(from.add(($side * i + j) * stride)),
                        |row, taps| store_row::<S, 3>(out, row, size, taps)
                    );
                }
            }
        }

        vectorised! {
            /// The gradient of kernels from that of their points, which are `stride` apart; taps lie one after the other.
            pub(in crate::flex) fn gather_kernels(isa, points: &[f32], stride: usize, taps: &mut [f32]) = gather_kernels_body
        }
        }
    };
}

walks!(
    /// Tiles of 4 x 4 pixels, 36 points.
    tiles_of_four, four, 6, 4
);
walks!(
    /// Tiles of 2 x 2 pixels, 16 points.
    tiles_of_two, two, 4, 2
);

#[cfg(test)]
mod tests {
    use crate::flex::simd::Portable;

    /// In one dimension: outputs of three taps, and their gradient by the taps.
    macro_rules! check {
        ($axis:ident, $side:literal, $tile:literal) => {{
            use super::super::$axis::{
                gradient_points, input_points, kernel_gradient, kernel_points, output_pixels,
            };
            fn transform<const N: usize, const M: usize>(
                f: unsafe fn([[f32; 4]; N]) -> [[f32; 4]; M],
                values: [f64; N],
            ) -> [f64; M] {
                // SAFETY: arrays are everywhere.
                let out = unsafe { f(values.map(|value| [value as f32; 4])) };
                out.map(|lanes| f64::from(lanes[0]))
            }
            let d: [f64; $side] = std::array::from_fn(|i| [0.3, -0.7, 1.1, 0.2, -0.4, 0.9][i]);
            let g = [0.5, -0.25, 0.8];
            let y: [f64; $tile] = std::array::from_fn(|i| [0.7, -0.2, 0.4, 1.3][i]);
            let spread = transform(input_points::<Portable>, d);
            let kernel = transform(kernel_points::<Portable>, g);
            let products: [f64; $side] = std::array::from_fn(|i| spread[i] * kernel[i]);
            let out = transform(output_pixels::<Portable>, products);
            for i in 0..$tile {
                let exact: f64 = (0..3).map(|k| d[i + k] * g[k]).sum();
                assert!((out[i] - exact).abs() < 1e-5, "output {i}: {} for {exact}", out[i]);
            }
            let slopes = transform(gradient_points::<Portable>, y);
            let products: [f64; $side] = std::array::from_fn(|i| spread[i] * slopes[i]);
            let by_kernel = transform(kernel_gradient::<Portable>, products);
            for k in 0..3 {
                let exact: f64 = (0..$tile).map(|i| d[i + k] * y[i]).sum();
                assert!((by_kernel[k] - exact).abs() < 1e-5, "tap {k}: {} for {exact}", by_kernel[k]);
            }
        }};
    }

    #[test]
    fn transforms_are_a_convolution_and_its_gradients() {
        check!(four, 6, 4);
        check!(two, 4, 2);
    }
}
