//! Chapters 4 and 5: stochastic differential equations and the Fokker-Planck equation.

use langevin_core::closed_form::{ClosedForm, Mixture};
use langevin_core::{Level, Purpose, Result, Stream};
use langevin_figures::plot::{Plot, Scale, Series};
use langevin_theory::{
    Evolution, FokkerPlanck, Histogram, euler, euler_maruyama, mixture_1d, predictor_corrector, rk4,
};

use rayon::prelude::*;

use super::super::curves::{curve, density, grid, moments, path, steps};
use super::super::figure::{Check, Entry, Figure};

pub(super) const WIENER: Entry =
    Entry { number: "4.2", title: "Trajectories of a Wiener process", make: wiener };
pub(super) const ORNSTEIN_UHLENBECK: Entry =
    Entry { number: "4.3", title: "Trajectories of a process that is pulled back", make: ornstein_uhlenbeck };
pub(super) const FORWARD_AND_REVERSE: Entry =
    Entry { number: "4.5", title: "The forward and the reverse equation of DDPM", make: forward_and_reverse };
pub(super) const SOLVERS: Entry =
    Entry { number: "4.8", title: "Euler, predictor-corrector and Runge-Kutta", make: solvers };
pub(super) const FOKKER_PLANCK: Entry =
    Entry { number: "5.1", title: "Random walks and the Fokker-Planck equation", make: fokker_planck };
pub(super) const HEAT: Entry =
    Entry { number: "5.2", title: "Random walks and the heat equation", make: heat };

const PARTICLES: u64 = 4000;

fn stream(seed: u64, particle: u64) -> Stream {
    Stream::new(seed, Purpose::Sampler, particle, 0)
}

/// Trajectories of a stochastic equation, each with its own noise.
fn walks(
    drift: impl Fn(f64, f64) -> f64 + Sync,
    noise: impl Fn(f64) -> f64 + Sync,
    start: impl Fn(u64) -> f64 + Sync,
    times: &[f64],
    seed: u64,
) -> Vec<Vec<f64>> {
    let walk = |k: u64| euler_maruyama(&drift, &noise, start(k), times, &mut stream(seed, k));
    (0..PARTICLES).into_par_iter().map(walk).collect()
}

fn at(walks: &[Vec<f64>], step: usize) -> Vec<f64> {
    walks.iter().map(|walk| walk[step]).collect()
}

fn trajectories(title: &str, times: &[f64], walks: &[Vec<f64>]) -> Plot {
    let last = times.len() - 1;
    let series = walks.iter().take(50).map(|walk| path(times, walk, usize::from(walk[last] > 0.0)));
    Plot {
        title: title.into(),
        x_label: "time t".into(),
        y_label: "x".into(),
        series: series.collect(),
        ..Plot::default()
    }
}

fn wiener(seed: u64) -> Result<Figure> {
    let (a, times) = (0.05, grid(0.0..=100.0, 1000));
    let made = walks(|_, _| 0.0, |_| a, |_| 0.0, &times, seed);
    let off = [200, 500, 1000].map(|step| (moments(&at(&made, step)).1 / (a * a * times[step]) - 1.0).abs());
    Ok(Figure {
        caption:
            "dx = a dw with a = 0.05: fifty of 4000 trajectories from x = 0. The variance grows as a² t."
                .into(),
        plots: vec![trajectories("dx = a dw, a = 0.05", &times, &made)],
        checks: vec![Check::new(
            "largest relative error of the variance at t = 20, 50, 100",
            off.into_iter().fold(0.0, f64::max),
            0.1,
        )],
    })
}

