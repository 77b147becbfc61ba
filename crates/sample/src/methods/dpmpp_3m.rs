//! DPM-Solver++(3M): a parabola through the last three answers (Lu et al. 2022, arXiv 2211.01095, appendix B.3).
//!
//! diffusers' `DPMSolverMultistepScheduler(solver_order=3)` with the defaults; k-diffusion's `sample_dpmpp_3m_sde` at
//! `eta = 0` with `solver_type=heun,lower_order_final=false`. See [`crate::multistep`].

use langevin_core::registry::Entry;

use crate::multistep::{CURVATURE, CURVATURES, LOWER_ORDER_FINAL, Multistep, SOLVER_TYPE, SOLVER_TYPES};
use crate::sampler::Sampler;
use crate::walk::{FreshNoise, choice};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpmpp_3m",
    aliases: &["dpm++_3m", "dpmpp3m"],
    summary: "third-order multistep, one model call a step",
    source: "Lu et al. 2022, appendix B.3 (arXiv 2211.01095)",
    options: &[SOLVER_TYPE, LOWER_ORDER_FINAL, CURVATURE],
    cases: &["dpmpp_3m", "dpmpp_3m:solver_type=heun,lower_order_final=false", "dpmpp_3m:curvature=full"],
    build: |options| {
        Ok(Box::new(Multistep {
            order: 3,
            heun: choice(options, "solver_type", SOLVER_TYPES)? == 1,
            lower_order_final: options.get("lower_order_final")?,
            full_curvature: choice(options, "curvature", CURVATURES)? == 1,
            noise: FreshNoise::NONE,
        }))
    },
    ..Entry::BLANK
};
