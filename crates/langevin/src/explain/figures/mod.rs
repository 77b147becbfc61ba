//! The figures, a file for each chapter of the tutorial.

mod diffusion;
mod dynamics;
mod equations;
mod score_matching;
mod vae;

use std::ops::RangeInclusive;

use langevin_core::Level;
use langevin_core::closed_form::{ClosedForm, Mixture};
use langevin_figures::plot::{Mark, Series};
use langevin_theory::Histogram;

use super::Entry;

/// Every figure, in the order of the tutorial.
pub const FIGURES: &[Entry] = &[
    vae::LOWER_BOUND,
    diffusion::MARGINALS,
    diffusion::SPREADING,
    diffusion::REVERSE,
    dynamics::ONE_WALK,
    dynamics::MANY_WALKS,
    dynamics::HISTOGRAMS,
    score_matching::SCORES,
    score_matching::KERNELS,
    equations::WIENER,
    equations::ORNSTEIN_UHLENBECK,
    equations::FORWARD_AND_REVERSE,
    equations::SOLVERS,
    equations::FOKKER_PLANCK,
    equations::HEAT,
];

/// `count + 1` evenly spaced numbers over an interval.
fn grid(over: RangeInclusive<f64>, count: usize) -> Vec<f64> {
    let (low, high) = over.into_inner();
    (0..=count).map(|k| low + (high - low) * k as f64 / count as f64).collect()
}

/// The density of noisy data.
fn density(data: &Mixture, at: Level, x: f64) -> f64 {
    libm::exp(data.log_density(at, &[x]))
}

/// A curve.
fn curve(name: impl Into<String>, x: &[f64], of: impl Fn(f64) -> f64) -> Series {
    Series { name: name.into(), points: x.iter().map(|x| (*x, of(*x))).collect(), ..Series::default() }
}

/// One of many paths, over its times.
fn path(times: &[f64], values: &[f64], color: usize) -> Series {
    let points = times.iter().copied().zip(values.iter().copied()).collect();
    Series { points, mark: Mark::Thin, color: Some(color), ..Series::default() }
}

/// A histogram as steps.
fn steps(name: impl Into<String>, histogram: &Histogram) -> Series {
    Series { name: name.into(), points: histogram.density(), mark: Mark::Steps, ..Series::default() }
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count)
}
