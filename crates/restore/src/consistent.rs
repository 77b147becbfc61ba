//! Data consistency as a denoiser: the model's clean image is corrected by the measurement, so that any sampler carries it.

use burn::tensor::Tensor;
use langevin_core::{Cond, Denoiser, Error, Level, Levels, Result};

use crate::problem::Problem;

/// How a clean image is corrected by the measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Correction {
    /// `x0 + A+ (y - A x0)`, DDNM's: agrees with the measurement exactly, its noise included.
    PseudoInverse,
    /// `argmin |y - A x|^2 + rho |x - x0|^2` with `rho = lambda sigma_y^2 / (sigma / alpha)^2`, DiffPIR's: the less noise is
    /// left, the less the measurement counts beside the model. Without noise in the measurement it is the limit, the
    /// pseudo-inverse.
    Prox {
        /// How much the model counts, above 0; 1 is the noise as it is.
        lambda: f64,
    },
}

impl Correction {
    /// The clean images `x0` that the model gave at `at`, corrected.
    ///
    /// # Errors
    /// Usage: the operator is not linear.
    pub fn apply(&self, problem: &Problem, x0: Tensor<4>, at: Level) -> Result<Tensor<4>> {
        let linear = problem.linear()?;
        let Self::Prox { lambda } = self else { return Ok(linear.consistent(x0)) };
        let coupling = problem.sigma() / at.ratio();
        let rho = lambda * coupling * coupling;
        Ok(match rho {
            0.0 => linear.consistent(x0),
            _ if rho.is_finite() => linear.prox(x0, rho),
            _ => x0,
        })
    }
}

/// A denoiser whose answers are corrected by a measurement.
///
/// A batch must have as many images as the problem, and the same ones.
#[derive(Debug)]
pub struct Consistent<'a, D> {
    inner: D,
    problem: &'a Problem,
    correction: Correction,
}

impl<'a, D: Denoiser> Consistent<'a, D> {
    /// Corrects the answers of `inner` by the measurement of `problem`.
    ///
    /// # Errors
    /// Usage: the operator of the problem is not linear.
    pub fn new(inner: D, problem: &'a Problem, correction: Correction) -> Result<Self> {
        problem.linear()?;
        Ok(Self { inner, problem, correction })
    }
}

impl<D: Denoiser> Denoiser for Consistent<'_, D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let count = self.problem.batch();
        if at.len() != count {
            return Err(Error::usage(format!("{} images go with {count} measurements", at.len())));
        }
        let x0 = self.inner.denoise(x, at, cond)?;
        if at.0.windows(2).all(|pair| pair[0] == pair[1]) {
            return match at.0.first() {
                Some(level) => self.correction.apply(self.problem, x0, *level),
                None => Ok(x0),
            };
        }
        let one = |(index, level): (usize, &Level)| {
            let x0 = x0.clone().slice_dim(0, index..index + 1);
            self.correction.apply(&self.problem.part(index..index + 1), x0, *level)
        };
        Ok(Tensor::cat(at.0.iter().enumerate().map(one).collect::<Result<Vec<_>>>()?, 0))
    }

    fn begin(&self) {
        self.inner.begin();
    }
}
