//! The config of a diffusers `UNet2DModel` and ours, each made from the other.

use langevin_core::{Error, Result};
use langevin_nn::unet::{Resample, TimeFeatures};
use langevin_nn::{Activation, NetworkConfig};
use serde_json::{Map, Value, json};

use crate::fields::Fields;

/// A network and the size of its images.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The network.
    pub network: NetworkConfig,
    /// Width and height of its images in pixels.
    pub size: (usize, usize),
    /// Keys that were passed over.
    pub unknown: Vec<String>,
}

/// Our config of the network that `json` (a `unet/config.json`) describes; keys left out have the defaults of diffusers
/// 0.42.
///
/// # Errors
/// Bad input: another class, a type of block or an option that is not read, a value of the wrong type.
pub fn read(json: &Map<String, Value>) -> Result<Read> {
    let fields = Fields::new(json);
    if let Some(class) = json.get("_class_name").and_then(Value::as_str)
        && class != "UNet2DModel"
    {
        return Err(Error::bad_input(format!("is a {class}, and only UNet2DModel is read")));
    }
    let channels = fields.counts("block_out_channels", &[224, 448, 672, 896])?;
    let plain_down = ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"];
    let plain_up = ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"];
    let down = fields.texts("down_block_types", &plain_down)?;
    let mut up = fields.texts("up_block_types", &plain_up)?;
    if down.len() != channels.len() || up.len() != channels.len() || channels.is_empty() {
        return Err(Error::bad_input(format!(
            "has {} down blocks and {} up blocks for {} numbers of channels",
            down.len(),
            up.len(),
            channels.len()
        )));
    }
    up.reverse();
    let down_type = resample(&fields, "downsample_type")?;
    let up_type = resample(&fields, "upsample_type")?;
    let down = down.iter().map(|name| down_block(name, down_type)).collect::<Result<Vec<_>>>()?;
    let up = up.iter().map(|name| up_block(name, up_type)).collect::<Result<Vec<_>>>()?;
    let kinds = |blocks: &[Block]| blocks.iter().map(|block| block.resample).collect::<Vec<_>>();
    let attending = |blocks: &[Block]| -> Vec<usize> {
        (0..blocks.len()).filter(|level| blocks[*level].attention).collect()
    };
    let all_conv = |kinds: Vec<Resample>| kinds.iter().any(|kind| *kind != Resample::Conv).then_some(kinds);
    let (attention_levels, up_levels) = (attending(&down), attending(&up));

    let scale_shift =
        choice(&fields, "resnet_time_scale_shift", "default", &[("default", false), ("scale_shift", true)])?;
    let middle_groups = match fields.value("attn_norm_num_groups") {
        Some(_) => Some(fields.count("attn_norm_num_groups", 0)?),
        None => scale_shift.then_some(0),
    };
    let quarter_groups = fields.is_null("norm_num_groups");
    let (down_kinds, up_kinds) = (all_conv(kinds(&down)), all_conv(kinds(&up)));
    let every_skip = |kinds: &Option<Vec<Resample>>| {
        kinds.as_ref().is_some_and(|kinds| kinds.iter().all(|kind| *kind == Resample::Skip))
    };
    if quarter_groups && !(every_skip(&down_kinds) && every_skip(&up_kinds)) {
        return Err(Error::bad_input(
            "\"norm_num_groups\" is null, which only networks of Skip blocks may have",
        ));
    }
    let positive = |key: &'static str, default: usize| match fields.count(key, default)? {
        0 => Err(Error::bad_input(format!("\"{key}\" is 0"))),
        value => Ok(value),
    };
    let center = fields.flag("center_input_sample", false)?;
    let network = NetworkConfig {
        in_channels: positive("in_channels", 3)?,
        out_channels: positive("out_channels", 3)?,
        layers_per_block: positive("layers_per_block", 2)?,
        up_attention_levels: (up_levels != attention_levels).then_some(up_levels),
        attention_levels,
        channels,
        down_resample: down_kinds,
        up_resample: up_kinds,
        mid_block: middle(&fields)?,
        mid_attention: fields.flag("add_attention", true)?,
        mid_attention_norm_groups: middle_groups,
        mid_block_scale_factor: fields.number("mid_block_scale_factor", 1.0)?,
        attention_head_dim: if fields.is_null("attention_head_dim") {
            None
        } else {
            Some(positive("attention_head_dim", 8)?)
        },
        quarter_groups,
        norm_groups: positive("norm_num_groups", 32)?,
        norm_eps: fields.number("norm_eps", 1e-5)?,
        activation: choice(
            &fields,
            "act_fn",
            "silu",
            &[
                ("silu", Activation::Silu),
                ("swish", Activation::Silu),
                ("relu", Activation::Relu),
                ("gelu", Activation::Gelu),
                ("mish", Activation::Mish),
            ],
        )?,
        time_features: choice(
            &fields,
            "time_embedding_type",
            "positional",
            &[
                ("positional", TimeFeatures::Positional),
                ("fourier", TimeFeatures::Fourier),
                ("learned", TimeFeatures::Learned),
            ],
        )?,
        fourier_log: true,
        learned_steps: 0,
        flip_sin_to_cos: fields.flag("flip_sin_to_cos", true)?,
        freq_shift: fields.number("freq_shift", 0.0)?,
        embedding_dim: match fields.count("time_embedding_dim", 0)? {
            0 => None,
            length => Some(length),
        },
        scale_shift,
        downsample_padding: fields.count("downsample_padding", 1)?,
        dropout: fields.number("dropout", 0.0)?,
        input_scale: if center { 2.0 } else { 1.0 },
        input_shift: if center { -1.0 } else { 0.0 },
        classes: classes(&fields)?,
        null_class: false,
        ..NetworkConfig::default()
    };
    let steps = fields.count("num_train_timesteps", 0)?;
    let learned = network.time_features == TimeFeatures::Learned;
    let fourier = network.time_features == TimeFeatures::Fourier;
    let network =
        NetworkConfig { learned_steps: if learned { steps } else { 0 }, fourier_log: fourier, ..network };
    network.check().map_err(|error| Error::bad_input(error.message().to_owned()))?;
    Ok(Read {
        size: size(&fields)?,
        unknown: fields.unknown().into_iter().map(str::to_owned).collect(),
        network,
    })
}

