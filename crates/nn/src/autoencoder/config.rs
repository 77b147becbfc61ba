//! What an autoencoder is made of.

use langevin_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::attention::AttentionShape;
use crate::resnet::ResnetShape;

/// The configuration of an [`super::Autoencoder`]. Its defaults make a small one for images of 32 to 128 pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoencoderConfig {
    /// Channels of the images. Default 3.
    pub channels: usize,
    /// Channels of each level, finest first; every level after the first halves the sides. Default 32, 64, 128.
    pub levels: Vec<usize>,
    /// Residual blocks of each level on the way down; on the way up there is one more. Default 1.
    pub layers_per_block: usize,
    /// Channels of the latents. Default 4.
    pub latent_channels: usize,
    /// Groups of every group norm. Default 8.
    pub norm_groups: usize,
    /// Whether pixels of the coarsest level attend to one another. Default true.
    pub mid_attention: bool,
    /// Whether 1 x 1 convolutions follow the encoder and precede the decoder. Default true.
    pub quant_conv: bool,
    /// Vectors of the codebook (van den Oord et al. 2017, VQ-VAE); 0 for latents with a Gaussian each (Kingma and Welling 2014).
    /// Default 0.
    pub codebook: usize,
    /// Numbers of a vector of the codebook, where they are not as many as the latent channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codebook_dim: Option<usize>,
}

impl Default for AutoencoderConfig {
    fn default() -> Self {
        Self {
            channels: 3,
            levels: vec![32, 64, 128],
            layers_per_block: 1,
            latent_channels: 4,
            norm_groups: 8,
            mid_attention: true,
            quant_conv: true,
            codebook: 0,
            codebook_dim: None,
        }
    }
}

impl AutoencoderConfig {
    /// Says what cannot be built, naming the field.
    ///
    /// # Errors
    /// `Usage`, for the first field that does not fit.
    pub fn check(&self) -> Result<()> {
        let bounded = [
            ("channels", self.channels, 1 << 10),
            ("the number of levels", self.levels.len(), 8),
            ("layers_per_block", self.layers_per_block, 64),
            ("latent_channels", self.latent_channels, 1 << 10),
            ("norm_groups", self.norm_groups, 1 << 16),
            ("codebook_dim", self.codebook_dim.unwrap_or(1), 1 << 16),
        ];
        if let Some((name, value, most)) = bounded.iter().find(|(_, value, most)| *value == 0 || value > most)
        {
            return Err(Error::usage(format!("autoencoder: {name} = {value} is not from 1 to {most}")));
        }
        if self.codebook > 1 << 20 {
            return Err(Error::usage(format!(
                "autoencoder: codebook = {} is more than {}",
                self.codebook,
                1 << 20
            )));
        }
        if let Some(codes) = [1, 2].iter().find(|few| **few == self.codebook) {
            return Err(Error::usage(format!(
                "autoencoder: a codebook of {codes} hardly distinguishes images"
            ))
            .hint("give it some hundreds, or 0 for none"));
        }
        let unfit = |channels: &&usize| {
            **channels == 0 || **channels > 1 << 16 || !channels.is_multiple_of(self.norm_groups)
        };
        if let Some(channels) = self.levels.iter().find(unfit) {
            return Err(Error::usage(format!(
                "autoencoder: a level of {channels} channels does not divide into norm_groups = {} groups",
                self.norm_groups
            ))
            .hint("make every number of channels a multiple of norm_groups"));
        }
        if self.codebook == 0 && self.codebook_dim.is_some() {
            return Err(Error::usage("autoencoder: codebook_dim is for one with a codebook"));
        }
        if !self.quant_conv && self.code_dim() != self.latent_channels {
            return Err(Error::usage(
                "autoencoder: without quant_conv the codebook's vectors have as many numbers as the latents",
            ));
        }
        Ok(())
    }

    /// How many times smaller than the images the sides of the latents are.
    pub fn factor(&self) -> usize {
        1 << (self.levels.len() - 1)
    }

    /// Whether latents are vectors of a codebook.
    pub fn is_quantised(&self) -> bool {
        self.codebook > 0
    }

    /// Channels of the latents as they are stored: those of a vector of the codebook, where there is one.
    pub fn code_dim(&self) -> usize {
        match (self.codebook, self.codebook_dim) {
            (0, _) | (_, None) => self.latent_channels,
            (_, Some(dim)) => dim,
        }
    }

    /// The shape `[channels, height, width]` of the latents of images of `height` x `width` pixels.
    ///
    /// # Errors
    /// `Usage` where a side is not a multiple of [`AutoencoderConfig::factor`].
    pub fn latent_shape(&self, height: usize, width: usize) -> Result<[usize; 3]> {
        let factor = self.factor();
        if height == 0 || width == 0 || !height.is_multiple_of(factor) || !width.is_multiple_of(factor) {
            return Err(Error::usage(format!(
                "this autoencoder takes images whose sides are multiples of {factor}, not {width}x{height}"
            )));
        }
        Ok([self.code_dim(), height / factor, width / factor])
    }

    /// What the encoder gives: a mean and a log-variance for each latent number, or the latents themselves.
    pub(super) fn encoded_channels(&self) -> usize {
        if self.is_quantised() { self.latent_channels } else { 2 * self.latent_channels }
    }

    pub(super) fn resnet(&self, inputs: usize, outputs: usize) -> ResnetShape {
        ResnetShape {
            inputs,
            outputs,
            embedding: 0,
            groups: self.norm_groups,
            groups_out: self.norm_groups,
            eps: EPS,
            dropout: 0.0,
            scale_shift: false,
            rescale: 1.0,
            zero: false,
            activation: Activation::Silu,
        }
    }

    pub(super) fn attention(&self) -> Option<AttentionShape> {
        let channels = self.coarsest();
        self.mid_attention.then_some(AttentionShape {
            channels,
            head_dim: channels,
            groups: Some(self.norm_groups),
            eps: EPS,
            rescale: 1.0,
            zero: false,
        })
    }

    pub(super) fn coarsest(&self) -> usize {
        self.levels[self.levels.len() - 1]
    }
}

/// Epsilon of every norm, as in the published autoencoders.
pub(super) const EPS: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_built_is_named() {
        let message = |change: fn(&mut AutoencoderConfig)| {
            let mut config = AutoencoderConfig::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert!(AutoencoderConfig::default().check().is_ok());
        assert!(message(|c| c.levels = vec![]).contains("number of levels"));
        assert!(message(|c| c.levels = vec![12]).contains("norm_groups = 8"));
        assert!(message(|c| c.latent_channels = 0).contains("latent_channels"));
        assert!(message(|c| c.codebook = 1).contains("codebook"));
        assert!(message(|c| c.codebook_dim = Some(3)).contains("codebook_dim"));
    }

    #[test]
    fn latents_are_smaller_by_the_factor() {
        let config = AutoencoderConfig::default();
        assert_eq!(config.latent_shape(32, 64).unwrap(), [4, 8, 16]);
        assert_eq!(config.latent_shape(30, 64).unwrap_err().exit_code(), 2);
        let coded = AutoencoderConfig { codebook: 64, codebook_dim: Some(3), ..config };
        assert_eq!(coded.latent_shape(32, 32).unwrap(), [3, 8, 8]);
    }
}
