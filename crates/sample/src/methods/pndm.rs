//! PNDM (Liu et al. 2022, "Pseudo Numerical Methods for Diffusion Models on Manifolds", arXiv 2202.09778): classical methods for
//! the noise that the model sees, carried by DDIM's step (the paper's transfer, eq. 11); diffusers' `PNDMScheduler`.
//!
//! Most steps are linear multistep: the noise of the last four answers in Adams' and Bashforth's weights (section 3.3, eq.
//! 12). What begins is a choice. `prk=false` takes one improved Euler step, as Stable Diffusion does (PLMS; diffusers'
//! `skip_prk_steps=True`). `prk=true` takes three Runge-Kutta steps of four calls (F-PNDM, eq. 13; diffusers' default), two of
//! which are asked in the middle of the step by the model's own time ([`langevin_core::TimeMap`]).
//!
//! Written with clean images the improved step leads towards `D + w (D' - D)` with `w = exp(h) / 2`, which is limited as in
//! [`super::heun`]; where that limit is exceeded, an improved step also takes the place of a Runge-Kutta step.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use super::dpm2::LIMIT;
use crate::noise_history::adams_bashforth;
use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::{evaluate, report};

/// Steps that Runge-Kutta takes, after which the history is long enough.
const RUNGE_KUTTA_STEPS: usize = 3;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "pndm",
    aliases: &["plms"],
    summary: "multistep in the noise, one model call a step and more at the start; 20 steps or more, or even ones",
    source: "Liu et al. 2022, eq. 11 to 13 (arXiv 2202.09778)",
    options: &[
        OptionDoc {
            key: "prk",
            default: "false",
            doc: "begin with three Runge-Kutta steps of four evaluations, as the paper and diffusers' default do, not with one \
                  improved Euler step of two",
        },
        LIMIT,
    ],
    cases: &["pndm", "pndm:prk=true"],
    build: |options| {
        Ok(Box::new(Pndm { prk: options.get("prk")?, limit: options.number("limit", 0.5, 1e9)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Pndm {
    prk: bool,
    limit: f64,
}

/// How a step is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Multistep,
    ImprovedEuler,
    RungeKutta,
}

impl Kind {
    fn calls(self) -> usize {
        match self {
            Self::Multistep => 1,
            Self::ImprovedEuler => 2,
            Self::RungeKutta => 4,
        }
    }
}

impl Pndm {
    fn kind(&self, step: PathStep) -> Kind {
        let begins = step.index < if self.prk { RUNGE_KUTTA_STEPS } else { 1 };
        if !begins || step.to.sigma == 0.0 {
            Kind::Multistep
        } else if self.prk && improved_weight(step) <= self.limit {
            Kind::RungeKutta
        } else {
            Kind::ImprovedEuler
        }
    }
}

/// The weight of the second answer of an improved Euler step; infinite where the step starts without signal.
fn improved_weight(step: PathStep) -> f64 {
    0.5 / step.kept()
}

/// The end of a Runge-Kutta step and the model's answer there, from its answer at the start.
///
/// The noise of each further answer is counted from that of the first. With `x'` the image that a noise `n` carries to a level
/// of `r' = sigma' / alpha'`, `(x' - alpha' D') / sigma' - n = (D - D') / r' + (1 - r / r') (n' - n)` where `n'` is what carried it, which
/// has no difference of large numbers in it.
fn runge_kutta(
    model: &dyn Denoiser,
    x: &Tensor<4>,
    denoised: &Tensor<4>,
    step: PathStep,
    run: &Run<'_>,
) -> Result<(Tensor<4>, Tensor<4>)> {
    let half = step.until(run.time_map.middle(step.from, step.to));
    // The image that the first noise and `more` of it carry to the end of a step.
    let carried = |over: PathStep, more: &Tensor<4>| {
        let length = over.to.alpha * (over.to.ratio() - over.from.ratio());
        over.advance(x.clone(), denoised.clone()) + more.clone().mul_scalar(length)
    };
    // How much more noise than the first answer another sees, at the end of `over` in the image that `more` carried there.
    let seen = |over: PathStep, more: &Tensor<4>| -> Result<(Tensor<4>, Tensor<4>)> {
        let answer = evaluate(model, &carried(over, more), over.to, run)?;
        let ratio = over.to.ratio();
        let change = (denoised.clone() - answer.clone()).mul_scalar(1.0 / ratio);
        Ok((change + more.clone().mul_scalar(1.0 - over.from.ratio() / ratio), answer))
    };
    let (second, _) = seen(half, &x.zeros_like())?;
    let (third, _) = seen(half, &second)?;
    let (fourth, answer) = seen(step, &third)?;
    let mean = (second + third).mul_scalar(1.0 / 3.0) + fourth.mul_scalar(1.0 / 6.0);
    Ok((carried(step, &mean), answer))
}

impl Sampler for Pndm {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        // Newest first.
        let mut noises: Vec<Tensor<4>> = Vec::new();
        for step in steps(path)? {
            let mut denoised = evaluate(model, &x, step.from, run)?;
            let present = step.noise_in(x.clone(), denoised.clone());
            noises.insert(0, present.clone());
            noises.truncate(4);
            match self.kind(step) {
                Kind::RungeKutta => (x, denoised) = runge_kutta(model, &x, &denoised, step, run)?,
                Kind::ImprovedEuler => {
                    let next = step.advance(x.clone(), denoised.clone());
                    let second = evaluate(model, &next, step.to, run)?;
                    let weight = improved_weight(step).min(self.limit);
                    denoised = denoised.clone() + (second - denoised).mul_scalar(weight);
                    x = step.advance(x, denoised.clone());
                }
                Kind::Multistep => {
                    x = step.advance(x, denoised.clone());
                    if step.from.alpha > 0.0 {
                        let length = step.to.alpha * (step.to.ratio() - step.from.ratio());
                        for (weight, noise) in adams_bashforth(noises.len()).iter().zip(&noises).skip(1) {
                            x = x + (noise.clone() - present.clone()).mul_scalar(weight * length);
                        }
                    }
                }
            }
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        let pairs = path.windows(2).enumerate();
        let step = |(index, pair): (usize, &[Level])| PathStep {
            index,
            count: path.len() - 1,
            from: pair[0],
            to: pair[1],
        };
        pairs.map(|pair| self.kind(step(pair)).calls()).sum()
    }

    fn order(&self) -> Option<usize> {
        Some(2)
    }
}
