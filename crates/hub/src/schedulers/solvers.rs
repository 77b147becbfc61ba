//! Schedulers that solve the probability-flow equation over a table's noise levels.

use langevin_core::process::DiffusionSpec;
use langevin_core::{Error, Result};

use crate::fields::Fields;
use crate::scheduler::{
    BetaDefaults, DDPM_BETAS, Placing, Sampling, clip, ends_lowest, entries, sigmas, spacing, table,
    threshold,
};

/// The defaults of the schedulers that follow k-diffusion's second-order samplers.
const LATENT_BETAS: BetaDefaults = BetaDefaults { start: 0.00085, end: 0.012, curve: "linear" };

/// `EulerDiscreteScheduler`.
pub fn euler(fields: &Fields<'_>) -> Result<Sampling> {
    for (key, known) in [("interpolation_type", "linear"), ("timestep_type", "discrete")] {
        let value = fields.text(key, known)?;
        if value != known {
            return Err(Error::bad_input(format!("\"{key}\" is \"{value}\", which is not read")));
        }
    }
    ratios(fields, DDPM_BETAS, "euler")
}

/// `EulerAncestralDiscreteScheduler`.
pub fn euler_a(fields: &Fields<'_>) -> Result<Sampling> {
    ratios(fields, DDPM_BETAS, "euler_a")
}

/// `LMSDiscreteScheduler`.
pub fn lms(fields: &Fields<'_>) -> Result<Sampling> {
    ratios(fields, DDPM_BETAS, "lms")
}

/// `HeunDiscreteScheduler`. Like the next two it does not limit the weight of a step's second answer.
pub fn heun(fields: &Fields<'_>) -> Result<Sampling> {
    let clip = clip(fields, false)?;
    Ok(Sampling { clip, ..ratios(fields, LATENT_BETAS, "heun:limit=1000000000")? })
}

/// `KDPM2DiscreteScheduler`.
pub fn dpm2(fields: &Fields<'_>) -> Result<Sampling> {
    ratios(fields, LATENT_BETAS, "dpm2:limit=1000000000")
}

/// `KDPM2AncestralDiscreteScheduler`.
pub fn dpm2_a(fields: &Fields<'_>) -> Result<Sampling> {
    ratios(fields, LATENT_BETAS, "dpm2_a:limit=1000000000")
}

/// `DPMSolverSDEScheduler`.
pub fn dpmpp_sde(fields: &Fields<'_>) -> Result<Sampling> {
    fields.value("noise_sampler_seed");
    ratios(fields, LATENT_BETAS, "dpmpp_sde")
}

/// Schedulers that step in `sigma / alpha` and start at its highest value.
fn ratios(fields: &Fields<'_>, defaults: BetaDefaults, sampler: &str) -> Result<Sampling> {
    let lowest = ends_lowest(fields)?;
    let leading = fields.text("timestep_spacing", "linspace")? == "leading";
    let even = spacing(fields, "linspace", Placing::Fractional, lowest)?;
    let range = match (fields.number("sigma_min", 0.0)?, fields.number("sigma_max", 0.0)?) {
        (min, max) if min > 0.0 && max > 0.0 => format!(":sigma_min={min},sigma_max={max}"),
        _ => String::new(),
    };
    let (spacing, curved) = match sigmas(fields)? {
        Some("beta") => ("beta".to_owned(), true),
        Some(name) => (format!("{name}{range}"), true),
        None => (even, false),
    };
    let steps = entries(fields)?.min(50);
    let is_beta = spacing == "beta";
    let sampling = Sampling::new(table(fields, defaults)?, sampler, spacing, steps);
    Ok(Sampling { unit_start: leading, ..sampling }
        .noting(is_beta, "use_beta_sigmas: the levels are placed by the spacing beta, in time")
        .noting(curved && leading, "the levels begin at the noisy end, not at that of the spacing leading")
        .noting(curved && lowest, "the path ends at the clean image"))
}

