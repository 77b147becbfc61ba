//! The config of a diffusers `AutoencoderKL` or `VQModel` as ours.

use std::path::Path;

use langevin_core::{Error, NamedTensors, Result};
use langevin_nn::AutoencoderConfig;
use serde_json::{Map, Value, json};

use crate::fields::Fields;
use crate::folder::{read_json, within};
use crate::names::to_ours;
use crate::refusal::refused;
use crate::text::notes;
use crate::weights::read_weights;

/// An autoencoder as its folder describes it.
#[derive(Debug, Clone)]
pub struct AutoencoderParts {
    /// The network.
    pub network: AutoencoderConfig,
    /// Its tensors, under our names.
    pub tensors: NamedTensors,
    /// What latents are multiplied by before a diffusion model sees them, after [`AutoencoderParts::shift`] is subtracted; one number, or
    /// one for each channel.
    pub scale: Vec<f64>,
    /// What is subtracted.
    pub shift: Vec<f64>,
    /// What was passed over.
    pub notes: Vec<String>,
}

/// Our config of the autoencoder that `json` (a `vae/config.json`) describes, its scale and shift, and the keys that were passed over;
/// keys left out have the defaults of diffusers 0.42.
///
/// # Errors
/// Bad input: another class, a type of block or an option that is not read, a value of the wrong type.
pub(crate) fn read(json: &Map<String, Value>) -> Result<(AutoencoderConfig, [Vec<f64>; 2], Vec<String>)> {
    let fields = Fields::new(json);
    let class = json.get("_class_name").and_then(Value::as_str).unwrap_or("AutoencoderKL");
    let quantised = match class {
        "AutoencoderKL" => false,
        "VQModel" => true,
        other => {
            return Err(Error::bad_input(format!(
                "is a {other}, and only AutoencoderKL and VQModel are read"
            )));
        }
    };
    for (key, plain) in
        [("act_fn", json!("silu")), ("norm_type", json!("group")), ("lookup_from_codebook", json!(false))]
    {
        if fields.value(key).is_some_and(|value| *value != plain) {
            return Err(Error::bad_input(format!("\"{key}\" is {}, and only {plain} is read", json[key])));
        }
    }
    let levels = fields.counts("block_out_channels", &[64])?;
    for (key, only) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
        let types = fields.texts(key, &[only])?;
        if types.len() != levels.len() || types.iter().any(|name| name != only) {
            return Err(Error::bad_input(format!(
                "\"{key}\" has {}, where {} times {only} is read",
                types.join(", "),
                levels.len()
            )));
        }
    }
    let channels = fields.count("in_channels", 3)?;
    if fields.count("out_channels", 3)? != channels {
        return Err(Error::bad_input("its images come back with other channels, which is not read"));
    }
    let (before, after) = (fields.flag("use_quant_conv", true)?, fields.flag("use_post_quant_conv", true)?);
    if before != after {
        return Err(Error::bad_input(
            "\"use_quant_conv\" and \"use_post_quant_conv\" differ, which is not read",
        ));
    }
    let latent_channels = fields.count("latent_channels", if quantised { 3 } else { 4 })?;
    let codebook = if quantised { fields.count("num_vq_embeddings", 256)? } else { 0 };
    let dim = if quantised && !fields.is_null("vq_embed_dim") {
        Some(fields.count("vq_embed_dim", latent_channels)?).filter(|dim| *dim != latent_channels)
    } else {
        None
    };
    let network = AutoencoderConfig {
        channels,
        levels,
        layers_per_block: fields.count("layers_per_block", 1)?,
        latent_channels,
        norm_groups: fields.count("norm_num_groups", 32)?,
        mid_attention: fields.flag("mid_block_add_attention", true)?,
        quant_conv: before,
        codebook,
        codebook_dim: dim,
    };
    network.check().map_err(|error| Error::bad_input(error.message().to_owned()))?;
    let scale = fields.number("scaling_factor", 0.18215)?;
    let shift = if fields.is_null("shift_factor") { 0.0 } else { fields.number("shift_factor", 0.0)? };
    let each = |key: &'static str| -> Result<Option<Vec<f64>>> {
        let Some(values) = fields.value(key).filter(|value| !value.is_null()) else { return Ok(None) };
        let numbers =
            values.as_array().map(|list| list.iter().filter_map(Value::as_f64).collect::<Vec<f64>>());
        match numbers {
            Some(numbers) if numbers.len() == network.code_dim() => Ok(Some(numbers)),
            _ => Err(Error::bad_input(format!("\"{key}\" has not one number for each channel"))),
        }
    };
    let (means, deviations) = (each("latents_mean")?, each("latents_std")?);
    let (shift, scale) = match (means, deviations) {
        (Some(means), Some(deviations)) => {
            // diffusers: (latent - mean) * scaling_factor / std.
            (means, deviations.iter().map(|deviation| scale / deviation).collect())
        }
        _ => (vec![shift; network.code_dim()], vec![scale; network.code_dim()]),
    };
    if scale.iter().any(|scale| !scale.is_finite() || *scale == 0.0) {
        return Err(Error::bad_input("\"scaling_factor\" is 0 or no number"));
    }
    let passed_over = ["sample_size", "force_upcast"];
    let unknown =
        fields.unknown().into_iter().filter(|key| !passed_over.contains(key)).map(str::to_owned).collect();
    Ok((network, [scale, shift], unknown))
}

