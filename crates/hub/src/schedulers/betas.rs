//! Schedulers that step from timestep to timestep of a table: DDPM, DDIM, PNDM, LCM, TCD.

use langevin_core::{Error, Result};

use crate::fields::Fields;
use crate::scheduler::{
    BetaDefaults, DDPM_BETAS, Placing, Sampling, clip, entries, spacing, table, threshold,
};

const LCM_BETAS: BetaDefaults = BetaDefaults { start: 0.00085, end: 0.012, curve: "scaled_linear" };

/// `DDPMScheduler`: ancestral sampling over every timestep.
pub fn ddpm(fields: &Fields<'_>) -> Result<Sampling> {
    let (variance, learned) = match fields.text("variance_type", "fixed_small")?.as_str() {
        "fixed_small" | "fixed_small_log" => ("fixed_small", false),
        "fixed_large" | "fixed_large_log" => ("fixed_large", false),
        "learned" | "learned_range" => ("fixed_small", true),
        other => {
            return Err(Error::bad_input(format!("\"variance_type\" is \"{other}\", which is not read")));
        }
    };
    let spacing = spacing(fields, "leading", Placing::Whole, false)?;
    let sampler = format!("ddpm:variance={variance}");
    let threshold = threshold(fields)?;
    Ok(Sampling {
        clip: clip(fields, true)?.filter(|_| threshold.is_none()),
        threshold,
        unit_start: true,
        learned_variance: learned,
        ..Sampling::new(table(fields, DDPM_BETAS)?, &sampler, spacing, entries(fields)?)
    }
    .noting(learned, "the network's own variance is left out; steps have the small one"))
}

/// `DDIMScheduler`: it clamps the clean image and keeps the noise that the network saw, which is an option of our sampler.
pub fn ddim(fields: &Fields<'_>) -> Result<Sampling> {
    let lowest = !fields.flag("set_alpha_to_one", true)?;
    let spacing = spacing(fields, "leading", Placing::Whole, lowest)?;
    let threshold = threshold(fields)?;
    let sampler = match clip(fields, true)?.filter(|_| threshold.is_none()) {
        Some(range) => format!("ddim:clip={range}"),
        None => "ddim".to_owned(),
    };
    let steps = entries(fields)?.min(50);
    let sampling = Sampling::new(table(fields, DDPM_BETAS)?, &sampler, spacing, steps);
    Ok(Sampling { threshold, unit_start: true, ..sampling }.noting(
        threshold.is_some(),
        "thresholding also changes the noise of a step, where DDIMScheduler keeps it",
    ))
}

/// `PNDMScheduler`: pseudo linear multistep, with Runge-Kutta steps at the start or without.
pub fn pndm(fields: &Fields<'_>) -> Result<Sampling> {
    let lowest = !fields.flag("set_alpha_to_one", false)?;
    let spacing = spacing(fields, "leading", Placing::Whole, lowest)?;
    // It does not limit the weight of a second answer.
    let begin = if fields.flag("skip_prk_steps", false)? { "" } else { "prk=true," };
    let sampler = format!("pndm:{begin}limit=1000000000");
    let steps = entries(fields)?.min(50);
    Ok(Sampling { unit_start: true, ..Sampling::new(table(fields, DDPM_BETAS)?, &sampler, spacing, steps) })
}

/// `LCMScheduler`: consistency sampling in a few steps, the last of which ends on the clean image.
pub fn lcm(fields: &Fields<'_>) -> Result<Sampling> {
    few_steps(fields, "lcm", "")
}

/// `TCDScheduler`: trajectory consistency sampling, whose last step ends at the table's first entry.
pub fn tcd(fields: &Fields<'_>) -> Result<Sampling> {
    few_steps(fields, "tcd", ",end=lowest")
}

fn few_steps(fields: &Fields<'_>, sampler: &str, end: &str) -> Result<Sampling> {
    fields.flag("set_alpha_to_one", true)?;
    fields.number("timestep_scaling", 10.0)?;
    let original = match fields.count("original_inference_steps", 50)? {
        0 => return Err(Error::bad_input("\"original_inference_steps\" is 0, not at least 1")),
        original => original,
    };
    fields.text("timestep_spacing", "leading")?;
    fields.count("steps_offset", 0)?;
    let spacing = format!("lcm:original={original}{end}");
    let sampling = Sampling::new(table(fields, LCM_BETAS)?, sampler, spacing, 4);
    Ok(Sampling { clip: clip(fields, false)?, threshold: threshold(fields)?, unit_start: true, ..sampling })
}
