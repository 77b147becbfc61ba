//! Gradient-estimation sampling (Permenter and Yuan 2024, "Interpreting and Improving Diffusion Models from an Optimization
//! Perspective", arXiv 2306.04848, Algorithm 2): denoising as gradient descent on the distance to the images, the
//! gradient estimated from the last two answers, `gamma n_t + (1 - gamma) n_(t+1)`.
//!
//! `gamma = 1` is Euler, 1.5 the second-order rule of Adams and Bashforth; the paper finds 2 best at few steps. As widely
//! used, the step to `sigma = 0` lands on the clean image of the model.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::noise_history::walk;
use crate::sampler::Sampler;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "gradient_estimation",
    aliases: &["euler_ge", "ge"],
    summary: "Euler steps along a gradient estimated from two evaluations",
    source: "Permenter and Yuan 2024, Algorithm 2 (arXiv 2306.04848)",
    options: &[OptionDoc { key: "gamma", default: "2", doc: "weight of the newest output, 1 (Euler) to 5" }],
    cases: &["gradient_estimation", "gradient_estimation:gamma=1.5"],
    build: |options| Ok(Box::new(GradientEstimation { gamma: options.number("gamma", 1.0, 5.0)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct GradientEstimation {
    gamma: f64,
}

impl Sampler for GradientEstimation {
    fn sample(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        walk(model, x, path, run, 2, |nodes, step| {
            let alone = nodes.len() < 2 || step.to.sigma == 0.0;
            if alone { vec![1.0] } else { vec![self.gamma, 1.0 - self.gamma] }
        })
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        Some(if self.gamma == 1.5 { 2 } else { 1 })
    }
}
