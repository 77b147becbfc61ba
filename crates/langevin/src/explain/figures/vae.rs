//! Chapter 1: variational autoencoders.

use langevin_core::Result;
use langevin_figures::plot::Plot;
use langevin_theory::AffineVae;

use super::super::curves::{curve, grid};
use super::super::figure::{Check, Entry, Figure};

pub(super) const LOWER_BOUND: Entry = Entry {
    number: "1.x",
    title: "The evidence lower bound of an affine autoencoder of a Gaussian",
    make: lower_bound,
};

const MEAN: f64 = 1.0;
const SIGMA: f64 = 0.5;

fn lower_bound(_seed: u64) -> Result<Figure> {
    let best = AffineVae::optimum(MEAN, SIGMA, 0.0);
    let deviations = grid(0.15..=2.0, 200);
    let bound = AffineVae::bound(SIGMA);
    let plot = Plot {
        title: "ELBO of an affine autoencoder of N(1, 0.5²), a code that says nothing".into(),
        x_label: "standard deviation of the decoder s (t = 1), or of the encoder t (s = 0.5)".into(),
        y_label: "nats".into(),
        y_range: Some((-4.0, 0.0)),
        series: vec![
            curve("ELBO against s", &deviations, |s| AffineVae { s, ..best }.elbo(MEAN, SIGMA)),
            curve("ELBO against t", &deviations, |t| AffineVae { t, ..best }.elbo(MEAN, SIGMA)),
            curve("log-likelihood of the data", &deviations, |_| bound),
        ],
        ..Plot::default()
    };
    let top = |of: &dyn Fn(f64) -> f64| {
        let better = |a: &&f64, b: &&f64| of(**a).total_cmp(&of(**b));
        deviations.iter().max_by(better).copied().unwrap_or(f64::NAN)
    };
    let (s, t) = (
        top(&|s| AffineVae { s, ..best }.elbo(MEAN, SIGMA)),
        top(&|t| AffineVae { t, ..best }.elbo(MEAN, SIGMA)),
    );
    let half_code = AffineVae::optimum(MEAN, SIGMA, 0.4);
    Ok(Figure {
        caption: "Encoder N(a x + b, t²), decoder N(c z + v, s²), data N(1, 0.5²). With a = c = 0 the bound is reached at t = 1 and \
                  s = 0.5, the deviation of the data; so it is for every decoder with c² + s² = 0.25 whose encoder is its exact \
                  posterior."
            .into(),
        plots: vec![plot],
        checks: vec![
            Check::new("|s at the maximum - 0.5|", (s - SIGMA).abs(), 0.01),
            Check::new("|t at the maximum - 1|", (t - 1.0).abs(), 0.01),
            Check::new("log-likelihood less the largest ELBO", (bound - best.elbo(MEAN, SIGMA)).abs(), 1e-12),
            Check::new("the same with c = 0.4", (bound - half_code.elbo(MEAN, SIGMA)).abs(), 1e-12),
        ],
    })
}
