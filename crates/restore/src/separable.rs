//! Operators that work on columns and rows by themselves, `Y = H X W^T` in every channel: resampling, and blur by a product of
//! two kernels, whatever happens at the border.
//!
//! The decomposition of such an operator is that of its two small matrices, which is found when it is first asked for.

use std::sync::OnceLock;

use nalgebra::{DMatrix, SymmetricEigen};

use crate::operator::{Linear, Operator, Shape, Spectral};

/// A small matrix, row by row; each row is a run of weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    /// The length of the input.
    pub(crate) input: usize,
    /// Where each row's weights begin, and the weights.
    pub(crate) rows: Vec<(usize, Vec<f64>)>,
}

/// An operator of two such matrices.
#[derive(Debug)]
pub(crate) struct Separable {
    channels: usize,
    down: Rows,
    across: Rows,
    cutoff: f64,
    bases: OnceLock<Bases>,
}

#[derive(Debug)]
struct Bases {
    down: Basis,
    across: Basis,
    values: Vec<f64>,
}

/// `A = U S V^T` of one small matrix: `v` is square, `u` holds the columns that have a singular value.
#[derive(Debug, Clone)]
struct Basis {
    v: DMatrix<f64>,
    u: DMatrix<f64>,
    values: Vec<f64>,
}

impl Rows {
    /// Each row from its weights at all positions, given as (position, weight) pairs; the same position may come again.
    pub(crate) fn gather(input: usize, rows: impl IntoIterator<Item = Vec<(usize, f64)>>) -> Self {
        let row = |pairs: Vec<(usize, f64)>| {
            let used = || pairs.iter().filter(|(_, w)| *w != 0.0).map(|(at, _)| *at);
            let (first, last) = (used().min().unwrap_or(0), used().max().unwrap_or(0));
            let mut weights = vec![0.0; last - first + 1];
            pairs.iter().filter(|(_, w)| *w != 0.0).for_each(|(at, w)| weights[at - first] += w);
            (first, weights)
        };
        Self { input, rows: rows.into_iter().map(row).collect() }
    }

    fn output(&self) -> usize {
        self.rows.len()
    }

    fn dense(&self) -> DMatrix<f64> {
        let mut dense = DMatrix::zeros(self.output(), self.input);
        for (i, (first, weights)) in self.rows.iter().enumerate() {
            weights.iter().enumerate().for_each(|(k, w)| dense[(i, first + k)] = *w);
        }
        dense
    }

    /// From the eigenvectors of `A^T A`, whose values are accurate to about 1e-8 of the largest; what is below 1e-7 of it is
    /// 0.
    fn basis(&self) -> Basis {
        let a = self.dense();
        let eigen = SymmetricEigen::new(a.tr_mul(&a));
        let mut order: Vec<usize> = (0..self.input).collect();
        order.sort_by(|i, j| eigen.eigenvalues[*j].total_cmp(&eigen.eigenvalues[*i]));
        let v =
            DMatrix::from_fn(self.input, self.input, |row, column| eigen.eigenvectors[(row, order[column])]);
        let mut values: Vec<f64> = order.iter().map(|k| eigen.eigenvalues[*k].max(0.0).sqrt()).collect();
        let least = values[0] * 1e-7;
        values.iter_mut().filter(|s| **s <= least).for_each(|s| *s = 0.0);
        let rank = values.iter().filter(|s| **s > 0.0).count();
        let mut u = a * v.columns(0, rank);
        u.column_iter_mut().zip(&values).for_each(|(mut column, s)| column /= *s);
        Basis { v, u, values }
    }
}

impl Separable {
    /// Images of `channels` channels; singular values up to `cutoff` count as 0.
    pub(crate) fn new(channels: usize, down: Rows, across: Rows, cutoff: f64) -> Self {
        Self { channels, down, across, cutoff, bases: OnceLock::new() }
    }

    fn bases(&self) -> &Bases {
        self.bases.get_or_init(|| {
            let down = self.down.basis();
            let across = if self.across == self.down { down.clone() } else { self.across.basis() };
            let plane = down.values.iter().flat_map(|d| across.values.iter().map(move |a| d * a));
            let plane: Vec<f64> = plane.collect();
            let values = plane.repeat(self.channels);
            Bases { down, across, values }
        })
    }

