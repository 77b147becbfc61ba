//! Small statistics: means, medians and their errors.

use langevin_data::order::{Purpose, below, bits};
use serde::Serialize;

/// Resamples of a bootstrap.
const RESAMPLES: u64 = 200;

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Its standard error; absent for fewer than two values.
    pub error: Option<f64>,
}

impl Mean {
    /// The mean of `values`.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self { mean, error: (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt()) }
    }
}

/// A share and its standard error, from how many of `count` are so.
pub(crate) fn share(hits: usize, count: usize) -> (f64, Option<f64>) {
    let share = hits as f64 / count as f64;
    // Wilson's interval keeps an error bar where none or all are so.
    let n = count as f64;
    (share, Some((share * (1.0 - share) / n + 0.25 / (n * n)).sqrt() / (1.0 + 1.0 / n)))
}

/// The median.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// The standard error of `of` by the bootstrap (Efron 1979): its spread over sets drawn from `values` with replacement.
pub(crate) fn bootstrap<T: Copy>(values: &[T], seed: u64, of: impl Fn(&[T]) -> f64) -> f64 {
    let n = values.len() as u64;
    let resample = |round: u64| {
        let draw = |at: u64| values[below(bits(seed, Purpose::Draw, round * n + at), n) as usize];
        of(&(0..n).map(draw).collect::<Vec<_>>())
    };
    let found: Vec<f64> = (0..RESAMPLES).map(resample).collect();
    Mean::of(&found).error.unwrap_or(0.0) * (RESAMPLES as f64).sqrt()
}

/// The standard error by the grouped jackknife (Quenouille 1949), from the values found with each group left out.
pub(crate) fn jackknife(left_out: &[f64]) -> f64 {
    let groups = left_out.len() as f64;
    let mean = left_out.iter().sum::<f64>() / groups;
    let squares: f64 = left_out.iter().map(|value| (value - mean).powi(2)).sum();
    ((groups - 1.0) / groups * squares).sqrt()
}

/// The images of group `group` of `groups` among `count`.
pub(crate) fn group(group: usize, groups: usize, count: usize) -> std::ops::Range<usize> {
    group * count / groups..(group + 1) * count / groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_mean_agree_with_the_formula() {
        let values: Vec<f64> = (0..400).map(|i| f64::from((i * 37) % 101)).collect();
        let found = Mean::of(&values);
        let error = found.error.unwrap();
        let of = |part: &[f64]| Mean::of(part).mean;
        assert!((bootstrap(&values, 1, of) / error - 1.0).abs() < 0.15);
        let without = |g| {
            let out = group(g, 20, 400);
            let kept: Vec<f64> = (0..400).filter(|i| !out.contains(i)).map(|i| values[i]).collect();
            Mean::of(&kept).mean
        };
        let jack = jackknife(&(0..20).map(without).collect::<Vec<_>>());
        assert!(jack > 0.0 && jack < 3.0 * error, "{jack} {error}");
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!((found.mean - 50.0).abs() < 2.0);
    }

    #[test]
    fn shares_have_an_error_at_the_ends() {
        assert_eq!(share(5, 10).0, 0.5);
        assert!((share(50, 100).1.unwrap() - 0.05).abs() < 1e-3);
        assert!(share(0, 100).1.unwrap() > 0.0);
    }
}
