//! How a network is conditioned on texts, and what attends to them.

use langevin_core::{ContextShape, Error, Result};
use serde::{Deserialize, Serialize};

use crate::text::ClipTextConfig;

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
    /// Where the noise level's embedding is joined by a pooled vector and numbers (SDXL). Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<AddedConfig>,
    /// The encoder of the texts, where it is trained as a part of the network. With `added`, the vector of each text's end and the number
    /// of its tokens join the noise level's embedding. Default: the texts come encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<ClipTextConfig>,
}

/// What comes in addition to the tokens of a text.
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

    /// What the network must be conditioned on.
    pub fn shape(&self) -> ContextShape {
        ContextShape { dim: self.dim, added: self.added.map(|added| (added.inputs, added.features)) }
    }

    /// What is wrong with the encoder that learns with the network, or with what comes in addition to the tokens, if anything.
    pub(crate) fn check_encoder(&self) -> Result<()> {
        let text = self;
        let refuse = |what: String| Err(Error::usage(format!("unet: text.{what}")));
        if let Some(encoder) = &text.encoder {
            encoder.check()?;
            let pooled = encoder.projection.unwrap_or(encoder.dim);
            if encoder.dim != text.dim
                || text.added.is_some_and(|added| added.inputs != pooled + added.features)
            {
                return refuse(format!(
                    "encoder: its vectors have {} numbers, where text.dim is {}, and with one number more they are added",
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
