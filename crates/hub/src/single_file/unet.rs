//! CompVis' U-Net: what its tensors say it is made of, and their names in diffusers'.

use langevin_core::{Error, NamedTensors, Result};
use serde_json::{Map, Value, json};

use super::blocks::place;
use super::layout::{count, has, side};
use crate::condition;
use crate::names::to_ours;
use crate::text::TextNetwork;

/// Channels of each head of Stable Diffusion 2 and XL; the first has [`HEADS`] whatever the channels. No tensor says either.
const HEAD: usize = 64;
const HEADS: usize = 8;
/// Features of the sizes that SDXL is conditioned on.
const SIZES: usize = 6;

/// One level on the way down or up.
struct Level {
    channels: usize,
    layers: usize,
    /// Transformer blocks after each residual block; 0 without attention.
    depth: usize,
}

/// The network whose `tensors` a file holds below `model.diffusion_model.`; `latents` are width and height of what it draws, `pooled`
/// the length of the vector of a whole text that it is conditioned on in addition to sizes.
///
/// # Errors
/// Bad input: blocks of another sort, naming them.
pub fn read(tensors: NamedTensors, latents: (usize, usize), pooled: Option<usize>) -> Result<TextNetwork> {
    let down = way_down(&tensors)?;
    let layers = down[0].layers;
    let up = way_up(&tensors, layers, down.len())?;
    let config = config(&tensors, &down, &up, latents, pooled)?;
    let read = condition::read(&config)?;
    let mut ours = NamedTensors::new();
    for (name, tensor) in tensors {
        let new = place(&name, '.', layers).ok_or_else(|| strange(&name))?;
        ours.insert(new, tensor);
    }
    Ok(TextNetwork { network: read.network, tensors: to_ours(ours), size: read.size, notes: Vec::new() })
}

fn strange(name: &str) -> Error {
    Error::bad_input(format!("its U-Net has a tensor \"{name}\", which no Stable Diffusion 1, 2 or XL has"))
        .hint("read are whole checkpoints of these; a folder of diffusers says more of what it holds")
}

fn way_down(tensors: &NamedTensors) -> Result<Vec<Level>> {
    let mut levels: Vec<Level> = Vec::new();
    let mut fresh = true;
    for block in 1.. {
        let prefix = format!("input_blocks.{block}.");
        if has(tensors, &format!("{prefix}0.op.")) {
            fresh = true;
        } else if has(tensors, &format!("{prefix}0.in_layers.")) {
            let channels = side(tensors, &format!("{prefix}0.out_layers.3.weight"), 0)?;
            let depth = count(tensors, &format!("{prefix}1.transformer_blocks."));
            match levels.last_mut().filter(|_| !fresh) {
                None => levels.push(Level { channels, layers: 1, depth }),
                Some(level) if level.channels == channels && level.depth == depth => level.layers += 1,
                Some(_) => return Err(uneven(&prefix)),
            }
            fresh = false;
        } else if has(tensors, &prefix) {
            return Err(strange(&prefix));
        } else if has(tensors, &format!("input_blocks.{}.", block + 1)) {
            return Err(Error::bad_input(format!("its U-Net lacks all of \"{prefix}\""))
                .hint("the file may be damaged"));
        } else {
            break;
        }
    }
    let layers = levels.first().map_or(0, |level| level.layers);
    if layers == 0 || fresh || levels.iter().any(|level| level.layers != layers) {
        return Err(Error::bad_input("its U-Net has not the same number of blocks at each level"));
    }
    Ok(levels)
}

/// From the coarsest level to the finest; their channels are those of the way down.
fn way_up(tensors: &NamedTensors, layers: usize, levels: usize) -> Result<Vec<usize>> {
    let depth = |block: usize| count(tensors, &format!("output_blocks.{block}.1.transformer_blocks."));
    let of = |level: usize| {
        let first = level * (layers + 1);
        let depths: Vec<usize> = (first..=first + layers).map(depth).collect();
        if depths.iter().any(|depth| *depth != depths[0]) {
            return Err(uneven(&format!("output_blocks.{first}")));
        }
        Ok(depths[0])
    };
    (0..levels).map(of).collect()
}

