//! The U-Net (Ronneberger et al. 2015) of DDPM (Ho et al. 2020), ADM (Dhariwal and Nichol 2021) and EDM.
//!
//! Each parameter's module path is the name its tensor has in a diffusers `UNet2DModel`, or in a `UNet2DConditionModel` where
//! the network is text-conditioned.

mod blocks;
mod estimate;
mod text;
mod text_conditioning;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use langevin_core::{Cond, Context, ContextShape, Network, Result};
use langevin_kernels as kernels;

use crate::draw::Draw;
use crate::embed::{FourierProjection, TimeEmbedding, sinusoidal};
use crate::layers::{Conv2d, Embedding, GroupNorm};
use crate::resnet::Pass;
use crate::text::ClipText;

pub use crate::config::{AddedConfig, NetworkConfig, Resample, TextConfig, TimeFeatures};
pub use blocks::{DownBlock, MidBlock, UpBlock};
pub use estimate::Estimate;
pub use text::Attention;
pub(crate) use text_conditioning::{added_features, conditioning, read_texts};

use text_conditioning::waves_and_pooled;

/// A U-Net.
#[derive(Module, Debug)]
pub struct UNet {
    conv_in: Conv2d,
    time_proj: Option<FourierProjection>,
    time_table: Option<Embedding>,
    time_embedding: TimeEmbedding,
    class_embedding: Option<Embedding>,
    add_embedding: Option<TimeEmbedding>,
    down_blocks: Vec<DownBlock>,
    mid_block: Option<MidBlock>,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    /// The encoder of the texts, where it learns with the network.
    text_encoder: Option<ClipText>,
    #[module(skip)]
    config: NetworkConfig,
    #[module(skip)]
    arithmetic: kernels::Arithmetic,
}

impl NetworkConfig {
    /// Draws the weights from (`seed`, parameter path): convolutions and linear layers as PyTorch draws them by
    /// default, norms at one and zero, and zero where `zero_init` says so.
    ///
    /// # Errors
    /// `Usage`, as [`NetworkConfig::check`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<UNet> {
        self.check()?;
        Ok(self.at(&Draw::new(seed, device)))
    }

    /// A network whose weights are all 0, to be read.
    ///
    /// # Errors
    /// `Usage`, as [`NetworkConfig::check`].
    pub fn blank(&self, device: &Device) -> Result<UNet> {
        self.check()?;
        Ok(self.at(&Draw::blank(device)))
    }

    fn at(&self, draw: &Draw<'_>) -> UNet {
        let levels = self.channels.len();
        let first = self.channels[0];
        let folded = self.patch * self.patch;
        let class_rows = self.class_rows();
        UNet {
            conv_in: Conv2d::same(
                &draw.at("conv_in"),
                (self.in_channels + self.condition_channels) * folded,
                first,
                3,
            ),
            time_proj: (self.time_features == TimeFeatures::Fourier)
                .then(|| FourierProjection::new(&draw.at("time_proj"), first, self.fourier_scale)),
            time_table: (self.time_features == TimeFeatures::Learned)
                .then(|| Embedding::new(&draw.at("time_table"), self.learned_steps, first)),
            time_embedding: TimeEmbedding::new(
                &draw.at("time_embedding"),
                self.time_feature_count(),
                self.embedding(),
            ),
            class_embedding: (class_rows > 0)
                .then(|| Embedding::new(&draw.at("class_embedding"), class_rows, self.embedding())),
            add_embedding: self
                .text
                .as_ref()
                .and_then(|text| text.added)
                .map(|added| TimeEmbedding::new(&draw.at("add_embedding"), added.inputs, self.embedding())),
            down_blocks: (0..levels)
                .map(|level| DownBlock::new(&draw.at("down_blocks").at(level), self, level))
                .collect(),
            mid_block: self.mid_block.then(|| MidBlock::new(&draw.at("mid_block"), self)),
            up_blocks: (0..levels)
                .map(|i| UpBlock::new(&draw.at("up_blocks").at(i), self, levels - 1 - i))
                .collect(),
            conv_norm_out: GroupNorm::new(
                &draw.at("conv_norm_out"),
                first,
                self.end_groups(first),
                self.norm_eps,
                true,
            ),
            conv_out: Conv2d::maybe_zero(
                &draw.at("conv_out"),
                first,
                self.out_channels * folded,
                3,
                self.zero_init,
            ),
            text_encoder: self
                .text
                .as_ref()
                .and_then(|text| text.encoder.as_ref())
                .map(|encoder| encoder.at(&draw.at("text_encoder"))),
            config: self.clone(),
            arithmetic: kernels::Arithmetic::Fast,
        }
    }
}

impl UNet {
    /// What it is made of.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Its texts as vectors, from tokens, each text filled up to one length: for a network with an encoder of its own.
    ///
    /// # Errors
    /// Usage: a network without an encoder, or as [`ClipText::encode`].
    pub fn read(&self, texts: &[Vec<u32>]) -> Result<Context> {
        read_texts(self.text_encoder.as_ref(), self.config.text.as_ref(), texts)
    }

    /// The same network, its convolutions computed as `arithmetic` says.
    #[must_use]
    pub fn with_arithmetic(self, arithmetic: kernels::Arithmetic) -> Self {
        Self { arithmetic, ..self }
    }

