//! The config of transformers' `CLIPTextModel` and `CLIPTextModelWithProjection` as ours.

use langevin_core::{Error, NamedTensors, Result};
use langevin_nn::text::{ClipTextConfig, TextActivation};
use serde_json::{Map, Value, json};

use crate::fields::Fields;
use crate::unet::choice;

/// The classes that are read; the second has a last matrix.
const CLASSES: [&str; 2] = ["CLIPTextModel", "CLIPTextModelWithProjection"];

/// Our config of the encoder that `json` (a `text_encoder/config.json`) describes, and the keys that were passed over; keys left
/// out have the defaults of transformers.
///
/// # Errors
/// Bad input: another class, a function that is not read, a value of the wrong type.
pub fn read(json: &Map<String, Value>) -> Result<(ClipTextConfig, Vec<String>)> {
    let fields = Fields::new(json);
    let kind = fields.text("model_type", "clip_text_model")?;
    let class = match fields.texts("architectures", &[CLASSES[0]])?.as_slice() {
        [class] if kind == "clip_text_model" && CLASSES.contains(&class.as_str()) => class.clone(),
        classes => {
            return Err(Error::bad_input(format!("is a {} ({kind}), which is not read", classes.join(", ")))
                .hint(format!("read are {}", CLASSES.join(" and "))));
        }
    };
    let end = match fields.count("eos_token_id", 49_407)? {
        // What the first encoders say, although their texts end with another token.
        2 => None,
        token => Some(u32::try_from(token).map_err(|_| Error::bad_input("\"eos_token_id\" is no token"))?),
    };
    let projection = fields.count("projection_dim", 512)?;
    let config = ClipTextConfig {
        vocabulary: fields.count("vocab_size", 49_408)?,
        dim: fields.count("hidden_size", 512)?,
        inner: fields.count("intermediate_size", 2048)?,
        layers: fields.count("num_hidden_layers", 12)?,
        heads: fields.count("num_attention_heads", 8)?,
        positions: fields.count("max_position_embeddings", 77)?,
        activation: choice(
            &fields,
            "hidden_act",
            "quick_gelu",
            &[("quick_gelu", TextActivation::QuickGelu), ("gelu", TextActivation::Gelu)],
        )?,
        norm_eps: fields.number("layer_norm_eps", 1e-5)?,
        end,
        projection: (class == CLASSES[1]).then_some(projection),
    };
    // What only training and other models ask for.
    for key in [
        "attention_dropout",
        "bos_token_id",
        "dropout",
        "dtype",
        "initializer_factor",
        "initializer_range",
        "pad_token_id",
        "torch_dtype",
        "transformers_version",
    ] {
        fields.value(key);
    }
    config.check().map_err(|error| Error::bad_input(error.message().to_owned()))?;
    Ok((config, fields.unknown().into_iter().map(str::to_owned).collect()))
}

/// The `text_encoder/config.json` of an encoder.
pub fn write(config: &ClipTextConfig) -> Value {
    let class = CLASSES[usize::from(config.projection.is_some())];
    let end = config.end.unwrap_or(2);
    let last = config.vocabulary.saturating_sub(1);
    json!({
        "architectures": [class],
        "bos_token_id": last.saturating_sub(1),
        "eos_token_id": end,
        "hidden_act": match config.activation {
            TextActivation::QuickGelu => "quick_gelu",
            TextActivation::Gelu => "gelu",
        },
        "hidden_size": config.dim,
        "intermediate_size": config.inner,
        "layer_norm_eps": config.norm_eps,
        "max_position_embeddings": config.positions,
        "model_type": "clip_text_model",
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "pad_token_id": 1,
        "projection_dim": config.projection.unwrap_or(config.dim),
        "vocab_size": config.vocabulary,
    })
}

/// The tensors under the names that our encoder gives them: some versions leave out the prefix of all but the last matrix.
pub fn to_ours(tensors: NamedTensors) -> NamedTensors {
    let rename = |name: String| {
        if name.starts_with("text_model.") || name.starts_with("text_projection.") {
            name
        } else {
            format!("text_model.{name}")
        }
    };
    let weights = tensors.into_iter().filter(|(name, _)| !name.ends_with("position_ids"));
    weights.map(|(name, tensor)| (rename(name), tensor)).collect()
}