fn ornstein_uhlenbeck(seed: u64) -> Result<Figure> {
    let (alpha, beta, times) = (1.0, 0.1, grid(0.0..=5.0, 1000));
    let made = walks(|x, _| -alpha * x, |_| beta, |k| if k % 2 == 0 { 1.0 } else { -1.0 }, &times, seed);
    let right: Vec<Vec<f64>> = made.iter().step_by(2).cloned().collect();
    let off = [200, 400, 1000].map(|step| {
        let (mean, variance) = moments(&at(&right, step));
        let decay = libm::exp(-alpha * times[step]);
        let wanted = beta * beta / (2.0 * alpha) * (1.0 - decay * decay);
        (mean - decay).abs().max((variance - wanted).abs())
    });
    Ok(Figure {
        caption: "dx = −α x dt + β dw with α = 1 and β = 0.1 from x = ±1: the mean decays as e^(−αt), the variance becomes \
                  β² / 2α = 0.005."
            .into(),
        plots: vec![trajectories("dx = −α x dt + β dw, α = 1, β = 0.1", &times, &made)],
        checks: vec![Check::new(
            "largest error of mean and variance at t = 1, 2, 5",
            off.into_iter().fold(0.0, f64::max),
            0.01,
        )],
    })
}

/// `0.5 N(3, 1) + 0.5 N(-3, 1)`.
fn two() -> Mixture {
    mixture_1d(&[(0.5, 3.0, 1.0), (0.5, -3.0, 1.0)])
}

/// The level of `dx = -beta/2 x dt + sqrt(beta) dw` at time `t`.
fn level(beta: f64, t: f64) -> Level {
    let alpha = libm::exp(-0.5 * beta * t);
    Level { alpha, sigma: libm::sqrt(-libm::expm1(-beta * t)) }
}

fn forward_and_reverse(seed: u64) -> Result<Figure> {
    let (data, beta, end, count) = (two(), 0.05, 100.0, 500);
    let times = grid(0.0..=end, count);
    let root = libm::sqrt(beta);
    let start = |k: u64| data.draw(1, &mut Stream::new(seed, Purpose::Training, k, 0))[0];
    let forward = walks(|x, _| -0.5 * beta * x, |_| root, start, &times, seed);
    // The score stands until just before the data; backwards in time dt is negative.
    let back = grid(end..=0.0, count);
    let score = |x: f64, t: f64| data.score(level(beta, t), &[x])[0];
    let begin = |k: u64| {
        let mut noise = [0.0_f32];
        Stream::new(seed, Purpose::Start, k, 0).fill_normal(&mut noise);
        f64::from(noise[0])
    };
    let reverse = walks(|x, t| -0.5 * beta * x - beta * score(x, t), |_| root, begin, &back, seed + 1);
    // Of fourth order, so fewer steps do.
    let few = grid(end..=0.0, 100);
    let flown = |k| rk4(|x, t| -0.5 * beta * (x + score(x, t)), begin(k), &few)[100];
    let flow: Vec<f64> = (0..PARTICLES).into_par_iter().map(flown).collect();
    let x = grid(-7.0..=7.0, 400);
    let histogram = |points: Vec<f64>| Histogram::of(points, -7.0, 7.0, 56);
    let (ends, flown) = (histogram(at(&reverse, count)), histogram(flow));
    let known = |x: f64| density(&data, Level::CLEAN, x);
    // The tutorial prints the reverse equation with beta / 2 before the score in some places: with it the second moment comes out
    // wrong.
    let printed = walks(|x, t| -0.5 * beta * x - 0.5 * beta * score(x, t), |_| root, begin, &back, seed + 1);
    let second = |points: Vec<f64>| points.iter().map(|x| x * x).sum::<f64>() / points.len() as f64;
    let (right, wrong) = (second(at(&reverse, count)), second(at(&printed, count)));
    Ok(Figure {
        caption: format!(
            "dx = −β/2 x dt + √β dw with β = 0.05 from 0.5 N(3, 1) + 0.5 N(−3, 1), and its reverse \
             dx = (−β/2 x − β score) dt + √β dw from N(0, 1) with the exact score. Below, where the reverse equation and the \
             probability flow dx = −β/2 (x + score) dt end. Footnote: the tutorial prints β/2 before the score in (4.17), example 4.7 \
             and (4.23); the mean of x² is then {wrong:.1}, where it is {right:.2} with β and 10 in the data."
        ),
        plots: vec![
            trajectories("forward", &times, &forward),
            trajectories("reverse", &times, &reverse),
            Plot {
                title: "where the reverse equations end".into(),
                x_label: "x".into(),
                y_label: "density".into(),
                y_range: Some((0.0, 0.25)),
                series: vec![
                    curve("data", &x, known),
                    steps("reverse equation", &ends),
                    steps("probability flow", &flown),
                ],
                ..Plot::default()
            },
        ],
        checks: vec![
            Check::new("chi-square per bin of the reverse equation", ends.chi_square(known), 2.0),
            Check::new("chi-square per bin of the probability flow", flown.chi_square(known), 2.0),
            Check::new("|mean of x² - 10|", (right - 10.0).abs(), 0.5),
            Check::new("10 / mean of x² with β/2 before the score", 10.0 / wrong, 0.6),
        ],
    })
}