/// `DPMSolverMultistepScheduler`.
pub fn multistep(fields: &Fields<'_>) -> Result<Sampling> {
    let order = fields.count("solver_order", 2)?;
    let sampler = match (fields.text("algorithm_type", "dpmsolver++")?.as_str(), order) {
        ("dpmsolver++", 2) => "dpmpp_2m".to_owned(),
        ("dpmsolver++", 3) => "dpmpp_3m".to_owned(),
        ("dpmsolver++" | "dpmsolver", 1) => "ddim".to_owned(),
        ("sde-dpmsolver++", 2) => "dpmpp_2m_sde".to_owned(),
        ("sde-dpmsolver++", 3) => "dpmpp_3m_sde".to_owned(),
        ("dpmsolver", _) => format!("dpm_{order}m"),
        (other, _) => {
            return Err(Error::bad_input(format!(
                "\"algorithm_type\" is \"{other}\" of order {order}, which is not read"
            )));
        }
    };
    let heun = match fields.text("solver_type", "midpoint")?.as_str() {
        "midpoint" => false,
        // What older files say, and what the scheduler itself makes of it.
        "logrho" | "bh1" | "bh2" => false,
        "heun" => true,
        other => return Err(Error::bad_input(format!("\"solver_type\" is \"{other}\", which is not read"))),
    };
    let sampler = if heun && order == 2 { format!("{sampler}:solver_type=heun") } else { sampler };
    fields.flag("euler_at_final", false)?;
    lambdas(fields, &sampler, "linspace")
}

/// `DPMSolverSinglestepScheduler`.
pub fn singlestep(fields: &Fields<'_>) -> Result<Sampling> {
    let order = fields.count("solver_order", 2)?;
    let mut options = vec![format!("order={order}")];
    match fields.text("algorithm_type", "dpmsolver++")?.as_str() {
        "dpmsolver++" => (),
        "dpmsolver" => options.push("algorithm=dpmsolver".to_owned()),
        other => {
            return Err(Error::bad_input(format!("\"algorithm_type\" is \"{other}\", which is not read")));
        }
    }
    if fields.text("solver_type", "midpoint")? == "heun" {
        options.push("solver_type=heun".to_owned());
    }
    lambdas(fields, &format!("dpm_singlestep:{}", options.join(",")), "linspace")
}

/// `UniPCMultistepScheduler`.
pub fn unipc(fields: &Fields<'_>) -> Result<Sampling> {
    if !fields.flag("predict_x0", true)? {
        return Err(Error::bad_input("\"predict_x0\" is false, and only UniPC on clean images is read"));
    }
    let mut options = Vec::new();
    match fields.count("solver_order", 2)? {
        2 => (),
        order => options.push(format!("order={order}")),
    }
    match fields.text("solver_type", "bh2")?.as_str() {
        "bh1" => options.push("solver_type=bh1".to_owned()),
        // What the scheduler itself makes of the names of other solvers.
        "bh2" | "midpoint" | "heun" | "logrho" => (),
        other => return Err(Error::bad_input(format!("\"solver_type\" is \"{other}\", which is not read"))),
    }
    if !fields.flag("lower_order_final", true)? {
        options.push("lower_order_final=false".to_owned());
    }
    let list = fields.value("disable_corrector").and_then(|list| list.as_array());
    let corrected = list.is_none_or(Vec::is_empty);
    fields.value("solver_p");
    let sampler =
        if options.is_empty() { "unipc".to_owned() } else { format!("unipc:{}", options.join(",")) };
    Ok(lambdas(fields, &sampler, "linspace")?.noting(!corrected, "disable_corrector is ignored"))
}

/// `DEISMultistepScheduler`, which ends at the table's first entry.
pub fn deis(fields: &Fields<'_>) -> Result<Sampling> {
    let order = fields.count("solver_order", 2)?;
    fields.text("algorithm_type", "deis")?;
    fields.text("solver_type", "logrho")?;
    Ok(to_the_lowest(lambdas(fields, &format!("deis:order={order}"), "linspace")?))
}

