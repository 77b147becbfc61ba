//! Improved PNDM (Liu et al. 2022, "Pseudo Numerical Methods for Diffusion Models on Manifolds", arXiv 2202.09778, in the
//! form of Zhang and Chen 2023, arXiv 2204.13902, section 3.3): the noise of the last four answers in Adams' and Bashforth's
//! weights for even steps, carried by DDIM's step. No warm-up calls; diffusers' `IPNDMScheduler`.
//!
//! The weights suppose even steps in `sigma / alpha`. On other paths the method is of second order, and where each step
//! is several times shorter than the one before it, as in 10 steps of `karras`, the full order overshoots visibly; `order=3` does
//! not.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::noise_history::{adams_bashforth, walk};
use crate::sampler::Sampler;
use crate::walk::whole;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "ipndm",
    aliases: &[],
    summary: "multistep in the noise with the weights of even steps, one model call a step",
    source: "Zhang and Chen 2023, section 3.3 (arXiv 2204.13902); Liu et al. 2022 (arXiv 2202.09778)",
    options: &[OptionDoc {
        key: "order",
        default: "4",
        doc: "how many denoiser outputs a step uses, 1 to 4; with 10 steps that shorten quickly, as those of karras, 2 or 3",
    }],
    cases: &["ipndm", "ipndm:order=2"],
    build: |options| Ok(Box::new(Ipndm { order: whole(options, "order", 1, 4)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Ipndm {
    order: usize,
}

impl Sampler for Ipndm {
    fn sample(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        walk(model, x, path, run, self.order, |nodes, _| adams_bashforth(nodes.len()))
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        Some(self.order.min(2))
    }
}
