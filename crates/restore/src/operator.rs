//! What an operator is: a ladder from `apply` to the singular value decomposition.
//!
//! An operator works on one image on the host in f64, as channels, rows, columns. [`crate::Problem`] lifts it to batches
//! of tensors.

use std::fmt::Debug;

use langevin_core::{Image, Result};

use crate::conjugate;

/// `[channels, height, width]` of an image or of a measurement.
pub type Shape = [usize; 3];

/// What an entry of [`crate::OPERATORS`] makes: an operator that waits for the shape of its images.
pub trait Degradation: Debug + Send + Sync {
    /// The operator for images of `shape`. Masks and kernels in files come from `images`.
    ///
    /// # Errors
    /// Usage: a shape that does not go with the options (a scale that does not divide, a kernel larger than the image).
    /// Bad input: a file that does not fit.
    fn on(&self, shape: Shape, images: &dyn Images) -> Result<Box<dyn Operator>>;
}

/// Where masks and kernels come from: this crate opens no files.
pub trait Images {
    /// The image in the file `name`.
    ///
    /// # Errors
    /// Bad input: missing or unreadable.
    fn open(&self, name: &str) -> Result<Image>;

    /// Takes a sentence on how an image was understood, where that is not plain.
    fn note(&self, _sentence: String) {}
}

/// No images at all.
#[derive(Debug, Clone, Copy)]
pub struct NoImages;

impl Images for NoImages {
    fn open(&self, name: &str) -> Result<Image> {
        Err(langevin_core::Error::bad_input(format!("{name}: no files can be opened here")))
    }
}

impl<F: Fn(&str) -> Result<Image>> Images for F {
    fn open(&self, name: &str) -> Result<Image> {
        self(name)
    }
}

/// The first rung: what happened to an image, linear or not.
///
/// Every slice has as many values as its shape, in the order of memory (channel, row, column), in [-1, 1] for black to white.
pub trait Operator: Debug + Send + Sync {
    /// The shape of images.
    fn input(&self) -> Shape;

    /// The shape of measurements.
    fn output(&self) -> Shape;

    /// `A(x)`, the measurement without noise.
    fn apply(&self, x: &[f64]) -> Vec<f64>;

    /// `v^T dA/dx` at `x`: of the shape of images for a `v` of the shape of measurements. Where `A` has no derivative it
    /// is that of the surrogate which the operator documents.
    fn pull(&self, x: &[f64], v: &[f64]) -> Vec<f64>;

    /// For each value of a measurement whether it says anything (a mask says nothing where it hides); absent: all do.
    /// [`Operator::apply`] gives 0 where it is false, and noise there counts for nothing.
    fn measured(&self) -> Option<&[bool]> {
        None
    }

    /// The second rung, if the operator is linear.
    fn linear(&self) -> Option<&dyn Linear> {
        None
    }

    /// `G(y)` with `A(G(A(x))) = A(x)`, at least nearly: `A+ y` if the operator is linear, and what stands for it where a
    /// non-linear one has such a thing.
    fn generalised_inverse(&self, y: &[f64]) -> Option<Vec<f64>> {
        self.linear().map(|linear| linear.pseudo_inverse(y))
    }

    /// Whether `A(x) = x`.
    fn is_identity(&self) -> bool {
        false
    }

    /// Whether a measurement shows the values of the image as they are where [`Operator::measured`] says so, and nothing
    /// elsewhere.
    fn is_mask(&self) -> bool {
        false
    }
}

/// The second rung: a matrix `A`.
pub trait Linear: Operator {
    /// `A^T y`.
    fn adjoint(&self, y: &[f64]) -> Vec<f64>;

    /// The third rung, if the decomposition is known.
    fn spectral(&self) -> Option<&dyn Spectral> {
        None
    }

    /// `A+ y`: of the images with the least `|y - A x|` the one of least norm. By the decomposition, leaving out singular
    /// values up to [`Spectral::cutoff`]; without one by conjugate gradients, until the gradient of `|y - A x|^2` has fallen to
    /// 1e-10 of its size at `x = 0`, or 300 iterations.
    fn pseudo_inverse(&self, y: &[f64]) -> Vec<f64> {
        match self.spectral() {
            Some(spectral) => {
                let divided = |(c, s): (f64, &f64)| if *s > spectral.cutoff() { c / s } else { 0.0 };
                let coefficients = spectral.measure(y).into_iter().zip(spectral.values()).map(divided);
                spectral.synthesise(&coefficients.collect::<Vec<_>>())
            }
            None => conjugate::least_squares(&|x| self.apply(x), &|y| self.adjoint(y), y),
        }
    }

    /// `argmin_x |y - A x|^2 + rho |x - z|^2` for `rho > 0`. By the decomposition; without one by conjugate gradients, until
    /// the residual of the normal equations has fallen to 1e-10 of its size at `x = z`, or 300 iterations.
    fn prox(&self, y: &[f64], z: &[f64], rho: f64) -> Vec<f64> {
        match self.spectral() {
            Some(spectral) => {
                let mut coefficients = spectral.analyse(z);
                let measured = spectral.measure(y);
                for ((c, m), s) in coefficients.iter_mut().zip(measured).zip(spectral.values()) {
                    *c = (s * m + rho * *c) / (s * s + rho);
                }
                spectral.synthesise(&coefficients)
            }
            None => conjugate::regularised(&|x| self.apply(x), &|y| self.adjoint(y), y, z, rho),
        }
    }

    /// Whether [`Linear::prox`] and [`Linear::pseudo_inverse`] take no iterations.
    fn is_direct(&self) -> bool {
        self.spectral().is_some()
    }
}

/// The third rung: `A = U S V^T` with `U` and `V` orthonormal and real.
///
/// There is one coefficient for each value of an image, in an order of the operator's own; its singular value is 0 in the
/// null space of `A`.
pub trait Spectral: Debug + Send + Sync {
    /// The singular values, at least 0, one for each value of an image, in the order of coefficients.
    fn values(&self) -> &[f64];

    /// `V^T x`.
    fn analyse(&self, x: &[f64]) -> Vec<f64>;

    /// `V c`.
    fn synthesise(&self, coefficients: &[f64]) -> Vec<f64>;

    /// `U^T y`, in the order of coefficients; 0 where the singular value is 0.
    fn measure(&self, y: &[f64]) -> Vec<f64>;

    /// Singular values up to this count as 0 where they would be divided by.
    fn cutoff(&self) -> f64 {
        1e-9
    }
}