    /// `left X right^T` for every channel `X`, row by row in memory.
    fn both(x: &[f64], shape: (usize, usize), left: &DMatrix<f64>, right: &DMatrix<f64>) -> Vec<f64> {
        let (height, width) = shape;
        let channel = |plane: &[f64]| {
            // Memory in rows is the transpose of a matrix in columns: right (X^T) left^T.
            let transposed = DMatrix::from_column_slice(width, height, plane);
            let made = right * transposed * left.transpose();
            made.as_slice().to_vec()
        };
        x.chunks_exact(height * width).flat_map(channel).collect()
    }
}

impl Operator for Separable {
    fn input(&self) -> Shape {
        [self.channels, self.down.input, self.across.input]
    }

    fn output(&self) -> Shape {
        [self.channels, self.down.output(), self.across.output()]
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let (height, width) = (self.down.input, self.across.input);
        let narrow = self.across.output();
        let mut y = Vec::with_capacity(self.output().iter().product());
        for plane in x.chunks_exact(height * width) {
            let weighed = |row: &[f64], (first, weights): &(usize, Vec<f64>)| -> f64 {
                row[*first..].iter().zip(weights).map(|(x, w)| x * w).sum()
            };
            let across: Vec<f64> = plane
                .chunks_exact(width)
                .flat_map(|row| self.across.rows.iter().map(move |weights| weighed(row, weights)))
                .collect();
            for (first, weights) in &self.down.rows {
                let mut made = vec![0.0; narrow];
                for (row, w) in across.chunks_exact(narrow).skip(*first).zip(weights) {
                    made.iter_mut().zip(row).for_each(|(made, x)| *made += w * x);
                }
                y.extend(made);
            }
        }
        y
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        self.adjoint(v)
    }

    fn linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }
}

impl Linear for Separable {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        let (height, width) = (self.down.input, self.across.input);
        let (low, narrow) = (self.down.output(), self.across.output());
        let mut x = Vec::with_capacity(self.input().iter().product());
        for plane in y.chunks_exact(low * narrow) {
            let mut tall = vec![0.0; height * narrow];
            for (row, (first, weights)) in plane.chunks_exact(narrow).zip(&self.down.rows) {
                for (out, w) in tall.chunks_exact_mut(narrow).skip(*first).zip(weights) {
                    out.iter_mut().zip(row).for_each(|(out, y)| *out += w * y);
                }
            }
            for row in tall.chunks_exact(narrow) {
                let mut wide = vec![0.0; width];
                for (y, (first, weights)) in row.iter().zip(&self.across.rows) {
                    wide[*first..].iter_mut().zip(weights).for_each(|(x, w)| *x += w * y);
                }
                x.extend(wide);
            }
        }
        x
    }

    fn spectral(&self) -> Option<&dyn Spectral> {
        Some(self)
    }
}

impl Spectral for Separable {
    fn values(&self) -> &[f64] {
        &self.bases().values
    }

    fn analyse(&self, x: &[f64]) -> Vec<f64> {
        let Bases { down, across, .. } = self.bases();
        Self::both(x, (self.down.input, self.across.input), &down.v.transpose(), &across.v.transpose())
    }

    fn synthesise(&self, coefficients: &[f64]) -> Vec<f64> {
        let Bases { down, across, .. } = self.bases();
        Self::both(coefficients, (self.down.input, self.across.input), &down.v, &across.v)
    }

    fn measure(&self, y: &[f64]) -> Vec<f64> {
        let Bases { down, across, .. } = self.bases();
        let shape = (self.down.output(), self.across.output());
        let small = Self::both(y, shape, &down.u.transpose(), &across.u.transpose());
        let (tall, wide) = (down.u.ncols(), across.u.ncols());
        let mut coefficients = vec![0.0; self.input().iter().product()];
        let planes = coefficients.chunks_exact_mut(self.down.input * self.across.input);
        for (plane, small) in planes.zip(small.chunks_exact(tall * wide)) {
            for (row, small) in plane.chunks_exact_mut(self.across.input).zip(small.chunks_exact(wide)) {
                row[..wide].copy_from_slice(small);
            }
        }
        coefficients
    }

    fn cutoff(&self) -> f64 {
        self.cutoff
    }
}
