//! Images from a few clusters: a mixture of isotropic Gaussians. The smallest distribution whose probability flow
//! bends, and whose denoiser is not linear.

use burn::tensor::Tensor;
use langevin_process::{Level, Result};

use super::exact::{ClosedForm, Exact, denoise};
use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};
use crate::noise::Stream;

/// One cluster.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its share, greater than 0; shares need not add up to 1.
    pub weight: f64,
    /// Its centre: one number for each value of an image.
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
    /// Three overlapping clusters of two values, for images of shape `[2, 1, 1]`.
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

    /// One cluster around (0.1, -0.2) with the standard deviation 0.25: images of shape `[2, 1, 1]`.
    pub fn gaussian() -> Self {
        Self { components: vec![Component { weight: 1.0, mean: vec![0.1, -0.2], variance: 0.0625 }] }
    }

    /// Eight clusters on a circle of radius 0.7 with the standard deviation 0.05, as likely each: images of shape
    /// `[2, 1, 1]`.
    pub fn ring8() -> Self {
        let cluster = |k: usize| {
            let (sin, cos) = libm::sincos(std::f64::consts::TAU * k as f64 / 8.0);
            Component { weight: 0.125, mean: vec![0.7 * cos, 0.7 * sin], variance: 0.0025 }
        };
        Self { components: (0..8).map(cluster).collect() }
    }

    /// Twenty-five clusters on a square grid from -0.8 to 0.8 with the standard deviation 0.04, as likely each: images of
    /// shape `[2, 1, 1]`.
    pub fn grid25() -> Self {
        let at = |k: usize| 0.4 * (k as f64 - 2.0);
        let cluster =
            |k: usize| Component { weight: 0.04, mean: vec![at(k % 5), at(k / 5)], variance: 0.0016 };
        Self { components: (0..25).map(cluster).collect() }
    }
}

/// What the clusters say about a noisy image.
struct Posterior {
    /// The probability of each cluster.
    share: Vec<f64>,
    /// `alpha^2 variance + sigma^2` of each cluster.
    total: Vec<f64>,
    /// The logarithm of the density.
    log_density: f64,
}

impl Mixture {
    fn posterior(&self, at: Level, x: &[f64]) -> Posterior {
        let total: Vec<f64> =
            self.components.iter().map(|c| at.alpha * at.alpha * c.variance + at.sigma * at.sigma).collect();
        let log_of = |(c, total): (&Component, &f64)| {
            let distance: f64 = x.iter().zip(&c.mean).map(|(x, m)| (x - at.alpha * m).powi(2)).sum();
            let spread = x.len() as f64 * libm::log(std::f64::consts::TAU * total);
            libm::log(c.weight) - 0.5 * (spread + distance / total)
        };
        let logs: Vec<f64> = self.components.iter().zip(&total).map(log_of).collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let share: Vec<f64> = logs.iter().map(|log| libm::exp(log - largest)).collect();
        let sum: f64 = share.iter().sum();
        let weights: f64 = self.components.iter().map(|c| c.weight).sum();
        let log_density = largest + libm::log(sum) - libm::log(weights);
        Posterior { share: share.iter().map(|share| share / sum).collect(), total, log_density }
    }

    /// The probability that a noisy image comes from each cluster.
    pub fn responsibilities(&self, at: Level, x: &[f64]) -> Vec<f64> {
        self.posterior(at, x).share
    }

    /// The mean of the clean image given `x` and the cluster.
    fn mean_of(&self, cluster: usize, gain: f64, at: Level, x: &[f64]) -> Vec<f64> {
        let mean = &self.components[cluster].mean;
        x.iter().zip(mean).map(|(x, m)| m + gain * (x - at.alpha * m)).collect()
    }
}

impl Exact for Mixture {
    fn posterior_mean(&self, at: Level, x: &[f64]) -> Vec<f64> {
        let Posterior { share, total, .. } = self.posterior(at, x);
        let mut answer = vec![0.0; x.len()];
        for (k, c) in self.components.iter().enumerate() {
            let mean = self.mean_of(k, at.alpha * c.variance / total[k], at, x);
            answer.iter_mut().zip(mean).for_each(|(answer, mean)| *answer += share[k] * mean);
        }
        answer
    }
}

impl ClosedForm for Mixture {
    fn values(&self) -> Option<usize> {
        self.components.first().map(|c| c.mean.len())
    }

    fn log_density(&self, at: Level, x: &[f64]) -> f64 {
        self.posterior(at, x).log_density
    }

