//! The folder of a diffusers `DiTTransformer2DModel`, such as a `DiTPipeline`'s `transformer`.

use std::path::Path;

use langevin_core::{Error, NamedTensors, Result};
use langevin_nn::DitConfig;
use serde_json::{Map, Value};

use crate::fields::Fields;
use crate::folder::{read_json, within};
use crate::text::notes;
use crate::unet::choice;
use crate::weights::read_weights;

/// The class that is read.
const CLASS: &str = "DiTTransformer2DModel";

/// A diffusion transformer.
#[derive(Debug, Clone)]
pub struct TransformerParts {
    /// The network.
    pub network: DitConfig,
    /// Its tensors.
    pub tensors: NamedTensors,
    /// Width and height of its images; of a latent model, those of its latents.
    pub size: (usize, usize),
    /// What was passed over.
    pub notes: Vec<String>,
}

/// Reads the folder of a `DiTTransformer2DModel`. Where the embeddings of all blocks are the same, which they are in published
/// files, only the first is kept.
///
/// # Errors
/// Bad input, beginning with the file's name: a part that is missing, cut short, of another class or with options that are not
/// read.
pub fn read(folder: &Path) -> Result<TransformerParts> {
    let file = folder.join("config.json");
    let (mut network, unknown) = config(&read_json(&file)?).map_err(|error| within(error, &file))?;
    let (mut tensors, _) = read_weights(folder)?;
    if all_alike(&tensors, network.layers) {
        network.own_embeddings = false;
        tensors.retain(|name, _| !name.contains(".norm1.emb.") || name.starts_with(&embedding(0)));
    }
    let notes = notes(CLASS, &unknown);
    Ok(TransformerParts { size: (network.size, network.size), network, tensors, notes })
}

/// Where the names of block `block`'s embedding begin.
fn embedding(block: usize) -> String {
    format!("transformer_blocks.{block}.norm1.emb.")
}

fn all_alike(tensors: &NamedTensors, layers: usize) -> bool {
    let of = |block: usize| {
        let prefix = embedding(block);
        let own = tensors.iter();
        own.filter_map(|(name, tensor)| Some((name.strip_prefix(&prefix)?, tensor))).collect::<Vec<_>>()
    };
    let first = of(0);
    (1..layers).all(|block| of(block) == first)
}

/// Our config and the keys that were passed over.
fn config(json: &Map<String, Value>) -> Result<(DitConfig, Vec<String>)> {
    let fields = Fields::new(json);
    if let Some(class) = json.get("_class_name").and_then(Value::as_str)
        && class != CLASS
    {
        return Err(Error::bad_input(format!("is a {class}, where a {CLASS} is expected")));
    }
    choice(&fields, "norm_type", "ada_norm_zero", &[("ada_norm_zero", ())])?;
    choice(&fields, "activation_fn", "gelu-approximate", &[("gelu-approximate", ())])?;
    for (key, value) in [("attention_bias", true), ("norm_elementwise_affine", false)] {
        if fields.flag(key, value)? != value {
            return Err(Error::bad_input(format!("\"{key}\" is {}, which is not read", !value)));
        }
    }
    // What changes nothing at f32 and without training.
    fields.flag("upcast_attention", false)?;
    fields.number("dropout", 0.0)?;
    fields.count("norm_num_groups", 32)?;
    let in_channels = fields.count("in_channels", 4)?;
    let heads = fields.count("num_attention_heads", 16)?;
    let config = DitConfig {
        in_channels,
        out_channels: fields.count("out_channels", in_channels)?,
        size: fields.count("sample_size", 32)?,
        patch: fields.count("patch_size", 2)?,
        dim: heads.saturating_mul(fields.count("attention_head_dim", 72)?),
        heads,
        layers: fields.count("num_layers", 28)?,
        own_embeddings: true,
        norm_eps: fields.number("norm_eps", 1e-5)?,
        classes: fields.count("num_embeds_ada_norm", 1000)?,
        ..DitConfig::default()
    };
    config.check().map_err(|error| Error::bad_input(error.message().to_owned()))?;
    Ok((config, fields.unknown().into_iter().map(str::to_owned).collect()))
}
