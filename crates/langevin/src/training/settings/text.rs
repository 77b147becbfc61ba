//! The settings of text conditioning.

use langevin_core::{Error, Result};
use langevin_process::limits;
use serde::{Deserialize, Serialize};

/// Most tokens of a text, start and end among them.
pub const LONGEST: usize = 77;

/// The encoder of texts that a model learns with its images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextSettings {
    /// Tokens at most, 514 of which stand for single bytes, start and end. Default 2048.
    pub vocabulary: usize,
    /// Tokens of a text; 0 takes as many as the longest caption has. Default 0.
    pub length: usize,
    /// Length of each token's vector. Default 128.
    pub dim: usize,
    /// Blocks of the encoder. Default 2.
    pub layers: usize,
    /// Heads of its attentions. Default 4.
    pub heads: usize,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self { vocabulary: 2048, length: 0, dim: 128, layers: 2, heads: 4 }
    }
}

impl TextSettings {
    /// Says what cannot be built.
    ///
    /// # Errors
    /// Usage, naming the setting.
    pub(crate) fn check(&self) -> Result<()> {
        if self.vocabulary < 514 || (self.length != 0 && !(3..=LONGEST).contains(&self.length)) {
            return Err(Error::usage(format!(
                "text: vocabulary = {} and length = {} must be at least 514, and 0 or 3 to {LONGEST}",
                self.vocabulary, self.length
            )));
        }
        limits::check("text.vocabulary", self.vocabulary as u64, 514, 1 << 20)?;
        limits::check("text.dim", self.dim as u64, 1, 1 << 16)?;
        limits::check("text.layers", self.layers as u64, 1, 64)?;
        limits::check("text.heads", self.heads as u64, 1, 1 << 10)
    }
}