struct Block {
    attention: bool,
    resample: Resample,
}

fn down_block(name: &str, attending: Resample) -> Result<Block> {
    // Names of before 2022 have a prefix.
    let (attention, resample) = match name.strip_prefix("UNetRes").unwrap_or(name) {
        "DownBlock2D" => (false, Resample::Conv),
        "AttnDownBlock2D" => (true, attending),
        "ResnetDownsampleBlock2D" => (false, Resample::Resnet),
        "SkipDownBlock2D" => (false, Resample::Skip),
        "AttnSkipDownBlock2D" => (true, Resample::Skip),
        _ => return Err(unknown_block(name)),
    };
    Ok(Block { attention, resample })
}

fn up_block(name: &str, attending: Resample) -> Result<Block> {
    let (attention, resample) = match name.strip_prefix("UNetRes").unwrap_or(name) {
        "UpBlock2D" => (false, Resample::Conv),
        "AttnUpBlock2D" => (true, attending),
        "ResnetUpsampleBlock2D" => (false, Resample::Resnet),
        "SkipUpBlock2D" => (false, Resample::Skip),
        "AttnSkipUpBlock2D" => (true, Resample::Skip),
        _ => return Err(unknown_block(name)),
    };
    Ok(Block { attention, resample })
}

fn unknown_block(name: &str) -> Error {
    Error::bad_input(format!("has a {name}, a type of block that is not read"))
        .hint("read are DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D, SkipDownBlock2D, AttnSkipDownBlock2D and their counterparts on the way up")
}

