//! Diffusers folders as models.

use std::path::Path;

use burn::tensor::Device;
use langevin_core::{Error, Result, tensor_file};
use langevin_hub::{Pipeline, Threshold};

use crate::adapting::Adapting;
use crate::answers::Answers;
use crate::model::{Model, ModelInfo, build};
use crate::settings::SampleSettings;
use crate::stable_diffusion;

/// Whether `path` is a diffusers folder rather than a run.
pub fn is_folder(path: &Path) -> bool {
    let run = path.join("model.safetensors").is_file() && !path.join("model_index.json").is_file();
    !run && !path.join("run.toml").is_file() && langevin_hub::is_folder(path)
}

/// Reads the model in the diffusers folder `path`.
///
/// # Errors
/// Bad input, as [`langevin_hub::read_folder`], and where network and tensors do not fit.
pub fn read(path: &Path, device: &Device) -> Result<Model> {
    let within = |error: Error| {
        let damaged = Error::bad_input(error.message().to_owned());
        damaged.within(path.display()).hint("its configs and its weights may be of different models")
    };
    if langevin_hub::is_latent_folder(path) {
        return stable_diffusion::read(path, &Adapting::default(), device);
    }
    let pipeline = langevin_hub::read_folder(path)?;
    let info = describe(&pipeline);
    let Pipeline { tensors, sampling, .. } = pipeline;
    // The hash of the file that converting makes of it.
    let bytes = tensor_file::encode(&tensors, &info.to_metadata(), tensor_file::Storage::F32);
    let hash = blake3::hash(&bytes).to_hex()[..16].to_owned();
    drop(bytes);
    let denoiser = build(&info, tensors, device).map_err(within)?;
    Ok(Model {
        denoiser: Answers::Network(Box::new(denoiser)),
        codec: None,
        encoders: None,
        info,
        hash,
        name: path.display().to_string(),
        notes: sampling.notes,
    })
}

fn describe(pipeline: &Pipeline) -> ModelInfo {
    let sampling = &pipeline.sampling;
    let mut network = pipeline.network_for_signed();
    // A folder of ours remembers the names of its classes, and whether one row stands for none.
    let own = ModelInfo::from_metadata(&pipeline.metadata).ok().filter(|own| {
        let rows = own.network.classes + usize::from(own.network.null_class && own.network.classes > 0);
        rows == network.classes && own.classes.len() == own.network.classes
    });
    let numbered = (0..network.classes).map(|class| class.to_string()).collect();
    let (classes, data, preset, images, seed) = match own {
        Some(own) => {
            (network.classes, network.null_class) = (own.network.classes, own.network.null_class);
            (own.classes, own.data, own.preset, own.images, own.seed)
        }
        None => (numbered, String::new(), pipeline.class.clone(), 0, 0),
    };
    let threshold = sampling.threshold.map(|Threshold { ratio, max }| [ratio, max]);
    ModelInfo {
        version: 1,
        size: pipeline.size,
        channels: network.in_channels,
        classes,
        network,
        task: None,
        latent: None,
        text: None,
        diffusion: sampling.diffusion.clone(),
        sample: SampleSettings {
            sampler: sampling.sampler.clone(),
            spacing: sampling.spacing.clone(),
            steps: sampling.steps,
            cfg_scale: 1.0,
            clip: sampling.clip.is_some() || threshold.is_some(),
            clip_range: sampling.clip.unwrap_or(1.0),
            threshold,
            unit_start: sampling.unit_start,
            tuned: Vec::new(),
            grids: Vec::new(),
        },
        data,
        preset,
        images,
        seed,
    }
}
