//! Exponential moving averages of weights, as pure functions of the images seen.

/// The decay of a power-function average for a step of `batch` images that ends at `seen` images.
///
/// Karras et al. 2024, EDM2 (2312.02696), section 3.1: `beta = (1 - batch / seen)^(gamma + 1)`; with `seen`
/// counted in steps and `batch = 1` it is `(1 - 1 / n)^(gamma + 1)`. The average is
/// `beta * average + (1 - beta) * weights`. It is 0 at the first step, so the average starts at the weights.
/// `gamma` is at least 0; a `batch` of 0 gives 1.
pub fn power_function_decay(seen: f64, batch: f64, gamma: f64) -> f64 {
    if batch <= 0.0 {
        return 1.0;
    }
    libm::pow((1.0 - batch / seen).clamp(0.0, 1.0), gamma + 1.0)
}

/// The relative width `sigma_rel` of a power-function average: the standard deviation of its profile over
/// training, as a part of the training's length.
///
/// EDM2 (2312.02696), appendix C: `sqrt(gamma + 1) / ((gamma + 2) sqrt(gamma + 3))`.
pub fn power_function_width(gamma: f64) -> f64 {
    libm::sqrt((gamma + 1.0) / (gamma + 3.0)) / (gamma + 2.0)
}

/// The exponent `gamma` of a power-function average of the relative width `width`, in `(0, 0.28]`: EDM2's
/// 0.05 is 16.97, 0.1 is 6.94. What lies outside is clamped, so the answer is in `[0, 1e6]`.
///
/// EDM2 (2312.02696), appendix C, by bisection of [`power_function_width`].
pub fn power_function_exponent(width: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e6);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if power_function_width(middle) > width {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The decay of an average with the half-life `half_life`, in images, for a step of `batch` images after
/// `seen` images.
///
/// Karras et al. 2022, EDM (2206.00364), appendix F and code: `0.5^(batch / min(half_life, ramp_up * seen))`.
/// `ramp_up` (EDM: 0.05) keeps the first, bad weights from lingering; `f64::INFINITY` is none. It is 0 at
/// `seen = 0`.
pub fn half_life_decay(seen: f64, batch: f64, half_life: f64, ramp_up: f64) -> f64 {
    let ramp = if ramp_up.is_finite() { ramp_up * seen } else { f64::INFINITY };
    let half_life = half_life.min(ramp);
    if half_life > 0.0 { libm::exp2(-batch / half_life) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_function_average_has_its_profile() {
        // Averaging the time itself gives the profile's mean, (gamma + 1) / (gamma + 2) of the way.
        let (gamma, steps) = (6.94, 20_000);
        let mut average = 0.0;
        for n in 1..=steps {
            let beta = power_function_decay(f64::from(n), 1.0, gamma);
            average = beta * average + (1.0 - beta) * f64::from(n);
        }
        assert!((average / f64::from(steps) - (gamma + 1.0) / (gamma + 2.0)).abs() < 1e-4);
        assert_eq!(power_function_decay(64.0, 64.0, gamma), 0.0);
    }

    #[test]
    fn published_exponents_come_back() {
        // EDM2, section 3.1.
        for (width, gamma) in [(0.05, 16.97), (0.10, 6.94)] {
            assert!((power_function_exponent(width) - gamma).abs() < 0.01);
        }
        assert!((power_function_width(power_function_exponent(0.2)) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_half_life_halves_and_ramps_up() {
        assert!((half_life_decay(1e9, 500.0, 500.0, 0.05) - 0.5).abs() < 1e-15);
        assert!((half_life_decay(1000.0, 50.0, 500_000.0, 0.05) - 0.5).abs() < 1e-15);
        assert_eq!(half_life_decay(0.0, 50.0, 500.0, 0.05), 0.0);
        assert!((half_life_decay(0.0, 500.0, 500.0, f64::INFINITY) - 0.5).abs() < 1e-15);
    }
}
