//! `Diffusion`: a schedule, a process, a parameterisation and a time input put together, and the text that
//! names them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::curve::Curve;
use crate::error::{Error, Result};
use crate::level::Level;
use crate::parameterisations::{Coefficients, PARAMETERISATIONS, Parameterisation};
use crate::processes::{PROCESSES, Process};
use crate::schedules::{SCHEDULES, Schedule};
use crate::sde::Sde;
use crate::time_inputs::{TIME_INPUTS, TimeInput};

/// The names, with options, of the parts of a [`Diffusion`]: what a model file and a config hold.
///
/// Keys that are left out have the default; unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiffusionSpec {
    /// How the noise grows with time, such as `cosine` or `linear:steps=0`. Default `cosine`.
    pub schedule: String,
    /// How signal and noise share a log-SNR: `vp`, `flow`, ... Default `vp`.
    pub process: String,
    /// What the network predicts: `v`, `epsilon`, ... Default `v`, which is defined at every level.
    pub parameterisation: String,
    /// What the network is conditioned on about the noise: `timestep`, `log_sigma`, ... Default `timestep`.
    pub time_input: String,
    /// The standard deviation of the data, which `edm` uses. Default 0.5, right for most images in
    /// `[-1, 1]`.
    pub sigma_data: f64,
}

impl Default for DiffusionSpec {
    fn default() -> Self {
        Self {
            schedule: "cosine".into(),
            process: "vp".into(),
            parameterisation: "v".into(),
            time_input: "timestep".into(),
            sigma_data: 0.5,
        }
    }
}

/// A diffusion: everything about the noise that training and sampling must agree on.
#[derive(Debug, Clone)]
pub struct Diffusion {
    spec: DiffusionSpec,
    curve: Curve,
    parameterisation: Arc<dyn Parameterisation>,
    time_input: Arc<dyn TimeInput>,
}

impl Diffusion {
    /// Makes what `spec` names.
    ///
    /// # Errors
    /// Usage for an unknown name or option (with the nearest), or a `sigma_data` outside `[1e-3, 1e3]`.
    pub fn new(spec: &DiffusionSpec) -> Result<Self> {
        if !(1e-3..=1e3).contains(&spec.sigma_data) {
            return Err(Error::usage(format!(
                "sigma_data is {}, and must lie in [0.001, 1000]",
                spec.sigma_data
            )));
        }
        Ok(Self {
            spec: spec.clone(),
            curve: Curve::new(SCHEDULES.build(&spec.schedule)?, PROCESSES.build(&spec.process)?),
            parameterisation: PARAMETERISATIONS.build(&spec.parameterisation)?.into(),
            time_input: TIME_INPUTS.build(&spec.time_input)?.into(),
        })
    }

    /// The text it was made from.
    pub fn spec(&self) -> &DiffusionSpec {
        &self.spec
    }

    /// Schedule and process together: the level of every time.
    pub fn curve(&self) -> &Curve {
        &self.curve
    }

    /// The schedule.
    pub fn schedule(&self) -> &dyn Schedule {
        self.curve.schedule()
    }

    /// The process.
    pub fn process(&self) -> &dyn Process {
        self.curve.process()
    }

    /// The parameterisation.
    pub fn parameterisation(&self) -> &dyn Parameterisation {
        &*self.parameterisation
    }

    /// The time input.
    pub fn time_input(&self) -> &dyn TimeInput {
        &*self.time_input
    }

    /// The standard deviation of the data.
    pub fn sigma_data(&self) -> f64 {
        self.spec.sigma_data
    }

    /// The level at time `t` in `[0, 1]`.
    pub fn level(&self, t: f64) -> Level {
        self.curve.level(t)
    }

    /// The level of a log-SNR, which may be infinite.
    pub fn level_at(&self, log_snr: f64) -> Level {
        self.curve.level_at(log_snr)
    }

    /// The time in `[0, 1]` of a level, the nearer end for one outside the schedule.
    pub fn time(&self, at: Level) -> f64 {
        self.curve.time(at)
    }

    /// The noisy end, `t = 1`: where sampling starts.
    pub fn highest(&self) -> Level {
        self.curve.highest()
    }

    /// The clean end of the schedule, `t = 0`, which for a table and for VE still holds a little noise.
    pub fn lowest(&self) -> Level {
        self.curve.lowest()
    }

    /// The coefficients around the network at a level.
    ///
    /// # Errors
    /// Usage where the parameterisation has no denoised image: `epsilon` and `score` at `alpha = 0`.
    pub fn coefficients(&self, at: Level) -> Result<Coefficients> {
        self.parameterisation.coefficients(at, self.spec.sigma_data)
    }

    /// What the network is conditioned on about a level (`c_noise`), finite.
    pub fn noise_input(&self, at: Level) -> f64 {
        self.time_input.value(&self.curve, at)
    }

    /// The drift and diffusion of the SDE at time `t`.
    pub fn sde(&self, t: f64) -> Sde {
        Sde::at(self.schedule(), self.process(), t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_reads_with_defaults_and_refuses_unknown_keys() {
        let spec: DiffusionSpec = serde_json::from_str(r#"{"schedule": "flow", "process": "flow"}"#).unwrap();
        assert_eq!(spec.parameterisation, "v");
        assert!(serde_json::from_str::<DiffusionSpec>(r#"{"shedule": "flow"}"#).is_err());
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<DiffusionSpec>(&text).unwrap(), spec);
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let spec = DiffusionSpec { process: "vpp".into(), ..Default::default() };
        assert!(Diffusion::new(&spec).unwrap_err().to_string().contains("did you mean \"vp\""));
        for sigma_data in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Diffusion::new(&DiffusionSpec { sigma_data, ..Default::default() }).is_err());
        }
    }

    #[test]
    fn epsilon_has_no_answer_at_pure_noise_and_says_what_has() {
        let spec = DiffusionSpec {
            schedule: "rescaled".into(),
            parameterisation: "epsilon".into(),
            ..Default::default()
        };
        let diffusion = Diffusion::new(&spec).unwrap();
        let message = diffusion.coefficients(diffusion.highest()).unwrap_err().to_string();
        assert!(message.contains("alpha = 0") && message.contains("v, x0, velocity or edm"), "{message}");
        assert!(diffusion.coefficients(diffusion.level(0.999)).is_ok());
    }
}
