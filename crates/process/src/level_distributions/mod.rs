//! Noise-level distributions: which times a network is trained at, one file each, and the stratification of a batch.

mod importance;
mod levels;
mod log_normal;
mod logit_normal;
mod uniform;

use std::fmt::Debug;

use crate::diffusion::Diffusion;
use crate::registry::Registry;

/// A distribution of training times, as its quantile function.
pub trait LevelDistribution: Debug + Send + Sync {
    /// The time in `[0, 1]` of a uniform number `u` in `(0, 1)`, rising with `u`.
    fn time(&self, u: f64, diffusion: &Diffusion) -> f64;

    /// How many log-SNRs are crossed per unit of probability around `u` in `(0, 1)`: `-d log_snr / du`, not negative. It is
    /// what the weighting `likelihood` undoes a distribution with.
    fn rate(&self, u: f64, diffusion: &Diffusion) -> f64 {
        let h = 1e-4 * u.min(1.0 - u);
        let log_snr = |u: f64| diffusion.schedule().log_snr(self.time(u, diffusion));
        let rate = (log_snr(u - h) - log_snr(u + h)) / (2.0 * h);
        if rate.is_finite() { rate.max(0.0) } else { 0.0 }
    }
}

/// Every noise-level distribution.
pub const LEVEL_DISTRIBUTIONS: Registry<dyn LevelDistribution> = Registry {
    kind: "noise-level distribution",
    entries: &[uniform::ENTRY, log_normal::ENTRY, logit_normal::ENTRY, importance::ENTRY, levels::ENTRY],
};

/// Uniform numbers spread evenly over a batch: number `i` is `(i + offset) / batch`, one in each `1 / batch`
/// of `(0, 1)`.
///
/// With `offset` uniform in `(0, 1)` each number is uniform within its stratum and the batch as a whole is
/// uniform, with much less variance in the loss than independent numbers (Kingma et al. 2021, VDM,
/// 2107.00630). Give them to a noise-level distribution. They rise with `i`, so the images of a batch must come in an order
/// that says nothing about them. `offset` outside `(0, 1)` is moved just inside.
pub fn stratified(batch: usize, offset: f64) -> Vec<f64> {
    let offset = offset.clamp(1e-6, 1.0 - 1e-6);
    (0..batch).map(|i| (i as f64 + offset) / batch as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stratum_has_one_number() {
        for offset in [0.0, 0.3, 1.0] {
            for (i, u) in stratified(7, offset).into_iter().enumerate() {
                assert!(u > i as f64 / 7.0 && u < (i + 1) as f64 / 7.0);
            }
        }
        assert!(stratified(0, 0.5).is_empty());
    }
}
