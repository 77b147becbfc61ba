//! Blending: any sampler, where the model sees, wherever it is asked, the measurement under the noise of that level in place of what the
//! walk has there (Avrahami et al. 2022, "Blended Diffusion", arXiv 2111.14818, Algorithm 2; in latents 2206.02779, section 4.1). The
//! noise is the one that the walk began with, as in the inpainting of diffusers with a model of four channels, whose images these are.
//!
//! What a sampler makes of the part that was not measured depends on that part and on the model's answers alone, so it need not know
//! of the measurement. As with replacement, the walk does not hear of it until the next call: fast, with seams where the model is not
//! sure.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Cond, Denoiser, Level, Levels, Result, Run};
use langevin_sample::{SAMPLERS, Sampler};

use super::replacement::put_back;
use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::Walk;

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "blended",
    aliases: &["blended_diffusion"],
    summary: "any sampler, the model seeing the measured part under the walk's own noise; as inpainting in diffusers",
    source: "Avrahami et al. 2022, Algorithm 2 (arXiv 2111.14818)",
    options: &[OptionDoc {
        key: "sampler",
        default: "dpmpp_2m",
        doc: "a sampler, with at most one option: ddim:eta=1",
    }],
    cases: &["blended", "blended:sampler=heun"],
    candidates: &["blended", "blended:sampler=ddim", "blended:sampler=ddim:eta=1", "blended:sampler=euler"],
    build: |options| Ok(Box::new(BlendedWalk { sampler: SAMPLERS.build(options.text("sampler"))? })),
};

#[derive(Debug)]
struct BlendedWalk {
    sampler: Box<dyn Sampler>,
}

/// A model that sees the measurement under `noise` of variance 1, but at the level where the walk begins with noise alone.
struct Blended<'a> {
    inner: &'a dyn Denoiser,
    problem: &'a Problem,
    noise: Tensor<4>,
    first: Level,
}

impl Denoiser for Blended<'_> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let Some(level) = at.0.first().filter(|level| **level != self.first) else {
            return self.inner.denoise(x, at, cond);
        };
        // One batch walks together.
        let seen = put_back(self.problem, x, *level, Some(self.noise.clone().mul_scalar(level.sigma)))?;
        self.inner.denoise(seen, at, cond)
    }
}

impl Method for BlendedWalk {
    fn needs(&self) -> Needs {
        Needs { linear: true, noiseless: true, ..Needs::default() }
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let walk = Walk::new(self.needs(), prior, problem, path, 0, run)?;
        let noise = walk.start(Level { alpha: 0.0, sigma: 1.0 });
        let x = walk.pure(path[0]);
        let model = Blended { inner: prior.denoiser, problem, noise, first: path[0] };
        let made = self.sampler.sample(&model, x, path, run)?;
        put_back(problem, made, Level::CLEAN, None)
    }

    fn calls(&self, path: &[Level]) -> usize {
        self.sampler.calls(path)
    }

    fn samples(&self) -> bool {
        true
    }
}
