//! The autoencoder inside the file of a latent model.

use burn::tensor::Device;
use langevin_core::{Error, NamedTensors, Result, Size};
use langevin_nn::AutoencoderConfig;
use serde::{Deserialize, Serialize};

use super::preview::LatentPreview;
use super::{AutoencoderInfo, Codec, Statistics};

/// What the names of the autoencoder's tensors begin with in the file of a latent model.
const PREFIX: &str = "codec.";

/// What the file of a latent model says of the autoencoder in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentInfo {
    /// The network.
    pub network: AutoencoderConfig,
    /// The statistics of its latents.
    pub statistics: Statistics,
    /// A linear preview of the latents.
    #[serde(rename = "glimpse", default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<LatentPreview>,
}

impl LatentInfo {
    /// What is remembered of `codec`.
    pub fn of(codec: &Codec) -> Self {
        let info = &codec.info;
        Self {
            network: info.network.clone(),
            statistics: info.statistics.clone(),
            preview: info.preview.clone(),
        }
    }

    /// The autoencoder as its own file would describe it, of images of `size`; whence it came is not known.
    pub(crate) fn described(&self, size: Size) -> AutoencoderInfo {
        AutoencoderInfo {
            version: 1,
            size,
            network: self.network.clone(),
            statistics: self.statistics.clone(),
            preview: self.preview.clone(),
            data: String::new(),
            preset: String::new(),
            images: 0,
            seed: 0,
        }
    }

    /// Whether the autoencoder takes images of `[channels, height, width]`.
    ///
    /// # Errors
    /// Usage, where channels or sides do not fit.
    pub(crate) fn check(&self, [channels, height, width]: [usize; 3]) -> Result<()> {
        self.network.check()?;
        self.network.latent_shape(height, width)?;
        if self.network.channels != channels {
            return Err(Error::usage("its autoencoder does not fit its channels"));
        }
        Ok(())
    }
}

/// Takes the autoencoder out of the tensors of a latent model for images of `size`.
///
/// # Errors
/// Bad input, where it does not fit its description.
pub fn take_codec(
    latent: &LatentInfo,
    size: Size,
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
pub fn codec_tensors(codec: &Codec) -> NamedTensors {
    codec.tensors().into_iter().map(|(name, tensor)| (format!("{PREFIX}{name}"), tensor)).collect()
}
