//! The decoder of a diffusers `AutoencoderTiny` (TAESD).

use std::path::Path;

use langevin_core::{Error, NamedTensors, Result};
use langevin_nn::TinyDecoderConfig;
use serde_json::{Map, Value, json};

use crate::fields::Fields;
use crate::folder::{read_json, within};
use crate::weights::read_weights;

/// Our config of the decoder that `json` describes; keys left out have the defaults of diffusers 0.42.
fn read(json: &Map<String, Value>) -> Result<TinyDecoderConfig> {
    let fields = Fields::new(json);
    let class = json.get("_class_name").and_then(Value::as_str).unwrap_or_default();
    if class != "AutoencoderTiny" {
        return Err(Error::bad_input(format!("is a {class}, where an AutoencoderTiny is expected")));
    }
    let plain = [
        ("act_fn", json!("relu")),
        ("upsample_fn", json!("nearest")),
        ("upsampling_scaling_factor", json!(2)),
        ("scaling_factor", json!(1.0)),
    ];
    for (key, value) in plain {
        if let Some(found) = fields.value(key)
            && *found != value
            && !found.as_f64().is_some_and(|found| Some(found) == value.as_f64())
        {
            return Err(Error::bad_input(format!("\"{key}\" is {found}, and only {value} is read")));
        }
    }
    let config = TinyDecoderConfig {
        channels: fields.count("out_channels", 3)?,
        latent_channels: fields.count("latent_channels", 4)?,
        levels: fields.counts("decoder_block_out_channels", &[64; 4])?,
        blocks: fields.counts("num_decoder_blocks", &[3, 3, 3, 1])?,
        magnitude: fields.number("latent_magnitude", 3.0)?,
    };
    config.check().map_err(|error| Error::bad_input(error.message().to_owned()))?;
    Ok(config)
}

/// Reads the decoder in the folder of an `AutoencoderTiny`, and its tensors.
///
/// # Errors
/// Bad input, beginning with the file's name: a part that is missing, cut short, of another class or with options that are not
/// read.
pub fn read_tiny_decoder(folder: &Path) -> Result<(TinyDecoderConfig, NamedTensors)> {
    let file = folder.join("config.json");
    let config = read(&read_json(&file)?).map_err(|error| within(error, &file))?;
    let (tensors, _) = read_weights(folder)?;
    let mut ours: NamedTensors =
        tensors.into_iter().filter(|(name, _)| name.starts_with("decoder.")).collect();
    // Some of its convolutions have no bias, and ours always have one.
    let bare: Vec<(String, usize)> = ours
        .iter()
        .filter_map(|(name, (shape, _))| Some((format!("{}.bias", name.strip_suffix(".weight")?), shape[0])))
        .filter(|(name, _)| !ours.contains_key(name))
        .collect();
    ours.extend(bare.into_iter().map(|(name, count)| (name, (vec![count], vec![0.0; count].into()))));
    Ok((config, ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_named() {
        let of = |text: &str| read(&crate::json::object(text.as_bytes()).unwrap());
        assert_eq!(of(r#"{"_class_name": "AutoencoderTiny"}"#).unwrap(), TinyDecoderConfig::default());
        for (config, part) in [
            (r#"{"_class_name": "AutoencoderKL"}"#, "AutoencoderKL"),
            (r#"{"_class_name": "AutoencoderTiny", "act_fn": "silu"}"#, "act_fn"),
            (r#"{"_class_name": "AutoencoderTiny", "scaling_factor": 0.18215}"#, "scaling_factor"),
            (r#"{"_class_name": "AutoencoderTiny", "num_decoder_blocks": [1]}"#, "blocks"),
        ] {
            let error = of(config).unwrap_err();
            assert!(error.exit_code() == 3 && error.to_string().contains(part), "{config}: {error}");
        }
    }
}
