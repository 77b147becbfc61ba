//! The losses of score matching for data in closed form, by quadrature: explicit, implicit (Hyvarinen 2005, Journal of Machine
//! Learning Research 6, theorem 1) and denoising (Vincent 2011, Neural Computation 23, eq. 9 to 11); Chan 2024 (arXiv 2403.18103),
//! section 3.

use langevin_core::Level;
use langevin_core::closed_form::{ClosedForm, Mixture};

/// A model of the score of one variable.
pub trait ScoreModel {
    /// The score at `x`.
    fn score(&self, x: f64) -> f64;

    /// Its derivative at `x`; by a central difference where nothing better is known.
    fn slope(&self, x: f64) -> f64 {
        let h = 1e-5 * (1.0 + x.abs());
        (self.score(x + h) - self.score(x - h)) / (2.0 * h)
    }
}

impl<F: Fn(f64) -> f64> ScoreModel for F {
    fn score(&self, x: f64) -> f64 {
        self(x)
    }
}

/// The score `slope x + offset`: that of a normal distribution where the slope is negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    /// The slope.
    pub slope: f64,
    /// The score at 0.
    pub offset: f64,
}

impl ScoreModel for Linear {
    fn score(&self, x: f64) -> f64 {
        self.slope * x + self.offset
    }

    fn slope(&self, _x: f64) -> f64 {
        self.slope
    }
}

/// Standard deviations from a mean that integrals reach, and the steps in one.
const REACH: f64 = 9.0;
const STEPS: i32 = 24;

/// The losses of score models on data of one variable with the noise of one level.
#[derive(Debug, Clone)]
pub struct ScoreMatching<'a> {
    data: &'a Mixture,
    at: Level,
}

impl<'a> ScoreMatching<'a> {
    /// On `x = alpha x0 + sigma n` with `x0` of `data` and the level `at`.
    pub fn new(data: &'a Mixture, at: Level) -> Self {
        Self { data, at }
    }

    /// Explicit score matching: `1/2 E (s(x) - d log p / dx)^2`.
    pub fn explicit(&self, model: &impl ScoreModel) -> f64 {
        self.over_noisy(|x| 0.5 * (model.score(x) - self.data.score(self.at, &[x])[0]).powi(2))
    }

    /// Implicit score matching, which needs no density: `E (s'(x) + s(x)^2 / 2)`. It is the explicit loss less half the Fisher
    /// information.
    pub fn implicit(&self, model: &impl ScoreModel) -> f64 {
        self.over_noisy(|x| model.slope(x) + 0.5 * model.score(x).powi(2))
    }

    /// Denoising score matching, over pairs of a clean value and its noise: `1/2 E (s(alpha x0 + sigma n) + n / sigma)^2`. It is the
    /// explicit loss and [`ScoreMatching::constant`]. The level must have noise.
    pub fn denoising(&self, model: &impl ScoreModel) -> f64 {
        let Level { alpha, sigma } = self.at;
        self.over_clean(|x0| {
            over_normal(0.0, 1.0, |n| 0.5 * (model.score(alpha * x0 + sigma * n) + n / sigma).powi(2))
        })
    }

    /// The Fisher information `E (d log p / dx)^2` of the noisy data.
    pub fn fisher_information(&self) -> f64 {
        self.over_noisy(|x| self.data.score(self.at, &[x])[0].powi(2))
    }

    /// By how much the denoising loss exceeds the explicit one, whatever the model: `(1 / sigma^2 - E (d log p / dx)^2) / 2`.
    pub fn constant(&self) -> f64 {
        0.5 * (1.0 / (self.at.sigma * self.at.sigma) - self.fisher_information())
    }

    /// The mean of `of` over noisy values.
    fn over_noisy(&self, of: impl Fn(f64) -> f64) -> f64 {
        let Level { alpha, sigma } = self.at;
        self.mean(|mean, variance| {
            over_normal(alpha * mean, libm::sqrt(alpha * alpha * variance + sigma * sigma), &of)
        })
    }

