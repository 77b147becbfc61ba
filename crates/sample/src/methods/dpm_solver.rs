//! DPM-Solver-1, -2 and -3 (Lu et al. 2022, "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic Model Sampling in
//! Around 10 Steps", arXiv 2206.00927), Algorithms 1 and 2: singlestep methods in the noise, `order` calls in every step;
//! k-diffusion's `dpm_solver_1_step` to `dpm_solver_3_step`.
//!
//! The noise is taken for a polynomial over the step, which a step that removes most of it is too long for: steps longer
//! than `longest` are of first order, as are those of infinite length.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::{evaluate, report, whole};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpm_solver",
    aliases: &["dpm_fast"],
    summary: "singlestep of order 1 to 3 in the noise, as many network evaluations a step",
    source: "Lu et al. 2022, Algorithms 1 and 2 (arXiv 2206.00927)",
    options: &[
        OptionDoc { key: "order", default: "3", doc: "network evaluations in every step, 1 to 3" },
        OptionDoc {
            key: "longest",
            default: "3",
            doc: "steps longer than this in half log-SNR (a fall of sigma/alpha by exp of it) are of first order",
        },
    ],
    cases: &["dpm_solver", "dpm_solver:order=1", "dpm_solver:order=2"],
    build: |options| {
        Ok(Box::new(DpmSolver {
            order: whole(options, "order", 1, 3)?,
            longest: options.number("longest", 0.0, 1e9)?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct DpmSolver {
    order: usize,
    longest: f64,
}

impl DpmSolver {
    fn short(&self, step: PathStep) -> bool {
        step.length() <= self.longest
    }
}

/// The end of a second-order step of finite length with one point a `part` of the way, given what the model answered at the
/// start.
fn second(
    model: &dyn Denoiser,
    x: &Tensor<4>,
    denoised: &Tensor<4>,
    step: PathStep,
    part: f64,
    run: &Run<'_>,
) -> Result<Tensor<4>> {
    let change = change_at(model, x, denoised, step.until(step.between(part)), None, run)?;
    let end = step.advance(x.clone(), denoised.clone());
    Ok(end - change.mul_scalar(step.to.sigma * step.length().exp_m1() / (2.0 * part)))
}

/// The end of a third-order step of finite length, with points at one and two thirds.
fn third(
    model: &dyn Denoiser,
    x: &Tensor<4>,
    denoised: &Tensor<4>,
    step: PathStep,
    run: &Run<'_>,
) -> Result<Tensor<4>> {
    // expm1(h) / h - 1, the weight of a slope.
    let slope = |h: f64| h.exp_m1() / h - 1.0;
    let (part_1, part_2) = (1.0 / 3.0, 2.0 / 3.0);
    let (first, then) = (step.until(step.between(part_1)), step.until(step.between(part_2)));
    let change = change_at(model, x, denoised, first, None, run)?;
    let bent = change.mul_scalar(-then.to.sigma * part_2 / part_1 * slope(then.length()));
    let change = change_at(model, x, denoised, then, Some(bent), run)?;
    let end = step.advance(x.clone(), denoised.clone());
    Ok(end - change.mul_scalar(step.to.sigma / part_2 * slope(step.length())))
}

/// How much the noise at the end of `step` differs from that at its start; `bent` is added to the first-order step there.
fn change_at(
    model: &dyn Denoiser,
    x: &Tensor<4>,
    denoised: &Tensor<4>,
    step: PathStep,
    bent: Option<Tensor<4>>,
    run: &Run<'_>,
) -> Result<Tensor<4>> {
    let mut there = step.advance(x.clone(), denoised.clone());
    if let Some(bent) = bent {
        there = there + bent;
    }
    let answer = evaluate(model, &there, step.to, run)?;
    let at_end = PathStep { from: step.to, ..step }.noise_in(there, answer);
    Ok(at_end - step.noise_in(x.clone(), denoised.clone()))
}

impl Sampler for DpmSolver {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let denoised = evaluate(model, &x, step.from, run)?;
            x = match self.order {
                2 if self.short(step) => second(model, &x, &denoised, step, 0.5, run)?,
                3 if self.short(step) => third(model, &x, &denoised, step, run)?,
                _ => step.advance(x, denoised.clone()),
            };
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        // A path that is none makes no calls: sampling it says why.
        let steps = steps(path).unwrap_or_default();
        steps.iter().map(|step| if self.short(*step) { self.order } else { 1 }).sum()
    }

    fn order(&self) -> Option<usize> {
        Some(self.order)
    }
}
