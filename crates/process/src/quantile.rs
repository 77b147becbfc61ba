//! Quantiles: the inverse distribution functions that turn a uniform number into a normal or beta one.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The standard normal quantile of `p` in `[0, 1]`: `-inf` at 0, `+inf` at 1, otherwise to about 1e-14.
///
/// Abramowitz & Stegun 26.2.23 for a start, then Halley's iteration on the complementary error function.
pub fn normal(p: f64) -> f64 {
    // The lower tail is where erfc keeps its relative precision.
    let (tail, sign) = if p < 0.5 { (p, 1.0) } else { (1.0 - p, -1.0) };
    if tail <= 0.0 {
        return sign * f64::NEG_INFINITY;
    }
    let t = libm::sqrt(-2.0 * libm::log(tail));
    let above = 2.515517 + t * (0.802853 + t * 0.010328);
    let below = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308));
    let mut x = above / below - t;
    for _ in 0..3 {
        let error = 0.5 * libm::erfc(-x * FRAC_1_SQRT_2) - tail;
        let newton = error * libm::sqrt(2.0 * PI) * libm::exp(0.5 * x * x);
        x -= newton / (1.0 + 0.5 * x * newton);
    }
    sign * x
}

/// The standard normal distribution function at `x`, the inverse of [`normal`].
pub fn normal_distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The quantile of `p` in `[0, 1]` of the beta distribution with the positive shapes `a` and `b`, by Newton's
/// iteration kept within a bracket.
pub fn beta(p: f64, a: f64, b: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return p.clamp(0.0, 1.0);
    }
    let log_scale = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    let (mut low, mut high, mut x) = (0.0, 1.0, 0.5);
    for _ in 0..200 {
        let error = beta_distribution(x, a, b) - p;
        if error < 0.0 {
            low = x;
        } else {
            high = x;
        }
        let density = libm::exp(log_scale + (a - 1.0) * libm::log(x) + (b - 1.0) * libm::log1p(-x));
        let newton = x - error / density;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 1e-16 * x {
            break;
        }
        x = next;
    }
    x
}

/// The distribution function of the beta distribution (the regularised incomplete beta function).
///
/// Abramowitz & Stegun 26.5.8, its continued fraction, by Lentz's method.
fn beta_distribution(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_distribution(1.0 - x, b, a);
    }
    let log_front =
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x);
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() < 1e-16 * fraction.abs() {
            break;
        }
    }
    libm::exp(log_front) * fraction / a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_match_the_tables() {
        // Wichura 1988 (AS 241), and scipy.stats.norm.ppf.
        for (p, x) in [
            (0.5, 0.0),
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_813_5),
            (1e-20, -9.262_340_089_798_408),
            (0.975, 1.959_963_984_540_054),
        ] {
            assert!((normal(p) - x).abs() < 1e-13, "{p}: {}", normal(p));
            assert!((normal_distribution(x) / p - 1.0).abs() < 1e-12, "{x}: {}", normal_distribution(x));
        }
        assert_eq!((normal(0.0), normal(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    }

    #[test]
    fn beta_quantiles_match_closed_forms() {
        for p in [1e-6, 0.1, 0.5, 0.9, 0.999] {
            assert!((beta(p, 1.0, 1.0) - p).abs() < 1e-13);
            assert!((beta(p, 2.0, 1.0) - p.sqrt()).abs() < 1e-13);
            // The arcsine distribution.
            assert!((beta(p, 0.5, 0.5) - (p * PI / 2.0).sin().powi(2)).abs() < 1e-13);
        }
    }
}