/// A path over the times of a table that ends at its first entry.
fn to_the_lowest(mut sampling: Sampling) -> Sampling {
    let even = ["leading", "linspace", "trailing"].iter().any(|name| sampling.spacing.starts_with(name));
    if sampling.diffusion.process == "vp" && even && !sampling.spacing.contains("end=") {
        let separator = if sampling.spacing.contains(':') { "," } else { ":" };
        sampling.spacing = format!("{}{separator}end=lowest", sampling.spacing);
    }
    sampling
}

/// `SASolverScheduler`, which ends at the table's first entry.
pub fn sa_solver(fields: &Fields<'_>) -> Result<Sampling> {
    let orders = (fields.count("predictor_order", 2)?, fields.count("corrector_order", 2)?);
    fields.text("algorithm_type", "data_prediction")?;
    fields.value("tau_func");
    let sampler = match orders {
        (2, 2) => "sa_solver".to_owned(),
        (predictor, corrector) => {
            format!("sa_solver:predictor_order={predictor},corrector_order={corrector}")
        }
    };
    Ok(to_the_lowest(lambdas(fields, &sampler, "linspace")?))
}

/// Schedulers that step in the log-SNR, and start from noise of variance 1.
fn lambdas(fields: &Fields<'_>, sampler: &str, default: &str) -> Result<Sampling> {
    let lowest = ends_lowest(fields)?;
    fields.flag("lower_order_final", true)?;
    let clipped = fields.number("lambda_min_clipped", f64::NEG_INFINITY)?.is_finite();
    let variance = fields.value("variance_type").is_some();
    let shift = fields.number("flow_shift", 1.0)?;
    fields.text("time_shift_type", "exponential")?;
    fields.value("shift_terminal");
    if fields.flag("use_dynamic_shifting", false)? {
        return Err(Error::bad_input(
            "\"use_dynamic_shifting\" is true: the shift depends on the image's size",
        )
        .hint("give flow_shift in its place"));
    }
    let steps = entries(fields)?.min(20);
    let even = spacing(fields, default, Placing::OneMore, lowest)?;
    let curved = sigmas(fields)?;
    let lu = fields.flag("use_lu_lambdas", false)?;
    if fields.flag("use_flow_sigmas", false)? {
        table(fields, DDPM_BETAS)?;
        let entries = entries(fields)?;
        let diffusion = flow(shift, entries, "velocity");
        // UniPC begins at pure noise, DPM-Solver one entry below it.
        let spacing = if sampler.starts_with("unipc") {
            format!("linspace:first={},extra=1", 1.0 / entries as f64)
        } else {
            format!("trailing:top={}", 1.0 - 1.0 / entries as f64)
        };
        return Ok(Sampling {
            threshold: threshold(fields)?,
            ..Sampling::new(diffusion, sampler, spacing, steps)
        });
    }
    let spacing = match curved {
        _ if lu => "lu_lambda".to_owned(),
        Some(name) => name.to_owned(),
        None => even,
    };
    let is_beta = spacing == "beta";
    let sampling = Sampling::new(table(fields, DDPM_BETAS)?, sampler, spacing, steps);
    Ok(Sampling { threshold: threshold(fields)?, unit_start: true, ..sampling }
        .noting(is_beta, "use_beta_sigmas: the levels are placed by the spacing beta, in time")
        .noting(clipped, "lambda_min_clipped is ignored")
        .noting(variance, "the network's own variance is left out")
        .noting(lowest && (curved.is_some() || lu), "the path ends at the clean image"))
}

/// Flow matching with a shifted schedule of `entries` timesteps.
pub fn flow(shift: f64, entries: usize, parameterisation: &str) -> DiffusionSpec {
    DiffusionSpec {
        schedule: if shift == 1.0 { "flow".to_owned() } else { format!("shifted:base=flow,shift={shift}") },
        process: "flow".to_owned(),
        parameterisation: parameterisation.to_owned(),
        time_input: format!("flow_time:scale={entries}"),
        ..DiffusionSpec::default()
    }
}