fn resample(fields: &Fields<'_>, key: &'static str) -> Result<Resample> {
    choice(fields, key, "conv", &[("conv", Resample::Conv), ("resnet", Resample::Resnet)])
}

fn middle(fields: &Fields<'_>) -> Result<bool> {
    if fields.is_null("mid_block_type") {
        return Ok(false);
    }
    choice(
        fields,
        "mid_block_type",
        "UNetMidBlock2D",
        &[("UNetMidBlock2D", true), ("UNetResMidBlock2D", true)],
    )
}

pub(crate) fn classes(fields: &Fields<'_>) -> Result<usize> {
    match fields.text("class_embed_type", "")?.as_str() {
        "" => fields.count("num_class_embeds", 0),
        other => Err(Error::bad_input(format!(
            "\"class_embed_type\" is \"{other}\": a network conditioned on numbers or vectors in place of classes is not read"
        ))),
    }
}

pub(crate) fn size(fields: &Fields<'_>) -> Result<(usize, usize)> {
    let missing = || {
        Error::bad_input("does not say the size of its images")
            .hint("write \"sample_size\" into unet/config.json")
    };
    match fields.value("sample_size") {
        Some(Value::Array(_)) => match fields.counts("sample_size", &[])?.as_slice() {
            [height, width] => Ok((*width, *height)),
            _ => Err(Error::bad_input("\"sample_size\" is no height and width")),
        },
        Some(_) => match fields.count("sample_size", 0)? {
            0 => Err(missing()),
            side => Ok((side, side)),
        },
        None => Err(missing()),
    }
}

pub(crate) fn choice<T: Copy>(
    fields: &Fields<'_>,
    key: &'static str,
    default: &str,
    of: &[(&str, T)],
) -> Result<T> {
    let name = fields.text(key, default)?;
    of.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = of.iter().map(|(known, _)| *known).collect();
        Error::bad_input(format!("\"{key}\" is \"{name}\", which is not read"))
            .hint(format!("it may be {}", known.join(", ")))
    })
}

