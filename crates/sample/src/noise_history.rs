//! Multistep methods in the noise the model sees: LMS, DEIS, iPNDM, PNDM and gradient estimation differ in the weights
//! they give to the last few answers, and in nothing else.
//!
//! In the coordinate `x / alpha` over `sigma / alpha` the probability flow is `d(x / alpha) = n d(sigma / alpha)` (Karras et
//! al. 2022, eq. 1), so every such method is `x' / alpha' = x / alpha + sum_j c_j n_j`, where the `c_j` add up to the length of
//! the step. With the step primitive that is the first-order step and `alpha' * sum_j c_j (n_j - n_0)` beside it, which is
//! finite also where `x / alpha` is not.

use burn::tensor::Tensor;
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::{PathStep, steps};
use crate::walk::{evaluate, report};

/// What a method gets with an output: where it was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// `sigma / alpha`, finite.
    pub(crate) ratio: f64,
}

/// Walks `path` with up to `memory` answers a step, the present one included. `weights` gives the `c_j`, as parts of the
/// length of the step, for the nodes known (newest first, the present one at 0) and the step; it may give fewer than there
/// are nodes. Steps that start without signal are of first order, and their answer is forgotten.
pub(crate) fn walk(
    model: &dyn Denoiser,
    mut x: Tensor<4>,
    path: &[Level],
    run: &mut Run<'_>,
    memory: usize,
    weights: impl Fn(&[Node], PathStep) -> Vec<f64>,
) -> Result<Tensor<4>> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut noises: Vec<Tensor<4>> = Vec::new();
    for step in steps(path)? {
        let denoised = evaluate(model, &x, step.from, run)?;
        let present = step.noise_in(x.clone(), denoised.clone());
        x = step.advance(x, denoised.clone());
        if step.from.alpha > 0.0 {
            nodes.insert(0, Node { ratio: step.from.ratio() });
            noises.insert(0, present.clone());
            nodes.truncate(memory);
            noises.truncate(memory);
            let length = step.to.alpha * (step.to.ratio() - step.from.ratio());
            let weights = weights(&nodes, step);
            for (weight, noise) in weights.iter().zip(&noises).skip(1) {
                x = x + (noise.clone() - present.clone()).mul_scalar(weight * length);
            }
        }
        report(run, step, &x, &denoised)?;
    }
    Ok(x)
}

/// The weights of Adams and Bashforth for even steps, with as many answers as there are, up to four.
pub(crate) fn adams_bashforth(known: usize) -> Vec<f64> {
    match known {
        0 | 1 => vec![1.0],
        2 => vec![1.5, -0.5],
        3 => vec![23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
        _ => vec![55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
    }
}
