//! Schedulers without a table: score models, EDM, flow matching.

use langevin_core::process::DiffusionSpec;
use langevin_core::{Error, Result};

use super::solvers::flow;
use crate::fields::Fields;
use crate::scheduler::{Sampling, ends_lowest, entries, threshold};

/// Steps of `ScoreSdeVePipeline`, whatever its scheduler's config says.
const VE_STEPS: usize = 2000;

/// `ScoreSdeVeScheduler`: at every level of a geometric ladder Langevin steps, then a step of reverse diffusion. Its data lie
/// in [0, 1], ours in [-1, 1], where the same noise is twice as large.
pub fn ve(fields: &Fields<'_>) -> Result<Sampling> {
    let (min, max) = (fields.number("sigma_min", 0.01)?, fields.number("sigma_max", 1348.0)?);
    let snr = fields.number("snr", 0.15)?;
    if !(1e-6..=1.0).contains(&snr) {
        return Err(Error::bad_input(format!("\"snr\" is {snr}, not in 0.000001 to 1")));
    }
    let sampler = match fields.count("correct_steps", 1)? {
        0 => "pc:corrector=none".to_owned(),
        steps @ 1..=100 => format!("pc:snr={snr},corrector_steps={steps}"),
        steps => return Err(Error::bad_input(format!("\"correct_steps\" is {steps}, not in 0 to 100"))),
    };
    fields.number("sampling_eps", 1e-5)?;
    fields.count("num_train_timesteps", 2000)?;
    let diffusion = DiffusionSpec {
        schedule: format!("geometric:sigma_min={},sigma_max={}", 2.0 * min, 2.0 * max),
        process: "ve".to_owned(),
        parameterisation: "score:input=raw".to_owned(),
        time_input: "sigma:scale=0.5".to_owned(),
        ..DiffusionSpec::default()
    };
    // Without an end of its own the spacing stops at 0.002.
    let spacing = format!("exponential:sigma_min={}", 2.0 * min);
    let sampling = Sampling::new(diffusion, &sampler, spacing, VE_STEPS);
    Ok(Sampling { exploding: true, ..sampling }.noting(
        true,
        "ScoreSdeVeScheduler takes 2000 steps of pc; --sampler heun --spacing karras --steps 25 asks the network far less",
    ))
}

/// `ScoreSdeVpScheduler`, whose network is conditioned on the time in [0, 1] and predicts the noise.
pub fn vp(fields: &Fields<'_>) -> Result<Sampling> {
    let (min, max) = (fields.number("beta_min", 0.1)?, fields.number("beta_max", 20.0)?);
    fields.number("sampling_eps", 1e-3)?;
    fields.count("num_train_timesteps", 2000)?;
    let diffusion = DiffusionSpec {
        schedule: format!("linear:start={},end={},steps=0", min / 1000.0, max / 1000.0),
        process: "vp".to_owned(),
        parameterisation: "epsilon".to_owned(),
        time_input: "time".to_owned(),
        ..DiffusionSpec::default()
    };
    Ok(Sampling { unit_start: true, ..Sampling::new(diffusion, "heun", "karras".to_owned(), 50) }
        .noting(true, "ScoreSdeVpScheduler walks in some thousand random steps; here heun is the default"))
}

/// `EDMEulerScheduler`.
pub fn edm_euler(fields: &Fields<'_>) -> Result<Sampling> {
    edm(fields, "euler")
}

/// `EDMDPMSolverMultistepScheduler`.
pub fn edm_multistep(fields: &Fields<'_>) -> Result<Sampling> {
    let order = fields.count("solver_order", 2)?;
    let sampler = match (fields.text("algorithm_type", "dpmsolver++")?.as_str(), order) {
        ("dpmsolver++", 1) => "ddim",
        ("dpmsolver++", 2) => "dpmpp_2m",
        ("dpmsolver++", 3) => "dpmpp_3m",
        ("sde-dpmsolver++", 2) => "dpmpp_2m_sde",
        (other, _) => {
            return Err(Error::bad_input(format!(
                "\"algorithm_type\" is \"{other}\" of order {order}, which is not read"
            )));
        }
    };
    if fields.text("solver_type", "midpoint")? != "midpoint" {
        return Err(Error::bad_input("\"solver_type\" is not midpoint"));
    }
    fields.flag("lower_order_final", true)?;
    fields.flag("euler_at_final", false)?;
    Ok(Sampling { threshold: threshold(fields)?, ..edm(fields, sampler)? })
}

fn edm(fields: &Fields<'_>, sampler: &str) -> Result<Sampling> {
    let (min, max) = (fields.number("sigma_min", 0.002)?, fields.number("sigma_max", 80.0)?);
    let rho = fields.number("rho", 7.0)?;
    fields.count("num_train_timesteps", 1000)?;
    if fields.text("prediction_type", "epsilon")? != "epsilon" {
        return Err(Error::bad_input(
            "\"prediction_type\" is not epsilon, and of EDM's networks only those are read",
        ));
    }
    if ends_lowest(fields)? {
        return Err(Error::bad_input(
            "\"final_sigmas_type\" is sigma_min, which EDM's paths are not read with",
        ));
    }
    let spacing = match fields.text("sigma_schedule", "karras")?.as_str() {
        "karras" => format!("karras:rho={rho}"),
        "exponential" => "exponential".to_owned(),
        other => {
            return Err(Error::bad_input(format!("\"sigma_schedule\" is \"{other}\", which is not read")));
        }
    };
    let diffusion = DiffusionSpec {
        schedule: format!("edm:sigma_min={min},sigma_max={max},rho={rho}"),
        process: "edm".to_owned(),
        parameterisation: "edm".to_owned(),
        time_input: "log_sigma".to_owned(),
        sigma_data: fields.number("sigma_data", 0.5)?,
    };
    Ok(Sampling { unit_start: true, ..Sampling::new(diffusion, sampler, spacing, 18) })
}

/// `FlowMatchEulerDiscreteScheduler`.
pub fn flow_euler(fields: &Fields<'_>) -> Result<Sampling> {
    for key in [
        "use_dynamic_shifting",
        "invert_sigmas",
        "stochastic_sampling",
        "use_karras_sigmas",
        "use_exponential_sigmas",
        "use_beta_sigmas",
    ] {
        if fields.flag(key, false)? {
            return Err(Error::bad_input(format!("\"{key}\" is true, which is not read")));
        }
    }
    if fields.value("shift_terminal").is_some() {
        return Err(Error::bad_input("\"shift_terminal\" is set, which is not read"));
    }
    for key in ["base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len"] {
        fields.value(key);
    }
    fields.text("time_shift_type", "exponential")?;
    flow_match(fields, "euler")
}

/// `FlowMatchHeunDiscreteScheduler`.
pub fn flow_heun(fields: &Fields<'_>) -> Result<Sampling> {
    flow_match(fields, "flow_heun")
}

fn flow_match(fields: &Fields<'_>, sampler: &str) -> Result<Sampling> {
    let shift = fields.number("shift", 1.0)?;
    let entries = entries(fields)?;
    // The lowest time is shifted once more than the others.
    let lowest = 1.0 / entries as f64;
    let lowest = shift * lowest / (1.0 + (shift - 1.0) * lowest);
    let spacing = format!("linspace:first={lowest}");
    Ok(Sampling::new(flow(shift, entries, "velocity"), sampler, spacing, 28))
}
