//! What figures are drawn with: curves, paths and histograms as series of a plot.

use std::ops::RangeInclusive;

use langevin_core::Level;
use langevin_core::closed_form::{ClosedForm, Mixture};
use langevin_figures::plot::{Mark, Series};
use langevin_theory::Histogram;

/// `count + 1` evenly spaced numbers over an interval.
pub(super) fn grid(over: RangeInclusive<f64>, count: usize) -> Vec<f64> {
    let (low, high) = over.into_inner();
    (0..=count).map(|k| low + (high - low) * k as f64 / count as f64).collect()
}

/// The density of noisy data.
pub(super) fn density(data: &Mixture, at: Level, x: f64) -> f64 {
    libm::exp(data.log_density(at, &[x]))
}

/// A curve.
pub(super) fn curve(name: impl Into<String>, x: &[f64], of: impl Fn(f64) -> f64) -> Series {
    Series { name: name.into(), points: x.iter().map(|x| (*x, of(*x))).collect(), ..Series::default() }
}

/// One of many paths, over its times.
pub(super) fn path(times: &[f64], values: &[f64], color: usize) -> Series {
    let points = times.iter().copied().zip(values.iter().copied()).collect();
    Series { points, mark: Mark::Thin, color: Some(color), ..Series::default() }
}

/// A histogram as steps.
pub(super) fn steps(name: impl Into<String>, histogram: &Histogram) -> Series {
    Series { name: name.into(), points: histogram.density(), mark: Mark::Steps, ..Series::default() }
}

/// Mean and variance.
pub(super) fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count)
}
