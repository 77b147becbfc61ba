//! What turns prompts into the context that a network is conditioned on: a tokenizer learned in training, or CLIP.

mod clip;
mod learned;

use langevin_core::Result;
use langevin_nn::text::ClipTokenizer;

pub use clip::Encoders;
pub use learned::TextInfo;

/// The text conditioning of a model, built once when it is opened.
#[derive(Debug, Clone, Default)]
pub enum TextConditioner {
    /// The model takes no text.
    #[default]
    None,
    /// A tokenizer learned from captions; the encoder is a part of the network.
    Learned(Box<ClipTokenizer>),
    /// CLIP's encoders, networks of their own.
    Clip(Encoders),
}

impl TextConditioner {
    /// That of a model whose description holds `info`.
    ///
    /// # Errors
    /// Bad input, where tokens and merges do not fit.
    pub fn learned(info: Option<&TextInfo>) -> Result<Self> {
        info.map_or(Ok(Self::None), |info| Ok(Self::Learned(Box::new(info.tokenizer()?))))
    }

    /// CLIP's encoders, where they are what conditions.
    pub fn clip(&self) -> Option<&Encoders> {
        if let Self::Clip(encoders) = self { Some(encoders) } else { None }
    }

    /// Whether the model takes text.
    pub fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// How many tokens a text has room for, and the end of `text` that finds none, of the tokenizer with the least room; `None`
    /// where all of it fits.
    pub fn cut<'t>(&self, text: &'t str) -> Option<(usize, &'t str)> {
        let cut = |tokenizer: &ClipTokenizer| Some((tokenizer.length(), tokenizer.cut(text)?));
        match self {
            Self::None => None,
            Self::Learned(tokenizer) => cut(tokenizer),
            Self::Clip(encoders) => encoders.tokenizers().filter_map(cut).max_by_key(|(_, rest)| rest.len()),
        }
    }

    /// Most tokens at the end of `text` that find no room, over all tokenizers; 0 without one.
    pub fn truncated_tokens(&self, text: &str) -> usize {
        let cut = |tokenizer: &ClipTokenizer| tokenizer.encode(text).cut;
        match self {
            Self::None => 0,
            Self::Learned(tokenizer) => cut(tokenizer),
            Self::Clip(encoders) => encoders.tokenizers().map(cut).max().unwrap_or(0),
        }
    }
}
