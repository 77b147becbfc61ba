//! DPM-Solver++(2M) SDE: the second-order multistep method for the reverse SDE, its noise read from one Brownian path;
//! k-diffusion's `sample_dpmpp_2m_sde` and diffusers' `sde-dpmsolver++`. See [`crate::multistep`].

use langevin_core::registry::Entry;

use crate::multistep::{Multistep, SOLVER_TYPE, SOLVER_TYPES};
use crate::sampler::Sampler;
use crate::walk::{ETA, FreshNoise, S_NOISE, choice};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp_2m_sde",
    aliases: &["dpm++_2m_sde"],
    summary: "second-order multistep of the reverse SDE on a Brownian path",
    source: "k-diffusion, sample_dpmpp_2m_sde; Lu et al. 2022, Algorithm 2 (arXiv 2211.01095)",
    options: &[ETA, S_NOISE, SOLVER_TYPE],
    cases: &["dpmpp_2m_sde", "dpmpp_2m_sde:eta=0.5,solver_type=heun"],
    build: |options| {
        Ok(Box::new(Multistep {
            order: 2,
            heun: choice(options, "solver_type", SOLVER_TYPES)? == 1,
            lower_order_final: false,
            full_curvature: false,
            noise: FreshNoise::read(options)?,
        }))
    },
    ..Entry::BLANK
};