/// The `vae/config.json` of an autoencoder whose latents have this width and height, with what is subtracted from each channel and what
/// they are multiplied by then.
///
/// # Errors
/// Usage, for what an `AutoencoderKL` of a pipeline cannot be.
pub(crate) fn write(
    network: &AutoencoderConfig,
    [shift, scale]: [&[f64]; 2],
    (width, height): (usize, usize),
) -> Result<Value> {
    if network.codebook > 0 {
        return refused("an autoencoder with a codebook");
    }
    let same = |values: &[f64]| values.iter().all(|value| *value == values[0]);
    if !same(scale) || !same(shift) || shift[0] != 0.0 {
        return refused("statistics for each channel of latents");
    }
    let types = |name: &str| vec![name.to_owned(); network.levels.len()];
    Ok(json!({
        "_class_name": "AutoencoderKL",
        "_diffusers_version": crate::DIFFUSERS,
        "act_fn": "silu",
        "block_out_channels": network.levels,
        "down_block_types": types("DownEncoderBlock2D"),
        "force_upcast": true,
        "in_channels": network.channels,
        "latent_channels": network.latent_channels,
        "layers_per_block": network.layers_per_block,
        "mid_block_add_attention": network.mid_attention,
        "norm_num_groups": network.norm_groups,
        "out_channels": network.channels,
        "sample_size": network.factor() * width.max(height),
        "scaling_factor": scale[0],
        "shift_factor": null,
        "up_block_types": types("UpDecoderBlock2D"),
        "use_post_quant_conv": network.quant_conv,
        "use_quant_conv": network.quant_conv,
    }))
}

/// Reads the folder of an `AutoencoderKL` or a `VQModel`, such as a pipeline's `vae`.
///
/// # Errors
/// Bad input, beginning with the file's name: a part that is missing, cut short, of another class or with options that are not
/// read.
pub fn read_autoencoder(folder: &Path) -> Result<AutoencoderParts> {
    let file = folder.join("config.json");
    let (network, [scale, shift], unknown) =
        read(&read_json(&file)?).map_err(|error| within(error, &file))?;
    let (tensors, _) = read_weights(folder)?;
    let notes = notes("the autoencoder", &unknown);
    Ok(AutoencoderParts { network, tensors: to_ours(tensors), scale, shift, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<(AutoencoderConfig, [Vec<f64>; 2], Vec<String>)> {
        read(&crate::json::object(text.as_bytes()).unwrap())
    }

    #[test]
    fn the_autoencoder_of_stable_diffusion_is_read() {
        let types = |name: &str| format!("[{0}, {0}, {0}, {0}]", format!("\"{name}\""));
        let config = format!(
            r#"{{"_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [128, 256, 512, 512],
            "down_block_types": {}, "up_block_types": {}, "in_channels": 3, "out_channels": 3, "latent_channels": 4,
            "layers_per_block": 2, "norm_num_groups": 32, "sample_size": 512, "colour": "blue"}}"#,
            types("DownEncoderBlock2D"),
            types("UpDecoderBlock2D")
        );
        let (network, [scale, shift], unknown) = of(&config).unwrap();
        assert_eq!((network.factor(), network.code_dim(), network.layers_per_block), (8, 4, 2));
        assert_eq!((scale, shift, unknown), (vec![0.18215; 4], vec![0.0; 4], vec!["colour".to_owned()]));
        // Its 83,653,863 numbers.
        let count: usize = langevin_nn::parameters(&network.init(0, &burn::tensor::Device::flex()).unwrap())
            .iter()
            .map(|(_, shape)| shape.iter().product::<usize>())
            .sum();
        assert_eq!(count, 83_653_863);
    }

    #[test]
    fn statistics_of_each_channel_are_read() {
        let (_, [scale, shift], _) = of(
            r#"{"latent_channels": 2, "latents_mean": [1.0, 2.0], "latents_std": [0.5, 4.0], "scaling_factor": 2.0, "norm_num_groups": 8}"#,
        )
        .unwrap();
        assert_eq!((scale, shift), (vec![4.0, 0.5], vec![1.0, 2.0]));
    }

    #[test]
    fn what_is_not_read_is_named() {
        for (config, part) in [
            (r#"{"_class_name": "AutoencoderTiny"}"#, "AutoencoderTiny"),
            (r#"{"act_fn": "relu"}"#, "act_fn"),
            (r#"{"down_block_types": ["AttnDownEncoderBlock2D"]}"#, "AttnDownEncoderBlock2D"),
            (r#"{"out_channels": 4}"#, "other channels"),
            (r#"{"use_quant_conv": false}"#, "use_post_quant_conv"),
            (r#"{"scaling_factor": 0}"#, "scaling_factor"),
            (r#"{"norm_num_groups": 7}"#, "norm_groups = 7"),
        ] {
            let error = of(config).unwrap_err();
            assert!(error.exit_code() == 3 && error.to_string().contains(part), "{config}: {error}");
        }
    }
}