    /// The mean of `of` over clean values.
    fn over_clean(&self, of: impl Fn(f64) -> f64) -> f64 {
        self.mean(|mean, variance| over_normal(mean, libm::sqrt(variance), &of))
    }

    /// The mean over the clusters of what `of` makes of their means and variances.
    fn mean(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let clusters = &self.data.components;
        let weights: f64 = clusters.iter().map(|c| c.weight).sum();
        clusters.iter().map(|c| c.weight / weights * of(c.mean[0], c.variance)).sum()
    }
}

/// The mean of `of` under `N(mean, deviation^2)`, by the trapezoid rule, which converges faster than any power for it.
fn over_normal(mean: f64, deviation: f64, of: impl Fn(f64) -> f64) -> f64 {
    let end = (REACH * f64::from(STEPS)) as i32;
    let (mut sum, mut weights) = (0.0, 0.0);
    for k in -end..=end {
        let z = f64::from(k) / f64::from(STEPS);
        let weight = libm::exp(-0.5 * z * z);
        sum += weight * of(mean + deviation * z);
        weights += weight;
    }
    sum / weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernel_density, mixture_1d};

    #[test]
    fn the_three_losses_differ_by_constants() {
        let data = mixture_1d(&[(0.6, 2.0, 0.5), (0.4, -2.0, 0.2)]);
        let losses = ScoreMatching::new(&data, Level { alpha: 0.9, sigma: 0.4 });
        let (constant, fisher) = (losses.constant(), losses.fisher_information());
        let bent = |x: f64| -x + libm::sin(3.0 * x);
        for (explicit, implicit, denoising) in [
            {
                let model = Linear { slope: -0.7, offset: 0.3 };
                (losses.explicit(&model), losses.implicit(&model), losses.denoising(&model))
            },
            (losses.explicit(&bent), losses.implicit(&bent), losses.denoising(&bent)),
        ] {
            assert!((denoising - explicit - constant).abs() < 1e-8, "{denoising} {explicit} {constant}");
            assert!((implicit - explicit + 0.5 * fisher).abs() < 1e-6, "{implicit} {explicit} {fisher}");
        }
        // The score of the data has no explicit loss.
        let exact = |x: f64| data.score(losses.at, &[x])[0];
        assert!(losses.explicit(&exact) < 1e-20);
        assert!((losses.denoising(&exact) - constant).abs() < 1e-9);
    }

    #[test]
    fn the_best_line_is_the_score_of_the_gaussian_with_the_same_moments() {
        let data = mixture_1d(&[(0.5, 3.0, 1.0), (0.5, -3.0, 1.0)]);
        let losses = ScoreMatching::new(&data, Level { alpha: 1.0, sigma: 0.5 });
        let variance = 9.0 + 1.0 + 0.25;
        let best = Linear { slope: -1.0 / variance, offset: 0.0 };
        for moved in [
            Linear { slope: best.slope * 1.05, ..best },
            Linear { slope: best.slope * 0.95, ..best },
            Linear { offset: 0.02, ..best },
        ] {
            assert!(losses.denoising(&moved) > losses.denoising(&best));
            assert!(losses.implicit(&moved) > losses.implicit(&best));
        }
    }

    #[test]
    fn without_noise_the_kernel_density_takes_the_place_of_the_data() {
        let points = [-1.2, 0.3, 0.4, 2.0];
        let smoothed = kernel_density(&points, 0.3);
        let clean = ScoreMatching::new(&smoothed, Level::CLEAN);
        // Data that are points, with noise of the kernel's width: the same density, seen from the other side.
        let exact = |x: f64| smoothed.score(Level::CLEAN, &[x])[0];
        assert!(clean.explicit(&exact) < 1e-20);
        assert!(clean.implicit(&exact) < 0.0);
    }
}
