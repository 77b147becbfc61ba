//! A whole pipeline in one file, with the names of CompVis' latent diffusion: Stable Diffusion 1, 2 and XL, and their inpainting.
//!
//! Such a file holds weights alone. Widths, blocks and depths are read from the shapes of its tensors; what no tensor says (heads, the
//! noise, the tokenizer) is what is published of these models, or stands beside the file.

mod autoencoder;
mod averaged;
mod blocks;
mod encoders;
mod layout;
mod prediction;
mod tokenizers;
mod unet;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use langevin_core::{Error, NamedTensors, Result, tensor_file};

pub(crate) use self::blocks::place;
use self::layout::{
    AUTOENCODER, CLIP, FIRST_OF_TWO, Kind, MEANS, OPEN_CLIP, PARTS, REFINER, SECOND_OF_TWO, UNET, V,
    ZERO_SNR, has, side,
};
use self::prediction::Known;
pub use self::tokenizers::VARIABLE as TOKENIZER_VARIABLE;
use crate::latent::LatentPipeline;
use crate::pickle::is_checkpoint;
use crate::text::{TextEncoder, TextParts};
use crate::weights;

/// Whether `path` is a file that [`read_single_file`] is for: safetensors with names of CompVis, or a PyTorch checkpoint.
pub fn is_single_file(path: &Path) -> bool {
    if is_checkpoint_file(path) {
        return true;
    }
    let Ok(mut file) = File::open(path) else { return false };
    let found = Cell::new(false);
    let mark = |name: &str| {
        found.set(found.get() || is_part(name) || name.starts_with(averaged::PREFIX));
        false
    };
    let read = tensor_file::read_where(&mut file, mark);
    found.get() && read.is_ok_and(|(_, metadata)| !metadata.contains_key("langevin"))
}

fn is_part(name: &str) -> bool {
    PARTS.iter().any(|part| name.starts_with(part))
}

/// Reads a single file; the tokenizer is looked for beside it, in `tokenizer/` beside it, and in the place that the environment
/// variable [`TOKENIZER_VARIABLE`] names.
///
/// # Errors
/// Bad input, beginning with the file's name: no such checkpoint, a part that is missing or of another sort, no tokenizer. Nothing of a
/// pickle is run.
pub fn read_single_file(path: &Path) -> Result<LatentPipeline> {
    let named = std::env::var_os(TOKENIZER_VARIABLE);
    read_with(path, named.as_ref().map(Path::new))
}

/// As [`read_single_file`], with `tokenizer` in the place of what the environment says.
///
/// # Errors
/// As [`read_single_file`].
pub fn read_single_file_with(path: &Path, tokenizer: &Path) -> Result<LatentPipeline> {
    read_with(path, Some(tokenizer))
}

fn read_with(path: &Path, named: Option<&Path>) -> Result<LatentPipeline> {
    read_unnamed(path, named).map_err(|error| {
        let checkpoint =
            "a pickle checkpoint, which can run code when Python opens it (nothing of it was run)";
        let error = if is_checkpoint_file(path) { error.within(checkpoint) } else { error };
        error.within(path.display())
    })
}

fn is_checkpoint_file(path: &Path) -> bool {
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(16).read_to_end(&mut head)).is_ok() && is_checkpoint(&head)
}

fn read_unnamed(path: &Path, named: Option<&Path>) -> Result<LatentPipeline> {
    let others = RefCell::new(Vec::new());
    let (mut tensors, metadata) = weights::read_unnamed(path, |name| {
        let wanted = is_part(name);
        if !wanted && !name.starts_with(averaged::PREFIX) {
            others.borrow_mut().push(name.to_owned());
        }
        wanted && !name.ends_with("position_ids") && !name.starts_with("first_stage_model.loss.")
    })?;
    let mut notes = Vec::new();
    if !has(&tensors, UNET) {
        let average = averaged::read(path)?;
        if !average.is_empty() {
            notes.push("it holds only the average of its weights (model_ema), which is taken".to_owned());
        }
        tensors.extend(average);
    }
    let mut pipeline = assemble(path, named, &metadata, divided(tensors), &others.into_inner())?;
    pipeline.sampling.notes.splice(0..0, notes);
    Ok(pipeline)
}

/// Tensors by the part they belong to, without its prefix.
type Parts = BTreeMap<&'static str, NamedTensors>;

fn divided(tensors: NamedTensors) -> Parts {
    let mut parts = Parts::new();
    for (name, tensor) in tensors {
        let part = PARTS.iter().find(|part| name.starts_with(**part));
        if let Some(part) = part {
            parts.entry(part).or_default().insert(name[part.len()..].to_owned(), tensor);
        }
    }
    parts
}

