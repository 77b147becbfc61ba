//! The parts of a pipeline that is text-conditioned: its network, its encoders and their tokenizers.

use std::path::Path;

use langevin_core::{NamedTensors, Result};
use langevin_nn::NetworkConfig;
use langevin_nn::text::{ClipTextConfig, ClipTokenizer};

use crate::folder::{read_json, within};
use crate::names::to_ours;
use crate::tokenizer;
use crate::weights::{read_transformers, read_weights};
use crate::{clip_text, condition};

/// A network that is text-conditioned.
#[derive(Debug, Clone)]
pub struct TextNetwork {
    /// The network.
    pub network: NetworkConfig,
    /// Its tensors, under our names.
    pub tensors: NamedTensors,
    /// Width and height of its images; of a latent model, those of its latents.
    pub size: (usize, usize),
    /// What was passed over.
    pub notes: Vec<String>,
}

/// An encoder of texts.
#[derive(Debug, Clone)]
pub struct TextEncoder {
    /// The encoder.
    pub encoder: ClipTextConfig,
    /// Its tensors.
    pub tensors: NamedTensors,
    /// What was passed over.
    pub notes: Vec<String>,
}

/// An encoder and the tokenizer that goes with it.
#[derive(Debug, Clone)]
pub struct TextParts {
    /// The encoder.
    pub encoder: TextEncoder,
    /// The tokenizer.
    pub tokenizer: ClipTokenizer,
}

/// Reads the folder of a `UNet2DConditionModel`, such as a pipeline's `unet`.
///
/// # Errors
/// Bad input, beginning with the file's name: a part that is missing, cut short, of another class or with options that are not
/// read.
pub fn read_text_network(folder: &Path) -> Result<TextNetwork> {
    let file = folder.join("config.json");
    let read = condition::read(&read_json(&file)?).map_err(|error| within(error, &file))?;
    let (tensors, _) = read_weights(folder)?;
    Ok(TextNetwork {
        network: read.network,
        tensors: to_ours(tensors),
        size: read.size,
        notes: notes(condition::CLASS, &read.unknown),
    })
}

/// Reads the folder of a `CLIPTextModel` or a `CLIPTextModelWithProjection`, such as a pipeline's `text_encoder`.
///
/// # Errors
/// As [`read_text_network`].
pub fn read_text_encoder(folder: &Path) -> Result<TextEncoder> {
    let file = folder.join("config.json");
    let (encoder, unknown) = clip_text::read(&read_json(&file)?).map_err(|error| within(error, &file))?;
    let (tensors, _) = read_transformers(folder)?;
    Ok(TextEncoder {
        encoder,
        tensors: clip_text::to_ours(tensors),
        notes: notes("the text encoder", &unknown),
    })
}

/// Reads `text_encoder` and `tokenizer` of the pipeline in `folder`, or its second ones, whose folders' names end with `_2`.
///
/// # Errors
/// As [`read_text_network`] and [`crate::read_tokenizer`].
pub fn read_text_parts(folder: &Path, second: bool) -> Result<TextParts> {
    let suffix = if second { "_2" } else { "" };
    Ok(TextParts {
        encoder: read_text_encoder(&folder.join(format!("text_encoder{suffix}")))?,
        tokenizer: tokenizer::read(&folder.join(format!("tokenizer{suffix}")))?,
    })
}

/// Words about the keys of `what` that were passed over, if there are any.
pub(crate) fn notes(what: &str, unknown: &[String]) -> Vec<String> {
    if unknown.is_empty() { Vec::new() } else { vec![format!("{what}: ignored {}", unknown.join(", "))] }
}
