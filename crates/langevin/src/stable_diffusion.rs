//! Folders and single files of Stable Diffusion as models: the network of latents, its autoencoder, and the encoders of what it is told.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Added, Context, Error, NamedTensors, Result};
use langevin_hub::{LatentPipeline, TextParts};
use langevin_nn::text::{ClipText, ClipTokenizer};

use crate::adapting::Adapting;
use crate::answers::Answers;
use crate::autoencoding::{Codec, Statistics};
use crate::latents::LatentInfo;
use crate::model::{Model, ModelInfo, build};
use crate::settings::SampleSettings;

/// Steps of a drawing when nothing else is said, as in the published pipelines.
const STEPS: usize = 50;

/// CLIP's encoders of a pipeline, with their tokenizers.
#[derive(Debug, Clone)]
pub struct Encoders {
    parts: Vec<(ClipText, ClipTokenizer)>,
    /// Whether the network is told a pooled vector and the sizes of pictures beside the tokens (SDXL).
    added: bool,
    zeros_for_empty: bool,
    /// Width and height of the pictures.
    size: (usize, usize),
    /// What changed the pipeline as it was opened.
    adapting: Adapting,
}

impl Encoders {
    /// What the network is told by `texts`, of what is wanted.
    ///
    /// The vectors after the last norm are told, or, with blocks skipped, those before them after the same norm; with two encoders those of
    /// both before their last block, side by side, as SDXL was trained (Podell et al. 2023).
    ///
    /// # Errors
    /// Usage, where tokenizer and encoder do not fit.
    pub(crate) fn read(&self, texts: &[&str]) -> Result<Context> {
        self.read_skipping(texts, self.adapting.clip_skip)
    }

    /// As [`Encoders::read`], of what is not wanted: no block is skipped, as in diffusers.
    pub(crate) fn read_unwanted(&self, texts: &[&str]) -> Result<Context> {
        self.read_skipping(texts, 0)
    }

    /// What changed the pipeline as it was opened.
    pub(crate) fn adapting(&self) -> &Adapting {
        &self.adapting
    }

    fn read_skipping(&self, texts: &[&str], skip: usize) -> Result<Context> {
        let (mut tokens, mut pooled) = (Vec::new(), None);
        for (encoder, tokenizer) in &self.parts {
            let ids: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode(text).ids).collect();
            let encoded = encoder.encode(&ids)?;
            tokens.push(if self.added {
                encoded.hidden[encoded.hidden.len() - 2 - skip].clone()
            } else {
                encoder.skipping(&encoded, skip)?
            });
            pooled = encoded.projected;
        }
        let tokens = Tensor::cat(tokens, 2);
        let added = match (self.added, pooled) {
            (false, _) => None,
            (true, None) => {
                return Err(Error::bad_input(
                    "its last encoder of texts has no projection, and the network is told one",
                ));
            }
            (true, Some(pooled)) => {
                Some(Added { numbers: self.sizes(texts.len(), &tokens.device()), pooled })
            }
        };
        Ok(Context { tokens, added })
    }

    /// The encoders with their tokenizers, one or two.
    pub(crate) fn parts(&self) -> &[(ClipText, ClipTokenizer)] {
        &self.parts
    }

    /// Whether the empty text is told as zeros.
    pub(crate) fn zeros_for_empty(&self) -> bool {
        self.zeros_for_empty
    }

    /// Their tokenizers.
    pub(crate) fn tokenizers(&self) -> impl Iterator<Item = &ClipTokenizer> {
        self.parts.iter().map(|(_, tokenizer)| tokenizer)
    }

    /// As [`Encoders::read_unwanted`], of the text that says nothing: zeros, where the pipeline says so.
    pub(crate) fn nothing(&self, count: usize) -> Result<Context> {
        let context = self.read_unwanted(&vec![""; count])?;
        if !self.zeros_for_empty {
            return Ok(context);
        }
        Ok(Context {
            tokens: context.tokens.zeros_like(),
            added: context
                .added
                .map(|added| Added { pooled: added.pooled.zeros_like(), numbers: added.numbers }),
        })
    }

    /// Height and width of the original, where it was cut, and height and width that are wanted.
    fn sizes(&self, count: usize, device: &Device) -> Tensor<2> {
        let (width, height) = (self.size.0 as f32, self.size.1 as f32);
        let each = [height, width, 0.0, 0.0, height, width];
        Tensor::from_data(TensorData::new(each.repeat(count), [count, 6]), device)
    }
}

/// Whether `path` is a folder or a single file that [`read`] is for.
pub(crate) fn is_one(path: &Path) -> bool {
    if path.is_dir() {
        return crate::folder::is_folder(path) && langevin_hub::is_latent_folder(path);
    }
    langevin_hub::is_single_file(path)
}

/// Reads the pipeline in the folder or the single file `path`, changed by `adapting`.
///
/// # Errors
/// Bad input, as [`langevin_hub::read_latent_folder`] and [`langevin_hub::read_single_file`], and where parts do not fit. Usage: more blocks
/// to skip than its encoders have.
pub(crate) fn read(path: &Path, adapting: &Adapting, device: &Device) -> Result<Model> {
    let within = |error: Error| {
        let damaged = Error::bad_input(error.message().to_owned());
        damaged.within(path.display()).hint("its configs and its weights may be of different models")
    };
    let mut pipeline = if path.is_dir() {
        langevin_hub::read_latent_folder(path)?
    } else {
        langevin_hub::read_single_file(path)?
    };
    check_skip(path, adapting.clip_skip, &pipeline)?;
    adapting.merge(&mut pipeline)?;
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
    let size = (network.size.0 * factor, network.size.1 * factor);
    let statistics = Statistics { shift: autoencoder.shift, scale: autoencoder.scale };
    let latent =
        LatentInfo { network: autoencoder.network.clone(), statistics: statistics.clone(), glimpse: None };
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
    let mut sum = blake3::Hasher::new();
    sum.update(serde_json::to_string(&info).expect("a description is plain values").as_bytes());
    summed(&mut sum, &network.tensors);
    summed(&mut sum, &autoencoder.tensors);
    let denoiser = build(&info, network.tensors, device).map_err(within)?;
    let codec = Codec::from_parts(described, autoencoder.tensors, device).map_err(within)?;
    let parts = texts
        .into_iter()
        .map(|part| encoder(part, &mut sum, device))
        .collect::<Result<Vec<_>>>()
        .map_err(within)?;
    Ok(Model {
        denoiser: Answers::Network(Box::new(denoiser)),
        codec: Some(codec),
        encoders: Some(Encoders { parts, added, zeros_for_empty, size, adapting: adapting.clone() }),
        info,
        hash: sum.finalize().to_hex()[..16].to_owned(),
        name: path.display().to_string(),
        notes: sampling.notes,
    })
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

fn encoder(part: TextParts, sum: &mut blake3::Hasher, device: &Device) -> Result<(ClipText, ClipTokenizer)> {
    let TextParts { encoder, tokenizer } = part;
    summed(sum, &encoder.tensors);
    let network = encoder.encoder.blank(device)?;
    Ok((langevin_nn::load_whole(network, encoder.tensors)?, tokenizer))
}

fn summed(sum: &mut blake3::Hasher, tensors: &NamedTensors) {
    for (name, (_, values)) in tensors {
        sum.update(name.as_bytes());
        let mut bytes = Vec::with_capacity(1 << 16);
        for part in values.chunks(1 << 14) {
            bytes.clear();
            bytes.extend(part.iter().flat_map(|value| value.to_le_bytes()));
            sum.update(&bytes);
        }
    }
}
