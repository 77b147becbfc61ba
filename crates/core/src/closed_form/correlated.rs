//! Images whose values are normal numbers that depend on each other.

use burn::tensor::Tensor;
use langevin_process::{Level, Result};

use super::exact::{ClosedForm, Exact, denoise};
use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};
use crate::noise::Stream;

/// Normal images with any covariance: independent normal numbers along the axes of an orthonormal basis, around a mean.
///
/// An image of several channels has them independent and alike, each of as many values as the mean.
#[derive(Debug, Clone)]
pub struct Correlated {
    /// The mean of each value of a channel.
    pub mean: Vec<f64>,
    /// The axes, one row of `mean.len()` values after the other; orthonormal.
    pub axes: Vec<f64>,
    /// The variance along each axis, at least 0.
    pub variance: Vec<f64>,
}

impl Correlated {
    /// Images of `height` x `width` whose neighbours are alike: the axes are those of the cosine transform (DCT-II), the
    /// variance at the frequency `(u, v)` falls as `1 / (1 + u^2 + v^2)`, and is `variance` on average. Means are within 0.4
    /// of zero.
    pub fn smooth(height: usize, width: usize, variance: f64) -> Self {
        let count = height * width;
        let cosine = |frequency: usize, place: usize, size: usize| {
            let scale = if frequency == 0 { 1.0 } else { 2.0 };
            let angle = std::f64::consts::PI * frequency as f64 * (place as f64 + 0.5) / size as f64;
            (scale / size as f64).sqrt() * libm::cos(angle)
        };
        let axis = |k: usize| {
            let (u, v) = (k / width, k % width);
            (0..count).map(move |i| cosine(u, i / width, height) * cosine(v, i % width, width))
        };
        let falls = |k: usize| 1.0 / (1 + (k / width).pow(2) + (k % width).pow(2)) as f64;
        let average = (0..count).map(falls).sum::<f64>() / count as f64;
        Self {
            mean: (0..count).map(|i| 0.4 * libm::sin(1.3 * i as f64)).collect(),
            axes: (0..count).flat_map(axis).collect(),
            variance: (0..count).map(|k| variance * falls(k) / average).collect(),
        }
    }

    /// The covariance of the values of a channel, row by row.
    pub fn covariance(&self) -> Vec<f64> {
        let count = self.mean.len();
        let entry = |i: usize, j: usize| -> f64 {
            (0..count).map(|k| self.axes[k * count + i] * self.variance[k] * self.axes[k * count + j]).sum()
        };
        (0..count * count).map(|at| entry(at / count, at % count)).collect()
    }

    /// The numbers along the axes of each channel of `values`.
    fn along(&self, values: &[f64]) -> Vec<f64> {
        let count = self.mean.len();
        let dot = |axis: &[f64], channel: &[f64]| axis.iter().zip(channel).map(|(a, b)| a * b).sum::<f64>();
        let channels = values.chunks(count);
        channels.flat_map(|channel| self.axes.chunks(count).map(move |axis| dot(axis, channel))).collect()
    }

    /// The values of each channel with the numbers `along` its axes.
    fn back(&self, along: &[f64]) -> Vec<f64> {
        let count = self.mean.len();
        let value = |channel: &[f64], i: usize| -> f64 {
            channel.iter().enumerate().map(|(k, number)| number * self.axes[k * count + i]).sum()
        };
        along.chunks(count).flat_map(|channel| (0..count).map(move |i| value(channel, i))).collect()
    }

    /// `values` with the number along each axis multiplied by `factor` of the variance there.
    fn scaled(&self, values: &[f64], factor: impl Fn(f64) -> f64) -> Vec<f64> {
        let count = self.mean.len();
        let mut along = self.along(values);
        for (index, number) in along.iter_mut().enumerate() {
            *number *= factor(self.variance[index % count]);
        }
        self.back(&along)
    }

    fn off_mean(&self, alpha: f64, x: &[f64]) -> Vec<f64> {
        x.iter().enumerate().map(|(i, x)| x - alpha * self.mean[i % self.mean.len()]).collect()
    }

    fn on_mean(&self, alpha: f64, off: Vec<f64>) -> Vec<f64> {
        off.iter().enumerate().map(|(i, off)| off + alpha * self.mean[i % self.mean.len()]).collect()
    }
}

/// `alpha v / (alpha^2 v + sigma^2)`: how far the posterior mean follows the image.
fn gain(at: Level, variance: f64) -> f64 {
    let total = at.alpha * at.alpha * variance + at.sigma * at.sigma;
    if total > 0.0 { at.alpha * variance / total } else { 0.0 }
}

