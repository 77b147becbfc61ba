//! CompVis' autoencoder: what its tensors say it is made of, and their names in diffusers'.

use langevin_core::{Error, NamedTensors, Result};
use serde_json::{Value, json};

use super::layout::{count, side};
use crate::autoencoder::{self, AutoencoderParts};
use crate::names::to_ours;

/// The autoencoder whose `tensors` a file holds below `first_stage_model.`; its latents are multiplied by `scale`, which no tensor says.
///
/// # Errors
/// Bad input: parts of another sort, naming them.
pub fn read(tensors: NamedTensors, scale: f64) -> Result<AutoencoderParts> {
    let levels = count(&tensors, "encoder.down.");
    let channels =
        (0..levels).map(|level| side(&tensors, &format!("encoder.down.{level}.block.0.conv1.weight"), 0));
    let config = json!({
        "_class_name": "AutoencoderKL",
        "block_out_channels": channels.collect::<Result<Vec<_>>>()?,
        "down_block_types": vec!["DownEncoderBlock2D"; levels],
        "up_block_types": vec!["UpDecoderBlock2D"; levels],
        "layers_per_block": count(&tensors, "encoder.down.0.block."),
        "in_channels": side(&tensors, "encoder.conv_in.weight", 1)?,
        "out_channels": side(&tensors, "decoder.conv_out.weight", 0)?,
        "latent_channels": side(&tensors, "decoder.conv_in.weight", 1)?,
        "scaling_factor": scale,
    });
    let Value::Object(config) = config else { unreachable!("an object") };
    let (network, [scale, shift], _) = autoencoder::read(&config)?;
    let mut ours = NamedTensors::new();
    for (name, tensor) in tensors {
        // What only its training had.
        if name.starts_with("loss.") {
            continue;
        }
        let new = place(&name, levels).ok_or_else(|| {
            Error::bad_input(format!(
                "its autoencoder has a tensor \"{name}\", which that of no Stable Diffusion 1, 2 or XL has"
            ))
        })?;
        ours.insert(new, tensor);
    }
    Ok(AutoencoderParts { network, tensors: to_ours(ours), scale, shift, notes: Vec::new() })
}

/// The name in diffusers of the tensor that CompVis calls `name`, of an autoencoder of `levels`.
fn place(name: &str, levels: usize) -> Option<String> {
    if name.starts_with("quant_conv.") || name.starts_with("post_quant_conv.") {
        return Some(name.to_owned());
    }
    let (half, rest) = name.split_once('.')?;
    let (part, rest) = rest.split_once('.')?;
    let down = match half {
        "encoder" => true,
        "decoder" => false,
        _ => return None,
    };
    let new = match part {
        "conv_in" | "conv_out" => format!("{part}.{rest}"),
        "norm_out" => format!("conv_norm_out.{rest}"),
        "mid" => {
            let (block, rest) = rest.split_once('.')?;
            match block {
                "block_1" => format!("mid_block.resnets.0.{}", residual(rest)),
                "block_2" => format!("mid_block.resnets.1.{}", residual(rest)),
                "attn_1" => format!("mid_block.attentions.0.{}", attention(rest)?),
                _ => return None,
            }
        }
        // The way up is counted from the finest level, and in diffusers from the coarsest.
        "down" | "up" if (part == "down") == down => {
            let (level, rest) = rest.split_once('.')?;
            let level: usize = level.parse().ok()?;
            let level = if down { level } else { levels.checked_sub(level + 1)? };
            match rest.split_once('.')? {
                ("block", rest) => {
                    let (layer, rest) = rest.split_once('.')?;
                    format!("{part}_blocks.{level}.resnets.{layer}.{}", residual(rest))
                }
                ("downsample" | "upsample", rest) => {
                    format!("{part}_blocks.{level}.{part}samplers.0.{rest}")
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(format!("{half}.{new}"))
}

fn residual(name: &str) -> String {
    name.replace("nin_shortcut.", "conv_shortcut.")
}

fn attention(name: &str) -> Option<String> {
    let (part, rest) = name.split_once('.')?;
    let new = match part {
        "norm" => "group_norm",
        "q" => "to_q",
        "k" => "to_k",
        "v" => "to_v",
        "proj_out" => "to_out.0",
        _ => return None,
    };
    Some(format!("{new}.{rest}"))
}
