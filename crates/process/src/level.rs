//! `Level`: how much signal and how much noise, and the step from one level to the next.

use serde::{Deserialize, Serialize};

/// A noise level: `x = alpha * x0 + sigma * n`, with `n` standard normal.
///
/// Both numbers are finite and not negative, and not both zero. `alpha = 0` is pure noise (zero terminal SNR,
/// flow at t = 1), `sigma = 0` is the clean image.
///
/// # Examples
/// ```
/// use langevin_process::Level;
///
/// let level = Level { alpha: 0.6, sigma: 0.8 };
/// assert_eq!(level.ratio(), 0.8 / 0.6);
/// assert_eq!(Level::CLEAN.log_snr(), f64::INFINITY);
///
/// // A step keeps the noise that is in `x`: one to the clean image keeps nothing of `x`, and all of `x0`.
/// let step = level.step_to(Level::CLEAN);
/// assert_eq!((step.x, step.x0), (0.0, 1.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The factor on the clean image.
    pub alpha: f64,
    /// The standard deviation of the noise.
    pub sigma: f64,
}

/// The coefficients of a deterministic step: `x_next = x * self.x + x0 * self.x0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The factor on the present noisy image.
    pub x: f64,
    /// The factor on the denoised image.
    pub x0: f64,
}

/// The coefficients of a step with fresh noise: `x_next = x * self.x + x0 * self.x0 + z * self.noise`, `z`
/// standard normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ancestral {
    /// The factor on the present noisy image.
    pub x: f64,
    /// The factor on the denoised image.
    pub x0: f64,
    /// The standard deviation of the fresh noise.
    pub noise: f64,
}

impl Level {
    /// The clean image, where every path ends: `alpha = 1`, `sigma = 0`.
    pub const CLEAN: Self = Self { alpha: 1.0, sigma: 0.0 };

    /// The logarithm of the signal-to-noise ratio, `2 ln(alpha / sigma)`: `-inf` at `alpha = 0`, `+inf` at
    /// `sigma = 0`.
    pub fn log_snr(self) -> f64 {
        2.0 * libm::log(self.alpha / self.sigma)
    }

    /// The signal-to-noise ratio `alpha^2 / sigma^2`, `+inf` at `sigma = 0`.
    pub fn snr(self) -> f64 {
        let ratio = self.alpha / self.sigma;
        ratio * ratio
    }

    /// The noise relative to the signal, `sigma / alpha`: what EDM and k-diffusion call sigma. `+inf` at
    /// `alpha = 0`.
    pub fn ratio(self) -> f64 {
        self.sigma / self.alpha
    }

    /// `sqrt(alpha^2 + sigma^2)`: the standard deviation of `x` for data of unit variance.
    pub fn magnitude(self) -> f64 {
        libm::hypot(self.alpha, self.sigma)
    }

    /// Whether there is no noise.
    pub fn is_clean(self) -> bool {
        self.sigma == 0.0
    }

    /// The deterministic step to `next` along the straight line through `x0` and the noise that `x` holds:
    /// `x * s'/s + x0 * (a' - a s'/s)`.
    ///
    /// It is the DDIM step with eta = 0 (Song et al., 2010.02502, eq. 12) for any process, and Euler's step
    /// of the probability-flow ODE in EDM's coordinate `x / alpha`. It divides by `sigma` only, so it is
    /// finite from `alpha = 0` to `sigma = 0`. From a clean level the noise is unknown: there it is
    /// `x0 * a'`.
    pub fn step_to(self, next: Self) -> Step {
        self.hold(next, next.sigma)
    }

    /// The step to `next` that renews a part of the noise: `eta = 0` is [`Level::step_to`], `eta = 1` draws
    /// from the posterior of DDPM (Ho et al., 2006.11239, eq. 7).
    ///
    /// DDIM (2010.02502) eq. 12 and 16, for any process: the fresh noise has the standard deviation
    /// `eta * s' * sqrt(1 - snr / snr')`, which is eq. 16 for a variance-preserving process. `eta` outside
    /// `[0, 1]` is clamped. A step towards more noise is not renewed.
    pub fn ancestral(self, next: Self, eta: f64) -> Ancestral {
        let eta = if eta.is_nan() { 0.0 } else { eta.clamp(0.0, 1.0) };
        // snr / snr' without dividing by the alphas' or sigmas' zeros.
        let ratio = if self.is_clean() { 1.0 } else { self.alpha * next.sigma / (next.alpha * self.sigma) };
        let renewed = if ratio.is_nan() { 0.0 } else { (1.0 - ratio * ratio).max(0.0) };
        let noise = eta * next.sigma * libm::sqrt(renewed);
        let kept = next.sigma * libm::sqrt((1.0 - eta * eta * renewed).max(0.0));
        let Step { x, x0 } = self.hold(next, kept);
        Ancestral { x, x0, noise }
    }

    /// The step to `next.alpha` that keeps the present noise at the standard deviation `kept`.
    fn hold(self, next: Self, kept: f64) -> Step {
        let x = if self.is_clean() { 0.0 } else { kept / self.sigma };
        Step { x, x0: next.alpha - self.alpha * x }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vp(alpha_bar: f64) -> Level {
        Level { alpha: alpha_bar.sqrt(), sigma: (1.0 - alpha_bar).sqrt() }
    }

    #[test]
    fn a_step_moves_an_exact_image_exactly() {
        let (x0, n) = (0.7, -1.3);
        let levels =
            [Level { alpha: 0.0, sigma: 1.0 }, vp(0.3), Level { alpha: 1.0, sigma: 7.0 }, Level::CLEAN];
        for from in levels.into_iter().filter(|level| !level.is_clean()) {
            for to in levels {
                let step = from.step_to(to);
                let next = step.x * (from.alpha * x0 + from.sigma * n) + step.x0 * x0;
                assert!((next - (to.alpha * x0 + to.sigma * n)).abs() < 1e-12, "{from:?} to {to:?}: {next}");
            }
        }
        assert_eq!(Level::CLEAN.step_to(Level::CLEAN), Step { x: 0.0, x0: 1.0 });
    }

    #[test]
    fn eta_one_is_the_posterior_of_ddpm() {
        // Ho et al. eq. 7 with beta_t = 1 - ab / ab'.
        let (ab, ab_next): (f64, f64) = (0.4, 0.6);
        let beta = 1.0 - ab / ab_next;
        let step = vp(ab).ancestral(vp(ab_next), 1.0);
        assert!((step.x - (1.0 - beta).sqrt() * (1.0 - ab_next) / (1.0 - ab)).abs() < 1e-15);
        assert!((step.x0 - ab_next.sqrt() * beta / (1.0 - ab)).abs() < 1e-15);
        assert!((step.noise.powi(2) - beta * (1.0 - ab_next) / (1.0 - ab)).abs() < 1e-15);
    }

    #[test]
    fn an_ancestral_step_keeps_the_marginal_at_every_eta() {
        let levels =
            [Level { alpha: 0.0, sigma: 1.0 }, vp(0.3), Level { alpha: 1.0, sigma: 0.3 }, Level::CLEAN];
        for (from, to) in levels.iter().zip(&levels[1..]) {
            for eta in [0.0, 0.3, 1.0] {
                let step = from.ancestral(*to, eta);
                let variance = (step.x * from.sigma).powi(2) + step.noise.powi(2);
                assert!((variance - to.sigma * to.sigma).abs() < 1e-15);
                assert!((step.x * from.alpha + step.x0 - to.alpha).abs() < 1e-15);
            }
        }
    }
}
