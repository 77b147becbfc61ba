//! Writing a folder that diffusers loads.

use std::collections::BTreeMap;
use std::path::Path;

use langevin_core::process::Diffusion;
use langevin_core::{Error, NamedTensors, Result, tensor_file};
use langevin_files::FolderClaim;
use langevin_nn::NetworkConfig;
use serde_json::{Value, json};

use crate::names::to_theirs;
use crate::{DIFFUSERS, unet};

/// What is written.
#[derive(Debug)]
pub struct Export<'a> {
    /// The network.
    pub network: &'a NetworkConfig,
    /// Its tensors.
    pub tensors: NamedTensors,
    /// Width and height of its images in pixels.
    pub size: (usize, usize),
    /// The diffusion it was trained for.
    pub diffusion: &'a Diffusion,
    /// Whether denoised images are clamped, and to what.
    pub clip: Option<f64>,
    /// The pipeline: one of [`PIPELINES`].
    pub pipeline: &'a str,
    /// Metadata for the file with the weights.
    pub metadata: BTreeMap<String, String>,
}

/// The pipelines that can be written, each with its scheduler.
pub const PIPELINES: [(&str, &str, &str); 2] =
    [("ddpm", "DDPMPipeline", "DDPMScheduler"), ("ddim", "DDIMPipeline", "DDIMScheduler")];

/// Writes `export` as the folder `out`, whole or not at all; with `force` in place of a folder of diffusers that is there.
///
/// # Errors
/// Usage: what diffusers cannot express. Failed: `out` being there, the disk.
pub fn write_folder(export: Export<'_>, out: &Path, force: bool) -> Result<()> {
    let known = PIPELINES.iter().find(|(name, ..)| *name == export.pipeline);
    let (_, pipeline, scheduler) = known.ok_or_else(|| {
        let names: Vec<&str> = PIPELINES.iter().map(|(name, ..)| *name).collect();
        Error::usage(format!("no pipeline \"{}\" can be written", export.pipeline))
            .hint(format!("there are: {}", names.join(", ")))
    })?;
    let network = unet::write(export.network, export.size)?;
    let schedule = schedule(export.diffusion, export.clip, scheduler)?;
    let index = json!({
        "_class_name": pipeline,
        "_diffusers_version": DIFFUSERS,
        "scheduler": ["diffusers", scheduler],
        "unet": ["diffusers", "UNet2DModel"],
    });
    let mut metadata = export.metadata;
    metadata.insert("format".to_owned(), "pt".to_owned());
    let weights = tensor_file::encode(&to_theirs(export.tensors), &metadata, tensor_file::Storage::F32);
    let files: Vec<File<'_>> = vec![
        ("model_index.json".to_owned(), Box::new(|| text(&index))),
        ("scheduler/scheduler_config.json".to_owned(), Box::new(|| text(&schedule))),
        ("unet/config.json".to_owned(), Box::new(|| text(&network))),
        ("unet/diffusion_pytorch_model.safetensors".to_owned(), Box::new(|| weights)),
    ];
    put_whole(files, out, force)
}

/// A file of a folder: its place, and what makes its bytes when its turn comes.
pub(crate) type File<'a> = (String, Box<dyn FnOnce() -> Vec<u8> + 'a>);

