//! The multistep methods of DPM-Solver++ (Lu et al. 2022, arXiv 2211.01095, Algorithm 2 and appendix B), with and without
//! noise: one model call a step, and a polynomial through the last answers integrated exactly against
//! `exp(-(1 + eta) h)`.
//!
//! `eta` is the share of the reverse SDE's noise, 0 for the probability flow and 1 for the SDE whose noise is that of the
//! forward process. The first step, the step to `sigma = 0` and steps whose earlier answers lie beyond a step of infinite
//! length are of lower order: there is no slope across an infinite distance.
//!
//! The third-order method as published in code (the authors', diffusers', k-diffusion's) weighs half of the parabola's
//! curvature and is measured to be of second order; `curvature=full` is of third.

use burn::tensor::Tensor;
use langevin_core::registry::OptionDoc;
use langevin_core::{Denoiser, Level, Result, Run};

use crate::brownian::Brownian;
use crate::path::{PathStep, steps};
use crate::quadrature::{phi_2, phi_3};
use crate::sampler::Sampler;
use crate::walk::{FreshNoise, evaluate, report};

pub(crate) const SOLVER_TYPE: OptionDoc = OptionDoc {
    key: "solver_type",
    default: "midpoint",
    doc: "second-order steps: midpoint, or heun (the slope integrated exactly)",
};

pub(crate) const LOWER_ORDER_FINAL: OptionDoc = OptionDoc {
    key: "lower_order_final",
    default: "true",
    doc: "on paths of fewer than 15 steps, take the last in first and the one before in at most second order",
};

/// The words of [`SOLVER_TYPE`], heun second.
pub(crate) const SOLVER_TYPES: &[&str] = &["midpoint", "heun"];

/// A multistep method in the model's clean images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Multistep {
    /// 2 or 3.
    pub(crate) order: usize,
    /// Second-order steps integrate the slope exactly.
    pub(crate) heun: bool,
    pub(crate) lower_order_final: bool,
    /// Third-order steps take the whole second difference, not the half that published code takes.
    pub(crate) full_curvature: bool,
    pub(crate) noise: FreshNoise,
}

pub(crate) const CURVATURE: OptionDoc = OptionDoc {
    key: "curvature",
    default: "half",
    doc: "of the parabola: half, as all published code has it, which leaves the method of second order, or full",
};

/// The words of [`CURVATURE`], full second.
pub(crate) const CURVATURES: &[&str] = &["half", "full"];

/// The order that `lower_order_final` leaves to a step.
pub(crate) fn highest_order(step: PathStep, order: usize, lower_order_final: bool) -> usize {
    if lower_order_final && step.count < 15 { order.min(step.count - step.index) } else { order }
}

impl Sampler for Multistep {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let steps = steps(path)?;
        let eta = self.noise.eta;
        let mut brownian = (eta > 0.0).then(|| Brownian::new(run, &x, path[0]));
        // The answers before the present one, newest first, with the step that led from each to the next.
        let mut before: Vec<(Tensor<4>, f64)> = Vec::new();
        for step in steps {
            let denoised = evaluate(model, &x, step.from, run)?;
            let (h, kept) = (step.length(), step.kept());
            // exp(-(1 + eta) h) without infinity times zero.
            let left = if kept == 0.0 { 0.0 } else { kept.powf(1.0 + eta) };
            let gain = step.to.alpha * (1.0 - left);
            let shrink = if kept == 0.0 && eta > 0.0 { 0.0 } else { kept.powf(eta) };
            x = x.mul_scalar(step.to.sigma / step.from.sigma * shrink) + denoised.clone().mul_scalar(gain);
            if h.is_finite() {
                let known = before.iter().take_while(|(_, h)| h.is_finite()).count();
                let order = highest_order(step, self.order, self.lower_order_final).min(known + 1);
                x = x + self.bend(order, &denoised, &before, h, step.to.alpha);
            }
            if let Some(brownian) = &mut brownian
                && step.to.sigma > 0.0
            {
                let deviation = step.to.sigma * (1.0 - shrink * shrink).sqrt();
                x = x + brownian.advance(step.to).mul_scalar(deviation * self.noise.factor);
            }
            report(run, step, &x, &denoised)?;
            before.insert(0, (denoised, h));
            before.truncate(2);
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        self.noise.order(if self.full_curvature { 3 } else { 2 })
    }
}

impl Multistep {
    /// What the polynomial through the answers adds to the first-order step.
    fn bend(
        &self,
        order: usize,
        denoised: &Tensor<4>,
        before: &[(Tensor<4>, f64)],
        h: f64,
        alpha: f64,
    ) -> Tensor<4> {
        let z = (1.0 + self.noise.eta) * h;
        // The change of the answer over the last step, as it would be over this one.
        let change = |newer: &Tensor<4>, (older, over): &(Tensor<4>, f64)| {
            (newer.clone() - older.clone()).mul_scalar(h / over)
        };
        match order {
            1 => denoised.zeros_like(),
            2 => {
                let weight = if self.heun { phi_2(z) } else { -0.5 * (-z).exp_m1() };
                change(denoised, &before[0]).mul_scalar(alpha * weight)
            }
            _ => {
                let (r_0, r_1) = (before[0].1 / h, before[1].1 / h);
                let (late, early) = (change(denoised, &before[0]), change(&before[0].0, &before[1]));
                let second = (late.clone() - early).mul_scalar(1.0 / (r_0 + r_1));
                let first = late + second.clone().mul_scalar(r_0);
                // -phi_3 is the weight of a second derivative, which is twice the second difference.
                let curvature = if self.full_curvature { 2.0 } else { 1.0 };
                (first.mul_scalar(phi_2(z)) - second.mul_scalar(curvature * phi_3(z))).mul_scalar(alpha)
            }
        }
    }
}
