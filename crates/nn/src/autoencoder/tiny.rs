//! The decoder of a tiny autoencoder (TAESD, Bohan 2023): what is seen of latents while they are drawn, at a hundredth of the cost.
//!
//! Each parameter's module path is the name its tensor has in a diffusers `AutoencoderTiny`.

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};
use langevin_core::{Error, Result};
use langevin_kernels as kernels;
use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::layers::Conv2d;

/// What a [`TinyDecoder`] is made of. The defaults are those of TAESD for Stable Diffusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TinyDecoderConfig {
    /// Channels of the images. Default 3.
    pub channels: usize,
    /// Channels of the latents. Default 4.
    pub latent_channels: usize,
    /// Channels of each level, coarsest first; every level but the last doubles the sides. Default 64 at four levels.
    pub levels: Vec<usize>,
    /// Blocks of each level. Default 3, 3, 3, 1.
    pub blocks: Vec<usize>,
    /// Latents are bent so that they stay below this. Default 3.
    pub magnitude: f64,
}

impl Default for TinyDecoderConfig {
    fn default() -> Self {
        Self {
            channels: 3,
            latent_channels: 4,
            levels: vec![64; 4],
            blocks: vec![3, 3, 3, 1],
            magnitude: 3.0,
        }
    }
}

/// A tiny decoder.
#[derive(Module, Debug)]
pub struct TinyDecoder {
    decoder: Layers,
    #[module(skip)]
    config: TinyDecoderConfig,
}

#[derive(Module, Debug)]
struct Layers {
    layers: Vec<Layer>,
}

/// What stands in the list of layers; functions have a place in it, and no numbers.
#[derive(Module, Debug)]
enum Layer {
    Convolution(Conv2d),
    Block(Block),
    Function(Vec<Conv2d>),
}

/// Three convolutions beside the image itself.
#[derive(Module, Debug)]
struct Block {
    conv: Vec<Part>,
}

#[derive(Module, Debug)]
enum Part {
    Convolution(Conv2d),
    Function(Vec<Conv2d>),
}

impl TinyDecoderConfig {
    /// Says what cannot be built, naming the field.
    ///
    /// # Errors
    /// `Usage`, for the first field that does not fit.
    pub fn check(&self) -> Result<()> {
        let most = |values: &[usize]| values.iter().copied().max().unwrap_or(0);
        let numbers = [self.channels, self.latent_channels, most(&self.levels), most(&self.blocks).max(1)];
        let zero = numbers.contains(&0) || self.levels.contains(&0);
        if zero || numbers.iter().any(|number| *number > 1 << 12) || self.levels.len() > 8 {
            return Err(Error::usage(
                "tiny decoder: its channels and blocks must be 1 to 4096, its levels 1 to 8",
            ));
        }
        if self.blocks.len() != self.levels.len() {
            return Err(Error::usage("tiny decoder: blocks and levels need as many entries"));
        }
        if !(self.magnitude.is_finite() && self.magnitude > 0.0) {
            return Err(Error::usage("tiny decoder: magnitude must be more than 0"));
        }
        Ok(())
    }

    /// How many times smaller than images the sides of latents are.
    pub fn factor(&self) -> usize {
        1 << self.levels.len().saturating_sub(1)
    }

    /// A decoder whose weights are all 0, to be read.
    ///
    /// # Errors
    /// `Usage`, as [`TinyDecoderConfig::check`].
    pub fn blank(&self, device: &Device) -> Result<TinyDecoder> {
        self.check()?;
        let draw = Draw::blank(device);
        let draw = draw.at("decoder.layers");
        let mut layers = Vec::new();
        let conv =
            |at: usize, inputs, outputs| Layer::Convolution(Conv2d::same(&draw.at(at), inputs, outputs, 3));
        layers.push(conv(0, self.latent_channels, self.levels[0]));
        layers.push(Layer::Function(Vec::new()));
        for (level, (channels, blocks)) in self.levels.iter().copied().zip(&self.blocks).enumerate() {
            for _ in 0..*blocks {
                let draw = draw.at(layers.len()).at("conv");
                let part = |at: usize| match at % 2 {
                    0 => Part::Convolution(Conv2d::same(&draw.at(at), channels, channels, 3)),
                    _ => Part::Function(Vec::new()),
                };
                layers.push(Layer::Block(Block { conv: (0..5).map(part).collect() }));
            }
            let last = level + 1 == self.levels.len();
            if last {
                layers.push(conv(layers.len(), channels, self.channels));
            } else {
                layers.push(Layer::Function(Vec::new()));
                let options = kernels::Conv2d { upsample: true, ..kernels::Conv2d::same(3) };
                let made = Conv2d::new(&draw.at(layers.len()), channels, channels, 3, options);
                layers.push(Layer::Convolution(made));
            }
        }
        Ok(TinyDecoder { decoder: Layers { layers }, config: self.clone() })
    }
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let through = self.conv.iter().fold(x.clone(), |x, part| match part {
            Part::Convolution(conv) => conv.forward(x),
            Part::Function(_) => activation::relu(x),
        });
        activation::relu(through + x)
    }
}

impl TinyDecoder {
    /// What it is made of.
    pub fn config(&self) -> &TinyDecoderConfig {
        &self.config
    }

    /// The images, about in [-1, 1], `[n, channels, h factor, w factor]`, of latents as the diffusion model sees them, `[n, latent
    /// channels, h, w]`.
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        let most = self.config.magnitude;
        let bent = (latents.mul_scalar(1.0 / most)).tanh().mul_scalar(most);
        let out =
            self.decoder.layers.iter().enumerate().fold(kernels::channels_last(bent), |x, (at, layer)| {
                match layer {
                    Layer::Convolution(conv) => conv.forward(x),
                    Layer::Block(block) => block.forward(x),
                    Layer::Function(_) if at == 1 => activation::relu(x),
                    // The doubling is a part of the convolution after it.
                    Layer::Function(_) => x,
                }
            });
        kernels::channels_first(out).mul_scalar(2.0).sub_scalar(1.0)
    }
}
