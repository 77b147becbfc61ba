//! Products in bf16: two numbers of 16 bits in the place of one of 32, multiplied two at a time and summed in f32.
//!
//! A pair takes the room of an f32, so rows, panels and register tiles are those of [`super::gemm`], half as deep.

use rayon::prelude::*;

use super::buffers::{Shared, written};
use super::gemm::{RowProduct, row_product};
use super::simd::Isa;

/// Numbers one task works on.
const CHUNK: usize = 1 << 14;

/// Whether the processor multiplies pairs of bf16 itself, at the width of `isa`.
pub(super) fn native(isa: Isa) -> bool {
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    {
        isa.kind() == super::simd::Kind::Avx512 && is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
    {
        let _ = isa;
        false
    }
}

/// The nearest bf16, ties to even, as the upper half of an f32; what is not a number stays so.
#[inline(always)]
fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
    if value.is_nan() { bits | 0x0040_0000 } else { rounded }
}

/// Each number rounded to bf16.
pub(super) fn rounded(x: &[f32]) -> Vec<f32> {
    let mut out = x.to_vec();
    out.par_chunks_mut(CHUNK).for_each(|chunk| {
        chunk.iter_mut().for_each(|value| *value = f32::from_bits(round(*value)));
    });
    out
}

/// Half the length of rows of pairs.
pub(super) fn pairs_of(depth: usize) -> usize {
    depth.div_ceil(2)
}

#[inline(always)]
fn pair(low: f32, high: f32) -> f32 {
    f32::from_bits(round(low) >> 16 | round(high))
}

/// Rows of `depth` numbers as rows of pairs of neighbours; an odd last one is paired with zero.
pub(super) fn pair_columns(x: &[f32], depth: usize) -> Vec<f32> {
    let width = pairs_of(depth);
    let rows = x.len() / depth.max(1);
    let together = (CHUNK / depth.max(1)).max(1);
    written(rows * width, |out| {
        let out = Shared(out);
        x.par_chunks(together * depth.max(1)).enumerate().for_each(|(chunk, x)| {
            let count = x.len() / depth * width;
            // SAFETY: this chunk's own part of the result, all of which is written.
            let out = unsafe { std::slice::from_raw_parts_mut(out.at(chunk * together * width), count) };
            for (out, row) in out.chunks_exact_mut(width).zip(x.chunks_exact(depth)) {
                let (couples, rest) = row.as_chunks::<2>();
                out.iter_mut().zip(couples).for_each(|(out, [low, high])| *out = pair(*low, *high));
                if let (Some(out), [last]) = (out.last_mut(), rest) {
                    *out = pair(*last, 0.0);
                }
            }
        });
    })
}

/// `depth` rows of `width` numbers as rows of pairs, each of a number and the one below it.
pub(super) fn pair_rows(rows: &[f32], depth: usize, width: usize, out: &mut [f32]) {
    for (index, out) in out.chunks_exact_mut(width).enumerate() {
        let upper = &rows[2 * index * width..][..width];
        if 2 * index + 1 < depth {
            let lower = &rows[(2 * index + 1) * width..][..width];
            out.iter_mut().zip(upper).zip(lower).for_each(|((out, a), b)| *out = pair(*a, *b));
        } else {
            out.iter_mut().zip(upper).for_each(|(out, a)| *out = pair(*a, 0.0));
        }
    }
}

/// Computes a [`RowProduct`] whose left side and panels are pairs if `pairs` says so.
///
/// # Safety
/// As for [`row_product`]; pairs only where [`native`] allows them.
pub(super) unsafe fn product(isa: Isa, p: &RowProduct<'_>, pairs: bool) {
    if !pairs {
        // SAFETY: the caller's promise.
        return unsafe { row_product(isa, p) };
    }
    #[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
    // SAFETY: `native` has seen the instruction set; the caller makes the other promises.
    unsafe {
        x86::product(p);
    }
    #[cfg(not(all(target_arch = "x86_64", not(feature = "portable"))))]
    unreachable!("no pairs on this processor");
}

#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::gemm::{RowProduct, row_product_body};
    use super::super::simd::{Avx512, Simd};

    /// See [`super::product`].
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx2,fma")]
    pub(super) unsafe fn product(p: &RowProduct<'_>) {
        // SAFETY: the caller's promise.
        unsafe { row_product_body::<Pairs>(p) }
    }

    /// AVX-512 whose multiplication is that of pairs.
    #[derive(Clone, Copy)]
    pub(super) struct Pairs;

    impl Simd for Pairs {
        type V = __m512;
        const LANES: usize = Avx512::LANES;
        const ROWS: &'static [usize] = Avx512::ROWS;
        const FUSED: bool = true;

        #[inline(always)]
        unsafe fn splat(value: f32) -> __m512 {
            // SAFETY: the caller's promise; so below.
            unsafe { Avx512::splat(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> __m512 {
            // SAFETY: as above.
            unsafe { Avx512::load(from) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut f32, value: __m512) {
            // SAFETY: as above.
            unsafe { Avx512::store(to, value) }
        }

        #[inline(always)]
        unsafe fn add(a: __m512, b: __m512) -> __m512 {
            // SAFETY: as above.
            unsafe { Avx512::add(a, b) }
        }

        #[inline(always)]
        unsafe fn sub(a: __m512, b: __m512) -> __m512 {
            // SAFETY: as above.
            unsafe { Avx512::sub(a, b) }
        }

        #[inline(always)]
        unsafe fn mul(a: __m512, b: __m512) -> __m512 {
            // SAFETY: as above.
            unsafe { Avx512::mul(a, b) }
        }

        /// The dot products of the pairs of `a` and `b`, added to `c`.
        #[inline(always)]
        unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: as above; vectors of pairs are the same bits.
            unsafe {
                let (a, b) =
                    (std::mem::transmute::<__m512, __m512bh>(a), std::mem::transmute::<__m512, __m512bh>(b));
                _mm512_dpbf16_ps(c, a, b)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_to_the_nearest_with_ties_to_even() {
        let cases = [
            (1.0_f32, 1.0_f32),
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0),
            (-1.0 - 1.1 / 256.0, -1.0 - 2.0 / 256.0),
            (f32::INFINITY, f32::INFINITY),
            (f32::MAX, f32::INFINITY),
            (0.0, 0.0),
        ];
        for (value, expected) in cases {
            assert_eq!(rounded(&[value]), [expected], "{value}");
        }
        assert!(rounded(&[f32::NAN])[0].is_nan());
    }

    #[test]
    fn pairs_hold_neighbours() {
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
        let half = |value: f32| value.to_bits() >> 16;
        let by_column = pair_columns(&[1.0, 2.0, 3.0, -4.0, 5.0, 6.0], 3);
        let expected = [half(1.0) | half(2.0) << 16, half(3.0), half(-4.0) | half(5.0) << 16, half(6.0)];
        assert_eq!(bits(&by_column), expected);
        let mut by_row = [0.0; 4];
        pair_rows(&[1.0, 2.0, 3.0, -4.0, 5.0, 6.0], 3, 2, &mut by_row);
        let expected = [half(1.0) | half(3.0) << 16, half(2.0) | half(-4.0) << 16, half(5.0), half(6.0)];
        assert_eq!(bits(&by_row), expected);
    }
}
