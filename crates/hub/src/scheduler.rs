//! What a scheduler config says of the noise and of sampling, in our words.

use std::fmt::Write as _;

use langevin_core::process::DiffusionSpec;
use langevin_core::{Error, Result};
use serde_json::Value;

use crate::fields::Fields;

/// Dynamic thresholding (Saharia et al. 2022): each denoised image is clamped to a quantile of its own numbers, then
/// divided by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The quantile, in (0, 1].
    pub ratio: f64,
    /// The most it may be.
    pub max: f64,
}

/// The diffusion and the way to sample that a scheduler stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// The noise, and what the network predicts.
    pub diffusion: DiffusionSpec,
    /// The sampler with its options; the list of samplers may lack it.
    pub sampler: String,
    /// The spacing with its options.
    pub spacing: String,
    /// Steps when nothing else is said.
    pub steps: usize,
    /// Denoised images are clamped to plus and minus this.
    pub clip: Option<f64>,
    /// Or thresholded.
    pub threshold: Option<Threshold>,
    /// Whether a walk starts with noise of the deviation `sqrt(alpha^2 + sigma^2)` rather than sigma.
    pub unit_start: bool,
    /// Whether the network gives a variance beside its prediction.
    pub learned_variance: bool,
    /// Whether data lie in [0, 1] and levels are counted there: a variance-exploding network in the way of NCSN++.
    pub exploding: bool,
    /// What was left out or is done in another way, in words.
    pub notes: Vec<String>,
}

impl Sampling {
    /// A plain one, which the readers of the classes change.
    pub fn new(diffusion: DiffusionSpec, sampler: &str, spacing: String, steps: usize) -> Self {
        Self {
            diffusion,
            sampler: sampler.to_owned(),
            spacing,
            steps,
            clip: None,
            threshold: None,
            unit_start: false,
            learned_variance: false,
            exploding: false,
            notes: Vec::new(),
        }
    }

    /// Adds what was left out, where `left_out`.
    #[must_use]
    pub fn noting(mut self, left_out: bool, note: &str) -> Self {
        if left_out {
            self.notes.push(note.to_owned());
        }
        self
    }
}

/// The defaults in which the classes differ.
#[derive(Debug, Clone, Copy)]
pub struct BetaDefaults {
    /// First beta.
    pub start: f64,
    /// Last beta.
    pub end: f64,
    /// The curve between.
    pub curve: &'static str,
}

/// Those of DDPM.
pub const DDPM_BETAS: BetaDefaults = BetaDefaults { start: 1e-4, end: 0.02, curve: "linear" };

/// The diffusion of a table of betas: `beta_*`, `trained_betas`, `rescale_betas_zero_snr`, `prediction_type`.
pub fn table(fields: &Fields<'_>, defaults: BetaDefaults) -> Result<DiffusionSpec> {
    let entries = entries(fields)?;
    let start = fields.number("beta_start", defaults.start)?;
    let end = fields.number("beta_end", defaults.end)?;
    let curve = fields.text("beta_schedule", defaults.curve)?;
    let schedule = match (fields.value("trained_betas"), curve.as_str()) {
        (Some(betas), _) => listed(betas)?,
        (None, "linear" | "scaled_linear" | "sigmoid") => {
            format!("{curve}:start={start},end={end},steps={entries}")
        }
        (None, "squaredcos_cap_v2") => format!("cosine:steps={entries}"),
        (None, "exp") => exponential(entries),
        (None, other) => {
            return Err(Error::bad_input(format!("\"beta_schedule\" is \"{other}\", which is not read"))
                .hint("it may be linear, scaled_linear, squaredcos_cap_v2, sigmoid or exp, or give trained_betas"));
        }
    };
    let schedule = if fields.flag("rescale_betas_zero_snr", false)? {
        format!("rescaled:base={}", schedule.replace(',', ";"))
    } else {
        schedule
    };
    Ok(DiffusionSpec {
        schedule,
        process: "vp".to_owned(),
        parameterisation: prediction(fields)?.to_owned(),
        time_input: "timestep".to_owned(),
        ..DiffusionSpec::default()
    })
}

/// `num_train_timesteps`, the entries of the table.
pub fn entries(fields: &Fields<'_>) -> Result<usize> {
    match fields.count("num_train_timesteps", 1000)? {
        entries @ 2..=1_000_000 => Ok(entries),
        entries => {
            Err(Error::bad_input(format!("\"num_train_timesteps\" is {entries}, not in 2 to 1000000")))
        }
    }
}

