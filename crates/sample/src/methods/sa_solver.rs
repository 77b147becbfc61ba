//! SA-Solver (Xue et al. 2023, "SA-Solver: Stochastic Adams Solver for Fast Sampling of Diffusion Models", arXiv 2309.05019),
//! Algorithm 1 in the model's clean images: Adams-Bashforth steps and Adams-Moulton corrections for the reverse SDE with
//! any share of noise, `tau` (0 the probability flow, 1 the SDE). The correction uses the noise of the step it mends, and
//! the answer that the next step needs anyway.
//!
//! The weights are eq. 14 and 17: Lagrange polynomials in the half log-SNR integrated against `exp((1 + tau^2) lambda)`. With
//! two answers their weights are changed at the order of the error, as in the authors' code and diffusers'
//! `SASolverScheduler`, but not in steps longer than 3 or twice as long as the one before, which that would blow up. Steps of infinite length are of first order and not corrected.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::{PathStep, steps};
use crate::quadrature::{exponential_moments, lagrange_integrals};
use crate::sampler::Sampler;
use crate::walk::{evaluate, fresh, report, whole};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "sa_solver",
    aliases: &["sa"],
    summary: "stochastic Adams predictor and corrector with any share of noise, one model call a step; below 20 steps with tau=0",
    source: "Xue et al. 2023, Algorithm 1, eq. 14 and 17 (arXiv 2309.05019)",
    options: &[
        OptionDoc {
            key: "predictor_order",
            default: "2",
            doc: "how many denoiser outputs a step uses, 1 to 4",
        },
        OptionDoc {
            key: "corrector_order",
            default: "2",
            doc: "how many denoiser outputs a correction uses, the new one included: 1 to 4, or 0 for none",
        },
        OptionDoc { key: "tau", default: "1", doc: "share of noise, 0 (deterministic) to 2" },
        OptionDoc { key: "tau_min", default: "0", doc: "noise only where sigma/alpha is at least this" },
        OptionDoc { key: "tau_max", default: "inf", doc: "noise only where sigma/alpha is at most this" },
        OptionDoc {
            key: "lower_order_final",
            default: "true",
            doc: "lower the orders towards the last step, which is of first order",
        },
    ],
    cases: &[
        "sa_solver",
        "sa_solver:tau=0",
        "sa_solver:predictor_order=3,corrector_order=4",
        "sa_solver:tau=0,predictor_order=3,corrector_order=3,lower_order_final=false",
    ],
    build: |options| {
        Ok(Box::new(SaSolver {
            predictor: whole(options, "predictor_order", 1, 4)?,
            corrector: whole(options, "corrector_order", 0, 4)?,
            tau: options.number("tau", 0.0, 2.0)?,
            range: [options.get("tau_min")?, options.get("tau_max")?],
            lower_order_final: options.get("lower_order_final")?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct SaSolver {
    predictor: usize,
    corrector: usize,
    tau: f64,
    range: [f64; 2],
    lower_order_final: bool,
}

/// The longest step, in half log-SNR, whose two weights are changed.
const LONGEST: f64 = 3.0;

/// An answer and the half log-SNR where it was given.
type Answer = (f64, Tensor<4>);

/// A step that may yet be corrected.
struct Mendable {
    step: PathStep,
    start: Tensor<4>,
    noise: Option<Tensor<4>>,
    order: usize,
}

impl SaSolver {
    fn tau(&self, at: Level) -> f64 {
        if (self.range[0]..=self.range[1]).contains(&at.ratio()) { self.tau } else { 0.0 }
    }

    /// The image at the end of `step`, given the answers a polynomial goes through; `corrects` if the first of them was
    /// given at the end.
    fn land(
        &self,
        step: PathStep,
        start: Tensor<4>,
        answers: &[&Answer],
        noise: Option<&Tensor<4>>,
        corrects: bool,
    ) -> Tensor<4> {
        let tau = self.tau(step.from);
        let rate = 1.0 + tau * tau;
        let (h, kept) = (step.length(), step.kept());
        let shrink = if tau == 0.0 { 1.0 } else { kept.powf(tau * tau) };
        // v = lambda' - lambda runs from 0 at the end of the step to h at its start.
        let moments = exponential_moments(rate, h, answers.len());
        let mut weights = if answers.len() == 1 {
            vec![moments[0]]
        } else {
            let end = -step.to.ratio().ln();
            let nodes: Vec<f64> = answers.iter().map(|(at, _)| end - at).collect();
            let mut weights = lagrange_integrals(&nodes, &moments);
            let apart = (nodes[1] - nodes[0]).abs();
            // The change is of the order of the error where steps are short, and larger than the weights where they are
            // not.
            if answers.len() == 2 && h <= LONGEST && h <= 2.0 * apart {
                let exact = (h * rate + (-rate * h).exp_m1()) / (rate * rate);
                let change = (h * h / 2.0 - exact) / if corrects { h } else { apart };
                weights[0] += change;
                weights[1] -= change;
            }
            weights
        };
        weights.iter_mut().for_each(|weight| *weight *= rate * step.to.alpha);
        let mut x = start.mul_scalar(shrink * step.to.sigma / step.from.sigma);
        for ((_, answer), weight) in answers.iter().zip(&weights) {
            x = x + answer.clone().mul_scalar(*weight);
        }
        match noise {
            Some(noise) => {
                x + noise.clone().mul_scalar(step.to.sigma * (1.0 - shrink * shrink).max(0.0).sqrt())
            }
            None => x,
        }
    }
}

impl Sampler for SaSolver {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        // Newest first; none from before a step of infinite length.
        let mut answers: Vec<Answer> = Vec::new();
        let mut last: Option<Mendable> = None;
        for step in steps(path)? {
            let present = (-step.from.ratio().ln(), evaluate(model, &x, step.from, run)?);
            if let Some(last) = last.take()
                && last.order > 0
            {
                let through: Vec<&Answer> =
                    std::iter::once(&present).chain(&answers).take(last.order).collect();
                x = self.land(last.step, last.start, &through, last.noise.as_ref(), true);
            }
            answers.insert(0, present.clone());
            let finite = step.length().is_finite();
            let left = if self.lower_order_final { step.count - step.index } else { usize::MAX - 1 };
            let noisy = self.tau(step.from) > 0.0 && step.to.sigma > 0.0;
            let noise = noisy.then(|| fresh(run, step.index as u64, &x));
            let start = x.clone();
            x = if finite {
                let order = self.predictor.min(left).min(answers.len());
                let through: Vec<&Answer> = answers[..order].iter().collect();
                self.land(step, x, &through, noise.as_ref(), false)
            } else {
                self.land(step, x, &[&present], noise.as_ref(), false)
            };
            report(run, step, &x, &present.1)?;
            // Diffusers counts the answer to come among those known.
            let order = if finite { self.corrector.min(left + 1).min(answers.len() + 1) } else { 0 };
            last = Some(Mendable { step, start, noise, order });
            if step.from.alpha == 0.0 {
                answers.clear();
            }
            answers.truncate(self.predictor.max(self.corrector.saturating_sub(1)));
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        let order = self.predictor.max(self.corrector);
        // A last step of first order is all one sees of the error beyond second order.
        (self.tau == 0.0).then_some(if self.lower_order_final { order.min(2) } else { order })
    }
}
