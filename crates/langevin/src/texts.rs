//! What a model is told in words: a tokenizer learned from the captions of its pictures, and prompts.

use std::sync::Arc;

use langevin_core::{Context, Error, Result};
use langevin_data::Pool;
use langevin_nn::Backbone;
use langevin_nn::text::{ClipTextConfig, ClipTokenizer, TextActivation, learned, parts};
use langevin_nn::unet::{AddedConfig, TextConfig};
use langevin_train::Texts;
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// Captions that a tokenizer is learned from at most.
const CAPTIONS: u64 = 4096;
/// Pictures that are asked for their captions at once.
const AT_ONCE: u64 = 64;
/// Features that the number of a text's tokens becomes.
const FEATURES: usize = 2;
/// Most tokens of a text, start and end among them.
const LONGEST: usize = 77;

/// The encoder of texts that a model learns with its pictures.
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

/// Makes tokens of captions.
#[derive(Debug, Clone)]
pub(crate) struct Reader(ClipTokenizer);

impl Texts for Reader {
    fn tokens(&self, caption: Option<&str>) -> Vec<u32> {
        self.0.encode(caption.unwrap_or_default()).ids
    }
}

impl TextInfo {
    /// Learns from the captions of `pool` as `settings` say.
    ///
    /// # Errors
    /// Usage: no picture has a caption. Bad input, as [`Pool::batch`].
    pub(crate) fn learn(pool: &Pool, settings: &TextSettings) -> Result<Self> {
        let count = pool.len().unwrap_or(CAPTIONS).min(CAPTIONS);
        let mut captions = Vec::new();
        for first in (0..count).step_by(AT_ONCE as usize) {
            let batch = pool.batch(first..(first + AT_ONCE).min(count))?;
            captions.extend(batch.captions.into_iter().flatten());
        }
        if captions.is_empty() {
            return Err(Error::usage(format!("{}: its pictures have no captions", pool.info().name))
                .hint("put them into metadata.jsonl or into a .txt file beside each picture, or leave --captions out"));
        }
        let texts = || captions.iter().map(String::as_str);
        let parts = learned(texts(), settings.vocabulary, LONGEST);
        let tokenizer = ClipTokenizer::new(&parts)?;
        let longest = texts().map(|text| tokenizer.tokens(text).len() + 2).max().unwrap_or(3);
        let mut tokens: Vec<(u32, String)> =
            parts.vocabulary.into_iter().map(|(token, id)| (id, token)).collect();
        tokens.sort();
        Ok(Self {
            tokens: tokens.into_iter().map(|(_, token)| token).collect(),
            merges: parts.merges,
            length: if settings.length == 0 { longest.clamp(3, LONGEST) } else { settings.length },
        })
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// Bad input, where tokens and merges do not fit.
    pub fn tokenizer(&self) -> Result<ClipTokenizer> {
        ClipTokenizer::new(&parts(&self.tokens, self.merges.clone(), self.length))
    }

    /// What makes tokens of captions in training.
    pub(crate) fn texts(&self) -> Result<Arc<dyn Texts>> {
        Ok(Arc::new(Reader(self.tokenizer()?)))
    }

    /// What `network` is told by `texts`.
    ///
    /// # Errors
    /// Usage: a network without an encoder of its own.
    pub fn read(&self, network: &Backbone, texts: &[&str]) -> Result<Context> {
        let tokenizer = self.tokenizer()?;
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode(text).ids).collect();
        network.read(&ids)
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
        Ok(())
    }

    /// Makes the network of `settings` one that attends to texts as `info` reads them.
    pub(crate) fn apply(&self, settings: &mut Settings, info: &TextInfo) {
        let network = &mut settings.network;
        let each = network.attention_head_dim.unwrap_or(64);
        let heads: Vec<usize> = network.channels.iter().map(|channels| (channels / each).max(1)).collect();
        network.text = Some(TextConfig {
            encoder: Some(ClipTextConfig {
                vocabulary: info.tokens.len(),
                dim: self.dim,
                inner: 4 * self.dim,
                layers: self.layers,
                heads: self.heads,
                positions: info.length,
                activation: TextActivation::Gelu,
                end: Some(info.tokens.len() as u32 - 1),
                ..ClipTextConfig::default()
            }),
            added: Some(AddedConfig { inputs: self.dim + FEATURES, features: FEATURES }),
            ..TextConfig::new(self.dim, heads)
        });
    }
}
