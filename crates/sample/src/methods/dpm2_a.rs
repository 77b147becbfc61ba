//! DPM-Solver-2 with ancestral noise: the midpoint step of [`super::dpm2`] to less noise than asked for, and fresh noise
//! up to the level; k-diffusion's `sample_dpm_2_ancestral`.

use burn::tensor::Tensor;
use langevin_core::registry::Entry;
use langevin_core::{Denoiser, Level, Result, Run};

use super::dpm2::{LIMIT, towards, two_where_finite};
use crate::sampler::Sampler;
use crate::walk::{ETA, FreshNoise, S_NOISE, ancestral};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpm2_a",
    aliases: &["dpm_2_a", "dpm_2_ancestral", "kdpm2_a"],
    summary: "second-order midpoint steps with ancestral noise",
    source: "k-diffusion, sample_dpm_2_ancestral; Lu et al. 2022, Algorithm 1 (arXiv 2206.00927)",
    options: &[ETA, S_NOISE, LIMIT],
    cases: &["dpm2_a", "dpm2_a:eta=0"],
    build: |options| {
        let limit = options.number("limit", 0.5, 1e9)?;
        Ok(Box::new(Dpm2A { noise: FreshNoise::read(options)?, limit }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Dpm2A {
    noise: FreshNoise,
    limit: f64,
}

impl Sampler for Dpm2A {
    fn sample(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        ancestral(model, x, path, self.noise, run, |x, denoised, step, run| {
            towards(model, x, denoised, step, self.limit, run)
        })
    }

    fn calls(&self, path: &[Level]) -> usize {
        two_where_finite(path)
    }

    fn order(&self) -> Option<usize> {
        self.noise.order(2)
    }
}
