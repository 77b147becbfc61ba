//! A problem of restoration: operator, measurement and noise, on batches of tensors.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{DType, Tensor, TensorData};
use langevin_core::{Error, Result};
use rayon::prelude::*;

use crate::operator::{Linear, Operator, Shape, Spectral};

/// `y = A(x) + sigma n` for a batch of images.
///
/// # Shapes
/// Images `x`: `[batch, channels, height, width]` of [`Problem::shape`]; measurements: `[batch, ...]` of
/// [`Problem::measured_shape`]. Both in [-1, 1] for black to white. Everything is computed in f64 on the host, image by
/// image on the threads, and rounded once, to the type of the tensor that was given.
#[derive(Debug)]
pub struct Problem {
    operator: Arc<dyn Operator>,
    y: Tensor<4>,
    sigma: f64,
    beginning: Option<Tensor<4>>,
}

impl Problem {
    /// The measurement `y`, `[batch, ...]` of the operator's output, of noise with the standard deviation `sigma` in the units
    /// of models (see [`crate::units`]); 0: none.
    ///
    /// # Errors
    /// Usage: a measurement of another shape, a `sigma` that is negative or not finite.
    pub fn new(operator: Box<dyn Operator>, y: Tensor<4>, sigma: f64) -> Result<Self> {
        let [_, c, h, w] = y.dims();
        if [c, h, w] != operator.output() {
            return Err(Error::usage(format!(
                "the measurement has channels, height and width {:?}, and the operator gives {:?}",
                [c, h, w],
                operator.output()
            )));
        }
        if !(sigma.is_finite() && sigma >= 0.0) {
            return Err(Error::usage(format!("a noise of {sigma} must be at least 0")));
        }
        Ok(Self { operator: Arc::from(operator), y, sigma, beginning: None })
    }

    /// The problem of a range of the images.
    #[must_use]
    pub fn part(&self, images: Range<usize>) -> Self {
        let y = self.y.clone().slice_dim(0, images.clone());
        let beginning = self.beginning.clone().map(|x| x.slice_dim(0, images));
        Self { operator: Arc::clone(&self.operator), y, sigma: self.sigma, beginning }
    }

    /// The problem with clean images, `[batch, ...]` of [`Problem::shape`], that a walk begins with, under the noise of its first
    /// level, in place of noise alone ([`crate::Method::begins`]).
    ///
    /// # Panics
    /// If the shape is another.
    #[must_use]
    pub fn beginning_with(&self, x: Tensor<4>) -> Self {
        let [c, h, w] = self.shape();
        assert_eq!(x.dims(), [self.batch(), c, h, w], "another shape of image");
        Self { beginning: Some(x), ..self.repeated(self.y()) }
    }

    /// What a walk begins with, where it is not noise alone.
    pub fn beginning(&self) -> Option<Tensor<4>> {
        self.beginning.clone()
    }

    /// The problem of as many images as there are measurements `y`, `[batch, ...]`.
    ///
    /// # Panics
    /// If the measurements have another shape.
    #[must_use]
    pub fn repeated(&self, y: Tensor<4>) -> Self {
        assert_eq!(y.dims()[1..], self.y.dims()[1..], "another shape of measurement");
        Self { operator: Arc::clone(&self.operator), y, sigma: self.sigma, beginning: None }
    }

    /// The problem with another measurement of the same shape.
    ///
    /// # Panics
    /// If the shape is another.
    #[must_use]
    pub fn with_measurement(&self, y: Tensor<4>) -> Self {
        assert_eq!(y.dims(), self.y.dims(), "another shape of measurement");
        Self { operator: Arc::clone(&self.operator), y, sigma: self.sigma, beginning: self.beginning() }
    }

    /// The operator.
    pub fn operator(&self) -> &dyn Operator {
        self.operator.as_ref()
    }

    /// The measurement.
    pub fn y(&self) -> Tensor<4> {
        self.y.clone()
    }

    /// The standard deviation of the noise, in the units of models.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// How many images.
    pub fn batch(&self) -> usize {
        self.y.dims()[0]
    }

