//! What changes a pipeline of Stable Diffusion as it is opened: LoRA files, and blocks of its encoders of texts that are skipped.

use langevin_core::{Error, Result, path_of};
use langevin_hub::LatentPipeline;
use serde::{Deserialize, Serialize};

/// Largest strength of a LoRA, on both sides of 0.
const MOST: f64 = 100.0;

/// A LoRA file and how much of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lora {
    /// The file.
    pub path: String,
    /// What its change is multiplied by.
    pub strength: f64,
}

impl Lora {
    /// Reads `FILE` or `FILE:STRENGTH`; what follows the last colon is the strength if it is a number, else a part of the name.
    ///
    /// # Errors
    /// Usage: no name, a strength that is not between -100 and 100.
    pub fn parse(spec: &str) -> Result<Self> {
        let whole = || Self { path: spec.to_owned(), strength: 1.0 };
        let numbered =
            spec.rsplit_once(':').and_then(|(path, end)| Some((path, end.trim().parse::<f64>().ok()?)));
        let lora = match numbered {
            Some(_) if path_of(spec).is_file() => whole(),
            Some((path, strength)) => Self { path: path.to_owned(), strength },
            None => whole(),
        };
        if lora.path.is_empty() {
            return Err(Error::usage(format!("--lora {spec}: names no file")));
        }
        if !(-MOST..=MOST).contains(&lora.strength) {
            return Err(Error::usage(format!(
                "--lora {spec}: the strength is {}, not a number between -{MOST} and {MOST}",
                lora.strength
            ))
            .hint("1 is the whole change, 0.5 half of it"));
        }
        Ok(lora)
    }
}

/// What changes a pipeline as it is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adaptation {
    /// LoRA files, each `FILE` or `FILE:STRENGTH`, added in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lora: Vec<String>,
    /// Blocks at the end of the encoders of texts that are skipped, beyond those that always are.
    #[serde(skip_serializing_if = "is_zero")]
    pub clip_skip: usize,
}

/// For leaving zeros out.
pub fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Adaptation {
    /// Whether nothing changes.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// What is recorded in images, in the grammar of A1111: nothing, or its parts each with a comma before it. Its "Clip skip" of 1 skips
    /// nothing.
    pub fn to_a1111(&self) -> String {
        let skip =
            if self.clip_skip > 0 { format!(", Clip skip: {}", self.clip_skip + 1) } else { String::new() };
        if self.lora.is_empty() { skip } else { format!("{skip}, Lora: {:?}", self.lora.join(", ")) }
    }

    /// Adds the LoRA files to the weights of `pipeline`.
    pub(crate) fn merge(&self, pipeline: &mut LatentPipeline) -> Result<()> {
        for spec in &self.lora {
            let Lora { path, strength } = Lora::parse(spec)?;
            let file = path_of(&path);
            if !file.exists() {
                return Err(Error::bad_input(format!("{path}: there is no such file"))
                    .hint("--lora takes FILE, or FILE:STRENGTH with a number such as 0.8"));
            }
            langevin_hub::merge_lora(pipeline, &file, strength)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strength_is_after_the_last_colon_if_it_is_a_number() {
        for (spec, path, strength) in [
            ("a.safetensors", "a.safetensors", 1.0),
            ("a.safetensors:0.8", "a.safetensors", 0.8),
            ("a.safetensors:-1", "a.safetensors", -1.0),
            ("C:\\a.safetensors", "C:\\a.safetensors", 1.0),
            ("a:b.safetensors", "a:b.safetensors", 1.0),
            ("a:2:0.5", "a:2", 0.5),
        ] {
            assert_eq!(Lora::parse(spec).unwrap(), Lora { path: path.to_owned(), strength }, "{spec}");
        }
        for spec in ["a:nan", "a:inf", "a:1e9", ":0.5", ""] {
            assert_eq!(Lora::parse(spec).unwrap_err().exit_code(), 2, "{spec}");
        }
        assert_eq!(
            Adaptation { lora: vec!["a:0.5".to_owned()], clip_skip: 1 }.to_a1111(),
            ", Clip skip: 2, Lora: \"a:0.5\""
        );
    }
}
