//! Chapter 2: denoising diffusion probabilistic models.

use langevin_core::closed_form::{ClosedForm, Exact, Mixture};
use langevin_core::{Level, Purpose, Result, Stream};
use langevin_figures::plot::Plot;
use langevin_theory::{Histogram, mixture_1d};

use super::super::curves::{curve, density, grid, moments, path, steps};
use super::super::figure::{Check, Entry, Figure};

pub(super) const MARGINALS: Entry = Entry {
    number: "2.5",
    title: "Densities of the forward process become a normal distribution",
    make: marginals,
};
pub(super) const SPREADING: Entry =
    Entry { number: "2.7", title: "Trajectories of the forward process", make: spreading };
pub(super) const REVERSE: Entry =
    Entry { number: "2.10", title: "The reverse process with the exact denoiser", make: reverse };

const PARTICLES: u64 = 4000;

/// `0.3 N(-2, 0.2^2) + 0.7 N(2, 1)`.
fn data() -> Mixture {
    mixture_1d(&[(0.3, -2.0, 0.2), (0.7, 2.0, 1.0)])
}

/// The level after `step` steps `x' = sqrt(alpha) x + sqrt(1 - alpha) z`.
fn level(alpha: f64, step: usize) -> Level {
    let kept = libm::pow(alpha, step as f64);
    Level { alpha: libm::sqrt(kept), sigma: libm::sqrt(1.0 - kept) }
}

/// One particle of the forward process: its start and its position after each step.
fn forward(data: &Mixture, alpha: f64, count: usize, seed: u64, particle: u64) -> Vec<f64> {
    let mut stream = Stream::new(seed, Purpose::Training, particle, 0);
    let mut x = data.draw(1, &mut stream)[0];
    let mut noise = vec![0.0_f32; count];
    stream.fill_normal(&mut noise);
    let mut positions = vec![x];
    for z in noise {
        x = libm::sqrt(alpha) * x + libm::sqrt(1.0 - alpha) * f64::from(z);
        positions.push(x);
    }
    positions
}

fn marginals(seed: u64) -> Result<Figure> {
    let (data, alpha, shown) = (data(), 0.97, [0, 10, 30, 60, 150]);
    let last = shown[shown.len() - 1];
    let particles: Vec<Vec<f64>> = (0..PARTICLES).map(|k| forward(&data, alpha, last, seed, k)).collect();
    let x = grid(-5.0..=5.0, 400);
    let mut checks = Vec::new();
    let mut series: Vec<_> = shown
        .iter()
        .map(|t| curve(format!("t = {t}"), &x, |x| density(&data, level(alpha, *t), x)))
        .collect();
    for t in shown {
        let histogram = Histogram::of(particles.iter().map(|p| p[t]), -5.0, 5.0, 40);
        let off = histogram.chi_square(|x| density(&data, level(alpha, t), x));
        checks.push(Check::new(format!("chi-square per bin of {PARTICLES} particles at t = {t}"), off, 2.0));
        if t == 30 {
            series.push(steps(format!("{PARTICLES} particles at t = 30"), &histogram));
        }
    }
    // Without a trace of the data: the largest distance from N(0, 1).
    let normal = mixture_1d(&[(1.0, 0.0, 1.0)]);
    let off =
        x.iter().map(|x| (density(&data, level(alpha, last), *x) - density(&normal, Level::CLEAN, *x)).abs());
    checks.push(Check::new(
        "largest distance of the density at t = 150 from N(0, 1)",
        off.fold(0.0, f64::max),
        0.08,
    ));
    Ok(Figure {
        caption: "x' = √α x + √(1 − α) z with α = 0.97 from 0.3 N(−2, 0.2²) + 0.7 N(2, 1). The curves are the densities in closed \
                  form, the steps a histogram of simulated particles."
            .into(),
        plots: vec![Plot {
            title: "densities of the forward process, α = 0.97".into(),
            x_label: "x".into(),
            y_label: "density".into(),
            y_range: Some((0.0, 0.65)),
            series,
            ..Plot::default()
        }],
        checks,
    })
}

