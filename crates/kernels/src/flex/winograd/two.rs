//! F(2, 3) along one axis: two outputs of three taps from four inputs, at the points 0, 1, -1 and infinity. A multiplication
//! for 2.25 rather than for 4, but tiles that waste less of a small map, kernels of 16 points rather than 36, and a digit
//! closer to the real numbers.

use super::super::simd::Simd;

/// `B^T d`.
#[inline(always)]
pub(super) unsafe fn input_points<S: Simd>(d: [S::V; 4]) -> [S::V; 4] {
    // SAFETY: arithmetic of the instruction set that the caller promises; so below.
    unsafe { [S::sub(d[0], d[2]), S::add(d[1], d[2]), S::sub(d[2], d[1]), S::sub(d[1], d[3])] }
}

/// `G g`.
#[inline(always)]
pub(super) unsafe fn kernel_points<S: Simd>(g: [S::V; 3]) -> [S::V; 4] {
    // SAFETY: as above.
    unsafe {
        let half = S::splat(0.5);
        let (even, odd) = (S::mul(half, S::add(g[0], g[2])), S::mul(half, g[1]));
        [g[0], S::add(even, odd), S::sub(even, odd), g[2]]
    }
}

/// `A^T m`.
#[inline(always)]
pub(super) unsafe fn output_pixels<S: Simd>(m: [S::V; 4]) -> [S::V; 2] {
    // SAFETY: as above.
    unsafe { [S::add(m[0], S::add(m[1], m[2])), S::sub(S::sub(m[1], m[2]), m[3])] }
}

/// `A y`.
#[inline(always)]
pub(super) unsafe fn gradient_points<S: Simd>(y: [S::V; 2]) -> [S::V; 4] {
    // SAFETY: as above.
    unsafe { [y[0], S::add(y[0], y[1]), S::sub(y[0], y[1]), S::sub(S::splat(0.0), y[1])] }
}

/// `G^T s`.
#[inline(always)]
pub(super) unsafe fn kernel_gradient<S: Simd>(s: [S::V; 4]) -> [S::V; 3] {
    // SAFETY: as above.
    unsafe {
        let half = S::splat(0.5);
        let (sum, difference) = (S::mul(half, S::add(s[1], s[2])), S::mul(half, S::sub(s[1], s[2])));
        [S::add(s[0], sum), difference, S::add(sum, s[3])]
    }
}