/// The `unet/config.json` of our network for images of `size` (width and height).
///
/// # Errors
/// Usage, for what a `UNet2DModel` cannot be: pixels folded into channels, a scaled time, skips of another sort.
pub fn write(network: &NetworkConfig, (width, height): (usize, usize)) -> Result<Value> {
    let refuse = |what: &str| {
        Err(Error::usage(format!("a UNet2DModel cannot be this network: {what}")).hint(
            "train one with network.patch = 1, process vp and time_input timestep, such as the preset ddpm",
        ))
    };
    if network.transformer.is_some() {
        return refuse("it is a transformer (network.transformer)");
    }
    if network.text.is_some() {
        return refuse("it is text-conditioned (network.text)");
    }
    if network.patch != 1 {
        return refuse(&format!("it folds {0}x{0} pixels into channels (network.patch)", network.patch));
    }
    if network.output_scale_factor != 1.0 {
        return refuse("its blocks divide their sums (network.output_scale_factor)");
    }
    if network.time_scale != 1.0 || network.time_features == TimeFeatures::Fourier {
        return refuse("it takes the noise level in another way (network.time_scale, network.time_features)");
    }
    let center = match (network.input_scale, network.input_shift) {
        (1.0, 0.0) => false,
        (2.0, -1.0) => true,
        _ => return refuse("it scales its input (network.input_scale, network.input_shift)"),
    };
    if network.norm_groups == 0 {
        return refuse("it does not normalise (network.norm_groups = 0)");
    }
    let middle_groups = match (network.mid_attention_norm_groups, network.scale_shift) {
        (Some(0), false) => return refuse("its middle attention has no norm"),
        (Some(0), true) | (None, false) => None,
        (groups, _) => Some(groups.unwrap_or(network.norm_groups)),
    };
    if network.quarter_groups
        && (0..network.channels.len()).any(|level| network.down_kind(level) != Resample::Skip)
    {
        return refuse("its middle has other groups than its levels (network.quarter_groups)");
    }
    let levels = 0..network.channels.len();
    let up_levels = network.up_attention_levels.as_ref().unwrap_or(&network.attention_levels);
    let (mut down_type, mut up_type) = (None, None);
    let down: Vec<Option<&str>> = levels
        .clone()
        .map(|level| {
            let kind = network.down_kind(level);
            match (kind, network.attention_levels.contains(&level)) {
                (Resample::Conv, false) => Some("DownBlock2D"),
                (Resample::Resnet, false) => Some("ResnetDownsampleBlock2D"),
                (Resample::Skip, false) => Some("SkipDownBlock2D"),
                (Resample::Skip, true) => Some("AttnSkipDownBlock2D"),
                (kind, true) => (*down_type.get_or_insert(kind) == kind).then_some("AttnDownBlock2D"),
            }
        })
        .collect();
    let up: Vec<Option<&str>> = levels
        .rev()
        .map(|level| {
            let kind = network.up_kind(level);
            match (kind, up_levels.contains(&level)) {
                (Resample::Conv, false) => Some("UpBlock2D"),
                (Resample::Resnet, false) => Some("ResnetUpsampleBlock2D"),
                (Resample::Skip, false) => Some("SkipUpBlock2D"),
                (Resample::Skip, true) => Some("AttnSkipUpBlock2D"),
                (kind, true) => (*up_type.get_or_insert(kind) == kind).then_some("AttnUpBlock2D"),
            }
        })
        .collect();
    if down.contains(&None) || up.contains(&None) {
        return refuse("its levels with attention resample in several ways");
    }
    let kind = |kind: Option<Resample>| if kind == Some(Resample::Resnet) { "resnet" } else { "conv" };
    let whole = |value: f64| if value.fract() == 0.0 { json!(value as i64) } else { json!(value) };
    let classes = network.classes + usize::from(network.null_class && network.classes > 0);
    Ok(json!({
        "_class_name": "UNet2DModel",
        "_diffusers_version": crate::DIFFUSERS,
        "act_fn": match network.activation {
            Activation::Silu => "silu",
            Activation::Relu => "relu",
            Activation::Gelu => "gelu",
            Activation::Mish => "mish",
        },
        "add_attention": network.mid_attention,
        "attention_head_dim": network.attention_head_dim,
        "attn_norm_num_groups": middle_groups,
        "block_out_channels": network.channels,
        "center_input_sample": center,
        "class_embed_type": null,
        "down_block_types": down,
        "downsample_padding": network.downsample_padding,
        "downsample_type": kind(down_type),
        "dropout": network.dropout,
        "flip_sin_to_cos": network.flip_sin_to_cos,
        "freq_shift": whole(network.freq_shift),
        "in_channels": network.in_channels,
        "layers_per_block": network.layers_per_block,
        "mid_block_scale_factor": whole(network.mid_block_scale_factor),
        "mid_block_type": network.mid_block.then_some("UNetMidBlock2D"),
        "norm_eps": network.norm_eps,
        "norm_num_groups": (!network.quarter_groups).then_some(network.norm_groups),
        "num_class_embeds": (classes > 0).then_some(classes),
        "num_train_timesteps": (network.learned_steps > 0).then_some(network.learned_steps),
        "out_channels": network.out_channels,
        "resnet_time_scale_shift": if network.scale_shift { "scale_shift" } else { "default" },
        "sample_size": if width == height { json!(width) } else { json!([height, width]) },
        "time_embedding_dim": network.embedding_dim,
        "time_embedding_type": if network.learned_steps > 0 { "learned" } else { "positional" },
        "up_block_types": up,
        "upsample_type": kind(up_type),
    }))
}