    /// The shape of one image.
    pub fn shape(&self) -> Shape {
        self.operator.input()
    }

    /// The shape of one measurement.
    pub fn measured_shape(&self) -> Shape {
        self.operator.output()
    }

    /// `A(x)`.
    pub fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        each(&x, self.measured_shape(), |x, _| self.operator.apply(x))
    }

    /// `y - A(x)`.
    pub fn residual(&self, x: Tensor<4>) -> Tensor<4> {
        let hidden = self.operator.measured();
        each_with(&x, &self.y, self.measured_shape(), |x, y| {
            let mut residual: Vec<f64> = y.iter().zip(self.operator.apply(x)).map(|(y, a)| y - a).collect();
            if let Some(measured) = hidden {
                residual.iter_mut().zip(measured).filter(|(_, m)| !**m).for_each(|(r, _)| *r = 0.0);
            }
            residual
        })
    }

    /// `v^T dA/dx` at `x` ([`Operator::pull`]): of the shape of images.
    pub fn pull(&self, x: Tensor<4>, v: Tensor<4>) -> Tensor<4> {
        each_with(&x, &v, self.shape(), |x, v| self.operator.pull(x, v))
    }

    /// `G(y)` with `A(G(A(x))) = A(x)` for any measurements ([`Operator::generalised_inverse`]); it also exists for operators
    /// that are not linear, such as JPEG.
    ///
    /// # Errors
    /// Usage: the operator has none.
    pub fn generalised_inverse(&self, y: Tensor<4>) -> Result<Tensor<4>> {
        let one = vec![0.0; self.measured_shape().iter().product()];
        if self.operator.linear().is_none() && self.operator.generalised_inverse(&one).is_none() {
            return Err(Error::usage("the operator has no inverse of any kind, and this method needs one")
                .hint("use a method that follows any operator, such as dps or daps"));
        }
        Ok(each(&y, self.shape(), |y, _| self.operator.generalised_inverse(y).expect("just asked")))
    }

    /// The problem as a linear one.
    ///
    /// # Errors
    /// Usage: the operator is not linear.
    pub fn linear(&self) -> Result<LinearProblem<'_>> {
        let linear = self.operator.linear().ok_or_else(|| {
            Error::usage("the operator is not linear, and this method needs one that is")
                .hint("use a method that follows any operator, such as dps or daps")
        })?;
        Ok(LinearProblem { problem: self, linear })
    }

    /// The decomposition of the problem.
    ///
    /// # Errors
    /// Usage: the operator is not linear, or its singular value decomposition is not known.
    pub fn spectrum(&self) -> Result<Spectrum<'_>> {
        let spectral = self.linear()?.linear.spectral().ok_or_else(|| {
            Error::usage("the singular values of this operator are not known, and this method needs them")
                .hint("use a method that does without, such as ddnm or diffpir")
        })?;
        Ok(Spectrum { problem: self, spectral })
    }
}

/// A [`Problem`] whose operator is a matrix.
#[derive(Debug, Clone, Copy)]
pub struct LinearProblem<'a> {
    problem: &'a Problem,
    linear: &'a dyn Linear,
}

impl LinearProblem<'_> {
    /// `A^T y` for any measurements.
    pub fn adjoint(&self, y: Tensor<4>) -> Tensor<4> {
        each(&y, self.problem.shape(), |y, _| self.linear.adjoint(y))
    }

    /// `A+ y` for any measurements ([`Linear::pseudo_inverse`]).
    pub fn pseudo_inverse(&self, y: Tensor<4>) -> Tensor<4> {
        each(&y, self.problem.shape(), |y, _| self.linear.pseudo_inverse(y))
    }

    /// `A+ y` for the problem's own measurement.
    pub fn start(&self) -> Tensor<4> {
        self.pseudo_inverse(self.problem.y())
    }

    /// `x + A+ (y - A x)`: the nearest image to `x` that agrees with the measurement (DDNM's eq. 13).
    pub fn consistent(&self, x: Tensor<4>) -> Tensor<4> {
        x.clone() + self.pseudo_inverse(self.problem.residual(x))
    }

    /// `argmin_x |y - A x|^2 + rho |x - z|^2` for the problem's own measurement and `rho > 0` ([`Linear::prox`]).
    pub fn prox(&self, z: Tensor<4>, rho: f64) -> Tensor<4> {
        each_with(&z, &self.problem.y, self.problem.shape(), |z, y| self.linear.prox(y, z, rho))
    }
}

