//! The scheduler classes, each in our words.

mod betas;
mod continuous;
mod solvers;

use langevin_core::Result;

use crate::fields::Fields;
use crate::scheduler::Sampling;

/// Reads the config of one class.
pub type Reader = fn(&Fields<'_>) -> Result<Sampling>;

/// Every class that is read.
pub const SCHEDULERS: &[(&str, Reader)] = &[
    ("DDPMScheduler", betas::ddpm),
    ("DDIMScheduler", betas::ddim),
    ("PNDMScheduler", betas::pndm),
    ("LCMScheduler", betas::lcm),
    ("TCDScheduler", betas::tcd),
    ("EulerDiscreteScheduler", solvers::euler),
    ("EulerAncestralDiscreteScheduler", solvers::euler_a),
    ("LMSDiscreteScheduler", solvers::lms),
    ("HeunDiscreteScheduler", solvers::heun),
    ("KDPM2DiscreteScheduler", solvers::dpm2),
    ("KDPM2AncestralDiscreteScheduler", solvers::dpm2_a),
    ("DPMSolverMultistepScheduler", solvers::multistep),
    ("DPMSolverSinglestepScheduler", solvers::singlestep),
    ("DPMSolverSDEScheduler", solvers::dpmpp_sde),
    ("UniPCMultistepScheduler", solvers::unipc),
    ("DEISMultistepScheduler", solvers::deis),
    ("SASolverScheduler", solvers::sa_solver),
    ("ScoreSdeVeScheduler", continuous::ve),
    ("ScoreSdeVpScheduler", continuous::vp),
    ("EDMEulerScheduler", continuous::edm_euler),
    ("EDMDPMSolverMultistepScheduler", continuous::edm_multistep),
    ("FlowMatchEulerDiscreteScheduler", continuous::flow_euler),
    ("FlowMatchHeunDiscreteScheduler", continuous::flow_heun),
];
