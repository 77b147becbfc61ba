//! Mean and covariance, gathered as features come by, in f64.

use nalgebra::{DMatrix, DVector};

use crate::rows::Rows;

/// The mean and the summed products of deviations from it of the rows seen so far (Chan, Golub and LeVeque 1983).
#[derive(Debug, Clone)]
pub struct Moments {
    count: f64,
    mean: DVector<f64>,
    scatter: DMatrix<f64>,
}

impl Moments {
    /// Of no rows, of `width` numbers each.
    pub fn new(width: usize) -> Self {
        Self { count: 0.0, mean: DVector::zeros(width), scatter: DMatrix::zeros(width, width) }
    }

    /// Of the rows `from..to`.
    pub fn of(rows: &Rows, from: usize, to: usize) -> Self {
        const CHUNK: usize = 1024;
        let mut moments = Self::new(rows.width());
        for start in (from..to).step_by(CHUNK) {
            moments.add(rows, start, (start + CHUNK).min(to));
        }
        moments
    }

    /// Adds the rows `from..to`.
    pub fn add(&mut self, rows: &Rows, from: usize, to: usize) {
        let values = rows.span(from, to).iter().map(|value| f64::from(*value));
        let mut x = DMatrix::from_iterator(rows.width(), to - from, values);
        let mean = x.column_mean();
        x.column_iter_mut().for_each(|mut column| column -= &mean);
        let scatter = &x * x.transpose();
        self.join(&Self { count: (to - from) as f64, mean, scatter });
    }

    /// Adds the rows that `other` has seen.
    pub fn join(&mut self, other: &Self) {
        let count = self.count + other.count;
        if count == 0.0 {
            return;
        }
        let apart = &other.mean - &self.mean;
        self.scatter += &other.scatter;
        self.scatter.ger(self.count * other.count / count, &apart, &apart, 1.0);
        self.mean.axpy(other.count / count, &apart, 1.0);
        self.count = count;
    }

    /// These moments without the rows that `other`, a part of them, has seen.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let count = self.count - other.count;
        let mean = (&self.mean * self.count - &other.mean * other.count) / count;
        let apart = &other.mean - &mean;
        let mut scatter = &self.scatter - &other.scatter;
        scatter.ger(-count * other.count / self.count, &apart, &apart, 1.0);
        Self { count, mean, scatter }
    }

    /// The mean.
    pub fn mean(&self) -> &DVector<f64> {
        &self.mean
    }

    /// The covariance, divided by one less than the number of rows, as numpy's `cov`.
    pub fn covariance(&self) -> DMatrix<f64> {
        &self.scatter / (self.count - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_join_and_leave_as_the_whole() {
        let values = (0..60 * 5).map(|i| ((i * 7919) % 1009) as f32 / 500.0 + 100.0).collect();
        let rows = Rows::new(5, values).unwrap();
        let whole = Moments::of(&rows, 0, 60);
        let part = Moments::of(&rows, 13, 29);
        let mut rest = Moments::of(&rows, 0, 13);
        rest.join(&Moments::of(&rows, 29, 60));
        let same = |a: &Moments, b: &Moments| {
            assert!((a.mean() - b.mean()).amax() < 1e-11);
            assert!((a.covariance() - b.covariance()).amax() < 1e-11);
        };
        same(&whole.without(&part), &rest);
        rest.join(&part);
        same(&whole, &rest);
    }
}