fn listed(betas: &Value) -> Result<String> {
    let wrong = || Error::bad_input("\"trained_betas\" is no list of numbers");
    let list = betas.as_array().ok_or_else(wrong)?;
    let mut text = "table:betas=".to_owned();
    for (index, beta) in list.iter().enumerate() {
        let separator = if index == 0 { "" } else { ";" };
        let _ = write!(text, "{separator}{}", beta.as_f64().ok_or_else(wrong)?);
    }
    Ok(text)
}

/// The table whose signal falls as `exp(-12 t)`, no beta above 0.999.
fn exponential(entries: usize) -> String {
    let signal = |index: usize| (-12.0 * index as f64 / entries as f64).exp();
    let beta = |index: usize| (1.0 - signal(index + 1) / signal(index)).min(0.999);
    let betas: Vec<String> = (0..entries).map(|index| beta(index).to_string()).collect();
    format!("table:betas={}", betas.join(";"))
}

fn prediction(fields: &Fields<'_>) -> Result<&'static str> {
    match fields.text("prediction_type", "epsilon")?.as_str() {
        "epsilon" => Ok("epsilon"),
        "sample" => Ok("x0"),
        "v_prediction" => Ok("v"),
        "flow_prediction" => Ok("velocity"),
        other => Err(Error::bad_input(format!("\"prediction_type\" is \"{other}\", which is not read"))),
    }
}

/// How a class places its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// Whole timesteps: DDPM, DDIM, PNDM.
    Whole,
    /// Fractional timesteps where they are evenly spaced: Euler, Heun, LMS.
    Fractional,
    /// One timestep more than there are steps, the lowest left out: DPM-Solver, UniPC, DEIS.
    OneMore,
}

/// The spacing of `timestep_spacing` and `steps_offset`; with `lowest` a path ends at the table's first entry and not at the
/// clean image.
pub fn spacing(fields: &Fields<'_>, default: &str, placing: Placing, lowest: bool) -> Result<String> {
    let offset = fields.count("steps_offset", 0)?;
    let mut options = Vec::new();
    let name = fields.text("timestep_spacing", default)?;
    match name.as_str() {
        "leading" if offset > 0 => options.push(format!("offset={offset}")),
        "linspace" if placing == Placing::Fractional => options.push("round=false".to_owned()),
        "leading" | "linspace" | "trailing" => (),
        other => {
            return Err(Error::bad_input(format!("\"timestep_spacing\" is \"{other}\", which is not read")));
        }
    }
    if placing == Placing::OneMore && name != "trailing" {
        options.push("extra=1".to_owned());
    }
    if lowest {
        options.push("end=lowest".to_owned());
    }
    Ok(if options.is_empty() { name } else { format!("{name}:{}", options.join(",")) })
}

/// The spacing of `use_karras_sigmas` and its kin, if one is set.
pub fn sigmas(fields: &Fields<'_>) -> Result<Option<&'static str>> {
    let set = |key| fields.flag(key, false);
    let (karras, exponential, beta) =
        (set("use_karras_sigmas")?, set("use_exponential_sigmas")?, set("use_beta_sigmas")?);
    Ok(match (karras, exponential, beta) {
        (true, ..) => Some("karras"),
        (_, true, _) => Some("exponential"),
        (_, _, true) => Some("beta"),
        _ => None,
    })
}

/// Whether `final_sigmas_type` lets a path end at the table's first entry.
pub fn ends_lowest(fields: &Fields<'_>) -> Result<bool> {
    match fields.text("final_sigmas_type", "zero")?.as_str() {
        "zero" => Ok(false),
        "sigma_min" => Ok(true),
        other => Err(Error::bad_input(format!("\"final_sigmas_type\" is \"{other}\", which is not read"))),
    }
}

/// `clip_sample` and `clip_sample_range`.
pub fn clip(fields: &Fields<'_>, default: bool) -> Result<Option<f64>> {
    let range = fields.number("clip_sample_range", 1.0)?;
    if range.is_nan() || range <= 0.0 {
        return Err(Error::bad_input(format!("\"clip_sample_range\" is {range}, not above 0")));
    }
    Ok(fields.flag("clip_sample", default)?.then_some(range))
}

/// `thresholding` with its two numbers.
pub fn threshold(fields: &Fields<'_>) -> Result<Option<Threshold>> {
    let ratio = fields.number("dynamic_thresholding_ratio", 0.995)?;
    let max = fields.number("sample_max_value", 1.0)?;
    if !(ratio > 0.0 && ratio <= 1.0 && max > 0.0) {
        return Err(Error::bad_input(format!("thresholds at the quantile {ratio}, at most {max}")));
    }
    Ok(fields.flag("thresholding", false)?.then_some(Threshold { ratio, max }))
}