fn uneven(place: &str) -> Error {
    Error::bad_input(format!(
        "its U-Net has blocks of several sorts at one level ({place}), as smaller copies of SDXL have, and is not read"
    ))
}

/// What diffusers' `unet/config.json` would say.
fn config(
    tensors: &NamedTensors,
    down: &[Level],
    up: &[usize],
    latents: (usize, usize),
    pooled: Option<usize>,
) -> Result<Map<String, Value>> {
    let middle = count(tensors, "middle_block.1.transformer_blocks.");
    if middle == 0 {
        return Err(Error::bad_input("its U-Net does not attend to texts in its middle, and is not read"));
    }
    let mut depths: Vec<usize> = down.iter().map(|level| level.depth.max(1)).collect();
    let last = down.len() - 1;
    if down[last].depth == 0 {
        depths[last] = middle;
    }
    let same = |(level, depth): (&Level, &usize)| *depth == 0 || *depth == level.depth;
    if depths[last] != middle || !down.iter().rev().zip(up).all(same) {
        return Err(uneven("middle_block.1"));
    }
    let first = "middle_block.1.transformer_blocks.0.";
    let linear = tensors.get("middle_block.1.proj_in.weight").is_some_and(|(shape, _)| shape.len() == 2);
    let heads = down.iter().map(|level| match (linear, level.channels % HEAD) {
        (false, _) => Ok(HEADS),
        (true, 0) => Ok(level.channels / HEAD),
        (true, _) => Err(Error::bad_input(format!(
            "its U-Net has {} channels, which heads of {HEAD} do not divide: how many there are no tensor says",
            level.channels
        ))
        .hint("a folder of diffusers says it in unet/config.json")),
    });
    let names = |attends: &mut dyn Iterator<Item = bool>, plain: &str| -> Vec<String> {
        attends.map(|attends| format!("{}{plain}", if attends { "CrossAttn" } else { "" })).collect()
    };
    let mut config = json!({
        "_class_name": condition::CLASS,
        "sample_size": [latents.1, latents.0],
        "in_channels": side(tensors, "input_blocks.0.0.weight", 1)?,
        "out_channels": side(tensors, "out.2.weight", 0)?,
        "block_out_channels": down.iter().map(|level| level.channels).collect::<Vec<_>>(),
        "layers_per_block": down[0].layers,
        "down_block_types": names(&mut down.iter().map(|level| level.depth > 0), "DownBlock2D"),
        "up_block_types": names(&mut up.iter().map(|depth| *depth > 0), "UpBlock2D"),
        "transformer_layers_per_block": depths,
        "attention_head_dim": heads.collect::<Result<Vec<_>>>()?,
        "cross_attention_dim": side(tensors, &format!("{first}attn2.to_k.weight"), 1)?,
        "use_linear_projection": linear,
    });
    if let Some(pooled) = pooled {
        let inputs = side(tensors, "label_emb.0.0.weight", 1)?;
        let sizes = inputs.saturating_sub(pooled);
        if sizes == 0 || !sizes.is_multiple_of(SIZES) {
            return Err(Error::bad_input(format!(
                "its U-Net is conditioned on {inputs} numbers in addition to the tokens, where a vector of {pooled} and {SIZES} sizes are expected"
            ))
            .hint("the refiner of SDXL is not read, only its base"));
        }
        config["addition_embed_type"] = json!("text_time");
        config["addition_time_embed_dim"] = json!(sizes / SIZES);
        config["projection_class_embeddings_input_dim"] = json!(inputs);
    }
    match config {
        Value::Object(config) => Ok(config),
        _ => unreachable!("an object"),
    }
}
