//! What a network is made of, with defaults.

use serde::{Deserialize, Serialize};

use super::text::TextConfig;
use super::transformer::TransformerConfig;
use crate::activation::Activation;
use crate::dit::DitConfig;

/// How the noise level becomes features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFeatures {
    /// Sines and cosines at fixed frequencies.
    Positional,
    /// Sines and cosines at random frequencies, kept with the weights.
    Fourier,
    /// A table with a row for each whole number, trained with the network.
    Learned,
}

/// How images change size between levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resample {
    /// A strided convolution down; pixel repetition and a convolution up (DDPM).
    Conv,
    /// Residual blocks that average or repeat pixels on both branches (ADM, BigGAN).
    Resnet,
    /// NCSN++ (Song et al. 2021, appendix H): residual blocks through the filter `[1, 3, 3, 1]`, and a branch that carries
    /// the image itself along, down and up. Such a level divides its sums by the root of 2, has a quarter as many
    /// groups as channels (at most 32), and attends only once on the way up.
    Skip,
}

/// What a network is made of: a [`crate::UNet`], or with `transformer` a [`crate::Transformer`] in its place, for which what is said of
/// levels means nothing. Field by field it can say what a diffusers `UNet2DModel` config says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Channels of the noisy image. Default 3.
    pub in_channels: usize,
    /// Channels of an image that the network is conditioned on beside the noisy one, joined with it at the input: what an image is
    /// restored from. Default 0.
    #[serde(skip_serializing_if = "is_default")]
    pub condition_channels: usize,
    /// Channels of the answer. Default 3.
    pub out_channels: usize,
    /// Channels of each level, finest first; every level after the first has half the size. Default `[64, 128, 128]`.
    pub channels: Vec<usize>,
    /// Residual blocks of each level on the way down; the way up has one more. Default 2.
    pub layers_per_block: usize,
    /// Levels with self-attention after each residual block, numbered from 0, the finest. Default none.
    pub attention_levels: Vec<usize>,
    /// The same for the way up, where it differs. Default: as `attention_levels`.
    pub up_attention_levels: Option<Vec<usize>>,
    /// Whether the middle block, at the coarsest level, has self-attention. Default true.
    pub mid_attention: bool,
    /// Whether there is a middle block. Default true.
    pub mid_block: bool,
    /// Channels of one attention head; `None` makes one head of all channels. Default 64.
    pub attention_head_dim: Option<usize>,
    /// Groups of every group norm; 0 keeps only its scale and shift, so that a pixel is answered alike in an image of any
    /// size (Lim et al. 2017, EDSR, leave norms out for restoration). Default 32.
    pub norm_groups: usize,
    /// Whether the middle block and the end have a quarter as many groups as channels, at most 32, as levels that resample
    /// by `skip` have. Default false: `norm_groups`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub quarter_groups: bool,
    /// Groups of the norm before the middle attention; 0 leaves it out (diffusers does so in a scale-shift network that
    /// names no number). Default: as `norm_groups`.
    pub mid_attention_norm_groups: Option<usize>,
    /// Epsilon of every group norm. Default 1e-5.
    pub norm_eps: f64,
    /// The function between the layers of every residual block. Default silu.
    #[serde(skip_serializing_if = "is_default")]
    pub activation: Activation,
    /// The noisy image is multiplied by this before the first layer. Default 1.
    #[serde(skip_serializing_if = "is_one")]
    pub input_scale: f64,
    /// And this is added. Default 0.
    #[serde(skip_serializing_if = "is_default")]
    pub input_shift: f64,
    /// How the noise level becomes features. Default positional.
    pub time_features: TimeFeatures,
    /// The noise input is multiplied by this before its features are taken. Default 1.
    pub time_scale: f64,
    /// Whether Fourier features are taken of the logarithm of the noise input (diffusers' way). Default false.
    pub fourier_log: bool,
    /// Standard deviation of the Fourier frequencies. Default 16.
    pub fourier_scale: f64,
    /// Rows of the table of `learned` time features, for the noise inputs from 0. Default 0.
    #[serde(skip_serializing_if = "is_default")]
    pub learned_steps: usize,
    /// Whether cosines come before sines. Default true.
    pub flip_sin_to_cos: bool,
    /// Subtracted from the number of frequencies in their exponent: 0, or 1 to end at exactly 1/10000. Default 0.
    pub freq_shift: f64,
    /// Length of the embedding; `None` is four times the channels of the first level. Default `None`.
    pub embedding_dim: Option<usize>,
    /// Whether the embedding scales and shifts each block's second norm, rather than being added before it. Default
    /// false.
    pub scale_shift: bool,
    /// How images change size between levels. Default conv.
    pub resample: Resample,
    /// The same for each level on the way down, finest first, where they differ. Default: `resample` everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down_resample: Option<Vec<Resample>>,
    /// The same for each level on the way up, finest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_resample: Option<Vec<Resample>>,
    /// Zeros around an image before a strided convolution: 1, or 0 for one after the last row and column. Default 1.
    pub downsample_padding: usize,
    /// Each block's sum of input and change is divided by this. Default 1.
    pub output_scale_factor: f64,
    /// The same in the middle block. Default 1.
    pub mid_block_scale_factor: f64,
    /// Whether each block's last convolution, attention's last layer and the network's last convolution start at zero,
    /// so that the network starts by answering zero. Default true.
    pub zero_init: bool,
    /// Classes the network is conditioned on; 0 makes it unconditional. Default 0.
    pub classes: usize,
    /// Whether one more row of the class table stands for "no class", which classifier-free guidance needs. Without
    /// it an image of no class gets no class vector. Default true.
    pub null_class: bool,
    /// Chance of a number being dropped in each residual block. Default 0.
    pub dropout: f64,
    /// Side of the square of pixels folded into channels at the input and unfolded at the output: a cheap way to fewer
    /// operations. Default 1.
    pub patch: usize,
    /// How the network attends to texts. Default: it is conditioned on none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<TextConfig>,
    /// A transformer in place of the levels. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformer: Option<TransformerConfig>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_one(value: &f64) -> bool {
    *value == 1.0
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            condition_channels: 0,
            out_channels: 3,
            channels: vec![64, 128, 128],
            layers_per_block: 2,
            attention_levels: Vec::new(),
            up_attention_levels: None,
            mid_attention: true,
            mid_block: true,
            attention_head_dim: Some(64),
            norm_groups: 32,
            quarter_groups: false,
            mid_attention_norm_groups: None,
            norm_eps: 1e-5,
            activation: Activation::Silu,
            input_scale: 1.0,
            input_shift: 0.0,
            time_features: TimeFeatures::Positional,
            time_scale: 1.0,
            fourier_log: false,
            fourier_scale: 16.0,
            learned_steps: 0,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            embedding_dim: None,
            scale_shift: false,
            resample: Resample::Conv,
            down_resample: None,
            up_resample: None,
            downsample_padding: 1,
            output_scale_factor: 1.0,
            mid_block_scale_factor: 1.0,
            zero_init: true,
            classes: 0,
            null_class: true,
            dropout: 0.0,
            patch: 1,
            text: None,
            transformer: None,
        }
    }
}

