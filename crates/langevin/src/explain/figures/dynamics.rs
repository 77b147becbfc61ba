//! Chapter 3, first half: Langevin dynamics.

use langevin_core::closed_form::{ClosedForm, Mixture};
use langevin_core::{Level, Purpose, Result, Stream};
use langevin_figures::plot::{Mark, Plot};
use langevin_theory::{Histogram, Langevin, mixture_1d};

use super::super::curves::{curve, density, grid, path, steps};
use super::super::figure::{Check, Entry, Figure};

pub(super) const ONE_WALK: Entry =
    Entry { number: "3.2", title: "Langevin dynamics with and without noise", make: one_walk };
pub(super) const MANY_WALKS: Entry =
    Entry { number: "3.3", title: "Langevin dynamics of a small step", make: many_walks };
pub(super) const HISTOGRAMS: Entry =
    Entry { number: "3.4", title: "Langevin dynamics turn one distribution into another", make: histograms };

/// `0.6 N(2, 0.5^2) + 0.4 N(-2, 0.2^2)`.
pub(super) fn data() -> Mixture {
    mixture_1d(&[(0.6, 2.0, 0.5), (0.4, -2.0, 0.2)])
}

fn walk(data: &Mixture, dynamics: Langevin, start: f64, count: usize, seed: u64, particle: u64) -> Vec<f64> {
    let mut stream = Stream::new(seed, Purpose::Sampler, particle, 0);
    let score = |x: &[f64]| data.score(Level::CLEAN, x);
    dynamics.walk(score, &[start], count, &mut stream).into_iter().map(|x| x[0]).collect()
}

fn walks(title: &str, times: &[f64], with: &[f64], without: &[f64]) -> Plot {
    let mut series = vec![path(times, without, 1), path(times, with, 0)];
    for (series, name) in series.iter_mut().zip(["without noise", "with noise"]) {
        name.clone_into(&mut series.name);
    }
    series[0].mark = Mark::Line;
    Plot { title: title.into(), x_label: "step".into(), y_label: "x".into(), series, ..Plot::default() }
}

fn one_walk(seed: u64) -> Result<Figure> {
    let (data, step, count) = (data(), 0.05, 500);
    let with = walk(&data, Langevin { step, noise: true }, 0.0, count, seed, 0);
    let without = walk(&data, Langevin { step, noise: false }, 0.0, count, seed, 0);
    let end = without[count];
    let slope = data.score(Level::CLEAN, &[end])[0];
    let times = grid(0.0..=count as f64, count);
    Ok(Figure {
        caption: "x' = x + τ d log p / dx + √(2τ) z on 0.6 N(2, 0.5²) + 0.4 N(−2, 0.2²) with τ = 0.05 from x = 0, 500 steps. Without \
                  noise it climbs to the nearest mode and stays; with noise it wanders through the distribution. The step is longer \
                  than 0.2², the variance of the left component, which a walk would therefore show too wide: 0.107 instead of 0.04."
            .into(),
        plots: vec![walks("Langevin dynamics, τ = 0.05", &times, &with, &without)],
        checks: vec![
            Check::new("|d log p / dx| where the walk without noise ends", slope.abs(), 1e-6),
            Check::new("distance of that end from the mode at 2", (end - 2.0).abs(), 0.01),
            Check::new(
                "variance in the left component, less 0.107",
                (Langevin { step, noise: true }.stationary_variance(0.04) - 0.107).abs(),
                0.001,
            ),
        ],
    })
}

fn many_walks(seed: u64) -> Result<Figure> {
    let (data, step, count) = (data(), 0.001, 5000);
    let dynamics = Langevin { step, noise: true };
    let times = grid(0.0..=count as f64, count);
    let starts: Vec<f64> = (0..40).map(|k| -3.0 + 6.0 * f64::from(k) / 39.0).collect();
    let made: Vec<Vec<f64>> =
        starts.iter().zip(0_u64..).map(|(x, k)| walk(&data, dynamics, *x, count, seed, k)).collect();
    // Within each component the walk has the component's variance, up to the error of the step.
    let within: Vec<f64> = made
        .iter()
        .filter(|p| p[1500] < 0.0 && p[count] < 0.0)
        .flat_map(|p| p[1500..].iter().step_by(50).copied())
        .collect();
    let (_, variance) = super::super::curves::moments(&within);
    let wanted = dynamics.stationary_variance(0.04);
    let series = made.iter().map(|p| {
        let thinned = |values: &[f64]| values.iter().step_by(10).copied().collect::<Vec<f64>>();
        path(&thinned(&times), &thinned(p), usize::from(p[count] > 0.0))
    });
    Ok(Figure {
        caption: "The same with τ = 0.001 from forty points of [−3, 3], 5000 steps. A small step keeps each walk in the component it \
                  first comes to: it is exact there, and says nothing about the weights 0.6 and 0.4."
            .into(),
        plots: vec![Plot {
            title: "Langevin dynamics, τ = 0.001".into(),
            x_label: "step".into(),
            y_label: "x".into(),
            series: series.collect(),
            ..Plot::default()
        }],
        checks: vec![Check::new(
            "relative error of the variance within the left component",
            (variance / wanted - 1.0).abs(),
            0.25,
        )],
    })
}

fn histograms(seed: u64) -> Result<Figure> {
    let (data, count, particles) = (data(), 100, 10_000);
    let dynamics = Langevin { step: 0.01, noise: true };
    let shown = [0, 5, 20, 100];
    let mut positions = vec![Vec::new(); shown.len()];
    for particle in 0..particles {
        let start = -3.0 + 6.0 * Stream::new(seed, Purpose::Start, particle, 0).uniform();
        let walk = walk(&data, dynamics, start, count, seed, particle);
        for (kept, at) in positions.iter_mut().zip(shown) {
            kept.push(walk[at]);
        }
    }
    let x = grid(-3.5..=3.5, 300);
    let plots = shown.iter().zip(&positions).map(|(at, kept)| Plot {
        title: format!("after {at} steps"),
        x_label: "x".into(),
        y_label: "density".into(),
        y_range: Some((0.0, 1.0)),
        series: vec![
            curve("p(x)", &x, |x| density(&data, Level::CLEAN, x)),
            steps("10,000 particles", &Histogram::of(kept.iter().copied(), -3.5, 3.5, 70)),
        ],
        ..Plot::default()
    });
    let last = &positions[shown.len() - 1];
    let modes = last.iter().filter(|x| (**x - 2.0).abs() < 1.5 || (**x + 2.0).abs() < 0.8).count();
    // The valley between the components: where the score turns from left to right.
    let score = |x: &f64| data.score(Level::CLEAN, &[*x])[0];
    let valley = grid(-1.9..=1.9, 3800).into_iter().find(|x| score(x) > 0.0).unwrap_or(f64::NAN);
    let share = last.iter().filter(|x| **x < valley).count() as f64 / last.len() as f64;
    let began = (valley + 3.0) / 6.0;
    Ok(Figure {
        caption: format!(
            "10,000 particles from the uniform distribution over [−3, 3], moved by Langevin dynamics with τ = 0.01. After 100 steps \
             they lie in the two components, but not in the shares 0.4 and 0.6: {share:.2} of them are on the left, about as many as \
             started on that side of the valley at {valley:.2}. Only a very long walk would mend that."
        ),
        plots: plots.collect(),
        checks: vec![
            Check::new(
                "share of particles outside of both components",
                1.0 - modes as f64 / last.len() as f64,
                0.01,
            ),
            Check::new("|share on the left - share that began there|", (share - began).abs(), 0.05),
        ],
    })
}