/// The bytes of a JSON file.
pub(crate) fn text(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Writes the folder `out` with `files`, whole or not at all.
pub(crate) fn put_whole(files: Vec<File<'_>>, out: &Path, force: bool) -> Result<()> {
    let claim = FolderClaim::new(out)?;
    // Looked at once nobody else writes it.
    let replace = occupied(out, force)?;
    for (name, bytes) in files {
        claim.write(&name, &bytes())?;
    }
    claim.publish(replace)
}

/// Makes sure that the folder `out` can be written, before time is spent on what goes into it; with `force` in place of a folder of
/// diffusers that is there.
///
/// # Errors
/// Failed: `out` being there, another command that writes it, a full disk. Usage: a place that nothing can be written to, a name that
/// no folder can have.
pub fn check_folder(out: &Path, force: bool) -> Result<()> {
    let _claim = FolderClaim::new(out)?;
    occupied(out, force).map(drop)
}

/// Whether a folder of diffusers is there, which may be replaced.
fn occupied(out: &Path, force: bool) -> Result<bool> {
    if !out.exists() {
        return Ok(false);
    }
    if force && out.join("model_index.json").is_file() {
        return Ok(true);
    }
    if std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none()) {
        return Ok(false);
    }
    let error = Error::failed(format!("{}: is there already", out.display()));
    Err(error.hint(if force {
        "it is no folder of diffusers, so it is not replaced; name another"
    } else {
        "name another folder, or give --force"
    }))
}

/// The `scheduler_config.json` of our diffusion.
pub(crate) fn schedule(diffusion: &Diffusion, clip: Option<f64>, class: &str) -> Result<Value> {
    let spec = diffusion.spec();
    let refuse = |what: String| {
        Err(Error::usage(format!("a {class} cannot say this diffusion: {what}"))
            .hint("diffusers' pipelines of pixels step through a table of a variance-preserving process"))
    };
    if spec.process != "vp" && spec.process != "ddpm" {
        return refuse(format!("its process is {}", spec.process));
    }
    let prediction = match spec.parameterisation.as_str() {
        "epsilon" => "epsilon",
        "x0" => "sample",
        "v" | "v_prediction" => "v_prediction",
        other => return refuse(format!("its network predicts {other}")),
    };
    if spec.time_input != "timestep" && spec.time_input != "index" {
        return refuse(format!("its network is conditioned on the {}", spec.time_input));
    }
    let Some(table) = diffusion.schedule().table() else {
        return refuse(format!("its schedule {} is continuous", spec.schedule));
    };
    let before = std::iter::once(1.0).chain(table.iter().copied());
    let betas: Vec<f64> = before.zip(table).map(|(before, here)| 1.0 - here / before).collect();
    let mut config = json!({
        "_class_name": class,
        "_diffusers_version": DIFFUSERS,
        "beta_start": betas[0],
        "beta_end": betas[betas.len() - 1],
        "beta_schedule": "linear",
        "clip_sample": clip.is_some(),
        "clip_sample_range": clip.unwrap_or(1.0),
        "num_train_timesteps": table.len(),
        "prediction_type": prediction,
        "rescale_betas_zero_snr": false,
        "steps_offset": 0,
        "thresholding": false,
        "timestep_spacing": "trailing",
        "trained_betas": null,
    });
    match named(&spec.schedule, &betas) {
        Some((name, start, end)) => {
            config["beta_schedule"] = name.into();
            config["beta_start"] = start.into();
            config["beta_end"] = end.into();
        }
        None => config["trained_betas"] = betas.into(),
    }
    if class == "DDIMScheduler" {
        config["set_alpha_to_one"] = true.into();
    } else {
        config["variance_type"] = "fixed_small".into();
    }
    Ok(config)
}

/// The name and ends of a table that diffusers makes itself, where it makes the same.
fn named(schedule: &str, betas: &[f64]) -> Option<(&'static str, f64, f64)> {
    let (first, last) = (betas[0], betas[betas.len() - 1]);
    let name = match schedule.split(':').next()? {
        "linear" => "linear",
        "scaled_linear" => "scaled_linear",
        "cosine" | "squaredcos_cap_v2" if !schedule.contains("offset") && !schedule.contains("max_beta") => {
            return Some(("squaredcos_cap_v2", 1e-4, 0.02));
        }
        _ => return None,
    };
    // The ends as they were written, without what the products rounded away.
    let tidy = |value: f64| format!("{value:.10}").parse().unwrap_or(value);
    Some((name, tidy(first), tidy(last)))
}
