//! Diffusers folders as models.

use std::path::Path;

use burn::tensor::Device;
use langevin_core::{Error, Result};
use langevin_hub::{Pipeline, Threshold};

use super::native::{build, check_claim, stored};
use crate::defaults::SampleSettings;
use crate::denoiser::ModelDenoiser;
use crate::description::ModelInfo;
use crate::model::Model;
use crate::text::TextConditioner;

/// Reads the model in the diffusers folder `path`.
///
/// # Errors
/// Bad input, as [`langevin_hub::read_folder`], and where network and tensors do not fit.
pub(super) fn read(path: &Path, device: &Device) -> Result<Model> {
    let within = |error: Error| {
        let damaged = Error::bad_input(error.message().to_owned());
        damaged.within(path.display()).hint("its configs and its weights may be of different models")
    };
    let pipeline = langevin_hub::read_folder(path)?;
    // Before each of its classes gets a name: every one has a row of weights.
    let network = pipeline.network_for_signed();
    if network.classes > stored(&pipeline.tensors) as usize {
        check_claim(&network, &pipeline.tensors).map_err(within)?;
    }
    let info = describe(&pipeline);
    let Pipeline { tensors, sampling, .. } = pipeline;
    let denoiser = ModelDenoiser::Network(Box::new(build(&info, tensors, device).map_err(within)?));
    let model = Model::new(info, denoiser, None, TextConditioner::None, path.display().to_string());
    Ok(Model { notes: sampling.notes, ..model })
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
        size: pipeline.size.into(),
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
