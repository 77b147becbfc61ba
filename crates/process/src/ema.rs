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

/// How much each moment of training counts in a power-function average that ends at `end`: `(gamma + 1) t^gamma /
/// end^(gamma + 1)` at the time `t` in `[0, end]`, nothing later (EDM2, 2312.02696, eq. 4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// Images seen (or any other measure of training) at its end, more than 0.
    pub end: f64,
    /// The exponent, at least 0.
    pub gamma: f64,
}

impl Profile {
    /// The profile of the relative width `width` that ends at `end`.
    pub fn of_width(end: f64, width: f64) -> Self {
        Self { end, gamma: power_function_exponent(width) }
    }

    /// The integral of the product of two profiles over training (EDM2, 2312.02696, appendix C.3).
    pub fn product(self, other: Self) -> f64 {
        let shared = libm::log(self.end.min(other.end));
        let part = |profile: Self| (profile.gamma + 1.0) * libm::log(profile.end);
        let power = self.gamma + other.gamma + 1.0;
        let scale = (self.gamma + 1.0) * (other.gamma + 1.0) / power;
        scale * libm::exp(power * shared - part(self) - part(other))
    }
}

/// How an average is put together from stored ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixing {
    /// The factor of each stored average; they sum to 1.
    pub weights: Vec<f64>,
    /// The root of the integrated squared difference of the profiles, relative to that of the wanted one.
    pub error: f64,
}

/// The sum of the averages with the profiles `stored` that comes nearest to one with the profile `wanted`, in the integrated
/// squared difference of profiles: EDM2 (2312.02696), section 3.2. In addition the factors sum to 1, without which few stored
/// averages give weights of another size. `None` where nothing is stored, or the same profile twice.
pub fn mixing(stored: &[Profile], wanted: Profile) -> Option<Mixing> {
    // Profiles of length 1, so that late ones do not swamp early ones.
    let lengths: Vec<f64> = stored.iter().map(|p| libm::sqrt(p.product(*p))).collect();
    let factors = cholesky(stored.len(), |i, j| stored[i].product(stored[j]) / (lengths[i] * lengths[j]))?;
    let near: Vec<f64> = stored.iter().zip(&lengths).map(|(p, length)| p.product(wanted) / length).collect();
    let free = solve(&factors, &near);
    let shift = solve(&factors, &lengths.iter().map(|length| 1.0 / length).collect::<Vec<f64>>());
    let sum = |of: &[f64]| of.iter().zip(&lengths).map(|(value, length)| value / length).sum::<f64>();
    let missing = (1.0 - sum(&free)) / sum(&shift);
    let weights: Vec<f64> = free
        .iter()
        .zip(&shift)
        .zip(&lengths)
        .map(|((free, shift), length)| (free + missing * shift) / length)
        .collect();
    let whole = wanted.product(wanted);
    let mut squared = whole;
    for (a, weight) in stored.iter().zip(&weights) {
        squared -= 2.0 * weight * a.product(wanted);
        squared += stored.iter().zip(&weights).map(|(b, other)| weight * other * a.product(*b)).sum::<f64>();
    }
    let finite = weights.iter().all(|weight| weight.is_finite());
    finite.then(|| Mixing { weights, error: libm::sqrt((squared / whole).max(0.0)) })
}

/// The lower triangle `L` of `L L^T = of`, row by row; `None` where `of` is not positive definite.
fn cholesky(size: usize, of: impl Fn(usize, usize) -> f64) -> Option<Vec<Vec<f64>>> {
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for i in 0..size {
        let mut row = Vec::new();
        for j in 0..i {
            let other: &Vec<f64> = &rows[j];
            let known: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.push((of(i, j) - known) / other[j]);
        }
        let rest = of(i, i) - row.iter().map(|value| value * value).sum::<f64>();
        if rest.is_nan() || rest <= 1e-14 {
            return None;
        }
        row.push(libm::sqrt(rest));
        rows.push(row);
    }
    (size > 0).then_some(rows)
}

/// Solves `L L^T x = right`.
fn solve(rows: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let size = rows.len();
    let mut x = right.to_vec();
    for i in 0..size {
        let known: f64 = (0..i).map(|j| rows[i][j] * x[j]).sum();
        x[i] = (x[i] - known) / rows[i][i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|j| rows[j][i] * x[j]).sum();
        x[i] = (x[i] - known) / rows[i][i];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two averages at `count` even times, as training stores them.
    fn stored(count: usize) -> Vec<Profile> {
        let times = (1..=count).map(|k| k as f64 / count as f64);
        times.flat_map(|end| [0.05, 0.10].map(|width| Profile::of_width(end, width))).collect()
    }

    fn value(profile: Profile, t: f64) -> f64 {
        let inside = t <= profile.end;
        if inside {
            (profile.gamma + 1.0) * t.powf(profile.gamma) / profile.end.powf(profile.gamma + 1.0)
        } else {
            0.0
        }
    }

    #[test]
    fn products_of_profiles_are_their_integrals() {
        let profiles = [(1.0, 0.05), (0.6, 0.1), (0.61, 0.2), (3.0, 0.25)]
            .map(|(end, width)| Profile::of_width(end, width));
        for a in profiles {
            for b in profiles {
                // Simpson's rule up to the end of the shorter.
                let (end, steps) = (a.end.min(b.end), 4000);
                let mut sum = 0.0;
                for k in 0..=steps {
                    let factor = if k == 0 || k == steps { 1.0 } else { 2.0 + 2.0 * f64::from(k % 2) };
                    let t = end * f64::from(k) / f64::from(steps);
                    sum += factor * value(a, t) * value(b, t);
                }
                let integral = sum * end / (3.0 * f64::from(steps));
                assert!((a.product(b) / integral - 1.0).abs() < 1e-8, "{a:?} {b:?}: {integral}");
            }
        }
    }

    #[test]
    fn stored_averages_mix_to_any_width() {
        // Errors as numpy's least squares finds them without the condition on the sum, to within a tenth.
        for (count, width, error) in
            [(8, 0.08, 1.1e-2), (16, 0.15, 9.0e-3), (64, 0.08, 1.9e-4), (64, 0.15, 5.8e-4), (64, 0.2, 1.7e-3)]
        {
            let (stored, wanted) = (stored(count), Profile::of_width(1.0, width));
            let mixing = mixing(&stored, wanted).unwrap();
            assert!((mixing.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((0.95..1.15).contains(&(mixing.error / error)), "{count} {width}: {}", mixing.error);
            // The error is that of the mixed profile, here by the midpoint rule.
            let (steps, mut squared) = (20_000, 0.0);
            for k in 0..steps {
                let t = (f64::from(k) + 0.5) / f64::from(steps);
                let mixed: f64 = stored.iter().zip(&mixing.weights).map(|(p, w)| w * value(*p, t)).sum();
                squared += (mixed - value(wanted, t)).powi(2) / f64::from(steps);
            }
            let measured = (squared / wanted.product(wanted)).sqrt();
            assert!((measured / mixing.error - 1.0).abs() < 0.02, "{measured} {}", mixing.error);
        }
    }

    #[test]
    fn a_stored_average_is_found_again_and_the_same_one_twice_is_refused() {
        let stored = stored(6);
        let mixing = mixing(&stored, stored[7]).unwrap();
        for (index, weight) in mixing.weights.iter().enumerate() {
            assert!((weight - f64::from(u8::from(index == 7))).abs() < 1e-9, "{:?}", mixing.weights);
        }
        assert_eq!(super::mixing(&[stored[0], stored[0]], stored[1]), None);
        assert_eq!(super::mixing(&[], stored[1]), None);
    }

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