    /// Directly, and so without noise as well.
    fn score(&self, at: Level, x: &[f64]) -> Vec<f64> {
        let Posterior { share, total, .. } = self.posterior(at, x);
        let of = |i: usize| {
            let clusters = self.components.iter().zip(share.iter().zip(&total));
            clusters.map(|(c, (share, total))| -share * (x[i] - at.alpha * c.mean[i]) / total).sum()
        };
        (0..x.len()).map(of).collect()
    }

    /// With shares `w`, means `mu` and scores `s` of the clusters, and `S = sum w s`, the derivative is
    /// `sum w gain I + sum w mu (s - S)^T`.
    fn pull(&self, at: Level, x: &[f64], v: &[f64]) -> Vec<f64> {
        let Posterior { share, total, .. } = self.posterior(at, x);
        let score_of = |k: usize, i: usize| -(x[i] - at.alpha * self.components[k].mean[i]) / total[k];
        let clusters = 0..self.components.len();
        let score: Vec<f64> =
            (0..x.len()).map(|i| clusters.clone().map(|k| share[k] * score_of(k, i)).sum()).collect();
        let mut answer = vec![0.0; x.len()];
        for k in clusters {
            let gain = at.alpha * self.components[k].variance / total[k];
            let along: f64 = self.mean_of(k, gain, at, x).iter().zip(v).map(|(mean, v)| mean * v).sum();
            for (i, answer) in answer.iter_mut().enumerate() {
                *answer += share[k] * (gain * v[i] + along * (score_of(k, i) - score[i]));
            }
        }
        answer
    }

    fn draw(&self, values: usize, stream: &mut Stream) -> Vec<f64> {
        let mut left = stream.uniform() * self.components.iter().map(|c| c.weight).sum::<f64>();
        let below = |c: &&Component| {
            left -= c.weight;
            left < 0.0
        };
        let cluster = self.components.iter().find(below).or(self.components.last());
        let mut noise = vec![0.0_f32; values];
        stream.fill_normal(&mut noise);
        let of = |(i, noise): (usize, &f32)| {
            cluster.map_or(0.0, |c| c.mean[i] + libm::sqrt(c.variance) * f64::from(*noise))
        };
        noise.iter().enumerate().map(of).collect()
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
    use crate::closed_form::Gaussian;

    #[test]
    fn score_and_derivative_are_those_of_the_density() {
        let check = super::super::exact::check_derivatives;
        check(&Mixture::three(), &[0.1, 0.2]);
        check(&Mixture::ring8(), &[0.5, 0.45]);
        check(&Mixture::grid25(), &[-0.2, 0.61]);
        // Without noise too, and as Tweedie's formula says where there is some.
        let (data, x, h) = (Mixture::three(), [0.1, 0.2], 1e-5);
        let slope = (data.log_density(Level::CLEAN, &[x[0] + h, x[1]])
            - data.log_density(Level::CLEAN, &[x[0] - h, x[1]]))
            / (2.0 * h);
        assert!((data.score(Level::CLEAN, &x)[0] / slope - 1.0).abs() < 1e-6);
    }

    #[test]
    fn densities_integrate_to_one() {
        for (mixture, at) in [
            (Mixture::three(), Level { alpha: 0.9, sigma: 0.3 }),
            (Mixture::ring8(), Level::CLEAN),
            (Mixture::grid25(), Level::CLEAN),
        ] {
            let step = 0.01;
            let grid = (-300..300).flat_map(|i| (-300..300).map(move |j| [f64::from(i), f64::from(j)]));
            let sum: f64 = grid.map(|[a, b]| libm::exp(mixture.log_density(at, &[step * a, step * b]))).sum();
            assert!((sum * step * step - 1.0).abs() < 1e-6, "{}", sum * step * step);
        }
    }

    #[test]
    fn draws_have_the_moments_of_the_distribution() {
        let (ring, count) = (Mixture::ring8(), 20_000);
        let mut sum = [0.0; 3];
        for image in 0..count {
            let x = ring.draw(2, &mut Stream::new(1, crate::noise::Purpose::Start, image, 0));
            sum = [sum[0] + x[0], sum[1] + x[1], sum[2] + x[0] * x[0] + x[1] * x[1]];
        }
        let mean = sum.map(|sum| sum / count as f64);
        assert!(mean[0].abs() < 0.015 && mean[1].abs() < 0.015, "{mean:?}");
        assert!((mean[2] - (0.49 + 2.0 * 0.0025)).abs() < 0.005, "{mean:?}");
    }

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
