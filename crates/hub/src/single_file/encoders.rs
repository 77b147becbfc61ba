//! The encoders of texts in CompVis' files: CLIP with the names of transformers, and OpenCLIP (Ilharco et al. 2021) with its own.

use langevin_core::{Error, NamedTensors, Numbers, Result};
use serde_json::{Value, json};

use super::layout::{count, side};
use crate::clip_text;
use crate::text::TextEncoder;

/// Channels of each head, of every CLIP; no tensor says it.
const HEAD: usize = 64;
/// Width of the encoder of Stable Diffusion 2, and the blocks of it that are used: the last is stored, and left out.
const WIDTH: usize = 1024;
const USED: usize = 23;

/// CLIP's encoder, whose `tensors` a file holds below `...transformer.`.
///
/// # Errors
/// Bad input: a tensor that is missing or of another shape.
pub fn clip(tensors: NamedTensors, gelu: bool) -> Result<TextEncoder> {
    described(clip_text::to_ours(tensors), gelu)
}

/// OpenCLIP's, whose `tensors` a file holds below `...model.`: `projected` with its last matrix, as SDXL is conditioned on a whole text, else
/// without it and without its last block, as Stable Diffusion 2 attends to texts.
///
/// # Errors
/// Bad input: a tensor that is missing, of another shape, or of no such encoder.
pub fn open_clip(tensors: NamedTensors, projected: bool) -> Result<TextEncoder> {
    let layers = count(&tensors, "transformer.resblocks.");
    let width = side(&tensors, "token_embedding.weight", 1)?;
    let used = match (projected, width) {
        (true, _) => layers,
        (false, WIDTH) => layers.min(USED),
        (false, _) => layers.saturating_sub(1),
    };
    let mut ours = NamedTensors::new();
    for (name, (shape, values)) in tensors {
        let mut put = |new: &str, shape, values| ours.insert(format!("text_model.{new}"), (shape, values));
        match name.as_str() {
            "token_embedding.weight" => drop(put("embeddings.token_embedding.weight", shape, values)),
            "positional_embedding" => drop(put("embeddings.position_embedding.weight", shape, values)),
            "ln_final.weight" => drop(put("final_layer_norm.weight", shape, values)),
            "ln_final.bias" => drop(put("final_layer_norm.bias", shape, values)),
            "text_projection" => {
                if projected {
                    let turned = turned(&shape, &values)?;
                    ours.insert("text_projection.weight".to_owned(), turned);
                }
            }
            // The scale of likenesses, and which tokens see which.
            "logit_scale" | "attn_mask" => {}
            _ => {
                let (layer, part) = block(&name).ok_or_else(|| strange(&name))?;
                if layer >= used {
                    continue;
                }
                let place = format!("encoder.layers.{layer}");
                match part {
                    "attn.in_proj_weight" | "attn.in_proj_bias" => {
                        let kind = part.rsplit('_').next().unwrap_or_default();
                        for (role, (shape, values)) in
                            ["q", "k", "v"].iter().zip(thirds(&name, shape, values)?)
                        {
                            put(&format!("{place}.self_attn.{role}_proj.{kind}"), shape, values);
                        }
                    }
                    _ => {
                        let new = module(part).ok_or_else(|| strange(&name))?;
                        put(&format!("{place}.{new}"), shape, values);
                    }
                }
            }
        }
    }
    described(ours, true)
}

fn strange(name: &str) -> Error {
    Error::bad_input(format!("its encoder of texts has a tensor \"{name}\", which is no part of OpenCLIP's"))
}

/// The number of a block and the part of it that `name` names.
fn block(name: &str) -> Option<(usize, &str)> {
    let (layer, part) = name.strip_prefix("transformer.resblocks.")?.split_once('.')?;
    Some((layer.parse().ok()?, part))
}

fn module(part: &str) -> Option<String> {
    let names = [
        ("ln_1.", "layer_norm1."),
        ("ln_2.", "layer_norm2."),
        ("attn.out_proj.", "self_attn.out_proj."),
        ("mlp.c_fc.", "mlp.fc1."),
        ("mlp.c_proj.", "mlp.fc2."),
    ];
    names.iter().find_map(|(theirs, ours)| part.strip_prefix(theirs).map(|rest| format!("{ours}{rest}")))
}

type Tensor = (Vec<usize>, Numbers);

/// Queries, keys and values, which lie one below the other.
fn thirds(name: &str, mut shape: Vec<usize>, mut values: Numbers) -> Result<[Tensor; 3]> {
    let rows = shape.first().copied().unwrap_or(0);
    if rows == 0 || !rows.is_multiple_of(3) {
        return Err(Error::bad_input(format!(
            "its tensor {name} has the shape {shape:?}, which is not three in one"
        )));
    }
    shape[0] = rows / 3;
    let third = values.len() / 3;
    let last = values.split_off(2 * third);
    let middle = values.split_off(third);
    Ok([(shape.clone(), values), (shape.clone(), middle), (shape, last)])
}

/// A matrix with rows and columns exchanged: OpenCLIP multiplies from the left.
fn turned(shape: &[usize], values: &[f32]) -> Result<Tensor> {
    let [rows, columns] = *shape else {
        return Err(Error::bad_input(format!(
            "its text_projection has the shape {shape:?}, which is no matrix"
        )));
    };
    let turned = (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column]));
    Ok((vec![columns, rows], turned.collect()))
}

/// The encoder that tensors with the names of transformers make.
fn described(tensors: NamedTensors, gelu: bool) -> Result<TextEncoder> {
    let inner = "text_model.encoder.layers.0.mlp.fc1.weight";
    let [tokens, positions] =
        ["token", "position"].map(|table| format!("text_model.embeddings.{table}_embedding.weight"));
    let dim = side(&tensors, &tokens, 1)?;
    let projection = tensors.get("text_projection.weight").and_then(|(shape, _)| shape.first());
    let class = if projection.is_some() { "CLIPTextModelWithProjection" } else { "CLIPTextModel" };
    let config = json!({
        "architectures": [class],
        "vocab_size": side(&tensors, &tokens, 0)?,
        "hidden_size": dim,
        "intermediate_size": side(&tensors, inner, 0)?,
        "num_hidden_layers": count(&tensors, "text_model.encoder.layers."),
        "num_attention_heads": (dim / HEAD).max(1),
        "max_position_embeddings": side(&tensors, &positions, 0)?,
        "hidden_act": if gelu { "gelu" } else { "quick_gelu" },
        "projection_dim": projection.copied().unwrap_or(dim),
        // The end of a text is its largest token, as in the published configs.
        "eos_token_id": 2,
    });
    let Value::Object(config) = config else { unreachable!("an object") };
    let (encoder, _) = clip_text::read(&config)?;
    Ok(TextEncoder { encoder, tensors, notes: Vec::new() })
}