impl Exact for Correlated {
    /// `m + alpha C (alpha^2 C + sigma^2)^-1 (x - alpha m)`.
    fn posterior_mean(&self, at: Level, x: &[f64]) -> Vec<f64> {
        self.on_mean(1.0, self.scaled(&self.off_mean(at.alpha, x), |variance| gain(at, variance)))
    }

    /// The flow keeps `(alpha^2 C + sigma^2)^-1/2 (x - alpha m)`.
    fn flow(&self, from: Level, to: Level, x: &[f64]) -> Vec<f64> {
        let deviation =
            |at: Level, variance: f64| (at.alpha * at.alpha * variance + at.sigma * at.sigma).sqrt();
        let factor = |variance: f64| deviation(to, variance) / deviation(from, variance);
        self.on_mean(to.alpha, self.scaled(&self.off_mean(from.alpha, x), factor))
    }
}

impl ClosedForm for Correlated {
    fn values(&self) -> Option<usize> {
        Some(self.mean.len())
    }

    fn log_density(&self, at: Level, x: &[f64]) -> f64 {
        let of = |(index, along): (usize, &f64)| {
            let variance = self.variance[index % self.variance.len()];
            let total = at.alpha * at.alpha * variance + at.sigma * at.sigma;
            -0.5 * (along * along / total + libm::log(std::f64::consts::TAU * total))
        };
        self.along(&self.off_mean(at.alpha, x)).iter().enumerate().map(of).sum()
    }

    fn pull(&self, at: Level, _x: &[f64], v: &[f64]) -> Vec<f64> {
        self.scaled(v, |variance| gain(at, variance))
    }

    fn draw(&self, values: usize, stream: &mut Stream) -> Vec<f64> {
        let mut noise = vec![0.0_f32; values];
        stream.fill_normal(&mut noise);
        let noise: Vec<f64> = noise.into_iter().map(f64::from).collect();
        self.on_mean(1.0, self.scaled(&noise, libm::sqrt))
    }
}

impl Denoiser for Correlated {
    fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
        Ok(denoise(self, x, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn score_and_derivative_are_those_of_the_density() {
        super::super::exact::check_derivatives(&Correlated::smooth(2, 2, 0.3), &[0.4, -0.3, 0.9, 0.1]);
    }

    #[test]
    fn neighbours_are_alike_and_the_average_variance_is_as_asked() {
        let smooth = Correlated::smooth(3, 4, 0.5);
        let covariance = smooth.covariance();
        let trace: f64 = (0..12).map(|i| covariance[13 * i]).sum();
        assert!((trace / 12.0 - 0.5).abs() < 1e-12);
        assert!(covariance[1] > 0.1 && covariance[1] > covariance[3]);
    }

    #[test]
    fn what_is_drawn_has_the_covariance() {
        let smooth = Correlated::smooth(2, 2, 0.5);
        let covariance = smooth.covariance();
        let mut stream = Stream::new(1, crate::noise::Purpose::Validation, 0, 0);
        let draws: Vec<Vec<f64>> = (0..20_000).map(|_| smooth.draw(4, &mut stream)).collect();
        for (at, wanted) in covariance.iter().enumerate() {
            let (i, j) = (at / 4, at % 4);
            let product = |x: &Vec<f64>| (x[i] - smooth.mean[i]) * (x[j] - smooth.mean[j]);
            let found = draws.iter().map(product).sum::<f64>() / draws.len() as f64;
            assert!((found - wanted).abs() < 0.03, "{at}: {found} and {wanted}");
        }
    }

    #[test]
    fn the_flow_leads_where_small_steps_lead() {
        let smooth = Correlated::smooth(2, 2, 0.4);
        let (from, to) = (Level { alpha: 0.1, sigma: 0.9 }, Level { alpha: 0.98, sigma: 0.05 });
        let x = [0.3, -1.0, 2.0, 0.0];
        let exact = smooth.flow(from, to, &x);
        let mut walked = x.to_vec();
        let steps = 20_000;
        let at = |i: i32| {
            let ratio = (from.ratio().ln()
                + (to.ratio() / from.ratio()).ln() * f64::from(i) / f64::from(steps))
            .exp();
            let alpha = from.alpha * (to.alpha / from.alpha).powf(f64::from(i) / f64::from(steps));
            Level { alpha, sigma: alpha * ratio }
        };
        for i in 0..steps {
            let step = at(i).step_to(at(i + 1));
            let clean = smooth.posterior_mean(at(i), &walked);
            walked = walked.iter().zip(clean).map(|(x, clean)| step.x * x + step.x0 * clean).collect();
        }
        for (a, b) in exact.iter().zip(&walked) {
            assert!((a - b).abs() < 1e-3, "{a} and {b}");
        }
    }
}
