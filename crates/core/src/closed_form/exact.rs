//! What a closed-form denoiser is, and the probability flow it defines.

use burn::tensor::{DType, Tensor, TensorData};
use langevin_process::Level;

use crate::denoiser::{Denoiser, Levels};
use crate::noise::Stream;

/// A distribution of images whose posterior mean is known in closed form, in f64.
///
/// Every implementor is also a [`Denoiser`] with that answer, for all levels, on the curve of a process or
/// not. It ignores the conditioning.
pub trait Exact: Send + Sync {
    /// `E[x0 | x]` of one image `x` (all its values, in the order of memory), with `x = alpha * x0 + sigma * n`.
    fn posterior_mean(&self, at: Level, x: &[f64]) -> Vec<f64>;

    /// Where the probability flow takes the image `x` from one level to another with less noise, both with
    /// `alpha > 0` and `sigma > 0`.
    ///
    /// With `y = x / alpha` and `u = ln(sigma / alpha)` the flow is `dy/du = y - D(y, u)` whatever the process (Karras et
    /// al. 2022, eq. 1). This integrates it by 4000 classical Runge-Kutta steps, which leaves an error near 1e-12.
    fn flow(&self, from: Level, to: Level, x: &[f64]) -> Vec<f64> {
        let steps = 4000;
        let (start, end) = (from.ratio().ln(), to.ratio().ln());
        let du = (end - start) / f64::from(steps);
        let slope = |u: f64, y: &[f64]| -> Vec<f64> {
            let clean = self.posterior_mean(Level { alpha: 1.0, sigma: u.exp() }, y);
            y.iter().zip(clean).map(|(y, clean)| y - clean).collect()
        };
        let moved = |y: &[f64], by: f64, k: &[f64]| -> Vec<f64> {
            y.iter().zip(k).map(|(y, k)| y + by * k).collect()
        };
        let mut y: Vec<f64> = x.iter().map(|x| x / from.alpha).collect();
        for step in 0..steps {
            let u = start + du * f64::from(step);
            let k1 = slope(u, &y);
            let k2 = slope(u + du / 2.0, &moved(&y, du / 2.0, &k1));
            let k3 = slope(u + du / 2.0, &moved(&y, du / 2.0, &k2));
            let k4 = slope(u + du, &moved(&y, du, &k3));
            for (i, y) in y.iter_mut().enumerate() {
                *y += du / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
            }
        }
        y.iter().map(|y| y * to.alpha).collect()
    }
}

/// A distribution of images whose density is known at every noise level.
pub trait ClosedForm: Exact + Denoiser + std::fmt::Debug {
    /// How many values an image has; `None` where any number will do.
    fn values(&self) -> Option<usize>;

    /// The logarithm, in nats, of the density of `x = alpha * x0 + sigma * n`.
    fn log_density(&self, at: Level, x: &[f64]) -> f64;

    /// `v^T J` with `J` the derivative of the posterior mean by `x`, which is symmetric.
    fn pull(&self, at: Level, x: &[f64], v: &[f64]) -> Vec<f64>;

    /// A clean image of `values` values, drawn from `stream`.
    fn draw(&self, values: usize, stream: &mut Stream) -> Vec<f64>;

    /// The gradient of [`ClosedForm::log_density`] by `x`, from Tweedie's formula: `(alpha E[x0 | x] - x) / sigma^2`.
    /// `sigma` must not be 0.
    fn score(&self, at: Level, x: &[f64]) -> Vec<f64> {
        let clean = self.posterior_mean(at, x);
        let variance = at.sigma * at.sigma;
        x.iter().zip(clean).map(|(x, clean)| (at.alpha * clean - x) / variance).collect()
    }

    /// The variance of each value of the clean image given `x`: `sigma^2 / alpha` times the diagonal of the derivative of the
    /// posterior mean (Efron 2011). `alpha` must not be 0.
    fn posterior_variance(&self, at: Level, x: &[f64]) -> Vec<f64> {
        let of = |index: usize| {
            let unit: Vec<f64> = (0..x.len()).map(|i| f64::from(i == index)).collect();
            at.sigma * at.sigma / at.alpha * self.pull(at, x, &unit)[index]
        };
        (0..x.len()).map(of).collect()
    }
}

/// The closed-form answer for a batch: each image is taken to the host, answered in f64 and rounded once, to the type it
/// came in (f32 or f64).
pub fn denoise(exact: &(impl Exact + ?Sized), x: Tensor<4>, at: &Levels) -> Tensor<4> {
    let (shape, device, dtype) = (x.dims(), x.device(), x.dtype());
    let values: Vec<f64> = x.into_data().convert::<f64>().try_to_vec().expect("just converted");
    let pixels = shape[1] * shape[2] * shape[3];
    let mut answer = Vec::with_capacity(values.len());
    for (image, level) in values.chunks(pixels.max(1)).zip(&at.0) {
        answer.extend(exact.posterior_mean(*level, image));
    }
    if dtype == DType::F64 {
        return Tensor::from_data(TensorData::new(answer, shape), (&device, DType::F64));
    }
    let answer: Vec<f32> = answer.into_iter().map(|value| value as f32).collect();
    Tensor::from_data(TensorData::new(answer, shape), &device)
}

/// Score, derivative and posterior variance against central differences of the density and of the posterior mean.
#[cfg(test)]
pub(super) fn check_derivatives(known: &dyn ClosedForm, x: &[f64]) {
    let moved = |index: usize, by: f64| -> Vec<f64> {
        x.iter().enumerate().map(|(i, x)| if i == index { x + by } else { *x }).collect()
    };
    let h = 1e-5;
    for at in
        [Level { alpha: 0.8, sigma: 0.5 }, Level { alpha: 1.0, sigma: 0.1 }, Level { alpha: 0.1, sigma: 1.0 }]
    {
        let score = known.score(at, x);
        for (index, wanted) in score.iter().enumerate() {
            let (above, below) = (moved(index, h), moved(index, -h));
            let slope = (known.log_density(at, &above) - known.log_density(at, &below)) / (2.0 * h);
            assert!((slope - wanted).abs() < 1e-5 * (1.0 + slope.abs()), "{at:?}: {slope} {score:?}");
            let v: Vec<f64> = (0..x.len()).map(|i| 0.3 + i as f64).collect();
            let along = |x: &[f64]| -> f64 {
                known.posterior_mean(at, x).iter().zip(&v).map(|(mean, v)| mean * v).sum()
            };
            let slope = (along(&above) - along(&below)) / (2.0 * h);
            let pulled = known.pull(at, x, &v)[index];
            assert!((slope - pulled).abs() < 1e-5 * (1.0 + slope.abs()), "{at:?}: {slope} {pulled}");
            assert!(known.posterior_variance(at, x)[index] > 0.0);
        }
    }
}
