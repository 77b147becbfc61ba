//! Writing a pipeline of latents that diffusers loads.

use std::collections::BTreeMap;
use std::path::Path;

use langevin_core::process::Diffusion;
use langevin_core::{NamedTensors, Result, tensor_file};
use langevin_nn::text::{ClipTextConfig, ClipTokenizer};
use langevin_nn::{AutoencoderConfig, NetworkConfig};
use serde_json::{Value, json};

use crate::names::to_theirs;
use crate::write::{File, put_whole, schedule, text};
use crate::{DIFFUSERS, autoencoder, clip_text, condition, tokenizer};

/// One of the networks of a pipeline of latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatentPart {
    /// The network of latents.
    Network,
    /// The autoencoder.
    Autoencoder,
    /// The encoder of texts with this number.
    Text(usize),
}

/// What is written.
pub struct LatentExport<'a> {
    /// The network of latents.
    pub network: &'a NetworkConfig,
    /// Width and height of the latents.
    pub size: (usize, usize),
    /// The autoencoder.
    pub autoencoder: &'a AutoencoderConfig,
    /// What is subtracted from each channel of latents, and what they are multiplied by then.
    pub statistics: [&'a [f64]; 2],
    /// The encoders of texts, one or two, with their tokenizers.
    pub texts: Vec<(&'a ClipTextConfig, &'a ClipTokenizer)>,
    /// Whether the empty text is encoded as zeros.
    pub zeros_for_empty: bool,
    /// The diffusion it was trained for.
    pub diffusion: &'a Diffusion,
    /// The tensors of a part: asked for one by one, so that only one is in memory twice.
    pub tensors: &'a dyn Fn(LatentPart) -> NamedTensors,
}

/// Writes `export` as the folder `out`, whole or not at all; with `force` in place of a folder of diffusers that is there.
///
/// # Errors
/// Usage: what diffusers cannot express. Failed: `out` being there, the disk.
pub fn write_latent_folder(export: &LatentExport<'_>, out: &Path, force: bool) -> Result<()> {
    let network = condition::write(export.network, export.size)?;
    let several = export.texts.len() > 1;
    let codec = autoencoder::write(export.autoencoder, export.statistics, export.size)?;
    let mut schedule = schedule(export.diffusion, None, "DDIMScheduler")?;
    if export.diffusion.schedule().table().is_none_or(|table| table.last().is_some_and(|last| *last > 0.0)) {
        // How the pipelines of Stable Diffusion were published: from the first of equal parts, and no level that is wholly clean.
        schedule["timestep_spacing"] = "leading".into();
        schedule["steps_offset"] = 1.into();
        schedule["set_alpha_to_one"] = false.into();
    }
    let index = index(export.network.condition_channels > 0, several, export.zeros_for_empty);
    let mut files: Vec<File<'_>> = vec![
        ("model_index.json".to_owned(), Box::new(move || text(&index))),
        ("scheduler/scheduler_config.json".to_owned(), Box::new(move || text(&schedule))),
        ("unet/config.json".to_owned(), Box::new(move || text(&network))),
        ("vae/config.json".to_owned(), Box::new(move || text(&codec))),
    ];
    let mut weights = |file: &str, part: LatentPart| {
        let bytes = move || encoded(to_theirs((export.tensors)(part)));
        files.push((file.to_owned(), Box::new(bytes)));
    };
    weights("unet/diffusion_pytorch_model.safetensors", LatentPart::Network);
    weights("vae/diffusion_pytorch_model.safetensors", LatentPart::Autoencoder);
    for at in 0..export.texts.len() {
        weights(&format!("text_encoder{}/model.safetensors", suffix(at)), LatentPart::Text(at));
    }
    for (at, (config, tokens)) in export.texts.iter().enumerate() {
        let config = clip_text::write(config);
        files.push((format!("text_encoder{}/config.json", suffix(at)), Box::new(move || text(&config))));
        for (name, bytes) in tokenizer::write(tokens.parts()) {
            files.push((format!("tokenizer{}/{name}", suffix(at)), Box::new(move || bytes)));
        }
    }
    put_whole(files, out, force)
}

fn suffix(at: usize) -> &'static str {
    if at == 0 { "" } else { "_2" }
}

fn encoded(tensors: NamedTensors) -> Vec<u8> {
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    tensor_file::encode(&tensors, &metadata, tensor_file::Storage::F32)
}

/// The `model_index.json`.
fn index(fills_holes: bool, several: bool, zeros_for_empty: bool) -> Value {
    let class = match (several, fills_holes) {
        (false, false) => "StableDiffusionPipeline",
        (false, true) => "StableDiffusionInpaintPipeline",
        (true, false) => "StableDiffusionXLPipeline",
        (true, true) => "StableDiffusionXLInpaintPipeline",
    };
    let mut index = json!({
        "_class_name": class,
        "_diffusers_version": DIFFUSERS,
        "feature_extractor": [null, null],
        "image_encoder": [null, null],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", condition::CLASS],
        "vae": ["diffusers", "AutoencoderKL"],
    });
    if several {
        index["text_encoder_2"] = json!(["transformers", "CLIPTextModelWithProjection"]);
        index["tokenizer_2"] = json!(["transformers", "CLIPTokenizer"]);
        index["force_zeros_for_empty_prompt"] = zeros_for_empty.into();
    } else {
        index["safety_checker"] = json!([null, null]);
        index["requires_safety_checker"] = false.into();
    }
    index
}

impl std::fmt::Debug for LatentExport<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LatentExport").field("network", &self.network).finish_non_exhaustive()
    }
}
