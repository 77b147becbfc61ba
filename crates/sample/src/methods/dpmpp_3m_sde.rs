//! DPM-Solver++(3M) SDE: the third-order multistep method for the reverse SDE, its noise read from one Brownian path;
//! k-diffusion's `sample_dpmpp_3m_sde`. See [`crate::multistep`].

use langevin_core::registry::Entry;

use crate::multistep::{CURVATURE, CURVATURES, Multistep};
use crate::sampler::Sampler;
use crate::walk::{ETA, FreshNoise, S_NOISE, choice};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp_3m_sde",
    aliases: &["dpm++_3m_sde"],
    summary: "third-order multistep of the reverse SDE on a Brownian path",
    source: "k-diffusion, sample_dpmpp_3m_sde; Lu et al. 2022, appendix B.3 (arXiv 2211.01095)",
    options: &[ETA, S_NOISE, CURVATURE],
    cases: &["dpmpp_3m_sde", "dpmpp_3m_sde:eta=0,curvature=full"],
    build: |options| {
        Ok(Box::new(Multistep {
            order: 3,
            heun: true,
            lower_order_final: false,
            full_curvature: choice(options, "curvature", CURVATURES)? == 1,
            noise: FreshNoise::read(options)?,
        }))
    },
    ..Entry::BLANK
};