fn solvers(_seed: u64) -> Result<Figure> {
    let slope = |x: f64, t: f64| (x + t * t - 2.0) / (t + 1.0);
    let exact = |t: f64| t * t + 2.0 * t + 2.0 - 2.0 * (t + 1.0) * libm::log1p(t);
    type Method = fn(&dyn Fn(f64, f64) -> f64, f64, &[f64]) -> Vec<f64>;
    let methods: [(&str, Method); 3] = [
        ("Euler", |slope, start, times| euler(slope, start, times)),
        ("predictor-corrector", |slope, start, times| predictor_corrector(slope, start, times)),
        ("Runge-Kutta (RK4)", |slope, start, times| rk4(slope, start, times)),
    ];
    let fine = grid(0.0..=2.0, 200);
    let mut solutions = vec![curve("exact", &fine, exact)];
    let mut errors = Vec::new();
    let coarse = grid(0.0..=2.0, 4);
    for (name, method) in methods {
        let values = method(&slope, 2.0, &coarse);
        let points = coarse.iter().copied().zip(values).collect();
        solutions.push(Series { name: format!("{name}, 4 steps"), points, ..Series::default() });
        let error = |steps: usize| (method(&slope, 2.0, &grid(0.0..=2.0, steps))[steps] - exact(2.0)).abs();
        let points = [2, 4, 8, 16, 32, 64, 128].map(|steps| (f64::from(steps), error(steps as usize)));
        errors.push(Series { name: name.into(), points: points.to_vec(), ..Series::default() });
    }
    let order = |k: usize| {
        let points = &errors[k].points;
        libm::log2(points[4].1 / points[5].1)
    };
    let short = [(0, 1.0), (1, 2.0), (2, 4.0)].map(|(k, wanted)| f64::max(wanted - order(k), 0.0));
    Ok(Figure {
        caption: "dx/dt = (x + t² − 2) / (t + 1) from x = 2, which is solved by t² + 2t + 2 − 2(t + 1) ln(t + 1). Four steps of each \
                  method, and their errors at t = 2: of first, second and fourth order."
            .into(),
        plots: vec![
            Plot {
                title: "four steps".into(),
                x_label: "time t".into(),
                y_label: "x".into(),
                series: solutions,
                ..Plot::default()
            },
            Plot {
                title: "error at t = 2".into(),
                x_label: "steps".into(),
                y_label: "error".into(),
                x_scale: Scale::Log,
                y_scale: Scale::Log,
                series: errors,
                ..Plot::default()
            },
        ],
        checks: vec![Check::new(
            "how far the measured orders stay below 1, 2 and 4",
            short.into_iter().fold(0.0, f64::max),
            0.2,
        )],
    })
}

/// The solved densities with histograms of the walks at the same times.
fn densities(title: &str, solved: &Evolution, walks: &[Vec<f64>], times: &[f64]) -> (Plot, f64) {
    let (low, high) = (solved.x[0], solved.x[solved.x.len() - 1]);
    let (mut series, mut worst) = (Vec::new(), 0.0_f64);
    for (frame, (t, density)) in solved.times.iter().zip(&solved.density).enumerate() {
        let points: Vec<(f64, f64)> = solved.x.iter().copied().zip(density.iter().copied()).collect();
        let between = |x: f64| {
            let place = (x - low) / (high - low) * (points.len() - 1) as f64;
            let k = (place.max(0.0) as usize).min(points.len() - 2);
            let part = place - k as f64;
            points[k].1 * (1.0 - part) + points[k + 1].1 * part
        };
        let nearest = |a: &usize, b: &usize| (times[*a] - t).abs().total_cmp(&(times[*b] - t).abs());
        let step = (0..times.len()).min_by(nearest).unwrap_or(0);
        let histogram = Histogram::of(at(walks, step), low, high, 60);
        if frame > 0 {
            worst = worst.max(histogram.chi_square(between));
        }
        let mut walked = steps("", &histogram);
        walked.color = Some(frame);
        series.push(Series {
            name: format!("t = {t}"),
            points: points.clone(),
            color: Some(frame),
            ..Series::default()
        });
        series.push(walked);
    }
    let plot = Plot {
        title: title.into(),
        x_label: "x".into(),
        y_label: "density (lines: equation, steps: walks)".into(),
        series,
        ..Plot::default()
    };
    (plot, worst)
}

