//! DPM-Solver++(2S) with ancestral noise: the step of [`super::dpmpp_2s`] to less noise than asked for, and fresh noise up
//! to the level; k-diffusion's `sample_dpmpp_2s_ancestral`.

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Denoiser, Level, Result, Run};

use super::dpm2::two_where_finite;
use super::dpmpp_2s::{R, towards};
use crate::sampler::Sampler;
use crate::walk::{ETA, FreshNoise, S_NOISE, ancestral};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp_2s_a",
    aliases: &["dpm++_2s_a", "dpmpp_2s_ancestral"],
    summary: "second-order singlestep with ancestral noise",
    source: "k-diffusion, sample_dpmpp_2s_ancestral; Lu et al. 2022, Algorithm 1 (arXiv 2211.01095)",
    options: &[ETA, S_NOISE, R],
    cases: &["dpmpp_2s_a", "dpmpp_2s_a:eta=0"],
    build: |options| {
        Ok(Box::new(Dpmpp2sA { noise: FreshNoise::read(options)?, r: options.number("r", 0.05, 1.0)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Dpmpp2sA {
    noise: FreshNoise,
    r: f64,
}

impl Sampler for Dpmpp2sA {
    fn sample(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        ancestral(model, x, path, self.noise, run, |x, denoised, step, run| {
            towards(model, x, denoised, step, self.r, run)
        })
    }

    fn calls(&self, path: &[Level]) -> usize {
        two_where_finite(path)
    }

    fn order(&self) -> Option<usize> {
        self.noise.order(2)
    }
}
