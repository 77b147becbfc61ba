//! A pipeline of latents as a whole: Stable Diffusion 1, 2 and XL.

use std::path::Path;

use langevin_core::{Error, Result};
use serde_json::{Map, Value};

use crate::autoencoder::{AutoencoderParts, read_autoencoder};
use crate::folder::{class_of, is_part, read_json, sampling, within};
use crate::scheduler::Sampling;
use crate::text::{TextNetwork, TextParts, read_text_network, read_text_parts};

/// What the folder of a latent pipeline holds, in our words.
#[derive(Debug, Clone)]
pub struct LatentPipeline {
    /// The network of latents, which is text-conditioned.
    pub network: TextNetwork,
    /// The autoencoder.
    pub autoencoder: AutoencoderParts,
    /// Its encoders of texts: one, or for SDXL two.
    pub texts: Vec<TextParts>,
    /// The diffusion and the way to sample.
    pub sampling: Sampling,
    /// The class of the pipeline.
    pub class: String,
    /// Whether the empty text is encoded as zeros (SDXL).
    pub zeros_for_empty: bool,
}

/// Whether `path` is the folder of a pipeline with an autoencoder.
pub fn is_latent_folder(path: &Path) -> bool {
    let index = path.join("model_index.json");
    index.is_file() && read_json(&index).is_ok_and(|index| has(&index, "vae"))
}

fn has(index: &Map<String, Value>, name: &str) -> bool {
    index.get(name).is_some_and(is_part)
}

/// Reads the folder of a latent pipeline.
///
/// # Errors
/// Bad input, beginning with the file's name: a part that is missing, cut short, of an unknown class, with options that are not
/// read. Nothing that a folder names is run, and nothing outside it is read.
pub fn read_latent_folder(path: &Path) -> Result<LatentPipeline> {
    let file = path.join("model_index.json");
    let index = read_json(&file)?;
    let class = class_of(&index);
    for name in ["unet", "vae", "text_encoder", "tokenizer"] {
        if !has(&index, name) {
            return Err(Error::bad_input(format!("{}: a {class} without a {name}", file.display()))
                .hint("read are pipelines of unet, vae, text_encoder, tokenizer and scheduler"));
        }
    }
    // What watches the images that come out, and what looks at images that are given, is left out.
    let known = [
        "unet",
        "vae",
        "text_encoder",
        "text_encoder_2",
        "tokenizer",
        "tokenizer_2",
        "scheduler",
        "safety_checker",
        "feature_extractor",
        "image_encoder",
    ];
    let other = index
        .keys()
        .find(|name| has(&index, name) && !name.starts_with('_') && !known.contains(&name.as_str()));
    if let Some(other) = other {
        return Err(Error::bad_input(format!(
            "{}: a {class} with a part \"{other}\", which is not read",
            file.display()
        )));
    }
    let network = read_text_network(&path.join("unet"))?;
    let autoencoder = read_autoencoder(&path.join("vae"))?;
    let mut sampling = sampling(path, Some(&index), &network.network)?;
    let mut texts = vec![read_text_parts(path, false)?];
    if has(&index, "text_encoder_2") {
        texts.push(read_text_parts(path, true)?);
    }
    let takes = network.network.text.as_ref().map_or(0, |text| text.dim);
    let given: usize = texts.iter().map(|text| text.encoder.encoder.dim).sum();
    if takes != given {
        return Err(within(
            Error::bad_input(format!(
                "its unet attends to vectors of {takes} numbers, and its texts have {given}"
            )),
            path,
        )
        .hint("its parts may be of different models"));
    }
    sampling.notes.extend(network.notes.iter().chain(&autoencoder.notes).cloned());
    sampling.notes.extend(texts.iter().flat_map(|text| text.encoder.notes.clone()));
    if has(&index, "safety_checker") {
        sampling.notes.push("its safety checker is left out".to_owned());
    }
    let zeros_for_empty =
        index.get("force_zeros_for_empty_prompt").and_then(Value::as_bool).unwrap_or(texts.len() > 1);
    Ok(LatentPipeline { network, autoencoder, texts, sampling, class, zeros_for_empty })
}
