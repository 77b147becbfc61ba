//! The Frechet distance between Gaussians fitted to the features of two sets: Dowson and Landau 1982; Heusel et al. 2017
//! (arXiv 1706.08500, eq. 6), as pytorch-fid computes it: covariances divided by `n - 1`,
//! `|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`.
//!
//! `tr (C1 C2)^(1/2)` is the sum of the roots of the eigenvalues of `L^T C2 L`, where `C1 = L L^T`: two symmetric
//! eigenproblems in f64, which stay sound where covariances are singular. (A general matrix root does not.)
//!
//! The distance is biased upwards, the more so the fewer pictures there are: compare it only with numbers of the same `n`,
//! first of all the floor beside it.

use langevin_core::registry::{Entry, OptionDoc, Options};
use langevin_core::{Error, Result};
use nalgebra::{DMatrix, SymmetricEigen};
use rayon::prelude::*;

use super::require;
use crate::metric::{Better, Case, Measured, Metric, Needs, Value};
use crate::moments::Moments;
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
        let whole = |rows: &crate::Rows| Moments::of(rows, 0, rows.len());
        let (all_judged, all_reference) = (whole(judged), whole(reference));
        let value = distance(&all_judged, &all_reference);
        let left_out = |g: usize| {
            let part = |rows: &crate::Rows| {
                let out = group(g, self.groups, rows.len());
                Moments::of(rows, out.start, out.end)
            };
            let judged = all_judged.without(&part(judged));
            distance(&judged, &all_reference.without(&part(reference)))
        };
        let left_out: Vec<f64> = (0..self.groups).into_par_iter().map(left_out).collect();
        let error = (self.groups > 0).then(|| jackknife(&left_out));
        let count = case.judged.len();
        let value = Value { name: "frechet", value, error, count, better: Better::Lower };
        Ok(Measured { values: vec![value], nearest: Vec::new() })
    }
}

/// The Frechet distance of two Gaussians.
fn distance(a: &Moments, b: &Moments) -> f64 {
    let (first, second) = (a.covariance(), b.covariance());
    let apart = (a.mean() - b.mean()).norm_squared();
    apart + first.trace() + second.trace() - 2.0 * root_trace(&first, &second)
}

/// `tr (C1 C2)^(1/2)` of two covariances.
fn root_trace(first: &DMatrix<f64>, second: &DMatrix<f64>) -> f64 {
    let eigen = SymmetricEigen::new(first.clone());
    let mut factor = eigen.eigenvectors;
    for (mut column, value) in factor.column_iter_mut().zip(eigen.eigenvalues.iter()) {
        column *= value.max(0.0).sqrt();
    }
    let product = factor.transpose() * second * &factor;
    let symmetric = (&product + product.transpose()) * 0.5;
    symmetric.symmetric_eigenvalues().iter().map(|value| value.max(0.0).sqrt()).sum()
}
