//! A tokenizer learned from the captions of a data set, as the model's file holds it.

use langevin_core::Result;
use langevin_nn::text::{ClipTokenizer, parts};
use serde::{Deserialize, Serialize};

/// A learned tokenizer, as the model's file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextInfo {
    /// The tokens in the order of their numbers; the last two begin and end a text.
    pub tokens: Vec<String>,
    /// Pairs of tokens that become one, the first first.
    pub merges: Vec<(String, String)>,
    /// Tokens of every text.
    pub length: usize,
}

impl TextInfo {
    /// The tokenizer.
    ///
    /// # Errors
    /// Bad input, where tokens and merges do not fit.
    pub fn tokenizer(&self) -> Result<ClipTokenizer> {
        ClipTokenizer::new(&parts(&self.tokens, self.merges.clone(), self.length))
    }
}
