//! The description of a model: the metadata of its file, which hold everything needed to sample it.

use std::collections::BTreeMap;

use langevin_core::{Error, Result, Size};
use langevin_nn::NetworkConfig;
use langevin_process::DiffusionSpec;
use serde::{Deserialize, Serialize};

use crate::codec::{self, LatentInfo};
use crate::defaults::SampleSettings;
use crate::task::Task;
use crate::text::TextInfo;

/// The key of the description in the metadata of a model file.
pub const KEY: &str = "langevin";

/// What a model file says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelInfo {
    /// Version of this description, 1.
    pub version: u32,
    /// Width and height of its images in pixels.
    pub size: Size,
    /// Channels of its images.
    pub channels: usize,
    /// Names of its classes; empty when it is unconditional.
    pub classes: Vec<String>,
    /// What it restores, if it is a restorer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// The autoencoder whose latents it draws, if it draws no pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent: Option<LatentInfo>,
    /// The tokenizer of its prompts, if it is text-conditioned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextInfo>,
    /// The network.
    pub network: NetworkConfig,
    /// The noise and what the network predicts.
    pub diffusion: DiffusionSpec,
    /// How to sample it when nothing else is said.
    pub sample: SampleSettings,
    /// The data it was trained on, as the user named it.
    pub data: String,
    /// The preset it was trained with.
    pub preset: String,
    /// Images seen in training.
    pub images: u64,
    /// Seed of the training.
    pub seed: u64,
}

impl ModelInfo {
    /// What a model of images of `size` with `channels` says of itself where nothing else is known: no classes,
    /// and sampled as [`SampleSettings`] are by default.
    pub fn plain(size: Size, channels: usize, diffusion: DiffusionSpec) -> Self {
        Self {
            version: 1,
            size,
            channels,
            classes: Vec::new(),
            task: None,
            latent: None,
            text: None,
            network: NetworkConfig::default(),
            diffusion,
            sample: SampleSettings::default(),
            data: String::new(),
            preset: String::new(),
            images: 0,
            seed: 0,
        }
    }

    /// The metadata of a model file.
    pub fn to_metadata(&self) -> BTreeMap<String, String> {
        let text = serde_json::to_string(self).expect("a description is plain values");
        BTreeMap::from([
            (KEY.to_owned(), text),
            ("format".to_owned(), "pt".to_owned()),
            ("modelspec.architecture".to_owned(), self.architecture().to_owned()),
            ("modelspec.resolution".to_owned(), self.size.to_string()),
        ])
    }

    /// Whether the model can be opened again once this is written, and be sampled as it says.
    ///
    /// # Errors
    /// Usage, naming what stands in the way.
    pub fn check(&self) -> Result<()> {
        self.sample.check()?;
        let unlike = |why: String| {
            Error::usage(format!("these settings make a model that could not be opened: {why}"))
                .hint("mend the setting that is not a finite number")
        };
        match Self::from_metadata(&self.to_metadata()) {
            Ok(read) if read == *self => Ok(()),
            Ok(_) => Err(unlike("its description reads otherwise than it is written".to_owned())),
            Err(error) => Err(unlike(error.message().to_owned())),
        }
    }

    /// The kind of network, as the metadata of model files name it.
    fn architecture(&self) -> &'static str {
        match self.network.transformer {
            None => "langevin/unet",
            Some(_) => "langevin/dit",
        }
    }

    /// `[channels, height, width]` of what the network denoises: its images, or their latents.
    pub fn shape(&self) -> [usize; 3] {
        let Size { width, height } = self.size;
        match &self.latent {
            None => [self.channels, height, width],
            Some(latent) => {
                let factor = latent.network.factor();
                [latent.network.code_dim(), height / factor, width / factor]
            }
        }
    }

    /// How many times its images are magnified on sheets, so that small ones can be seen: 1 to 4.
    pub fn magnification(&self) -> usize {
        (64 / self.size.width).clamp(1, 4)
    }

    /// What the metadata of a model file say.
    ///
    /// # Errors
    /// Bad input, where they say nothing, or not in this way.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self> {
        let text = metadata.get(KEY).ok_or_else(|| {
            if metadata.contains_key(codec::KEY) {
                return Error::bad_input("an autoencoder, which generates nothing by itself")
                    .hint("train a model of its latents with `langevin train DATA --latent` and this file");
            }
            Error::bad_input(
                "a safetensors file, but not a model of this program: its metadata has no \"langevin\"",
            )
            .hint("use a model.safetensors that `langevin train` wrote")
        })?;
        serde_json::from_str(text).map_err(|error| {
            Error::bad_input(format!("its description cannot be read: {error}"))
                .hint("it may come from a newer version, or be damaged")
        })
    }
}

#[cfg(test)]
mod tests {
    use langevin_nn::TransformerConfig;

    use super::*;

    #[test]
    fn the_architecture_is_that_of_the_network() {
        let transformer = Some(TransformerConfig { dim: 16, heads: 2, layers: 2, side: 4 });
        for (transformer, named) in [(None, "langevin/unet"), (transformer, "langevin/dit")] {
            let info = ModelInfo {
                version: 1,
                size: Size { width: 8, height: 8 },
                channels: 3,
                classes: Vec::new(),
                task: None,
                latent: None,
                text: None,
                network: NetworkConfig { transformer, ..NetworkConfig::default() },
                diffusion: DiffusionSpec::default(),
                sample: SampleSettings::default(),
                data: String::new(),
                preset: String::new(),
                images: 0,
                seed: 0,
            };
            let metadata = info.to_metadata();
            assert_eq!(metadata["modelspec.architecture"], named);
            assert_eq!(ModelInfo::from_metadata(&metadata).unwrap(), info);
        }
    }
}
