//! Loss weightings: how much an error counts at each level, one file each.

mod denoised;
mod edm;
mod elbo;
mod likelihood;
mod min_snr;
mod p2;
mod sigmoid;
mod simple;
mod snr;
mod soft_min_snr;

use std::fmt::Debug;

use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::Registry;

/// How much an error counts at each level.
///
/// Papers state a weight on the squared error of the denoised image, or of the noise. The loss is computed
/// on the network's own output, `mean((F - target)^2)`, which is the same thing with another factor: an error
/// `e` of F is an error `out * e` of the denoised image and `alpha / sigma * out * e` of the noise. So one
/// weighting means the same training whatever the parameterisation.
pub trait Weighting: Debug + Send + Sync {
    /// The factor on `mean((F - target)^2)` at the level `at`, whose coefficients are `coefficients`. Not
    /// negative, and at most 1e6, which only weightings that diverge without noise reach.
    fn weight(&self, at: Level, coefficients: &Coefficients, sigma_data: f64) -> f64;

    /// The factor where the noise-level distribution crosses `rate` log-SNRs per unit of probability
    /// ([`crate::LevelDistribution::rate`]): [`Weighting::weight`], but for a weighting that undoes the distribution.
    fn weight_at_rate(&self, at: Level, coefficients: &Coefficients, sigma_data: f64, rate: f64) -> f64 {
        let _ = rate;
        self.weight(at, coefficients, sigma_data)
    }
}

/// Every weighting.
pub const WEIGHTINGS: Registry<dyn Weighting> = Registry {
    kind: "weighting",
    entries: &[
        simple::ENTRY,
        denoised::ENTRY,
        snr::ENTRY,
        min_snr::ENTRY,
        soft_min_snr::ENTRY,
        edm::ENTRY,
        p2::ENTRY,
        sigmoid::ENTRY,
        likelihood::ENTRY,
        elbo::ENTRY,
    ],
};

/// The factor on the squared error of F that is a factor of 1 on the squared error of the denoised image.
fn of_image(coefficients: &Coefficients) -> f64 {
    coefficients.out * coefficients.out
}

/// The factor on the squared error of F that is a factor of 1 on the squared error of the noise:
/// `(alpha out / sigma)^2`. Infinite without noise where F is the image itself.
fn of_noise(at: Level, coefficients: &Coefficients) -> f64 {
    let scaled = at.alpha * out_over_sigma(at, coefficients);
    scaled * scaled
}

/// `out / sigma`, also at `sigma = 0`.
fn out_over_sigma(at: Level, coefficients: &Coefficients) -> f64 {
    // With F at its target the noise cancels in the denoised image, skip * sigma + out * target_noise = 0,
    // which gives out / sigma without dividing by sigma.
    if coefficients.target_noise == 0.0 || at.alpha == 0.0 {
        return coefficients.out / at.sigma;
    }
    -coefficients.skip / coefficients.target_noise
}

/// The weight, made finite.
fn bounded(weight: f64) -> f64 {
    weight.min(1e6)
}
