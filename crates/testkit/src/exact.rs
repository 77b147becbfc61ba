//! What a closed-form denoiser is, and the probability flow it defines.

use burn::tensor::{DType, Tensor, TensorData};
use langevin_core::{Level, Levels};

/// A distribution of pictures whose posterior mean is known in closed form, in f64.
///
/// Every implementor is also a [`langevin_core::Denoiser`] with that answer, for all levels, on the curve of a process or
/// not. It ignores the conditioning.
pub trait Exact: Send + Sync {
    /// `E[x0 | x]` of one picture `x` (all its values, in the order of memory), with `x = alpha * x0 + sigma * n`.
    fn posterior_mean(&self, at: Level, x: &[f64]) -> Vec<f64>;

    /// Where the probability flow takes the picture `x` from one level to another with less noise, both with
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

/// The closed-form answer for a batch: each picture is taken to the host, answered in f64 and rounded once, to the type it
/// came in (f32 or f64).
pub(crate) fn denoise(exact: &(impl Exact + ?Sized), x: Tensor<4>, at: &Levels) -> Tensor<4> {
    let (shape, device, dtype) = (x.dims(), x.device(), x.dtype());
    let values: Vec<f64> = x.into_data().convert::<f64>().try_to_vec().expect("just converted");
    let pixels = shape[1] * shape[2] * shape[3];
    let mut answer = Vec::with_capacity(values.len());
    for (picture, level) in values.chunks(pixels.max(1)).zip(&at.0) {
        answer.extend(exact.posterior_mean(*level, picture));
    }
    if dtype == DType::F64 {
        return Tensor::from_data(TensorData::new(answer, shape), (&device, DType::F64));
    }
    let answer: Vec<f32> = answer.into_iter().map(|value| value as f32).collect();
    Tensor::from_data(TensorData::new(answer, shape), &device)
}
