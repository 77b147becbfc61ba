//! Whether a restoration can be trusted: the operator's adjoint, and how its result agrees with the measurement.

use burn::tensor::Tensor;
use langevin_core::{Purpose, Stream};

use crate::operator::Operator;
use crate::problem::Problem;

/// `|<A x, y> - <x, A^T y>| / (|A x| |y|)` for random `x` and `y`: rounding alone, about 1e-16, when the adjoint is right. Absent
/// for an operator that is not linear.
pub fn adjoint_error(operator: &dyn Operator) -> Option<f64> {
    let linear = operator.linear()?;
    let normal = |shape: [usize; 3], step| -> Vec<f64> {
        let mut values = vec![0.0; shape.iter().product()];
        Stream::new(0, Purpose::Probe, 0, step).fill_normal(&mut values);
        values.into_iter().map(f64::from).collect()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (x, y) = (normal(operator.input(), 0), normal(operator.output(), 1));
    let measured = operator.apply(&x);
    let size = (dot(&measured, &measured) * dot(&y, &y)).sqrt();
    Some((dot(&measured, &y) - dot(&x, &linear.adjoint(&y))).abs() / size)
}

/// How a restored image agrees with its measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// The root of the mean square of `y - A x` over the values that say anything, in the units of models.
    pub residual: f64,
    /// How many values those are.
    pub values: usize,
    /// The sum of `(y - A x)^2 / sigma^2` over those values, divided by their number; absent without noise.
    ///
    /// A draw from the posterior has 1 on average. The mean of the posterior has less, since it follows some of the noise;
    /// more than `1 + 4 sqrt(2 / values)` says that measurement, operator and noise do not go together.
    pub chi_square: Option<f64>,
}

impl Agreement {
    /// For every image of `x`, `[batch, channels, height, width]`.
    pub fn of(problem: &Problem, x: Tensor<4>) -> Vec<Self> {
        let count: usize = problem.measured_shape().iter().product();
        let measured = problem.operator().measured();
        let values = measured.map_or(count, |measured| measured.iter().filter(|m| **m).count());
        let residual = problem.residual(x);
        let residual: Vec<f64> = residual.into_data().convert::<f64>().try_to_vec().expect("just converted");
        let one = |residual: &[f64]| {
            let mean = residual.iter().map(|r| r * r).sum::<f64>() / values.max(1) as f64;
            let variance = problem.sigma() * problem.sigma();
            Self { residual: mean.sqrt(), values, chi_square: (variance > 0.0).then(|| mean / variance) }
        };
        residual.chunks_exact(count).map(one).collect()
    }

    /// The standard deviation of `chi_square` for a draw from the posterior: `sqrt(2 / values)`.
    pub fn chi_square_error(&self) -> f64 {
        (2.0 / self.values.max(1) as f64).sqrt()
    }
}
