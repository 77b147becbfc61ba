//! What a U-Net is made of, with defaults, and what is wrong with a config that cannot be built.

use langevin_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::text::TextConfig;
use crate::activation::Activation;
use crate::backbone::TransformerConfig;

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

/// How pictures change size between levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resample {
    /// A strided convolution down; pixel repetition and a convolution up (DDPM).
    Conv,
    /// Residual blocks that average or repeat pixels on both branches (ADM, BigGAN).
    Resnet,
    /// NCSN++ (Song et al. 2021, appendix H): residual blocks through the filter `[1, 3, 3, 1]`, and a branch that carries
    /// the picture itself along, down and up. Such a level divides its sums by the root of 2, has a quarter as many
    /// groups as channels (at most 32), and attends only once on the way up.
    Skip,
}

/// What a network is made of: a [`super::UNet`], or with `transformer` a [`crate::Transformer`] in its place, for which what is said of
/// levels means nothing. Field by field it can say what a diffusers `UNet2DModel` config says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Channels of the noisy picture. Default 3.
    pub in_channels: usize,
    /// Channels of a picture that the network is told of beside the noisy one, joined with it at the input: what a picture is
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
    /// Groups of every group norm; 0 keeps only its scale and shift, so that a pixel is answered alike in a picture of any
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
    /// The noisy picture is multiplied by this before the first layer. Default 1.
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
    /// How pictures change size between levels. Default conv.
    pub resample: Resample,
    /// The same for each level on the way down, finest first, where they differ. Default: `resample` everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down_resample: Option<Vec<Resample>>,
    /// The same for each level on the way up, finest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_resample: Option<Vec<Resample>>,
    /// Zeros around a picture before a strided convolution: 1, or 0 for one after the last row and column. Default 1.
    pub downsample_padding: usize,
    /// Each block's sum of input and change is divided by this. Default 1.
    pub output_scale_factor: f64,
    /// The same in the middle block. Default 1.
    pub mid_block_scale_factor: f64,
    /// Whether each block's last convolution, attention's last layer and the network's last convolution start at zero,
    /// so that the network starts by answering zero. Default true.
    pub zero_init: bool,
    /// Classes the network can be told; 0 makes it unconditional. Default 0.
    pub classes: usize,
    /// Whether one more row of the class table stands for "no class", which classifier-free guidance needs. Without
    /// it a picture of no class gets no class vector. Default true.
    pub null_class: bool,
    /// Chance of a number being dropped in each residual block. Default 0.
    pub dropout: f64,
    /// Side of the square of pixels folded into channels at the input and unfolded at the output: a cheap way to fewer
    /// operations. Default 1.
    pub patch: usize,
    /// How the network attends to texts. Default: it is told of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<TextConfig>,
    /// A transformer in place of the levels. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformer: Option<TransformerConfig>,
}