impl NetworkConfig {
    /// The transformer that takes the U-Net's place, if one does.
    pub fn dit(&self) -> Option<DitConfig> {
        let transformer = self.transformer.as_ref()?;
        Some(DitConfig {
            in_channels: self.in_channels,
            out_channels: self.out_channels,
            size: transformer.side.saturating_mul(self.patch),
            patch: self.patch,
            dim: transformer.dim,
            heads: transformer.heads,
            layers: transformer.layers,
            time_scale: self.time_scale,
            classes: self.classes,
            context_dim: self.text.as_ref().map(|text| text.dim),
            zero_init: self.zero_init,
            ..DitConfig::default()
        })
    }

    /// Whether the network answers a pixel alike in an image of any size: it neither attends nor normalises.
    pub fn takes_any_size(&self) -> bool {
        let attends = self.transformer.is_some()
            || !self.attention_levels.is_empty()
            || self.up_attention_levels.as_ref().is_some_and(|levels| !levels.is_empty())
            || (self.mid_block && self.mid_attention);
        self.norm_groups == 0 && !attends
    }

    /// Sides of images must be multiples of this: the patch, doubled at every level after the first.
    pub fn size_multiple(&self) -> usize {
        if self.transformer.is_some() { self.patch } else { self.patch << (self.channels.len() - 1) }
    }

    /// Length of the embedding of noise level and class.
    pub fn embedding(&self) -> usize {
        self.embedding_dim.unwrap_or(4 * self.channels[0])
    }

    /// Features of the noise level before the embedding network.
    pub(crate) fn time_feature_count(&self) -> usize {
        match self.time_features {
            TimeFeatures::Positional | TimeFeatures::Learned => self.channels[0],
            TimeFeatures::Fourier => 2 * self.channels[0],
        }
    }

    /// Rows of the class table.
    pub(crate) fn class_rows(&self) -> usize {
        if self.classes == 0 { 0 } else { self.classes + usize::from(self.null_class) }
    }

    /// How level `level` changes size on the way down.
    pub fn down_kind(&self, level: usize) -> Resample {
        self.down_resample.as_ref().map_or(self.resample, |list| list[level])
    }

    /// How level `level` changes size on the way up.
    pub fn up_kind(&self, level: usize) -> Resample {
        self.up_resample.as_ref().map_or(self.resample, |list| list[level])
    }

    /// Attention blocks of level `level` on the way down.
    pub(crate) fn down_attentions(&self, level: usize) -> usize {
        if self.attends_down(level) { self.layers_per_block } else { 0 }
    }

    /// Attention blocks of level `level` on the way up.
    pub(crate) fn up_attentions(&self, level: usize) -> usize {
        match (self.attends_up(level), self.up_kind(level)) {
            (false, _) => 0,
            (true, Resample::Skip) => 1,
            (true, _) => self.layers_per_block + 1,
        }
    }

    pub(crate) fn attends_down(&self, level: usize) -> bool {
        self.attention_levels.contains(&level)
    }

    pub(crate) fn attends_up(&self, level: usize) -> bool {
        self.up_attention_levels.as_ref().unwrap_or(&self.attention_levels).contains(&level)
    }

    pub(super) fn levels_with_attention(&self) -> Vec<usize> {
        let last = self.channels.len() - 1;
        (0..=last)
            .filter(|level| {
                self.attends_down(*level)
                    || self.attends_up(*level)
                    || (*level == last && self.mid_block && self.mid_attention)
            })
            .collect()
    }
}
