//! Folders and single files of Stable Diffusion as models: the network of latents, its autoencoder, and its text encoders.

use std::path::Path;

use burn::tensor::Device;
use langevin_core::{Error, Result, Size};
use langevin_hub::{LatentPipeline, TextParts};
use langevin_nn::text::{ClipText, ClipTokenizer};

use super::native::build;
use crate::adaptation::Adaptation;
use crate::codec::{Codec, LatentInfo, Statistics};
use crate::defaults::SampleSettings;
use crate::denoiser::ModelDenoiser;
use crate::description::ModelInfo;
use crate::model::Model;
use crate::text::{Encoders, TextConditioner};

/// Steps of a drawing when nothing else is said, as in the published pipelines.
const STEPS: usize = 50;

/// Reads the pipeline in the folder or the single file `path`, changed by `adaptation`.
///
/// # Errors
/// Bad input, as [`langevin_hub::read_latent_folder`] and [`langevin_hub::read_single_file`], and where parts do not fit. Usage: more blocks
/// to skip than its encoders have.
pub(super) fn read(path: &Path, adaptation: &Adaptation, device: &Device) -> Result<Model> {
    let within = |error: Error| {
        let damaged = Error::bad_input(error.message().to_owned());
        damaged.within(path.display()).hint("its configs and its weights may be of different models")
    };
    let mut pipeline = if path.is_dir() {
        langevin_hub::read_latent_folder(path)?
    } else {
        langevin_hub::read_single_file(path)?
    };
    check_skip(path, adaptation.clip_skip, &pipeline)?;
    adaptation.merge(&mut pipeline)?;
    let LatentPipeline { mut network, autoencoder, texts, sampling, class, zeros_for_empty } = pipeline;
    let channels = autoencoder.network.code_dim();
    if network.network.in_channels == 2 * channels + 1 {
        // The noisy latents, the hole, the latents of the rest.
        network.network.in_channels = channels;
        network.network.condition_channels = channels + 1;
    }
    if network.network.in_channels != channels || network.network.out_channels != channels {
        return Err(within(Error::bad_input(format!(
            "its unet takes {} channels and gives {}, where its autoencoder makes {channels}",
            network.network.in_channels, network.network.out_channels
        ))));
    }
    let factor = autoencoder.network.factor();
    let size = Size { width: network.size.0 * factor, height: network.size.1 * factor };
    let statistics = Statistics { shift: autoencoder.shift, scale: autoencoder.scale };
    let latent =
        LatentInfo { network: autoencoder.network.clone(), statistics: statistics.clone(), preview: None };
    let described = latent.described(size);
    let added = network.network.text.as_ref().is_some_and(|text| text.added.is_some());
    let info = ModelInfo {
        version: 1,
        size,
        channels: autoencoder.network.channels,
        classes: Vec::new(),
        task: None,
        latent: Some(latent),
        text: None,
        network: network.network,
        diffusion: sampling.diffusion.clone(),
        sample: SampleSettings {
            sampler: sampling.sampler.clone(),
            spacing: sampling.spacing.clone(),
            steps: STEPS,
            cfg_scale: if added { 5.0 } else { 7.5 },
            clip: sampling.clip.is_some(),
            clip_range: sampling.clip.unwrap_or(1.0),
            unit_start: sampling.unit_start,
            ..SampleSettings::default()
        },
        data: String::new(),
        preset: class,
        images: 0,
        seed: 0,
    };
    let denoiser = ModelDenoiser::Network(Box::new(build(&info, network.tensors, device).map_err(within)?));
    let codec = Codec::from_parts(described, autoencoder.tensors, device).map_err(within)?;
    let parts =
        texts.into_iter().map(|part| encoder(part, device)).collect::<Result<Vec<_>>>().map_err(within)?;
    let text = TextConditioner::Clip(Encoders::new(parts, added, zeros_for_empty, size, adaptation.clone()));
    let model = Model::new(info, denoiser, Some(codec), text, path.display().to_string());
    Ok(Model { notes: sampling.notes, ..model })
}

/// Whether the encoders have so many blocks to skip; SDXL's last one always is.
fn check_skip(path: &Path, skip: usize, pipeline: &LatentPipeline) -> Result<()> {
    let fewest = pipeline.texts.iter().map(|text| text.encoder.encoder.layers).min().unwrap_or(0);
    let most = fewest.saturating_sub(1);
    if skip <= most {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{}: --clip-skip {skip} skips more than there is: its encoder of texts has {fewest} blocks",
        path.display()
    ))
    .hint(format!("0 to {most} can be skipped; most models were made for 0 or 1")))
}

fn encoder(part: TextParts, device: &Device) -> Result<(ClipText, ClipTokenizer)> {
    let TextParts { encoder, tokenizer } = part;
    let network = encoder.encoder.blank(device)?;
    Ok((langevin_nn::load_whole(network, encoder.tensors)?, tokenizer))
}
