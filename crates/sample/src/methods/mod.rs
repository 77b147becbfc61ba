//! The samplers, one file each. A new one is a file here and a line in [`SAMPLERS`].

mod annealed_langevin;
mod ddim;
mod ddpm;
mod dpmpp_2m;
mod euler;
mod heun;
mod pc;
mod reverse_sde;

use langevin_core::registry::Registry;

use crate::sampler::Sampler;

/// Every sampler by name.
pub const SAMPLERS: Registry<dyn Sampler> = Registry {
    kind: "sampler",
    entries: &[
        ddpm::ENTRY,
        ddim::ENTRY,
        euler::ENTRY,
        heun::ENTRY,
        dpmpp_2m::ENTRY,
        reverse_sde::ENTRY,
        pc::ENTRY,
        annealed_langevin::ENTRY,
    ],
};
