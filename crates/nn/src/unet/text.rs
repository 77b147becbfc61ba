//! What makes a U-Net one that is told of texts: its config, and the attention that stands at a level.

use burn::module::Module;
use burn::tensor::Tensor;
use langevin_core::{ContextShape, Error, Result};
use serde::{Deserialize, Serialize};

use super::config::{NetworkConfig, Resample};
use crate::attention::{AttentionBlock, AttentionShape};
use crate::draw::Draw;
use crate::text::ClipTextConfig;
use crate::transformer::{Transformer2d, TransformerShape};

/// How a U-Net attends to texts (Rombach et al. 2022, 2112.10752). Its levels with attention then have transformers in place of
/// attention blocks, and so has the middle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// Length of each token's vector.
    pub dim: usize,
    /// Attention heads of each level, finest first.
    pub heads: Vec<usize>,
    /// Transformer blocks of each attention of a level, finest first. Default 1 at every level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depths: Option<Vec<usize>>,
    /// Whether the projections around the blocks are stored as matrices rather than as convolutions. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub linear_projection: bool,
    /// Levels where pixels attend to the text alone, not to each other. Default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_cross_levels: Vec<usize>,
    /// Where the noise level's embedding is joined by a pooled vector and numbers (SDXL). Default: none are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<AddedConfig>,
    /// The encoder of the texts, where it is trained as a part of the network. With `added`, the vector of each text's end and the number
    /// of its tokens join the noise level's embedding. Default: the texts come encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<ClipTextConfig>,
}

/// What is told beside the tokens of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedConfig {
    /// How long the pooled vector and the features of all numbers are together.
    pub inputs: usize,
    /// Features that each number becomes.
    pub features: usize,
}

impl TextConfig {
    /// For tokens of `dim` numbers, with these heads at each level and all else as by default.
    pub fn new(dim: usize, heads: impl Into<Vec<usize>>) -> Self {
        Self {
            dim,
            heads: heads.into(),
            depths: None,
            linear_projection: false,
            only_cross_levels: Vec::new(),
            added: None,
            encoder: None,
        }
    }

    /// Transformer blocks of each attention of level `level`.
    pub fn depth(&self, level: usize) -> usize {
        self.depths.as_ref().map_or(1, |depths| depths[level])
    }

    /// What the network must be told.
    pub fn shape(&self) -> ContextShape {
        ContextShape { dim: self.dim, added: self.added.map(|added| (added.inputs, added.features)) }
    }
}

impl NetworkConfig {
    /// What is wrong with the way it is told of texts, if anything.
    pub(super) fn check_text(&self, levels_with_attention: &[usize]) -> Result<()> {
        let Some(text) = &self.text else { return Ok(()) };
        let levels = self.channels.len();
        let refuse = |what: String| Err(Error::usage(format!("unet: text.{what}")));
        if text.dim == 0 || text.dim > 1 << 16 {
            return refuse(format!("dim = {} is not between 1 and 65536", text.dim));
        }
        if text.heads.len() != levels || text.depths.as_ref().is_some_and(|depths| depths.len() != levels) {
            return refuse(format!("heads and text.depths need one entry for each of the {levels} levels"));
        }
        if let Some(level) = text.only_cross_levels.iter().find(|level| **level >= levels) {
            return refuse(format!("only_cross_levels names level {level}, and the last is {}", levels - 1));
        }
        for level in levels_with_attention.iter().copied() {
            let (heads, channels) = (text.heads[level], self.channels[level]);
            if heads == 0 || !channels.is_multiple_of(heads) {
                return refuse(format!(
                    "heads: {heads} do not divide the {channels} channels of level {level}"
                ));
            }
            let depth = text.depth(level);
            if depth == 0 || depth > 64 {
                return refuse(format!("depths: level {level} has {depth}, and may have 1 to 64"));
            }
        }
        if (0..levels).any(|level| [self.down_kind(level), self.up_kind(level)].contains(&Resample::Skip)) {
            return Err(Error::usage("unet: a network that is told of texts cannot resample by skip")
                .hint("resample by conv or resnet"));
        }
        text.check_encoder()
    }
}

impl TextConfig {
    /// What is wrong with the encoder that learns with the network, or what is told beside the tokens, if anything.
    pub(crate) fn check_encoder(&self) -> Result<()> {
        let text = self;
        let refuse = |what: String| Err(Error::usage(format!("unet: text.{what}")));
        if let Some(encoder) = &text.encoder {
            encoder.check()?;
            let told = encoder.projection.unwrap_or(encoder.dim);
            if encoder.dim != text.dim
                || text.added.is_some_and(|added| added.inputs != told + added.features)
            {
                return refuse(format!(
                    "encoder: its vectors have {} numbers, where text.dim is {}, and with one number beside them they are added",
                    encoder.dim, text.dim
                ));
            }
        }
        if let Some(AddedConfig { inputs, features }) = text.added
            && (inputs == 0 || inputs > 1 << 18 || features < 2 || features > inputs)
        {
            return refuse(format!("added: {features} features of {inputs} inputs"));
        }
        Ok(())
    }
}

impl NetworkConfig {
    /// The transformer of level `level`, where there is a text.
    pub(super) fn transformer(&self, level: usize) -> Option<TransformerShape> {
        self.text.as_ref().map(|text| TransformerShape {
            channels: self.channels[level],
            heads: text.heads[level],
            context: text.dim,
            depth: text.depth(level),
            groups: self.norm_groups,
            linear: text.linear_projection,
            only_cross: text.only_cross_levels.contains(&level),
            zero: self.zero_init,
        })
    }

    /// The transformer of the middle, which always attends between pixels too.
    pub(super) fn mid_transformer(&self) -> Option<TransformerShape> {
        let last = self.channels.len() - 1;
        let groups = self.end_groups(self.channels[last]);
        self.transformer(last).map(|shape| TransformerShape { groups, only_cross: false, ..shape })
    }
}

/// Attention after a residual block: between pixels alone, or to a text too.
#[derive(Module, Debug)]
pub enum Attention {
    /// Between pixels.
    Pixels(AttentionBlock),
    /// To a text too.
    Text(Transformer2d),
}

impl Attention {
    /// Draws the one that `text` describes, or else the one that `pixels` does.
    pub(super) fn new(draw: &Draw<'_>, text: Option<TransformerShape>, pixels: AttentionShape) -> Self {
        match text {
            Some(shape) => Self::Text(Transformer2d::new(draw, shape)),
            None => Self::Pixels(AttentionBlock::new(draw, pixels)),
        }
    }

    /// `x` `[n, h, w, channels]`, shape kept; `context` `[n, tokens, dim]`.
    pub fn forward(&self, x: Tensor<4>, context: Option<&Tensor<3>>) -> Tensor<4> {
        match self {
            Self::Pixels(block) => block.forward(x),
            Self::Text(stack) => {
                stack.forward(x, context.expect("a network that attends to a text is told one"))
            }
        }
    }
}
