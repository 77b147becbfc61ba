//! The diffusion transformer that takes the place of a network's levels.

use serde::{Deserialize, Serialize};

/// A diffusion transformer (Peebles and Xie 2023, 2212.09748) in place of the U-Net's levels. Its tokens are squares of
/// `network.patch` pixels; channels, classes, texts and `time_scale` are those of the network, and what that says of levels means
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransformerConfig {
    /// Length of each token's vector, a multiple of 4. Default 256.
    pub dim: usize,
    /// Heads of every attention; they divide `dim`. Default 4.
    pub heads: usize,
    /// Blocks. Default 8.
    pub layers: usize,
    /// Tokens of a side of the images whose places are whole numbers; those of other images are stretched to them. Default 16.
    pub side: usize,
}

impl Default for TransformerConfig {
    fn default() -> Self {
        Self { dim: 256, heads: 4, layers: 8, side: 16 }
    }
}
