//! UniPC (Zhao et al. 2023, "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models", arXiv
//! 2302.04867), Algorithms 5 to 8 in the model's clean images: a multistep predictor, and a corrector that uses the answer at
//! the new point to mend the step that led there. The corrector raises the order by one and costs no call, since the next
//! step needs that answer anyway. diffusers' `UniPCMultistepScheduler`.
//!
//! `B(h)` is `h` for `bh1` and `expm1(h)` for `bh2`. Steps of infinite length are of first order and not corrected.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::{PathStep, steps};
use crate::quadrature::solve;
use crate::sampler::Sampler;
use crate::walk::{choice, evaluate, report, whole};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "unipc",
    aliases: &["uni_pc"],
    summary: "multistep predictor and corrector, one model call a step; strong at 5 to 10 steps",
    source: "Zhao et al. 2023, Algorithms 5 to 8 (arXiv 2302.04867)",
    options: &[
        OptionDoc { key: "order", default: "2", doc: "order of the predictor, 1 to 3" },
        OptionDoc {
            key: "solver_type",
            default: "bh2",
            doc: "B(h): bh1 (few steps without guidance) or bh2 (guidance)",
        },
        OptionDoc {
            key: "lower_order_final",
            default: "true",
            doc: "lower the order towards the last step, which is of first order",
        },
        OptionDoc { key: "corrector", default: "true", doc: "whether steps are corrected" },
    ],
    cases: &[
        "unipc",
        "unipc:solver_type=bh1",
        "unipc:order=1",
        "unipc:lower_order_final=false",
        "unipc:order=3",
        "unipc:order=3,lower_order_final=false",
        "unipc:order=3,corrector=false,lower_order_final=false",
    ],
    build: |options| {
        Ok(Box::new(UniPc {
            order: whole(options, "order", 1, 3)?,
            bh2: choice(options, "solver_type", &["bh1", "bh2"])? == 1,
            lower_order_final: options.get("lower_order_final")?,
            corrector: options.get("corrector")?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct UniPc {
    order: usize,
    bh2: bool,
    lower_order_final: bool,
    corrector: bool,
}

/// An answer and the half log-SNR where it was given.
type Answer = (f64, Tensor<4>);

impl UniPc {
    /// What the answers `others` add to the first-order step: `B(h) alpha' sum_k rho_k D_k / r_k`, where `D_k` is the
    /// difference to the answer at the start, `rho` solves the order conditions (Zhao et al., eq. 5 and 11).
    fn bend(&self, step: PathStep, start: &Answer, others: &[&Answer], simple: bool) -> Option<Tensor<4>> {
        let h = step.length();
        let count = others.len();
        let parts: Vec<f64> = others.iter().map(|(at, _)| (at - start.0) / h).collect();
        let b_h = if self.bh2 { (-h).exp_m1() } else { -h };
        let mut right = Vec::new();
        let (mut phi, mut factorial) = ((-h).exp_m1() / -h - 1.0, 1.0);
        for k in 1..=count {
            right.push(phi * factorial / b_h);
            factorial *= (k + 1) as f64;
            phi = phi / -h - 1.0 / factorial;
        }
        // A single unknown is a half, which meets the condition to the order needed (Zhao et al., section 3.3).
        let rho = if simple {
            vec![0.5]
        } else {
            solve((0..count as i32).map(|k| parts.iter().map(|r| r.powi(k)).collect()).collect(), right)
        };
        let terms = others.iter().zip(parts.iter().zip(&rho)).map(|((_, answer), (part, rho))| {
            (answer.clone() - start.1.clone()).mul_scalar(-step.to.alpha * b_h * rho / part)
        });
        terms.reduce(|sum, term| sum + term)
    }
}

impl Sampler for UniPc {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        // Newest first; none from before a step of infinite length.
        let mut answers: Vec<Answer> = Vec::new();
        // The last step, where it started, and its order.
        let mut last: Option<(PathStep, Tensor<4>, usize)> = None;
        for step in steps(path)? {
            let here = -step.from.ratio().ln();
            let present = (here, evaluate(model, &x, step.from, run)?);
            if let Some((last, start, order)) = last.take()
                && self.corrector
                && last.length().is_finite()
            {
                let mut others: Vec<&Answer> = answers[1..order].iter().collect();
                others.push(&present);
                x = last.advance(start, answers[0].1.clone());
                if let Some(bend) = self.bend(last, &answers[0], &others, order == 1) {
                    x = x + bend;
                }
            }
            if here.is_finite() {
                answers.insert(0, present.clone());
                answers.truncate(self.order);
            }
            let left = if self.lower_order_final { step.count - step.index } else { self.order };
            let order = if step.length().is_finite() { self.order.min(left).min(answers.len()) } else { 1 };
            let start = x.clone();
            x = step.advance(x, present.1.clone());
            if order > 1 {
                let others: Vec<&Answer> = answers[1..order].iter().collect();
                if let Some(bend) = self.bend(step, &present, &others, order == 2) {
                    x = x + bend;
                }
            }
            report(run, step, &x, &present.1)?;
            last = Some((step, start, order));
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        let order = if self.corrector { self.order + 1 } else { self.order };
        // A last step of first order is all one sees of the error beyond second order. The fourth order that a corrected
        // third-order predictor has on paper is not reached on the walks that we measure (3.4 on a mixture).
        Some(order.min(if self.lower_order_final { 2 } else { 3 }))
    }
}