/// Whether channels divide into groups; into none they do.
fn divides(channels: usize, groups: usize) -> bool {
    groups == 0 || channels.is_multiple_of(groups)
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
    /// Says what cannot be built, naming the field.
    ///
    /// # Errors
    /// `Usage`, for the first field that does not fit.
    pub fn check(&self) -> Result<()> {
        if let Some(dit) = self.dit() {
            return self.check_transformer(&dit);
        }
        let positive = [
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("layers_per_block", self.layers_per_block),
            ("patch", self.patch),
            ("attention_head_dim", self.attention_head_dim.unwrap_or(1)),
            ("embedding_dim", self.embedding_dim.unwrap_or(1)),
            ("the number of channels levels", self.channels.len()),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(Error::usage(format!("unet: {name} must be 1 or more")));
        }
        let bounded = [
            ("in_channels", self.in_channels, 1 << 16),
            ("condition_channels", self.condition_channels, 1 << 16),
            ("out_channels", self.out_channels, 1 << 16),
            ("layers_per_block", self.layers_per_block, 64),
            ("patch", self.patch, 64),
            ("embedding_dim", self.embedding_dim.unwrap_or(1), 1 << 18),
            ("classes", self.classes, 1 << 24),
            ("learned_steps", self.learned_steps, 1 << 24),
            ("the number of channels levels", self.channels.len(), 8),
            ("channels", self.channels.iter().copied().max().unwrap_or(0), 1 << 16),
        ];
        if let Some((name, value, most)) = bounded.iter().find(|(_, value, most)| value > most) {
            return Err(Error::usage(format!("unet: {name} = {value} is more than {most}")));
        }
        self.check_resampling()?;
        for (level, channels) in self.channels.iter().enumerate() {
            let plain =
                [self.down_kind(level), self.up_kind(level)].iter().any(|kind| *kind != Resample::Skip);
            if *channels == 0 || (plain && !divides(*channels, self.norm_groups)) {
                return Err(Error::usage(format!(
                    "unet: level {level} has {channels} channels, which do not divide into norm_groups = {} groups",
                    self.norm_groups
                ))
                .hint("make every number of channels a multiple of norm_groups"));
            }
        }
        for (place, groups, channels) in self.norms() {
            if (groups == 0 && self.norm_groups != 0) || !divides(channels, groups) {
                return Err(Error::usage(format!(
                    "unet: a norm {place} has {channels} channels, which do not divide into {groups} groups"
                )));
            }
        }
        let levels = self.attention_levels.iter().chain(self.up_attention_levels.iter().flatten());
        if let Some(level) = levels.into_iter().find(|level| **level >= self.channels.len()) {
            return Err(Error::usage(format!(
                "unet: attention at level {level}, but the levels are 0 to {}",
                self.channels.len() - 1
            )));
        }
        self.check_text(&self.levels_with_attention())?;
        for level in self.levels_with_attention().into_iter().filter(|_| self.text.is_none()) {
            let channels = self.channels[level];
            if self.attention_head_dim.is_some_and(|head_dim| head_dim > channels) {
                return Err(Error::usage(format!(
                    "unet: attention_head_dim {} is more than the {channels} channels of level {level}",
                    self.attention_head_dim.unwrap_or(channels)
                )));
            }
        }
        let coarsest = self.channels[self.channels.len() - 1];
        if self.mid_attention_norm_groups.is_some_and(|groups| groups > 0 && !coarsest.is_multiple_of(groups))
        {
            return Err(Error::usage(format!(
                "unet: mid_attention_norm_groups does not divide the {coarsest} channels of the last level"
            )));
        }
        let finite = [
            ("norm_eps", self.norm_eps, self.norm_eps > 0.0),
            ("time_scale", self.time_scale, self.time_scale != 0.0),
            ("fourier_scale", self.fourier_scale, self.fourier_scale > 0.0),
            ("output_scale_factor", self.output_scale_factor, self.output_scale_factor > 0.0),
            ("mid_block_scale_factor", self.mid_block_scale_factor, self.mid_block_scale_factor > 0.0),
            ("dropout", self.dropout, (0.0..1.0).contains(&self.dropout)),
            ("freq_shift", self.freq_shift, self.freq_shift < (self.channels[0] / 2) as f64),
            ("input_scale", self.input_scale, self.input_scale != 0.0),
            ("input_shift", self.input_shift, true),
        ];
        if let Some((name, value, _)) = finite.iter().find(|(_, value, fits)| !value.is_finite() || !fits) {
            return Err(Error::usage(format!("unet: {name} = {value} is out of range")));
        }
        if self.downsample_padding > 1 {
            return Err(Error::usage(format!(
                "unet: downsample_padding = {} keeps no half size; it is 0 or 1",
                self.downsample_padding
            )));
        }
        Ok(())
    }

    /// What is wrong with the levels' ways to change size, if anything.
    fn check_resampling(&self) -> Result<()> {
        let levels = self.channels.len();
        if [&self.down_resample, &self.up_resample].into_iter().flatten().any(|list| list.len() != levels) {
            return Err(Error::usage(format!(
                "unet: down_resample and up_resample need one entry for each of the {levels} levels"
            )));
        }
        if self.learned_steps == 0 && self.time_features == TimeFeatures::Learned {
            return Err(Error::usage("unet: learned time features need learned_steps of 1 or more"));
        }
        let kinds: [Vec<Resample>; 2] = [
            (0..levels).map(|level| self.down_kind(level)).collect(),
            (0..levels).map(|level| self.up_kind(level)).collect(),
        ];
        for kinds in kinds {
            let skips = kinds.iter().filter(|kind| **kind == Resample::Skip).count();
            // The picture's branch must reach from the finest level without a gap.
            if kinds.iter().take(skips).any(|kind| *kind != Resample::Skip) {
                return Err(Error::usage(
                    "unet: levels that resample by skip must be the finest ones, without a gap",
                ));
            }
            if skips > 0 && self.condition_channels > 0 {
                return Err(Error::usage(
                    "unet: a network that resamples by skip carries the noisy picture along, and cannot be told of another one",
                )
                .hint("resample by conv or resnet"));
            }
            if skips > 0 && self.patch > 1 {
                return Err(Error::usage(
                    "unet: a network that resamples by skip cannot fold pixels (patch)",
                ));
            }
        }
        Ok(())
    }

    /// Says whether pictures of `height` x `width` fit.
    ///
    /// # Errors
    /// `Usage` where a side is not a multiple of [`Self::size_multiple`].
    pub fn check_size(&self, height: usize, width: usize) -> Result<()> {
        let multiple = self.size_multiple();
        if height == 0 || width == 0 || !height.is_multiple_of(multiple) || !width.is_multiple_of(multiple) {
            return Err(Error::usage(format!(
                "this network takes pictures whose sides are multiples of {multiple}, not {width}x{height}"
            )));
        }
        Ok(())
    }

    /// Sides of pictures must be multiples of this: the patch, doubled at every level after the first.
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

    fn levels_with_attention(&self) -> Vec<usize> {
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
