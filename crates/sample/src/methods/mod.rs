//! The samplers, one file each. A new one is a file here and a line in [`SAMPLERS`].

mod annealed_langevin;
mod ddim;
mod ddpm;
mod deis;
mod dpm2;
mod dpm2_a;
mod dpm_adaptive;
mod dpm_singlestep;
mod dpm_solver;
mod dpmpp_2m;
mod dpmpp_2m_sde;
mod dpmpp_2s;
mod dpmpp_2s_a;
mod dpmpp_3m;
mod dpmpp_3m_sde;
mod dpmpp_sde;
mod euler;
mod euler_a;
mod flow_heun;
mod gradient_estimation;
mod heun;
mod ipndm;
mod lcm;
mod lms;
mod pc;
mod pndm;
mod restart;
mod reverse_sde;
mod rk4;
mod rk45;
mod sa_solver;
mod tcd;
mod unipc;

use langevin_core::registry::Registry;

use crate::sampler::Sampler;

/// Every sampler by name.
pub const SAMPLERS: Registry<dyn Sampler> = Registry {
    kind: "sampler",
    entries: &[
        ddpm::ENTRY,
        ddim::ENTRY,
        euler::ENTRY,
        euler_a::ENTRY,
        heun::ENTRY,
        flow_heun::ENTRY,
        dpm2::ENTRY,
        dpm2_a::ENTRY,
        lms::ENTRY,
        pndm::ENTRY,
        ipndm::ENTRY,
        deis::ENTRY,
        dpm_solver::ENTRY,
        dpm_singlestep::ENTRY,
        dpmpp_2s::ENTRY,
        dpmpp_2s_a::ENTRY,
        dpmpp_2m::ENTRY,
        dpmpp_3m::ENTRY,
        dpmpp_sde::ENTRY,
        dpmpp_2m_sde::ENTRY,
        dpmpp_3m_sde::ENTRY,
        unipc::ENTRY,
        sa_solver::ENTRY,
        gradient_estimation::ENTRY,
        restart::ENTRY,
        lcm::ENTRY,
        tcd::ENTRY,
        dpm_adaptive::ENTRY,
        rk4::ENTRY,
        rk45::ENTRY,
        reverse_sde::ENTRY,
        pc::ENTRY,
        annealed_langevin::ENTRY,
    ],
};