    /// The embedding of noise level, class and what comes with a text, `[n, embedding]`.
    fn embed(
        &self,
        noise_input: Tensor<1>,
        cond: &Cond,
        context: Option<&Context>,
        device: &Device,
    ) -> Tensor<2> {
        let config = &self.config;
        let n = noise_input.dims()[0];
        let values = noise_input.into_data().convert::<f64>().try_to_vec::<f64>().expect("converted to f64");
        let values: Vec<f64> = values.iter().map(|value| value * config.time_scale).collect();
        let features = match (&self.time_proj, &self.time_table) {
            (None, None) => {
                sinusoidal(&values, config.channels[0], config.flip_sin_to_cos, config.freq_shift, device)
            }
            (None, Some(table)) => {
                let last = (config.learned_steps - 1) as f64;
                let row = |value: &f64| value.round_ties_even().clamp(0.0, last) as usize;
                table.forward(&values.iter().map(row).collect::<Vec<_>>())
            }
            (Some(projection), _) => {
                let values: Vec<f64> =
                    if config.fourier_log { values.iter().map(|v| libm::log(*v)).collect() } else { values };
                projection.forward(&values, false)
            }
        };
        let embedding = self.time_embedding.forward(features);
        let embedding = match &self.add_embedding {
            Some(add) => embedding + add.forward(self.added(context, device)),
            None => embedding,
        };
        let Some(table) = &self.class_embedding else { return embedding };
        let unknown = vec![None; n];
        let labels = cond.labels.as_ref().unwrap_or(&unknown);
        assert_eq!(labels.len(), n, "one label for each image");
        let rows: Vec<usize> = labels
            .iter()
            .map(|label| match label {
                Some(class) => {
                    assert!((*class as usize) < config.classes, "class {class} of {}", config.classes);
                    *class as usize
                }
                None => config.classes,
            })
            .collect();
        if config.null_class {
            return embedding + table.forward(&rows);
        }
        // Without a row for "no class", such an image gets no class vector at all.
        let known: Vec<f32> = rows.iter().map(|row| f32::from(*row < config.classes)).collect();
        let known = Tensor::<1>::from_data(known.as_slice(), device).reshape([n, 1]);
        let rows: Vec<usize> = rows.iter().map(|row| (*row).min(config.classes - 1)).collect();
        embedding + table.forward(&rows) * known
    }
}

impl Network for UNet {
    fn forward(&self, x: Tensor<4>, noise_input: Tensor<1>, cond: &Cond) -> Tensor<4> {
        self.arithmetic.within(|| self.answer(x, noise_input, cond))
    }

    fn classes(&self) -> usize {
        self.config.classes
    }

    fn condition_channels(&self) -> usize {
        self.config.condition_channels
    }

    fn context(&self) -> Option<ContextShape> {
        self.config.text.as_ref().map(TextConfig::shape)
    }
}

impl UNet {
    /// The pooled vectors of the texts and the features of their numbers, `[n, inputs]`.
    fn added(&self, context: Option<&Context>, device: &Device) -> Tensor<2> {
        let (Some(context), Some(text)) = (context, &self.config.text) else {
            panic!("a pooled vector and numbers with each text")
        };
        waves_and_pooled(text, context, (self.config.flip_sin_to_cos, self.config.freq_shift), device)
    }

    fn answer(&self, x: Tensor<4>, noise_input: Tensor<1>, cond: &Cond) -> Tensor<4> {
        let [n, _, h, w] = x.dims();
        let patch = self.config.patch;
        let context = conditioning(self.text_encoder.as_ref(), self.config.text.as_ref(), cond);
        let embedding = self.embed(noise_input, cond, context.as_ref(), &x.device());
        let pass = Pass::new(self.config.activation.of(embedding), cond.dropout.as_ref());
        let (scale, shift) = (self.config.input_scale, self.config.input_shift);
        let x = if (scale, shift) == (1.0, 0.0) { x } else { x.mul_scalar(scale).add_scalar(shift) };
        let (mut image, mut x) = if self.config.condition_channels == 0 {
            let folded = fold(x, patch);
            (folded.clone(), self.conv_in.forward(folded))
        } else {
            let condition = cond.image.clone().expect("a restoration network is conditioned on an image");
            assert_eq!(
                condition.dims(),
                [n, self.config.condition_channels, h, w],
                "the image that conditions"
            );
            let joined = Tensor::cat(vec![x.clone(), condition], 1);
            (x, self.conv_in.forward(fold(joined, patch)))
        };
        let context = context.map(|condition| {
            assert_eq!(condition.len(), n, "one text for each image");
            condition.tokens.to_device(&x.device())
        });
        let context = context.as_ref();
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            x = block.forward(x, &pass, &mut skips, &mut image, context);
        }
        if let Some(block) = &self.mid_block {
            x = block.forward(x, &pass, context);
        }
        let mut image = None;
        for block in &self.up_blocks {
            x = block.forward(x, &pass, &mut skips, &mut image, context);
        }
        let mut out = self.conv_out.forward(self.conv_norm_out.forward(x));
        if let Some(image) = image {
            out = out + image;
        }
        debug_assert_eq!(out.dims()[0], n);
        unfold(out, patch, h, w)
    }
}

/// Folds each `patch` x `patch` square of pixels into channels: `[n, c, h, w]` -> `[n, h/p, w/p, c p p]`.
fn fold(x: Tensor<4>, patch: usize) -> Tensor<4> {
    if patch == 1 {
        return kernels::channels_last(x);
    }
    let [n, c, h, w] = x.dims();
    let (h, w) = (h / patch, w / patch);
    x.reshape([n, c, h, patch, w, patch]).permute([0, 2, 4, 1, 3, 5]).reshape([n, h, w, c * patch * patch])
}

/// Undoes [`fold`] for images of `h` x `w` pixels.
fn unfold(x: Tensor<4>, patch: usize, h: usize, w: usize) -> Tensor<4> {
    if patch == 1 {
        return kernels::channels_first(x);
    }
    let [n, _, _, folded] = x.dims();
    let c = folded / (patch * patch);
    x.reshape([n, h / patch, w / patch, c, patch, patch]).permute([0, 3, 1, 4, 2, 5]).reshape([n, c, h, w])
}
