//! What the product of a LoRA's matrices is multiplied by: `alpha / rank`, with `alpha` beside the matrices, in the file's metadata, or
//! nowhere, which is 1.

use std::collections::BTreeMap;

use langevin_core::{Error, Result};
use serde_json::{Map, Value};

use super::names::Part;

/// Where diffusers stores what PEFT knows of its matrices.
const KEY: &str = "lora_adapter_metadata";

/// What the metadata say.
#[derive(Debug, Default)]
pub struct Scales(Map<String, Value>);

impl Scales {
    /// From the metadata of a file.
    ///
    /// # Errors
    /// Bad input: metadata that are no JSON, or say that it is a DoRA.
    pub fn read(metadata: &BTreeMap<String, String>) -> Result<Self> {
        let Some(text) = metadata.get(KEY) else { return Ok(Self::default()) };
        let said = crate::json::object(text.as_bytes())
            .map_err(|error| Error::bad_input(format!("its {KEY} are no JSON object: {error}")))?;
        if said.iter().any(|(key, value)| key.ends_with("use_dora") && value == &Value::Bool(true)) {
            return Err(Error::bad_input("is a DoRA (magnitudes and directions apart), which is not read")
                .hint("only LoRA proper is read: an up and a down matrix for each weight"));
        }
        Ok(Self(said))
    }

    /// The factor of the `module` of our names, whose matrices have `rank` and this `alpha` beside them.
    pub fn of(&self, part: Part, module: &str, rank: usize, alpha: Option<f32>) -> f64 {
        let rank = rank as f64;
        if let Some(alpha) = alpha {
            return f64::from(alpha) / rank;
        }
        let part = match part {
            Part::Network => "unet",
            Part::Text(0) => "text_encoder",
            Part::Text(_) => "text_encoder_2",
        };
        let said = |key: &str| self.0.get(&format!("{part}.{key}"));
        // Modules are named by the end of their path.
        let is_named =
            |name: &str| module == name || module.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
        let own = said("alpha_pattern")
            .and_then(Value::as_object)
            .and_then(|pattern| pattern.iter().find(|(name, _)| is_named(name)).map(|(_, alpha)| alpha));
        match own.or_else(|| said("lora_alpha")).and_then(Value::as_f64) {
            None => 1.0,
            Some(alpha) if said("use_rslora") == Some(&Value::Bool(true)) => alpha / rank.sqrt(),
            Some(alpha) => alpha / rank,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_is_beside_the_matrices_in_the_metadata_or_one() {
        let text = r#"{"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_q": 2}, "text_encoder.lora_alpha": 6, "text_encoder.use_rslora": true}"#;
        let scales = Scales::read(&BTreeMap::from([(KEY.to_owned(), text.to_owned())])).unwrap();
        assert_eq!(scales.of(Part::Network, "mid_block.attn1.to_q", 4, None), 0.5);
        assert_eq!(scales.of(Part::Network, "mid_block.attn11.to_q", 4, None), 2.0);
        assert_eq!(scales.of(Part::Network, "mid_block.attn1.to_q", 4, Some(1.0)), 0.25);
        assert_eq!(scales.of(Part::Text(0), "q_proj", 4, None), 3.0);
        assert_eq!(scales.of(Part::Text(1), "q_proj", 4, None), 1.0);
    }
}
