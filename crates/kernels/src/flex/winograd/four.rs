//! F(4, 3) along one axis: four outputs of three taps from six inputs, at the points 0, 1, -1, 2, -2 and infinity.

use super::super::simd::Simd;

/// `B^T d`.
#[inline(always)]
pub(super) unsafe fn input_points<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
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
pub(super) unsafe fn kernel_points<S: Simd>(g: [S::V; 3]) -> [S::V; 6] {
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
pub(super) unsafe fn output_pixels<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
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
pub(super) unsafe fn gradient_points<S: Simd>(y: [S::V; 4]) -> [S::V; 6] {
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
pub(super) unsafe fn kernel_gradient<S: Simd>(s: [S::V; 6]) -> [S::V; 3] {
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