fn spreading(seed: u64) -> Result<Figure> {
    let (data, alpha, last) = (data(), 0.97, 150);
    let particles: Vec<Vec<f64>> = (0..PARTICLES).map(|k| forward(&data, alpha, last, seed, k)).collect();
    let times = grid(0.0..=last as f64, last);
    let shown = particles.iter().take(60).map(|p| path(&times, p, usize::from(p[0] > 0.0)));
    let moments_at = |t: usize| moments(&particles.iter().map(|p| p[t]).collect::<Vec<f64>>());
    // The data have the mean 0.8 and the variance 4.1.
    let (mean, variance) = (0.8, 0.3 * (0.04 + 2.8 * 2.8) + 0.7 * (1.0 + 1.2 * 1.2));
    let errors = [10, 50, 150].map(|t| {
        let kept = libm::pow(alpha, t as f64);
        let (found, spread) = moments_at(t);
        let wanted = kept * variance + 1.0 - kept;
        (found - libm::sqrt(kept) * mean).abs().max((spread - wanted).abs())
    });
    Ok(Figure {
        caption: "Sixty trajectories of x' = √α x + √(1 − α) z with α = 0.97, by the component they start in. They forget where they \
                  came from: mean √ᾱ 0.8 and variance ᾱ 4.07 + 1 − ᾱ, with ᾱ = 0.97^t."
            .into(),
        plots: vec![Plot {
            title: "trajectories of the forward process, α = 0.97".into(),
            x_label: "step t".into(),
            y_label: "x".into(),
            series: shown.collect(),
            ..Plot::default()
        }],
        checks: vec![Check::new(
            "largest error of mean and variance at t = 10, 50, 150",
            errors.into_iter().fold(0.0, f64::max),
            0.2,
        )],
    })
}

/// DDPM's ancestral steps from pure noise, with the posterior mean of the data in place of a network (Ho et al. 2020, Algorithm 2,
/// with the variance of the posterior).
fn reverse(seed: u64) -> Result<Figure> {
    let (data, alpha, count) = (data(), 0.9, 60);
    let walk = |particle: u64| {
        let mut stream = Stream::new(seed, Purpose::Sampler, particle, 0);
        let mut noise = vec![0.0_f32; count + 1];
        stream.fill_normal(&mut noise);
        let mut x = f64::from(noise[0]);
        let mut positions = vec![x];
        for t in (1..=count).rev() {
            let (from, to) = (level(alpha, t), level(alpha, t - 1));
            let clean = data.posterior_mean(from, &[x])[0];
            let total = from.sigma * from.sigma;
            let mean =
                (to.alpha * (1.0 - alpha) * clean + libm::sqrt(alpha) * to.sigma * to.sigma * x) / total;
            let variance = (1.0 - alpha) * to.sigma * to.sigma / total;
            x = mean + libm::sqrt(variance) * f64::from(noise[count + 1 - t]);
            positions.push(x);
        }
        positions
    };
    let particles: Vec<Vec<f64>> = (0..PARTICLES).map(walk).collect();
    let times = grid(0.0..=count as f64, count);
    let ends: Vec<f64> = particles.iter().map(|p| p[count]).collect();
    let share = ends.iter().filter(|x| **x < -1.0).count() as f64 / ends.len() as f64;
    let histogram = Histogram::of(ends.iter().copied(), -4.0, 6.0, 50);
    let x = grid(-4.0..=6.0, 400);
    let paths = particles.iter().take(60).map(|p| path(&times, p, usize::from(p[count] > 0.0)));
    Ok(Figure {
        caption: "Ancestral steps of DDPM with α = 0.9 from N(0, 1), with the exact posterior mean E[x0 | x] of \
                  0.3 N(−2, 0.2²) + 0.7 N(2, 1) where a network would stand; 60 steps. Below, where 4000 particles end. The last \
                  step ends on the posterior mean, so the narrow component comes out a little too narrow."
            .into(),
        plots: vec![
            Plot {
                title: "trajectories of the reverse process, α = 0.9".into(),
                x_label: "steps done".into(),
                y_label: "x".into(),
                series: paths.collect(),
                ..Plot::default()
            },
            Plot {
                title: "where they end".into(),
                x_label: "x".into(),
                y_label: "density".into(),
                y_range: Some((0.0, 0.75)),
                series: vec![
                    curve("data", &x, |x| density(&data, Level::CLEAN, x)),
                    steps("4000 particles", &histogram),
                ],
                ..Plot::default()
            },
        ],
        checks: vec![Check::new("|share of the left component - 0.3|", (share - 0.3).abs(), 0.03)],
    })
}
