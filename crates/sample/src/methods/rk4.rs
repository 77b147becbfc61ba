//! Classical Runge-Kutta steps of four slopes on the probability-flow equation, over the time of a flow `s = sigma / (alpha + sigma)`,
//! in which it is finite from pure noise on: Chan 2024, "Tutorial on Diffusion Models for Imaging and Vision" (arXiv 2403.18103),
//! section 4.6; Kutta 1901.
//!
//! With `z = x / (alpha + sigma)`, so that `z = (1 - s) x0 + s n`, the equation is `dz/ds = (z - D) / s` whatever the process. The last
//! step, to the clean image, is Euler's: a slope at `s = 0` does not exist.

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::{evaluate, report};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "rk4",
    aliases: &["runge_kutta"],
    summary: "fourth-order steps of four network evaluations (classical Runge-Kutta)",
    source: "Chan 2024, section 4.6 (arXiv 2403.18103)",
    cases: &["rk4"],
    build: |_| Ok(Box::new(Rk4)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Rk4;

/// The flow's time of a level.
fn time(level: Level) -> f64 {
    level.sigma / (level.alpha + level.sigma)
}

/// The image at the end of a step to less noise, and the model's answer at its start.
fn advance(
    model: &dyn Denoiser,
    x: Tensor<4>,
    step: PathStep,
    run: &Run<'_>,
) -> Result<(Tensor<4>, Tensor<4>)> {
    let denoised = evaluate(model, &x, step.from, run)?;
    if step.to.is_clean() {
        return Ok((step.advance(x, denoised.clone()), denoised));
    }
    let (from, to) = (time(step.from), time(step.to));
    let (h, middle) = (to - from, 0.5 * (from + to));
    let slope = |z: &Tensor<4>, at: f64| -> Result<Tensor<4>> {
        let level = Level { alpha: 1.0 - at, sigma: at };
        Ok((z.clone() - evaluate(model, z, level, run)?).mul_scalar(1.0 / at))
    };
    let z = x.mul_scalar(1.0 / (step.from.alpha + step.from.sigma));
    let k1 = (z.clone() - denoised.clone()).mul_scalar(1.0 / from);
    let k2 = slope(&(z.clone() + k1.clone().mul_scalar(0.5 * h)), middle)?;
    let k3 = slope(&(z.clone() + k2.clone().mul_scalar(0.5 * h)), middle)?;
    let k4 = slope(&(z.clone() + k3.clone().mul_scalar(h)), to)?;
    let mean = (k1 + (k2 + k3).mul_scalar(2.0) + k4).mul_scalar(1.0 / 6.0);
    let next = (z + mean.mul_scalar(h)).mul_scalar(step.to.alpha + step.to.sigma);
    Ok((next, denoised))
}

impl Sampler for Rk4 {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let denoised;
            (x, denoised) = advance(model, x, step, run)?;
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.iter().skip(1).map(|level| if level.is_clean() { 1 } else { 4 }).sum()
    }

    fn order(&self) -> Option<usize> {
        Some(4)
    }
}
