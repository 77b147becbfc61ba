//! Pictures from a few clusters: a mixture of isotropic Gaussians. The smallest distribution whose probability flow
//! bends, and whose denoiser is not linear.

use burn::tensor::Tensor;
use langevin_core::{Cond, Denoiser, Level, Levels, Result};

use crate::exact::{Exact, denoise};

/// One cluster.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its share, greater than 0; shares need not add up to 1.
    pub weight: f64,
    /// Its centre: one number for each value of a picture.
    pub mean: Vec<f64>,
    /// The variance of every value, greater than 0.
    pub variance: f64,
}

/// A mixture of clusters.
#[derive(Debug, Clone)]
pub struct Mixture {
    /// The clusters, at least one.
    pub components: Vec<Component>,
}

impl Mixture {
    /// Three overlapping clusters of two values, for pictures of shape `[2, 1, 1]`.
    pub fn three() -> Self {
        let component =
            |weight, mean: [f64; 2], variance| Component { weight, mean: mean.to_vec(), variance };
        Self {
            components: vec![
                component(0.5, [-0.6, 0.1], 0.05),
                component(0.3, [0.5, 0.6], 0.08),
                component(0.2, [0.4, -0.7], 0.03),
            ],
        }
    }
}

impl Exact for Mixture {
    fn posterior_mean(&self, at: Level, x: &[f64]) -> Vec<f64> {
        let totals: Vec<f64> =
            self.components.iter().map(|c| at.alpha * at.alpha * c.variance + at.sigma * at.sigma).collect();
        let log_share: Vec<f64> = self
            .components
            .iter()
            .zip(&totals)
            .map(|(c, total)| {
                let distance: f64 = x.iter().zip(&c.mean).map(|(x, m)| (x - at.alpha * m).powi(2)).sum();
                c.weight.ln() - 0.5 * (x.len() as f64 * total.ln() + distance / total)
            })
            .collect();
        let largest = log_share.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let share: Vec<f64> = log_share.iter().map(|log| (log - largest).exp()).collect();
        let sum: f64 = share.iter().sum();
        let mut answer = vec![0.0; x.len()];
        for ((c, total), share) in self.components.iter().zip(&totals).zip(&share) {
            let gain = at.alpha * c.variance / total;
            for ((answer, x), m) in answer.iter_mut().zip(x).zip(&c.mean) {
                *answer += share / sum * (m + gain * (x - at.alpha * m));
            }
        }
        answer
    }
}

impl Denoiser for Mixture {
    fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
        Ok(denoise(self, x, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian::Gaussian;

    #[test]
    fn one_cluster_is_a_gaussian() {
        let mixture =
            Mixture { components: vec![Component { weight: 3.0, mean: vec![0.3, -0.2], variance: 0.07 }] };
        let gaussian = Gaussian { mean: vec![0.3, -0.2], variance: vec![0.07] };
        let at = Level { alpha: 0.7, sigma: 0.4 };
        let x = [0.9, -1.1];
        for (a, b) in mixture.posterior_mean(at, &x).iter().zip(gaussian.posterior_mean(at, &x)) {
            assert!((a - b).abs() < 1e-14);
        }
    }

    #[test]
    fn the_answer_is_the_integral_over_the_posterior() {
        // One value, two clusters: numerical integration of x0 p(x0) p(x | x0).
        let component = |weight, mean, variance| Component { weight, mean: vec![mean], variance };
        let mixture = Mixture { components: vec![component(0.7, -0.5, 0.1), component(0.3, 0.8, 0.02)] };
        let (at, x) = (Level { alpha: 0.8, sigma: 0.5 }, 0.25);
        let normal = |x: f64, m: f64, v: f64| (-(x - m).powi(2) / (2.0 * v)).exp() / v.sqrt();
        let (mut top, mut bottom) = (0.0, 0.0);
        for i in -40_000..40_000 {
            let x0 = f64::from(i) * 1e-4;
            let prior = 0.7 * normal(x0, -0.5, 0.1) + 0.3 * normal(x0, 0.8, 0.02);
            let joint = prior * normal(x, at.alpha * x0, at.sigma * at.sigma);
            top += x0 * joint;
            bottom += joint;
        }
        let answer = mixture.posterior_mean(at, &[x])[0];
        assert!((answer - top / bottom).abs() < 1e-9, "{answer} and {}", top / bottom);
    }
}
