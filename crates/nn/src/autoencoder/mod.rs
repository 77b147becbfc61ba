//! The autoencoder of latent diffusion (Rombach et al. 2022, 2112.10752; Esser et al. 2021, 2012.09841): images to latents
//! that are smaller, and back.
//!
//! Each parameter's module path is the name its tensor has in a diffusers `AutoencoderKL` or `VQModel`.

mod blocks;
mod codebook;
mod config;
mod critic;
mod learning;
mod tiny;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use langevin_core::Result;
use langevin_kernels as kernels;

use crate::draw::Draw;
use crate::layers::Conv2d;
use blocks::{Decoder, Encoder};

pub use codebook::{Codebook, entropy};
pub use config::AutoencoderConfig;
pub use critic::{Critic, Seen};
pub use learning::{Learning, LearningConfig};
pub use tiny::{TinyDecoder, TinyDecoderConfig};

/// Least and most logarithm of a latent number's variance.
const LOG_VARIANCE: (f64, f64) = (-30.0, 20.0);

/// An autoencoder.
#[derive(Module, Debug)]
pub struct Autoencoder {
    encoder: Encoder,
    quant_conv: Option<Conv2d>,
    quantize: Option<Codebook>,
    post_quant_conv: Option<Conv2d>,
    decoder: Decoder,
    #[module(skip)]
    config: AutoencoderConfig,
}

/// What the encoder makes of images.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The latents, `[n, latent channels, h / factor, w / factor]`: the mean, where each number has a Gaussian; before they become
    /// vectors of the codebook, where there is one.
    pub mean: Tensor<4>,
    /// The logarithm of each number's variance, in [-30, 20]; absent with a codebook.
    pub log_variance: Option<Tensor<4>>,
}

impl AutoencoderConfig {
    /// Draws the weights from (`seed`, parameter path) as PyTorch draws them by default.
    ///
    /// # Errors
    /// `Usage`, as [`AutoencoderConfig::check`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<Autoencoder> {
        self.check()?;
        Ok(self.at(&Draw::new(seed, device)))
    }

    /// An autoencoder whose weights are all 0, to be read.
    ///
    /// # Errors
    /// `Usage`, as [`AutoencoderConfig::check`].
    pub fn blank(&self, device: &Device) -> Result<Autoencoder> {
        self.check()?;
        Ok(self.at(&Draw::blank(device)))
    }

    pub(crate) fn at(&self, draw: &Draw<'_>) -> Autoencoder {
        let encoded = self.encoded_channels();
        let after = if self.is_quantised() { self.code_dim() } else { encoded };
        let conv = |name: &str, inputs, outputs| {
            self.quant_conv.then(|| Conv2d::same(&draw.at(name), inputs, outputs, 1))
        };
        Autoencoder {
            encoder: Encoder::new(&draw.at("encoder"), self),
            quant_conv: conv("quant_conv", encoded, after),
            quantize: self
                .is_quantised()
                .then(|| Codebook::new(&draw.at("quantize"), self.codebook, self.code_dim())),
            post_quant_conv: conv("post_quant_conv", self.code_dim(), self.latent_channels),
            decoder: Decoder::new(&draw.at("decoder"), self),
            config: self.clone(),
        }
    }
}

impl Autoencoder {
    /// What it is made of.
    pub fn config(&self) -> &AutoencoderConfig {
        &self.config
    }

    /// The latents of images `[n, channels, h, w]` in [-1, 1], whose sides are multiples of the factor.
    pub fn encode(&self, images: Tensor<4>) -> Encoded {
        let mut x = self.encoder.forward(kernels::channels_last(images));
        if let Some(conv) = &self.quant_conv {
            x = conv.forward(x);
        }
        let x = kernels::channels_first(x);
        if self.config.is_quantised() {
            return Encoded { mean: x, log_variance: None };
        }
        let latent = self.config.latent_channels;
        let (least, most) = LOG_VARIANCE;
        Encoded {
            mean: x.clone().narrow(1, 0, latent),
            log_variance: Some(x.narrow(1, latent, latent).clamp(least, most)),
        }
    }

    /// The nearest vectors of the codebook, without a gradient; the latents as they are, where there is no codebook.
    pub fn quantised(&self, latents: Tensor<4>) -> Tensor<4> {
        match &self.quantize {
            Some(codebook) => codebook.nearest(latents),
            None => latents,
        }
    }

    /// The codebook, if it has one.
    pub fn codebook(&self) -> Option<&Codebook> {
        self.quantize.as_ref()
    }

    /// The images `[n, channels, h, w]` of latents; with a codebook, of the vectors nearest to them.
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        self.decode_codes(self.quantised(latents))
    }

    /// The images of latents as they are, whether or not they are in the codebook.
    pub fn decode_codes(&self, latents: Tensor<4>) -> Tensor<4> {
        let mut x = kernels::channels_last(latents);
        if let Some(conv) = &self.post_quant_conv {
            x = conv.forward(x);
        }
        kernels::channels_first(self.decoder.forward(x))
    }
}
