//! Captions: a tokenizer learned from those of a data set, and the text encoder that a model learns with its images.

use std::sync::Arc;

use langevin_core::{Error, LeftAside, Result};
use langevin_data::Pool;
use langevin_model::TextInfo;
use langevin_nn::text::{ClipTextConfig, ClipTokenizer, TextActivation, TokenizerParts, learned};
use langevin_nn::unet::{AddedConfig, TextConfig};
use langevin_train::Texts;

use langevin_inference::job::add_cut;

use crate::training::settings::text::LONGEST;
use crate::training::settings::{Settings, TextSettings};

/// Captions that a tokenizer is learned from at most.
const CAPTIONS: u64 = 4096;
/// Images that are asked for their captions at once.
const AT_ONCE: u64 = 64;
/// Features that the number of a text's tokens becomes.
const FEATURES: usize = 2;
/// Makes tokens of captions.
#[derive(Debug, Clone)]
pub(crate) struct Reader(ClipTokenizer);

impl Texts for Reader {
    fn tokens(&self, caption: Option<&str>) -> Vec<u32> {
        self.0.encode(caption.unwrap_or_default()).ids
    }
}

/// Learns from the captions of `pool` as `settings` say; also which of those that were looked at are cut.
///
/// # Errors
/// Usage: no image has a caption. Bad input, as [`Pool::batch`].
pub(crate) fn learn(pool: &Pool, settings: &TextSettings) -> Result<(TextInfo, LeftAside)> {
    let count = pool.len().unwrap_or(CAPTIONS).min(CAPTIONS);
    let mut captions = Vec::new();
    for first in (0..count).step_by(AT_ONCE as usize) {
        let batch = pool.batch(first..(first + AT_ONCE).min(count))?;
        captions.extend(batch.captions.into_iter().flatten());
    }
    if captions.is_empty() {
        let aside = pool.left_aside();
        let aside = if aside.is_empty() { String::new() } else { format!("; left aside: {aside}") };
        return Err(Error::usage(format!("{}: its images have no captions{aside}", pool.info().name)).hint(
            "put them into metadata.jsonl or into a .txt file beside each image, or leave --captions out",
        ));
    }
    let texts = || captions.iter().map(String::as_str);
    let parts = learned(texts(), settings.vocabulary, LONGEST);
    let tokenizer = ClipTokenizer::new(&parts)?;
    let longest = texts().map(|text| tokenizer.tokens(text).len() + 2).max().unwrap_or(3);
    let mut tokens: Vec<(u32, String)> =
        parts.vocabulary.into_iter().map(|(token, id)| (id, token)).collect();
    tokens.sort();
    let length = if settings.length == 0 { longest.clamp(3, LONGEST) } else { settings.length };
    let mut aside = LeftAside::default();
    let cut_to = ClipTokenizer::new(&TokenizerParts { length, ..tokenizer.parts().clone() })?;
    for text in texts() {
        if let Some(rest) = cut_to.cut(text) {
            add_cut(&mut aside, length, cut_to.encode(text).cut as u64, rest);
        }
    }
    let info = TextInfo {
        tokens: tokens.into_iter().map(|(_, token)| token).collect(),
        merges: parts.merges,
        length,
    };
    Ok((info, aside))
}

/// What makes tokens of captions in training.
pub(crate) fn texts(info: &TextInfo) -> Result<Arc<dyn Texts>> {
    Ok(Arc::new(Reader(info.tokenizer()?)))
}

/// Makes the network of `settings` one that attends to texts as `info` reads them.
pub(crate) fn apply(wanted: &TextSettings, settings: &mut Settings, info: &TextInfo) {
    let network = &mut settings.network;
    let each = network.attention_head_dim.unwrap_or(64);
    let heads: Vec<usize> = network.channels.iter().map(|channels| (channels / each).max(1)).collect();
    network.text = Some(TextConfig {
        encoder: Some(ClipTextConfig {
            vocabulary: info.tokens.len(),
            dim: wanted.dim,
            inner: 4 * wanted.dim,
            layers: wanted.layers,
            heads: wanted.heads,
            positions: info.length,
            activation: TextActivation::Gelu,
            end: Some(info.tokens.len() as u32 - 1),
            ..ClipTextConfig::default()
        }),
        added: Some(AddedConfig { inputs: wanted.dim + FEATURES, features: FEATURES }),
        ..TextConfig::new(wanted.dim, heads)
    });
}
