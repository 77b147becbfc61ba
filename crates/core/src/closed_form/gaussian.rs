//! Images whose values are independent normal numbers.

use burn::tensor::Tensor;
use langevin_process::{Level, Result};

use super::exact::{ClosedForm, Exact, denoise};
use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};
use crate::noise::Stream;

/// Normal images: each value has its own mean and variance. A list of one entry serves all values.
#[derive(Debug, Clone)]
pub struct Gaussian {
    /// The mean of each value.
    pub mean: Vec<f64>,
    /// The variance of each value, at least 0.
    pub variance: Vec<f64>,
}

impl Gaussian {
    /// Every value has this mean and variance.
    pub fn same(mean: f64, variance: f64) -> Self {
        Self { mean: vec![mean], variance: vec![variance] }
    }

    /// Values with different means within 0.6 of zero and different variances from 0.02 to 0.5, for images of `pixels` values.
    pub fn varied(pixels: usize) -> Self {
        let part = |i: usize| (i as f64 + 0.5) / pixels as f64;
        Self {
            mean: (0..pixels).map(|i| 0.6 * (7.0 * part(i)).sin()).collect(),
            variance: (0..pixels).map(|i| 0.02 * 25.0_f64.powf(part(i))).collect(),
        }
    }

    fn moments(&self, index: usize) -> (f64, f64) {
        (self.mean[index % self.mean.len()], self.variance[index % self.variance.len()])
    }
}

impl Exact for Gaussian {
    /// `m + alpha v / (alpha^2 v + sigma^2) (x - alpha m)`.
    fn posterior_mean(&self, at: Level, x: &[f64]) -> Vec<f64> {
        let answer = |(index, x): (usize, &f64)| {
            let (mean, variance) = self.moments(index);
            let total = at.alpha * at.alpha * variance + at.sigma * at.sigma;
            let gain = if total > 0.0 { at.alpha * variance / total } else { 0.0 };
            mean + gain * (x - at.alpha * mean)
        };
        x.iter().enumerate().map(answer).collect()
    }

    /// The flow keeps `(x - alpha m) / sqrt(alpha^2 v + sigma^2)`.
    fn flow(&self, from: Level, to: Level, x: &[f64]) -> Vec<f64> {
        let answer = |(index, x): (usize, &f64)| {
            let (mean, variance) = self.moments(index);
            let deviation = |at: Level| (at.alpha * at.alpha * variance + at.sigma * at.sigma).sqrt();
            to.alpha * mean + (x - from.alpha * mean) * deviation(to) / deviation(from)
        };
        x.iter().enumerate().map(answer).collect()
    }
}

impl ClosedForm for Gaussian {
    fn values(&self) -> Option<usize> {
        (self.mean.len() > 1 || self.variance.len() > 1).then(|| self.mean.len().max(self.variance.len()))
    }

    fn log_density(&self, at: Level, x: &[f64]) -> f64 {
        let of = |(index, x): (usize, &f64)| {
            let (mean, variance) = self.moments(index);
            let total = at.alpha * at.alpha * variance + at.sigma * at.sigma;
            let off = x - at.alpha * mean;
            -0.5 * (off * off / total + libm::log(std::f64::consts::TAU * total))
        };
        x.iter().enumerate().map(of).sum()
    }

    fn pull(&self, at: Level, _x: &[f64], v: &[f64]) -> Vec<f64> {
        let gain = |index: usize| {
            let (_, variance) = self.moments(index);
            let total = at.alpha * at.alpha * variance + at.sigma * at.sigma;
            if total > 0.0 { at.alpha * variance / total } else { 0.0 }
        };
        v.iter().enumerate().map(|(index, v)| v * gain(index)).collect()
    }

    fn draw(&self, values: usize, stream: &mut Stream) -> Vec<f64> {
        let mut noise = vec![0.0_f32; values];
        stream.fill_normal(&mut noise);
        let of = |(index, noise): (usize, &f32)| {
            let (mean, variance) = self.moments(index);
            mean + libm::sqrt(variance) * f64::from(*noise)
        };
        noise.iter().enumerate().map(of).collect()
    }
}

impl Denoiser for Gaussian {
    fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
        Ok(denoise(self, x, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hides the closed-form flow of a Gaussian, leaving the integrated one.
    struct Integrated(Gaussian);

    impl Exact for Integrated {
        fn posterior_mean(&self, at: Level, x: &[f64]) -> Vec<f64> {
            self.0.posterior_mean(at, x)
        }
    }

    #[test]
    fn the_integrated_flow_is_the_closed_form() {
        let gaussian = Gaussian::varied(4);
        let (from, to) = (Level { alpha: 0.1, sigma: 0.9 }, Level { alpha: 0.98, sigma: 0.05 });
        let x = [0.3, -1.0, 2.0, 0.0];
        let exact = gaussian.flow(from, to, &x);
        let integrated = Integrated(gaussian).flow(from, to, &x);
        for (a, b) in exact.iter().zip(&integrated) {
            assert!((a - b).abs() < 1e-10, "{a} and {b}");
        }
    }

    #[test]
    fn score_and_derivative_are_those_of_the_density() {
        super::super::exact::check_derivatives(&Gaussian::varied(3), &[0.4, -0.3, 0.9]);
    }

    #[test]
    fn the_ends_are_the_mean_and_the_image() {
        let gaussian = Gaussian { mean: vec![0.25], variance: vec![0.09] };
        assert_eq!(gaussian.posterior_mean(Level { alpha: 0.0, sigma: 1.0 }, &[3.0]), [0.25]);
        assert_eq!(gaussian.posterior_mean(Level { alpha: 1.0, sigma: 0.0 }, &[3.0]), [3.0]);
    }
}
