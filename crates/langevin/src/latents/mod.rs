//! Diffusion of latents (Rombach et al. 2022, 2112.10752): a model learns what an autoencoder makes of pictures, and what it draws
//! is decoded.

mod cache;

use burn::tensor::Device;
use langevin_core::{Error, NamedTensors, Result};
use langevin_nn::AutoencoderConfig;
use serde::{Deserialize, Serialize};

use crate::autoencoding::{AutoencoderInfo, Codec, Glimpse, Statistics};
use crate::model::ModelInfo;
use crate::settings::Settings;

pub(crate) use cache::{Encoding, encode, encoded_batch};

/// Pictures of an unlimited data set that are encoded.
const OF_UNLIMITED: u64 = 32_768;
/// What the names of the autoencoder's tensors begin with in the file of a latent model.
const PREFIX: &str = "codec.";

/// Which latents a model is trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatentSettings {
    /// The autoencoder: its run, or its model.safetensors.
    pub autoencoder: String,
    /// What it is; empty until it was opened.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// Pictures of an unlimited data set that are encoded. Default 32768.
    pub pictures: u64,
}

impl Default for LatentSettings {
    fn default() -> Self {
        Self { autoencoder: String::new(), hash: String::new(), pictures: OF_UNLIMITED }
    }
}

/// What the file of a latent model says of the autoencoder in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentInfo {
    /// The network.
    pub network: AutoencoderConfig,
    /// The statistics of its latents.
    pub statistics: Statistics,
    /// Latents to colours in one product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glimpse: Option<Glimpse>,
}

impl LatentInfo {
    /// What is remembered of `codec`.
    pub fn of(codec: &Codec) -> Self {
        let info = &codec.info;
        Self {
            network: info.network.clone(),
            statistics: info.statistics.clone(),
            glimpse: info.glimpse.clone(),
        }
    }

    /// The autoencoder as its own file would describe it, of pictures of `size`; whence it came is not known.
    pub(crate) fn described(&self, size: (usize, usize)) -> AutoencoderInfo {
        AutoencoderInfo {
            version: 1,
            size,
            network: self.network.clone(),
            statistics: self.statistics.clone(),
            glimpse: self.glimpse.clone(),
            data: String::new(),
            preset: String::new(),
            images: 0,
            seed: 0,
        }
    }

    /// Whether the autoencoder goes with pictures as `info` describes them.
    ///
    /// # Errors
    /// Usage, where channels or sides are others.
    pub(crate) fn check(&self, info: &ModelInfo) -> Result<()> {
        self.network.check()?;
        self.network.latent_shape(info.size.1, info.size.0)?;
        if self.network.channels != info.channels || info.task.is_some() {
            return Err(Error::usage("its autoencoder does not fit its channels and task"));
        }
        Ok(())
    }
}

impl LatentSettings {
    /// The autoencoder that is named.
    ///
    /// # Errors
    /// As [`Codec::open`]; bad input, where it is another one than these settings were made with.
    pub(crate) fn open(&mut self, device: &Device) -> Result<Codec> {
        let (codec, hash) = Codec::open(&self.autoencoder, device)?;
        if !self.hash.is_empty() && self.hash != hash {
            return Err(Error::bad_input(format!(
                "{}: is another autoencoder than the one that training began with ({hash}, and was {})",
                self.autoencoder, self.hash
            ))
            .hint("name the right one with --latent"));
        }
        self.hash = hash;
        Ok(codec)
    }

    /// Makes `settings` those of a training on the latents of `codec`.
    ///
    /// # Errors
    /// Usage: what cannot be done with latents that are encoded once.
    pub(crate) fn apply(settings: &mut Settings, codec: &Codec) -> Result<()> {
        let refused = [
            ("a task", settings.task.is_some()),
            ("data.patches", settings.data.patches),
            ("train.random_crop", settings.train.random_crop),
            ("train.turn", settings.train.turn),
            ("train.dequantise", settings.train.dequantise),
        ];
        if let Some((what, _)) = refused.iter().find(|(_, asked)| *asked) {
            return Err(Error::usage(format!("{what} does not go with latents, which are encoded once"))
                .hint("leave it out"));
        }
        settings.data.channels = codec.info.network.channels;
        // Latents have variance 1 in each channel and no bounds.
        settings.diffusion.sigma_data = 1.0;
        settings.sample.clip = false;
        Ok(())
    }
}

/// Takes the autoencoder out of the tensors of a latent model for pictures of `size`.
///
/// # Errors
/// Bad input, where it does not fit its description.
pub(crate) fn take_codec(
    latent: &LatentInfo,
    size: (usize, usize),
    tensors: &mut NamedTensors,
    device: &Device,
) -> Result<Codec> {
    let named: Vec<String> = tensors.keys().filter(|name| name.starts_with(PREFIX)).cloned().collect();
    let own = named.into_iter().filter_map(|name| {
        let tensor = tensors.remove(&name)?;
        Some((name[PREFIX.len()..].to_owned(), tensor))
    });
    Codec::from_parts(latent.described(size), own.collect(), device)
}

/// The tensors of `codec` under the names that they have in the file of a latent model.
pub(crate) fn codec_tensors(codec: &Codec) -> NamedTensors {
    codec.tensors().into_iter().map(|(name, tensor)| (format!("{PREFIX}{name}"), tensor)).collect()
}
