//! Linear multistep: a polynomial in `sigma / alpha` through the noise of the last answers, integrated over the step
//! (Adams and Bashforth's method for uneven steps); k-diffusion's `sample_lms`, diffusers' `LMSDiscreteScheduler`.
//!
//! The integrals are exact here; both references compute them by adaptive quadrature.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::noise_history::walk;
use crate::quadrature::{lagrange_integrals, plain_moments};
use crate::sampler::Sampler;
use crate::walk::whole;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "lms",
    aliases: &["lms_k"],
    summary: "linear multistep in sigma/alpha, one model call a step",
    source: "k-diffusion, sample_lms; Adams-Bashforth for uneven steps",
    options: &[OptionDoc {
        key: "order",
        default: "4",
        doc: "how many denoiser outputs a step uses, 1 to 4",
    }],
    cases: &["lms", "lms:order=2", "lms:order=3"],
    build: |options| Ok(Box::new(Lms { order: whole(options, "order", 1, 4)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Lms {
    order: usize,
}

impl Sampler for Lms {
    fn sample(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        walk(model, x, path, run, self.order, |nodes, step| {
            // The step runs from 0 to 1, towards less noise.
            let (from, length) = (step.from.ratio(), step.from.ratio() - step.to.ratio());
            let nodes: Vec<f64> = nodes.iter().map(|node| (from - node.ratio) / length).collect();
            lagrange_integrals(&nodes, &plain_moments(1.0, nodes.len()))
        })
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        Some(self.order)
    }
}
