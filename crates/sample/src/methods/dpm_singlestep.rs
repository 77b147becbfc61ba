//! Singlestep DPM-Solver++ and DPM-Solver laid over the path's own levels (Lu et al. 2022, arXiv 2211.01095, Algorithm 1 and
//! appendix B; 2206.00927): two or three steps of the path make one step of order 2 or 3, whose inner points are the levels
//! between. One call a step of the path; diffusers' `DPMSolverSinglestepScheduler`.
//!
//! The images inside a group are estimates of lower order, and are replaced at its end.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::multistep::{SOLVER_TYPE, SOLVER_TYPES};
use crate::path::{PathStep, steps};
use crate::quadrature::{phi_2, phi_3};
use crate::sampler::Sampler;
use crate::walk::{choice, evaluate, report, whole};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpm_singlestep",
    aliases: &["dpmpp_3s"],
    summary: "singlestep of order 2 or 3 over groups of steps, one model call a step",
    source: "Lu et al. 2022, Algorithm 1 and appendix B (arXiv 2211.01095)",
    options: &[
        OptionDoc { key: "order", default: "2", doc: "steps in a group, 1 to 3" },
        SOLVER_TYPE,
        OptionDoc {
            key: "algorithm",
            default: "dpmsolver++",
            doc: "interpolate the clean images (dpmsolver++) or the noise (dpmsolver)",
        },
    ],
    cases: &["dpm_singlestep", "dpm_singlestep:order=3", "dpm_singlestep:order=3,solver_type=heun"],
    build: |options| {
        Ok(Box::new(DpmSinglestep {
            order: whole(options, "order", 1, 3)?,
            heun: choice(options, "solver_type", SOLVER_TYPES)? == 1,
            noise: choice(options, "algorithm", &["dpmsolver++", "dpmsolver"])? == 1,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct DpmSinglestep {
    order: usize,
    heun: bool,
    noise: bool,
}

impl DpmSinglestep {
    /// The order of every step: 1, 2, 3, 1, 2, 3, ... with what does not fill a group at the end, and a last step of order 1
    /// to the clean image.
    fn orders(&self, path: &[Level]) -> Vec<usize> {
        let steps = path.len() - 1;
        let mut orders: Vec<usize> = (0..steps).map(|i| i % self.order + 1).collect();
        // Diffusers ends 1, 2, 1 where groups of three would fill the path, and 1, 1 where groups of two would.
        if self.order > 1 && steps.is_multiple_of(self.order) {
            orders[steps - 1] = 1;
        }
        if path[steps].sigma == 0.0 {
            orders[steps - 1] = 1;
        }
        orders
    }

    /// What the answers inside a step of finite length add to its first-order end. `answers`: oldest first, the first given at
    /// the start, with their distance from there in half log-SNR.
    fn bend(&self, step: PathStep, answers: &[(f64, Tensor<4>)]) -> Option<Tensor<4>> {
        let h = step.length();
        // The weights of the change of the answer over the step and of its second difference.
        let (scale, weights) = if self.noise {
            let slope = h.exp_m1() / h - 1.0;
            (-step.to.sigma, [0.5 * h.exp_m1(), slope, slope / h - 0.5])
        } else {
            (step.to.alpha, [-0.5 * (-h).exp_m1(), phi_2(h), -phi_3(h)])
        };
        let first = &answers[0].1;
        let slope =
            |(at, answer): &(f64, Tensor<4>)| (answer.clone() - first.clone()).mul_scalar(scale * h / at);
        let one = answers.get(1)?;
        let Some(two) = answers.get(2) else {
            return Some(slope(one).mul_scalar(weights[usize::from(self.heun)]));
        };
        let (late, early) = (slope(two), slope(one));
        if !self.heun {
            return Some(late.mul_scalar(weights[1]));
        }
        let (r_0, r_1) = (two.0 / h, one.0 / h);
        let slope = early.clone().mul_scalar(r_0) - late.clone().mul_scalar(r_1);
        let curve = (late - early).mul_scalar(2.0);
        let bend = slope.mul_scalar(weights[1]) + curve.mul_scalar(weights[2]);
        Some(bend.mul_scalar(1.0 / (r_0 - r_1)))
    }
}

impl Sampler for DpmSinglestep {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let steps = steps(path)?;
        let orders = self.orders(path);
        // Where the group began: the step, the image, what the model said of it.
        let mut group: Option<(PathStep, Tensor<4>, Tensor<4>)> = None;
        let mut answers: Vec<(f64, Tensor<4>)> = Vec::new();
        for step in steps {
            let denoised = evaluate(model, &x, step.from, run)?;
            if orders[step.index] == 1 {
                group = None;
            }
            let (start, from, first) = group.take().unwrap_or_else(|| {
                answers.clear();
                (step, x.clone(), denoised.clone())
            });
            let said = if self.noise { step.noise_in(x, denoised.clone()) } else { denoised.clone() };
            answers.push((start.until(step.from).length(), said));
            let whole = start.until(step.to);
            x = whole.advance(from.clone(), first.clone());
            if whole.length().is_finite() {
                if let Some(bend) = self.bend(whole, &answers) {
                    x = x + bend;
                }
                group = Some((start, from, first));
            }
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        // The step left over at the end of a path is of first order, which the whole path shows beyond second.
        Some(self.order.min(2))
    }
}