fn fokker_planck(seed: u64) -> Result<Figure> {
    let (data, beta) = (two(), 0.05);
    let root = libm::sqrt(beta);
    let times = grid(0.0..=60.0, 1200);
    let start = |k: u64| data.draw(1, &mut Stream::new(seed, Purpose::Training, k, 0))[0];
    let made = walks(|x, _| -0.5 * beta * x, |_| root, start, &times, seed);
    let solver = FokkerPlanck { low: -8.0, high: 8.0, cells: 400 };
    let solved = solver.solve(
        |x, _| -0.5 * beta * x,
        |_| root,
        |x| density(&data, Level::CLEAN, x),
        &[0.0, 10.0, 30.0, 60.0],
        200,
    );
    let (mut plot, worst) =
        densities("dp/dt = β/2 d(x p)/dx + β/2 d²p/dx², β = 0.05", &solved, &made, &times);
    plot.y_range = Some((0.0, 0.4));
    let known = |x: f64, t: f64| density(&data, level(beta, t), x);
    let off = |frame: usize| {
        let pairs = solved.x.iter().zip(&solved.density[frame]);
        pairs.map(|(x, p)| (p - known(*x, solved.times[frame])).abs()).fold(0.0, f64::max)
    };
    let exact = (1..4).map(off).fold(0.0, f64::max);
    Ok(Figure {
        caption: "The forward process of DDPM as an equation for the density, solved by finite volumes, with histograms of 4000 random \
                  walks at the same times."
            .into(),
        plots: vec![plot],
        checks: vec![
            Check::new("residual of the equation over its largest rate", solved.residual, 1e-2),
            Check::new("change of the whole probability", solved.mass_error, 1e-10),
            Check::new("largest distance from the closed form", exact, 1e-3),
            Check::new("chi-square per bin of the walks, the largest", worst, 2.0),
        ],
    })
}

fn heat(seed: u64) -> Result<Figure> {
    let (noise, times) = (1.0, grid(0.0..=4.0, 400));
    let start = mixture_1d(&[(1.0, 0.0, 0.2)]);
    let begin = |k: u64| start.draw(1, &mut Stream::new(seed, Purpose::Training, k, 0))[0];
    let made = walks(|_, _| 0.0, |_| noise, begin, &times, seed);
    let solver = FokkerPlanck { low: -8.0, high: 8.0, cells: 400 };
    let solved =
        solver.solve(|_, _| 0.0, |_| noise, |x| density(&start, Level::CLEAN, x), &[0.0, 0.5, 1.0, 4.0], 200);
    let (mut plot, worst) = densities("dp/dt = 1/2 d²p/dx²", &solved, &made, &times);
    plot.y_range = Some((0.0, 0.8));
    let off = |frame: usize| {
        let wide = mixture_1d(&[(1.0, 0.0, libm::sqrt(0.04 + solved.times[frame]))]);
        let pairs = solved.x.iter().zip(&solved.density[frame]);
        pairs.map(|(x, p)| (p - density(&wide, Level::CLEAN, *x)).abs()).fold(0.0, f64::max)
    };
    Ok(Figure {
        caption: "Without drift the Fokker-Planck equation is the heat equation: N(0, 0.2²) becomes N(0, 0.04 + t).".into(),
        plots: vec![plot],
        checks: vec![
            Check::new("change of the whole probability", solved.mass_error, 1e-10),
            Check::new("largest distance from the closed form", (1..4).map(off).fold(0.0, f64::max), 2e-3),
            Check::new("chi-square per bin of the walks, the largest", worst, 2.0),
        ],
    })
}