fn assemble(
    path: &Path,
    named: Option<&Path>,
    metadata: &BTreeMap<String, String>,
    mut parts: Parts,
    others: &[String],
) -> Result<LatentPipeline> {
    check(&parts, others)?;
    let [says_v, zero_snr] = [V, ZERO_SNR].map(|mark| others.iter().any(|name| name == mark));
    let mut part = |name| parts.remove(name).unwrap_or_default();
    let network = part(UNET);
    let linear = network.get("middle_block.1.proj_in.weight").is_some_and(|(shape, _)| shape.len() == 2);
    // Encoders, and what fills their texts up: the end of a text, and for OpenCLIP the first of all tokens.
    let (end, first) = ("<|endoftext|>", "!");
    let (kind, encoders): (Kind, Vec<(TextEncoder, &str)>) =
        match (part(CLIP), part(OPEN_CLIP), part(FIRST_OF_TWO), part(SECOND_OF_TWO)) {
            (clip, open, ..) if clip.is_empty() && !open.is_empty() => {
                (Kind::Two, vec![(encoders::open_clip(open, false)?, first)])
            }
            // Some programs store the encoder of Stable Diffusion 2 under the names of transformers.
            (clip, ..) if !clip.is_empty() && linear => {
                (Kind::Two, vec![(encoders::clip(clip, true)?, first)])
            }
            (clip, ..) if !clip.is_empty() => (Kind::One, vec![(encoders::clip(clip, false)?, end)]),
            (_, _, clip, open) => (
                Kind::Xl,
                vec![(encoders::clip(clip, false)?, end), (encoders::open_clip(open, true)?, first)],
            ),
        };
    let channels = side(&network, "input_blocks.0.0.weight", 1)?;
    let first_stage = autoencoder::read(part(AUTOENCODER), if kind == Kind::Xl { 0.13025 } else { 0.18215 })?;
    let inpaints = channels != first_stage.network.code_dim();
    let known = Known { kind, path, metadata, says_v, zero_snr, inpaints };
    let (sampling, (width, height)) = known.sampling()?;
    let factor = first_stage.network.factor();
    let pooled = encoders.last().and_then(|(encoder, _)| encoder.encoder.projection);
    let latents = (width / factor, height / factor);
    let network = unet::read(network, latents, pooled.filter(|_| kind == Kind::Xl))?;
    let takes = network.network.text.as_ref().map_or(0, |text| text.dim);
    let given: usize = encoders.iter().map(|(encoder, _)| encoder.encoder.dim).sum();
    if takes != given {
        return Err(Error::bad_input(format!(
            "its U-Net attends to vectors of {takes} numbers, and its encoders of texts give {given}"
        ))
        .hint("its parts may be of different models"));
    }
    let place = tokenizers::find(path, named)?;
    let texts = encoders.into_iter().map(|(encoder, pad)| {
        let tokenizer = tokenizers::read(&place, encoder.encoder.vocabulary, pad)?;
        Ok(TextParts { encoder, tokenizer })
    });
    Ok(LatentPipeline {
        network,
        autoencoder: first_stage,
        texts: texts.collect::<Result<_>>()?,
        sampling,
        class: if kind == Kind::Xl { "StableDiffusionXLPipeline" } else { "StableDiffusionPipeline" }
            .to_owned(),
        zeros_for_empty: kind == Kind::Xl,
    })
}

/// Whether the parts of a Stable Diffusion are there.
fn check(parts: &Parts, others: &[String]) -> Result<()> {
    let has_part = |name: &str| parts.contains_key(name);
    let Some(network) = parts.get(UNET) else {
        let found = match others.first() {
            Some(name) => {
                format!("its tensors are called \"{}\"...", name.chars().take(80).collect::<String>())
            }
            None => "it has none of a network".to_owned(),
        };
        return Err(Error::bad_input(format!("holds no U-Net of Stable Diffusion ({UNET}...): {found}")).hint(
            "read are whole checkpoints of Stable Diffusion 1, 2 and XL; a network alone goes into a folder of diffusers next to its config.json",
        ));
    };
    for (mark, name) in [("joint_blocks.", "Stable Diffusion 3"), ("double_blocks.", "Flux")] {
        if has(network, mark) {
            return Err(Error::bad_input(format!("a {name}, whose transformer is not read"))
                .hint("read are Stable Diffusion 1, 2 and XL"));
        }
    }
    if others.iter().any(|name| name == MEANS) {
        return Err(Error::bad_input(
            "an SDXL whose latents have means of their own, as Playground 2.5 has, which is not read",
        ));
    }
    if has_part(REFINER) {
        return Err(Error::bad_input("the refiner of SDXL, which is not read").hint("give its base"));
    }
    if !has_part(AUTOENCODER) {
        return Err(Error::bad_input(format!("holds no autoencoder ({AUTOENCODER}...)"))
            .hint("some checkpoints are published without: take the one with it, or a folder of diffusers"));
    }
    let two = has_part(FIRST_OF_TWO) && has_part(SECOND_OF_TWO);
    if !has_part(CLIP) && !has_part(OPEN_CLIP) && !two {
        return Err(Error::bad_input(format!(
            "holds no encoder of texts ({CLIP}..., {OPEN_CLIP}..., or {FIRST_OF_TWO}... and {SECOND_OF_TWO}...)"
        ))
        .hint("some checkpoints are published without: take a whole one, or a folder of diffusers"));
    }
    Ok(())
}
