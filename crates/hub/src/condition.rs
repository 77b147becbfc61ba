//! The config of a diffusers `UNet2DConditionModel` as ours.

use langevin_core::{Error, Result};
use langevin_nn::{AddedConfig, NetworkConfig, TextConfig};
use serde_json::{Map, Value, json};

use crate::fields::Fields;
use crate::refusal::refused;
use crate::unet::{Read, choice, classes, size};

/// The class that is read.
pub const CLASS: &str = "UNet2DConditionModel";

/// Our config of the network that `json` (a `unet/config.json`) describes; keys left out have the defaults of diffusers
/// 0.42. Its size is that of its images, which for a latent model are latents.
///
/// # Errors
/// Bad input: another class, a type of block or an option that is not read, a value of the wrong type.
pub fn read(json: &Map<String, Value>) -> Result<Read> {
    let fields = Fields::new(json);
    if let Some(class) = json.get("_class_name").and_then(Value::as_str)
        && class != CLASS
    {
        return Err(Error::bad_input(format!("is a {class}, where a {CLASS} is expected")));
    }
    refuse_others(&fields)?;
    let channels = fields.counts("block_out_channels", &[320, 640, 1280, 1280])?;
    let levels = channels.len();
    let cross_down = ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"];
    let cross_up = ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"];
    let down = fields.texts("down_block_types", &cross_down)?;
    let mut up = fields.texts("up_block_types", &cross_up)?;
    if down.len() != levels || up.len() != levels || levels == 0 {
        return Err(Error::bad_input(format!(
            "has {} down blocks and {} up blocks for {levels} numbers of channels",
            down.len(),
            up.len()
        )));
    }
    up.reverse();
    let attending = |blocks: &[String], plain: &str, cross: &str| -> Result<Vec<usize>> {
        let attends = blocks.iter().enumerate().map(|(level, name)| match name {
            name if name == plain => Ok(None),
            name if name == cross => Ok(Some(level)),
            name => Err(Error::bad_input(format!("has a {name}, a type of block that is not read"))
                .hint(format!("read are {plain} and {cross}"))),
        });
        Ok(attends.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    };
    let attention_levels = attending(&down, "DownBlock2D", "CrossAttnDownBlock2D")?;
    let up_levels = attending(&up, "UpBlock2D", "CrossAttnUpBlock2D")?;
    let middle = !fields.is_null("mid_block_type")
        && choice(
            &fields,
            "mid_block_type",
            "UNetMidBlock2DCrossAttn",
            &[("UNetMidBlock2DCrossAttn", true)],
        )?;
    let center = fields.flag("center_input_sample", false)?;
    let network = NetworkConfig {
        in_channels: fields.count("in_channels", 4)?,
        out_channels: fields.count("out_channels", 4)?,
        channels,
        layers_per_block: same(&fields, "layers_per_block", 2, levels)?,
        up_attention_levels: (up_levels != attention_levels).then_some(up_levels),
        attention_levels,
        mid_block: middle,
        mid_attention: middle,
        mid_block_scale_factor: fields.number("mid_block_scale_factor", 1.0)?,
        attention_head_dim: None,
        norm_groups: fields.count("norm_num_groups", 32)?,
        norm_eps: fields.number("norm_eps", 1e-5)?,
        flip_sin_to_cos: fields.flag("flip_sin_to_cos", true)?,
        freq_shift: fields.number("freq_shift", 0.0)?,
        embedding_dim: match fields.count("time_embedding_dim", 0)? {
            0 => None,
            length => Some(length),
        },
        scale_shift: choice(
            &fields,
            "resnet_time_scale_shift",
            "default",
            &[("default", false), ("scale_shift", true)],
        )?,
        downsample_padding: fields.count("downsample_padding", 1)?,
        dropout: fields.number("dropout", 0.0)?,
        input_scale: if center { 2.0 } else { 1.0 },
        input_shift: if center { -1.0 } else { 0.0 },
        classes: classes(&fields)?,
        null_class: false,
        text: Some(text(&fields, levels)?),
        ..NetworkConfig::default()
    };
    network.check().map_err(|error| Error::bad_input(error.message().to_owned()))?;
    Ok(Read {
        size: size(&fields)?,
        unknown: fields.unknown().into_iter().map(str::to_owned).collect(),
        network,
    })
}

/// The `config.json` of a `UNet2DConditionModel` for latents of this width and height.
///
/// # Errors
/// Usage, for what it cannot be.
pub fn write(network: &NetworkConfig, (width, height): (usize, usize)) -> Result<Value> {
    let Some(text) = &network.text else { return refused("a network without text conditioning") };
    if text.encoder.is_some() {
        return refused("the encoder of texts inside its network");
    }
    if network.transformer.is_some() {
        return refused("a transformer for its network");
    }
    let plain = NetworkConfig::default();
    if network.patch != 1 || network.output_scale_factor != 1.0 || network.time_scale != 1.0 {
        return refused("pixels folded into channels, divided sums or a scaled time");
    }
    if network.norm_groups == 0 || network.time_features != plain.time_features {
        return refused("levels without norms or other features of time");
    }
    let center = match (network.input_scale, network.input_shift) {
        (1.0, 0.0) => false,
        (2.0, -1.0) => true,
        _ => return refused("a network that scales its input"),
    };
    let levels = network.channels.len();
    let up_levels = network.up_attention_levels.as_ref().unwrap_or(&network.attention_levels);
    let named = |at: &[usize], cross: &str, plain: &str| -> Vec<String> {
        (0..levels).map(|level| if at.contains(&level) { cross } else { plain }.to_owned()).collect()
    };
    let mut up = named(up_levels, "CrossAttnUpBlock2D", "UpBlock2D");
    up.reverse();
    let only_cross: Vec<bool> = (0..levels).map(|level| text.only_cross_levels.contains(&level)).collect();
    let added = text.added.as_ref();
    Ok(json!({
        "_class_name": CLASS,
        "_diffusers_version": crate::DIFFUSERS,
        "act_fn": "silu",
        "addition_embed_type": added.map(|_| "text_time"),
        "addition_time_embed_dim": added.map(|added| added.features),
        "attention_head_dim": text.heads,
        "block_out_channels": network.channels,
        "center_input_sample": center,
        "class_embed_type": null,
        "cross_attention_dim": text.dim,
        "down_block_types": named(&network.attention_levels, "CrossAttnDownBlock2D", "DownBlock2D"),
        "downsample_padding": network.downsample_padding,
        "dropout": network.dropout,
        "flip_sin_to_cos": network.flip_sin_to_cos,
        "freq_shift": network.freq_shift,
        "in_channels": network.in_channels + network.condition_channels,
        "layers_per_block": network.layers_per_block,
        "mid_block_scale_factor": network.mid_block_scale_factor,
        "mid_block_type": if network.mid_block { json!("UNetMidBlock2DCrossAttn") } else { Value::Null },
        "norm_eps": network.norm_eps,
        "norm_num_groups": network.norm_groups,
        "num_class_embeds": if network.classes > 0 { json!(network.classes) } else { Value::Null },
        "only_cross_attention": only_cross,
        "out_channels": network.out_channels,
        "projection_class_embeddings_input_dim": added.map(|added| added.inputs),
        "resnet_time_scale_shift": if network.scale_shift { "scale_shift" } else { "default" },
        "sample_size": if width == height { json!(width) } else { json!([height, width]) },
        "time_embedding_dim": network.embedding_dim,
        "transformer_layers_per_block": text.depths.clone().unwrap_or(vec![1; levels]),
        "up_block_types": up,
        "use_linear_projection": text.linear_projection,
    }))
}

/// How the network attends to texts.
fn text(fields: &Fields<'_>, levels: usize) -> Result<TextConfig> {
    let depths = each(fields, "transformer_layers_per_block", 1, levels)?;
    // This key names the number of heads, whatever it is called, and each number of a list belongs to a level.
    let heads = each(fields, "attention_head_dim", 8, levels)?;
    let only_cross = match fields.value("only_cross_attention") {
        None => vec![false; levels],
        Some(Value::Bool(all)) => vec![*all; levels],
        Some(Value::Array(list)) if list.len() == levels && list.iter().all(Value::is_boolean) => {
            list.iter().map(|value| value == &Value::Bool(true)).collect()
        }
        Some(other) => return Err(Error::bad_input(format!("\"only_cross_attention\" is {other}"))),
    };
    // Everything is computed in f32 here.
    fields.flag("upcast_attention", false)?;
    let kind = fields.text("addition_embed_type", "")?;
    let (inputs, features) = (
        fields.count("projection_class_embeddings_input_dim", 0)?,
        fields.count("addition_time_embed_dim", 0)?,
    );
    let added = match kind.as_str() {
        "" => None,
        "text_time" => Some(AddedConfig { inputs, features }),
        other => {
            return Err(Error::bad_input(format!(
                "\"addition_embed_type\" is \"{other}\", which is not read"
            ))
            .hint("it may be null or text_time"));
        }
    };
    Ok(TextConfig {
        encoder: None,
        dim: same(fields, "cross_attention_dim", 1280, levels)?,
        heads,
        depths: depths.iter().any(|depth| *depth != 1).then_some(depths),
        linear_projection: fields.flag("use_linear_projection", false)?,
        only_cross_levels: (0..levels).filter(|level| only_cross[*level]).collect(),
        added,
    })
}

/// Options that change what a network computes and that are not read, with the values that change nothing.
fn refuse_others(fields: &Fields<'_>) -> Result<()> {
    let plain = [
        ("dual_cross_attention", json!(false)),
        ("num_attention_heads", Value::Null),
        ("reverse_transformer_layers_per_block", Value::Null),
        ("encoder_hid_dim", Value::Null),
        ("encoder_hid_dim_type", Value::Null),
        ("time_embedding_type", json!("positional")),
        ("time_embedding_act_fn", Value::Null),
        ("timestep_post_act", Value::Null),
        ("time_cond_proj_dim", Value::Null),
        ("conv_in_kernel", json!(3)),
        ("conv_out_kernel", json!(3)),
        ("resnet_skip_time_act", json!(false)),
        ("resnet_out_scale_factor", json!(1.0)),
        ("attention_type", json!("default")),
        ("class_embeddings_concat", json!(false)),
        ("mid_block_only_cross_attention", json!(false)),
        ("cross_attention_norm", Value::Null),
    ];
    for (key, value) in plain {
        if let Some(found) = fields.value(key)
            && *found != value
            && !found.as_f64().is_some_and(|found| Some(found) == value.as_f64())
        {
            return Err(Error::bad_input(format!("\"{key}\" is {found}, which is not read"))
                .hint(format!("only networks where it is {value} are read")));
        }
    }
    if fields.is_null("norm_num_groups") {
        return Err(Error::bad_input("\"norm_num_groups\" is null, which is not read"));
    }
    // The function of the embedding too, which in our networks is silu whatever the blocks have.
    choice(fields, "act_fn", "silu", &[("silu", ()), ("swish", ())])?;
    // Says nothing where the embedding has no attention.
    fields.count("addition_embed_type_num_heads", 64)?;
    Ok(())
}

/// A number for each level: a list of them, or one for all.
fn each(fields: &Fields<'_>, key: &'static str, default: usize, levels: usize) -> Result<Vec<usize>> {
    if !fields.value(key).is_some_and(Value::is_array) {
        return Ok(vec![fields.count(key, default)?; levels]);
    }
    let list = fields.counts(key, &[])?;
    if list.len() != levels {
        return Err(Error::bad_input(format!("\"{key}\" has {} numbers for {levels} levels", list.len())));
    }
    Ok(list)
}

/// A number that must be the same at each level.
fn same(fields: &Fields<'_>, key: &'static str, default: usize, levels: usize) -> Result<usize> {
    let list = each(fields, key, default, levels)?;
    if list.iter().any(|number| *number != list[0]) {
        return Err(Error::bad_input(format!("\"{key}\" is {list:?}, and only one number for all is read")));
    }
    Ok(list[0])
}
