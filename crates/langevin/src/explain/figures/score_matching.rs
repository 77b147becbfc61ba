//! Chapter 3, second half: the score and how it is matched.

use langevin_core::closed_form::ClosedForm;
use langevin_core::{Level, Purpose, Result, Stream};
use langevin_figures::plot::{Mark, Plot, Series};
use langevin_theory::{Linear, ScoreMatching, kernel_density, mixture_1d, silverman};

use super::super::curves::{curve, density, grid};
use super::super::figure::{Check, Entry, Figure};
use super::dynamics;

pub(super) const SCORES: Entry = Entry { number: "3.5", title: "Densities and their scores", make: scores };
pub(super) const KERNELS: Entry =
    Entry { number: "3.7", title: "Explicit score matching with a kernel density", make: kernels };

fn scores(_seed: u64) -> Result<Figure> {
    let (one, two) = (mixture_1d(&[(1.0, 1.0, 1.0)]), dynamics::data());
    let x = grid(-4.0..=4.0, 800);
    let score = |data: &langevin_core::closed_form::Mixture, x: f64| data.score(Level::CLEAN, &[x])[0];
    let plot = |title: &str, data: &langevin_core::closed_form::Mixture, range| Plot {
        title: title.into(),
        x_label: "x".into(),
        y_label: "log-density and score".into(),
        y_range: Some(range),
        series: vec![
            curve("log p(x)", &x, |x| data.log_density(Level::CLEAN, &[x])),
            curve("score d log p / dx", &x, |x| score(data, x)),
        ],
        ..Plot::default()
    };
    // The score against central differences of the log-density, and its zeros at the modes.
    let h = 1e-5;
    let off = |x: &f64| {
        let slope =
            (two.log_density(Level::CLEAN, &[x + h]) - two.log_density(Level::CLEAN, &[x - h])) / (2.0 * h);
        (slope - score(&two, *x)).abs() / (1.0 + slope.abs())
    };
    Ok(Figure {
        caption: "The score points to higher density: a straight line for N(1, 1); for 0.6 N(2, 0.5²) + 0.4 N(−2, 0.2²) towards the \
                  nearer component, with a jump between them."
            .into(),
        plots: vec![
            plot("N(1, 1)", &one, (-6.0, 6.0)),
            plot("0.6 N(2, 0.5²) + 0.4 N(−2, 0.2²)", &two, (-30.0, 30.0)),
        ],
        checks: vec![
            Check::new(
                "largest relative difference from the slope of the log-density",
                x.iter().map(off).fold(0.0, f64::max),
                1e-5,
            ),
            Check::new("|score| at the mode at -2", score(&two, -2.0).abs(), 1e-6),
        ],
    })
}

fn kernels(seed: u64) -> Result<Figure> {
    let (data, count) = (dynamics::data(), 200_u64);
    let points: Vec<f64> =
        (0..count).map(|k| data.draw(1, &mut Stream::new(seed, Purpose::Training, k, 0))[0]).collect();
    // The rule is for one normal distribution; the narrower component wants a fifth of it.
    let width = silverman(&points) / 5.0;
    let smoothed = kernel_density(&points, width);
    let x = grid(-4.0..=4.0, 600);
    let shown = Series {
        name: "200 points".into(),
        points: points.iter().map(|x| (*x, 0.0)).collect(),
        mark: Mark::Dots,
        ..Series::default()
    };
    let densities = Plot {
        title: "a kernel density of 200 points".into(),
        x_label: "x".into(),
        y_label: "density".into(),
        y_range: Some((-0.02, 0.9)),
        series: vec![
            curve("p(x)", &x, |x| density(&data, Level::CLEAN, x)),
            curve(format!("kernels of width {width:.2}"), &x, |x| density(&smoothed, Level::CLEAN, x)),
            shown,
        ],
        ..Plot::default()
    };
    // The losses of lines: the same best slope from each, and a constant between explicit and denoising.
    let losses = ScoreMatching::new(&data, Level { alpha: 1.0, sigma: 0.5 });
    let slopes = grid(-0.6..=0.2, 80);
    let line = |slope: f64| Linear { slope, offset: -slope * 0.4 };
    let matching = Plot {
        title: "losses of the score model s(x) = a (x − 0.4), noise σ = 0.5".into(),
        x_label: "slope a".into(),
        y_label: "loss".into(),
        series: vec![
            curve("explicit", &slopes, |a| losses.explicit(&line(a))),
            curve("implicit", &slopes, |a| losses.implicit(&line(a))),
            curve("denoising", &slopes, |a| losses.denoising(&line(a))),
        ],
        ..Plot::default()
    };
    let spread = |gap: &dyn Fn(f64) -> f64| {
        let gaps: Vec<f64> = slopes.iter().map(|a| gap(*a)).collect();
        gaps.iter().copied().fold(f64::MIN, f64::max) - gaps.iter().copied().fold(f64::MAX, f64::min)
    };
    let gap = losses.denoising(&line(-0.2)) - losses.explicit(&line(-0.2));
    Ok(Figure {
        caption: "Above: explicit score matching needs the density, for which a kernel density of the points can stand. Below: the \
                  three losses of the same models on noisy data differ by constants alone, so they have the same minimum; only the \
                  denoising loss needs neither the density nor a derivative of the model."
            .into(),
        plots: vec![densities, matching],
        checks: vec![
            Check::new(
                "how much denoising less explicit varies with the model",
                spread(&|a| losses.denoising(&line(a)) - losses.explicit(&line(a))),
                1e-8,
            ),
            Check::new(
                "that constant less (1 / σ² − Fisher information) / 2",
                (gap - losses.constant()).abs(),
                1e-8,
            ),
            Check::new(
                "how much implicit less explicit varies with the model",
                spread(&|a| losses.implicit(&line(a)) - losses.explicit(&line(a))),
                1e-8,
            ),
        ],
    })
}
