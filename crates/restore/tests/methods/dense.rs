//! Operators as matrices, with everything about them from linear algebra: what the ladder of a real operator has to come to.

use langevin_restore::{Linear, Operator, Shape, Spectral};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

pub type Matrix = DMatrix<f64>;
pub type Vector = DVector<f64>;

/// The side of the images of these tests.
pub const SIDE: usize = 4;
/// The shape of the images of these tests.
pub const SHAPE: Shape = [1, SIDE, SIDE];
/// The values of an image.
pub const COUNT: usize = SIDE * SIDE;

/// An operator that is a matrix, with its decomposition.
#[derive(Debug, Clone)]
pub struct Dense {
    pub matrix: Matrix,
    output: Shape,
    measured: Option<Vec<bool>>,
    v: Matrix,
    u: Matrix,
    values: Vec<f64>,
    identity: bool,
    spectral: bool,
}

impl Dense {
    fn new(matrix: Matrix, output: Shape) -> Self {
        let eigen = SymmetricEigen::new(matrix.transpose() * &matrix);
        let values: Vec<f64> =
            eigen.eigenvalues.iter().map(|e| if *e > 1e-12 { e.sqrt() } else { 0.0 }).collect();
        let v = eigen.eigenvectors;
        let inverse = |s: &f64| if *s > 0.0 { 1.0 / s } else { 0.0 };
        let scales = Vector::from_iterator(COUNT, values.iter().map(inverse));
        let u = &matrix * &v * Matrix::from_diagonal(&scales);
        Self { matrix, output, measured: None, v, u, values, identity: false, spectral: true }
    }

    pub fn identity() -> Self {
        Self { identity: true, ..Self::new(Matrix::identity(COUNT, COUNT), SHAPE) }
    }

    /// The middle is hidden.
    pub fn mask() -> Self {
        let kept = |i: usize| !((1..3).contains(&(i / SIDE)) && (1..3).contains(&(i % SIDE)));
        let matrix = Matrix::from_fn(COUNT, COUNT, |i, j| f64::from(u8::from(i == j && kept(i))));
        Self { measured: Some((0..COUNT).map(kept).collect()), ..Self::new(matrix, SHAPE) }
    }

    /// Means of blocks of two by two.
    pub fn average() -> Self {
        let half = SIDE / 2;
        let block = |i: usize, j: usize| (j / SIDE / 2, j % SIDE / 2) == (i / half, i % half);
        let matrix = Matrix::from_fn(COUNT / 4, COUNT, |i, j| if block(i, j) { 0.25 } else { 0.0 });
        Self::new(matrix, [1, half, half])
    }

    /// A circular Gaussian blur.
    pub fn blur() -> Self {
        let ring = |a: usize, b: usize| {
            let d = a.abs_diff(b).min(SIDE - a.abs_diff(b)) as f64;
            (-d * d / (2.0 * 0.6 * 0.6)).exp()
        };
        let raw = Matrix::from_fn(COUNT, COUNT, |i, j| ring(i / SIDE, j / SIDE) * ring(i % SIDE, j % SIDE));
        let sum = raw.row(0).sum();
        Self::new(raw / sum, SHAPE)
    }

    /// The four with their names.
    pub fn all() -> [(&'static str, Self); 4] {
        [
            ("identity", Self::identity()),
            ("mask", Self::mask()),
            ("average", Self::average()),
            ("blur", Self::blur()),
        ]
    }

    /// The same without its decomposition.
    pub fn without_spectrum(self) -> Self {
        Self { spectral: false, ..self }
    }

    /// `A+`.
    pub fn inverse(&self) -> Matrix {
        let scale = |s: &f64| if *s > 0.0 { 1.0 / s } else { 0.0 };
        let scales = Vector::from_iterator(COUNT, self.values.iter().map(scale));
        &self.v * Matrix::from_diagonal(&scales) * self.u.transpose()
    }

    /// A matrix that multiplies each singular direction by a function of its singular value.
    pub fn spectral(&self, of: impl Fn(f64) -> f64) -> Matrix {
        let scales = Vector::from_iterator(COUNT, self.values.iter().map(|s| of(*s)));
        &self.v * Matrix::from_diagonal(&scales) * self.v.transpose()
    }
}

fn values(x: Vector) -> Vec<f64> {
    x.as_slice().to_vec()
}

fn vector(x: &[f64]) -> Vector {
    Vector::from_column_slice(x)
}

impl Operator for Dense {
    fn input(&self) -> Shape {
        SHAPE
    }

    fn output(&self) -> Shape {
        self.output
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        values(&self.matrix * vector(x))
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        self.adjoint(v)
    }

    fn measured(&self) -> Option<&[bool]> {
        self.measured.as_deref()
    }

    fn linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }

    fn is_identity(&self) -> bool {
        self.identity
    }
}

impl Linear for Dense {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        values(self.matrix.transpose() * vector(y))
    }

    fn spectral(&self) -> Option<&dyn Spectral> {
        self.spectral.then_some(self as &dyn Spectral)
    }
}

impl Spectral for Dense {
    fn values(&self) -> &[f64] {
        &self.values
    }

    fn analyse(&self, x: &[f64]) -> Vec<f64> {
        values(self.v.transpose() * vector(x))
    }

    fn synthesise(&self, coefficients: &[f64]) -> Vec<f64> {
        values(&self.v * vector(coefficients))
    }

    fn measure(&self, y: &[f64]) -> Vec<f64> {
        values(self.u.transpose() * vector(y))
    }
}

/// An operator that is not linear: values are clipped to [-0.5, 0.5].
#[derive(Debug)]
pub struct Clip;

impl Operator for Clip {
    fn input(&self) -> Shape {
        SHAPE
    }

    fn output(&self) -> Shape {
        SHAPE
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        x.iter().map(|x| x.clamp(-0.5, 0.5)).collect()
    }

    fn pull(&self, x: &[f64], v: &[f64]) -> Vec<f64> {
        x.iter().zip(v).map(|(x, v)| if x.abs() <= 0.5 { *v } else { 0.0 }).collect()
    }
}
