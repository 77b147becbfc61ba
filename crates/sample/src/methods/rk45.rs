//! Dormand and Prince's method of order 5 with an error estimate of order 4 (1980, J. Comp. Appl. Math. 6, table 2) on the
//! probability-flow equation, with step sizes chosen for each image; the black-box solver of Song et al. 2021 (arXiv
//! 2011.13456, section 4.3, `RK45`).
//!
//! Walks `x / (alpha + sigma)` over the flow's time `sigma / (alpha + sigma)`, in which the equation is `dx/dt = n - x0` for
//! every process (Lipman et al. 2023), and finite from pure noise on. See [`crate::adaptive`] for the ends.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result};

use crate::adaptive::{Adaptive, Asked, END, Lane, MAX_CALLS, Pair, Tried, column, errors, gather};
use crate::dormand_prince::{self, ERROR, STAGES};
use crate::sampler::Sampler;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "rk45",
    aliases: &["dopri5", "dormand_prince"],
    summary: "Runge-Kutta of order 5 with step sizes chosen for each image; --steps 1 is enough",
    source: "Dormand and Prince 1980, table 2; Song et al. 2021, section 4.3 (arXiv 2011.13456)",
    options: &[
        OptionDoc { key: "rtol", default: "1e-4", doc: "error allowed in a step, relative to the image" },
        OptionDoc { key: "atol", default: "1e-4", doc: "error allowed in a step where the image is near 0" },
        END,
        MAX_CALLS,
    ],
    cases: &["rk45"],
    build: |options| {
        let pair =
            Rk45 { rtol: options.number("rtol", 1e-6, 1.0)?, atol: options.number("atol", 1e-6, 1.0)? };
        Ok(Box::new(Adaptive::read(options, pair)?))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Rk45 {
    rtol: f64,
    atol: f64,
}

/// The level at a place, which is minus the flow's time.
fn level(place: f64) -> Level {
    Level { alpha: 1.0 + place, sigma: -place }
}

/// The slopes where the steps start: kept from the step before, or asked for, for the images that have none, and only for
/// those, since what one image gets must not depend on the others.
fn first_slopes(
    from: &[Lane],
    slope: impl Fn(&Tensor<4>, &[Lane], &[f64]) -> Result<(Tensor<4>, Tensor<4>)>,
) -> Result<Tensor<4>> {
    let new: Vec<Lane> = from.iter().filter(|lane| lane.kept.is_none()).cloned().collect();
    let mut asked = Vec::new();
    if !new.is_empty() {
        let places: Vec<f64> = new.iter().map(|lane| lane.place).collect();
        let slopes = slope(&gather(&new), &new, &places)?.0;
        asked = (0..new.len()).map(|i| slopes.clone().slice_dim(0, i..i + 1)).collect();
    }
    let mut asked = asked.into_iter();
    let slopes = from.iter().map(|lane| lane.kept.clone().or_else(|| asked.next()));
    Ok(Tensor::cat(slopes.map(|slope| slope.expect("kept or asked for")).collect(), 0))
}

impl Pair for Rk45 {
    fn place(&self, level: Level) -> f64 {
        -level.sigma / (level.alpha + level.sigma)
    }

    fn level(&self, place: f64) -> Level {
        level(place)
    }

    fn first_step(&self, length: f64) -> f64 {
        0.01_f64.min(length)
    }

    fn calls(&self) -> usize {
        // The first stage of all steps but the first was the last of the step before.
        7
    }

    fn attempt(&self, asked: &Asked<'_>, from: &[Lane], to: &[f64]) -> Result<Vec<Tried>> {
        let x = gather(from);
        let device = x.device();
        // dx/d(place) = x0 - n, with n - x0 = (x - x0) / time.
        let slope = |x: &Tensor<4>, lanes: &[Lane], places: &[f64]| -> Result<(Tensor<4>, Tensor<4>)> {
            let denoised = asked.evaluate(x, lanes, places.iter().map(|place| level(*place)).collect())?;
            let scale = column(places.iter().map(|place| 1.0 / -place), &device);
            Ok(((denoised.clone() - x.clone()) * scale, denoised))
        };
        let mut slopes = vec![first_slopes(from, slope)?];
        let length = column(from.iter().zip(to).map(|(lane, to)| to - lane.place), &device);
        let sum = |slopes: &[Tensor<4>], weights: &[f64]| {
            let terms = slopes.iter().zip(weights).map(|(slope, weight)| slope.clone().mul_scalar(*weight));
            terms.reduce(|sum, term| sum + term).expect("there is a first stage") * length.clone()
        };
        let (mut end, mut denoised) = (x.clone(), x.clone());
        for (part, weights) in STAGES {
            end = x.clone() + sum(&slopes, weights);
            let places: Vec<f64> =
                from.iter().zip(to).map(|(lane, to)| lane.place + part * (to - lane.place)).collect();
            let next;
            (next, denoised) = slope(&end, from, &places)?;
            slopes.push(next);
        }
        let tolerance = |a: f64, b: f64| self.atol + self.rtol * a.max(b);
        let errors = errors(sum(&slopes, &ERROR), [&x, &end], tolerance);
        let one = |x: &Tensor<4>, i: usize| x.clone().slice_dim(0, i..i + 1);
        let tried = errors.into_iter().enumerate().map(|(i, error)| Tried {
            x: one(&end, i),
            kept: one(&slopes[6], i),
            denoised: one(&denoised, i),
            error,
        });
        Ok(tried.collect())
    }

    fn judge(&self, error: f64) -> (bool, f64) {
        dormand_prince::judge(error)
    }
}