/// A [`Problem`] in the coordinates of the singular value decomposition `A = U S V^T`.
///
/// Coefficients have the shape of images, `[batch, channels, height, width]`, in an order of the operator's own.
#[derive(Debug, Clone, Copy)]
pub struct Spectrum<'a> {
    problem: &'a Problem,
    spectral: &'a dyn Spectral,
}

impl Spectrum<'_> {
    /// The singular value of each coefficient, on the host; 0 for those up to [`Spectral::cutoff`].
    pub fn values(&self) -> Vec<f64> {
        let cutoff = self.spectral.cutoff();
        self.spectral.values().iter().map(|s| if *s > cutoff { *s } else { 0.0 }).collect()
    }

    /// One number for each coefficient, made from its singular value, as a tensor `[1, channels, height, width]`.
    pub fn map(&self, of: impl Fn(f64) -> f64) -> Tensor<4> {
        let [c, h, w] = self.problem.shape();
        let values: Vec<f32> = self.values().into_iter().map(|s| of(s) as f32).collect();
        Tensor::from_data(TensorData::new(values, [1, c, h, w]), &self.problem.y.device())
    }

    /// `V^T x`.
    pub fn analyse(&self, x: Tensor<4>) -> Tensor<4> {
        each(&x, self.problem.shape(), |x, _| self.spectral.analyse(x))
    }

    /// `V c`.
    pub fn synthesise(&self, coefficients: Tensor<4>) -> Tensor<4> {
        each(&coefficients, self.problem.shape(), |c, _| self.spectral.synthesise(c))
    }

    /// `U^T y` of the problem's measurement; 0 where the singular value counts as 0.
    pub fn measured(&self) -> Tensor<4> {
        let values = self.values();
        each(&self.problem.y, self.problem.shape(), |y, _| {
            let mut coefficients = self.spectral.measure(y);
            coefficients.iter_mut().zip(&values).filter(|(_, s)| **s == 0.0).for_each(|(c, _)| *c = 0.0);
            coefficients
        })
    }
}

/// `of` for every image of `x` by itself.
fn each(x: &Tensor<4>, shape: Shape, of: impl Fn(&[f64], usize) -> Vec<f64> + Sync) -> Tensor<4> {
    let batch = x.dims()[0];
    let values = host(x);
    let size = values.len() / batch.max(1);
    let made: Vec<f64> =
        (0..batch).into_par_iter().flat_map_iter(|k| of(&values[k * size..][..size], k)).collect();
    back(made, batch, shape, x)
}

/// `of` for every pair of images; one alone in `b` goes with all of `a`.
fn each_with(
    a: &Tensor<4>,
    b: &Tensor<4>,
    shape: Shape,
    of: impl Fn(&[f64], &[f64]) -> Vec<f64> + Sync,
) -> Tensor<4> {
    let (count, other) = (a.dims()[0], b.dims()[0]);
    assert!(other == count || other == 1, "batches of {count} and {other} do not go together");
    let values = host(b);
    let size = values.len() / other.max(1);
    each(a, shape, |a, k| of(a, &values[(k % other) * size..][..size]))
}

fn host(x: &Tensor<4>) -> Vec<f64> {
    x.clone().into_data().convert::<f64>().try_to_vec().expect("just converted")
}

fn back(values: Vec<f64>, batch: usize, [c, h, w]: Shape, like: &Tensor<4>) -> Tensor<4> {
    let (device, shape) = (like.device(), [batch, c, h, w]);
    if like.dtype() == DType::F64 {
        return Tensor::from_data(TensorData::new(values, shape), (&device, DType::F64));
    }
    let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &device)
}
