//! The Frechet distance between Gaussians fitted to the features of two sets: Dowson and Landau 1982; Heusel et al. 2017
//! (arXiv 1706.08500, eq. 6), as pytorch-fid computes it: covariances divided by `n - 1`,
//! `|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`.
//!
//! `tr (C1 C2)^(1/2)` is the sum of the singular values of `A^T B`, where `C1 = A A^T` and `C2 = B B^T`: in f64, and sound
//! where covariances are singular. (A general matrix root is not.)
//!
//! The distance is biased upwards, the more so the fewer images there are: compare it only with numbers of the same `n`,
//! first of all the floor beside it.

use std::ops::Range;

use langevin_core::registry::{Entry, OptionDoc, Options};
use langevin_core::{Error, Result};
use nalgebra::DMatrix;
use rayon::prelude::*;

use super::require;
use crate::metric::{Better, Case, Measured, Metric, Needs, Value};
use crate::moments::Moments;
use crate::rows::Rows;
use crate::statistics::{group, jackknife};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "frechet",
    aliases: &["fid", "fd"],
    summary: "Frechet distance of Gaussians fitted to the features (FID, when these are Inception's)",
    source: "Heusel et al. 2017, eq. 6 (arXiv 1706.08500)",
    options: &[OptionDoc {
        key: "groups",
        default: "8",
        doc: "groups of the jackknife that gives the error bar; 0 gives none",
    }],
    build: |options| Ok(Box::new(Frechet::new(options)?)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Frechet {
    groups: usize,
}

impl Frechet {
    fn new(options: &Options) -> Result<Self> {
        let groups: usize = options.get("groups")?;
        if groups == 1 || groups > 1000 {
            return Err(Error::usage(format!("frechet: option groups={groups} must be 0, or 2 to 1000")));
        }
        Ok(Self { groups })
    }
}

impl Metric for Frechet {
    fn values(&self) -> &'static [&'static str] {
        &["frechet"]
    }

    fn needs(&self) -> Needs {
        Needs { features: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        require(case, 2.max(2 * self.groups))?;
        let (judged, reference) = (&case.judged.rows, &case.reference.rows);
        let nothing = [0..0, 0..0];
        let groups = self.groups;
        let part = move |g: usize| [judged, reference].map(|rows| group(g, groups, rows.len()));
        let (value, left_out): (f64, Box<dyn Fn(usize) -> f64 + Sync>);
        if judged.len().max(reference.len()) <= judged.width() {
            value = distance_of_few(judged, reference, nothing);
            left_out = Box::new(move |g| distance_of_few(judged, reference, part(g)));
        } else {
            let whole = [judged, reference].map(|rows| Moments::of(rows, 0, rows.len()));
            value = distance(&whole[0], &whole[1]);
            left_out = Box::new(move |g| {
                let [first, second] = part(g);
                let first = whole[0].without(&Moments::of(judged, first.start, first.end));
                distance(&first, &whole[1].without(&Moments::of(reference, second.start, second.end)))
            });
        }
        let left_out: Vec<f64> = (0..self.groups).into_par_iter().map(&left_out).collect();
        if !value.is_finite() || !left_out.iter().all(|value| value.is_finite()) {
            return Err(Error::failed("frechet: the singular values of the features were not found")
                .hint("give more images, or other features"));
        }
        let error = (self.groups > 0).then(|| jackknife(&left_out));
        let count = case.judged.len();
        let value = Value { name: "frechet", value, error, count, better: Better::Lower };
        Ok(Measured { values: vec![value], nearest: Vec::new() })
    }
}

/// The Frechet distance of the Gaussians fitted to two sets that have fewer rows than numbers in a row, some rows left out:
/// `tr (C1 C2)^(1/2)` is the sum of the singular values of the products of all rows, which is the smaller problem then.
fn distance_of_few(a: &Rows, b: &Rows, out: [Range<usize>; 2]) -> f64 {
    let centred = |rows: &Rows, out: &Range<usize>| {
        let kept: Vec<usize> = (0..rows.len()).filter(|index| !out.contains(index)).collect();
        let values = kept.iter().flat_map(|index| rows.row(*index).iter().map(|value| f64::from(*value)));
        let mut x = DMatrix::from_iterator(rows.width(), kept.len(), values);
        let mean = x.column_mean();
        x.column_iter_mut().for_each(|mut column| column -= &mean);
        (x / (kept.len() as f64 - 1.0).sqrt(), mean)
    };
    let ((a, mean_a), (b, mean_b)) = (centred(a, &out[0]), centred(b, &out[1]));
    let root: f64 = (a.transpose() * &b).singular_values().iter().sum();
    (mean_a - mean_b).norm_squared() + a.norm_squared() + b.norm_squared() - 2.0 * root
}

/// The Frechet distance of two Gaussians.
fn distance(a: &Moments, b: &Moments) -> f64 {
    let (first, second) = (a.covariance(), b.covariance());
    let apart = (a.mean() - b.mean()).norm_squared();
    apart + first.trace() + second.trace() - 2.0 * root_trace(&first, &second)
}

/// `tr (C1 C2)^(1/2)` of two covariances: with `C1 = A A^T` and `C2 = B B^T`, the sum of the singular values of `A^T B`.
fn root_trace(first: &DMatrix<f64>, second: &DMatrix<f64>) -> f64 {
    let (a, b) = (factor(first), factor(second));
    if a.ncols() == 0 || b.ncols() == 0 {
        return 0.0;
    }
    (a.transpose() * b).singular_values().iter().sum()
}

/// `A` with `C = A A^T`, as many columns as `c` has rank: Cholesky's factor with pivots (Higham 2002, section 10.3), which a
/// covariance of few images, or with features that do not vary, has too.
fn factor(c: &DMatrix<f64>) -> DMatrix<f64> {
    let size = c.nrows();
    let mut rest: Vec<f64> = c.diagonal().iter().copied().collect();
    let largest = rest.iter().copied().fold(0.0, f64::max);
    let rounding = largest * size as f64 * f64::EPSILON;
    // Columns of `rows` are the rows of the factor, so that each is read in one piece.
    let mut rows = DMatrix::<f64>::zeros(size, size);
    let mut rank = 0;
    while rank < size {
        let pivot = (0..size).fold(0, |best, at| if rest[at] > rest[best] { at } else { best });
        if rest[pivot] <= rounding {
            break;
        }
        let root = rest[pivot].sqrt();
        let known = rows.view((0, 0), (rank, size));
        let dots = known.tr_mul(&known.column(pivot));
        for (at, rest) in rest.iter_mut().enumerate() {
            let value = match *rest {
                _ if at == pivot => root,
                f64::NEG_INFINITY => 0.0,
                _ => (c[(at, pivot)] - dots[at]) / root,
            };
            rows[(rank, at)] = value;
            *rest -= value * value;
        }
        // A pivot is used up, whatever rounding leaves of it.
        rest[pivot] = f64::NEG_INFINITY;
        rank += 1;
    }
    rows.rows(0, rank).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_gives_its_matrix_back_whatever_its_rank() {
        for (rank, size) in [(3, 9), (9, 9), (1, 4)] {
            let x =
                DMatrix::from_fn(size, rank, |i, j| ((i * 31 + j * 17 + i * i * j) % 23) as f64 / 7.0 - 1.0);
            let mut c = &x * x.transpose();
            c.row_mut(2).fill(0.0);
            c.column_mut(2).fill(0.0);
            let found = factor(&c);
            assert!(found.ncols() <= rank, "{} of {rank}", found.ncols());
            assert!((&found * found.transpose() - c).amax() < 1e-10);
        }
    }

    #[test]
    fn few_rows_give_what_their_moments_give() {
        let make = |salt: usize| {
            let values = (0..12 * 20).map(|i| ((i * 7919 + salt * 101) % 1009) as f32 / 300.0).collect();
            Rows::new(20, values).unwrap()
        };
        let (a, b) = (make(1), make(2));
        let by_moments = distance(&Moments::of(&a, 0, 12), &Moments::of(&b, 0, 12));
        assert!((distance_of_few(&a, &b, [0..0, 0..0]) - by_moments).abs() < 1e-6 * by_moments);
        let by_moments = distance(&Moments::of(&a, 0, 9), &Moments::of(&b, 2, 12));
        assert!((distance_of_few(&a, &b, [9..12, 0..2]) - by_moments).abs() < 1e-6 * by_moments);
    }
}
