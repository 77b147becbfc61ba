//! The scheduler classes, each in our words.

mod betas;
mod continuous;
mod solvers;

use langevin_core::process::Diffusion;
use langevin_core::{Error, Result, nearest};
use serde_json::{Map, Value};

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

/// Reads the config of a scheduler of class `class`.
///
/// # Errors
/// Bad input: a class or an option that is not read, a value of the wrong type or out of range.
pub fn read(class: &str, json: &Map<String, Value>) -> Result<Sampling> {
    let known = SCHEDULERS.iter().find(|(name, _)| *name == class || format!("{name}Parallel") == class);
    let (_, of) = known.ok_or_else(|| {
        let names = SCHEDULERS.iter().map(|(name, _)| *name);
        let error = Error::bad_input(format!("is a {class}, a scheduler that is not read"));
        match nearest(class, names) {
            Some(near) => error.hint(format!("near it is {near}")),
            None => error,
        }
    })?;
    let fields = Fields::new(json);
    let mut sampling = of(&fields)?;
    let unknown = fields.unknown();
    if !unknown.is_empty() {
        sampling.notes.push(format!("{class}: ignored {}", unknown.join(", ")));
    }
    let valid = Diffusion::new(&sampling.diffusion);
    valid.map_err(|error| Error::bad_input(error.message().to_owned()))?;
    Ok(sampling)
}
