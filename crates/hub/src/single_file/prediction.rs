//! What a single file does not hold: the noise its network was trained with, what it predicts, the size of its images.

use std::collections::BTreeMap;
use std::path::Path;

use langevin_core::{Error, Result};
use serde_json::{Value, json};

use super::layout::Kind;
use crate::scheduler::Sampling;
use crate::schedulers;

/// What is known of a file beside its weights.
#[derive(Debug)]
pub struct Known<'a> {
    /// Which Stable Diffusion.
    pub kind: Kind,
    /// The file.
    pub path: &'a Path,
    /// Its metadata.
    pub metadata: &'a BTreeMap<String, String>,
    /// Whether it has the tensor `v_pred`, by which later SDXL checkpoints say that they predict v.
    pub says_v: bool,
    /// Whether it has the tensor `ztsnr`: the last level is noise alone.
    pub zero_snr: bool,
    /// Whether the network is conditioned on more than latents: none of those predicts v.
    pub inpaints: bool,
}

impl Known<'_> {
    /// The way to sample, and width and height of the images in pixels: those that ModelSpec's metadata say, else the published ones.
    ///
    /// # Errors
    /// Bad input: metadata that say what is not read.
    pub fn sampling(&self) -> Result<(Sampling, (usize, usize))> {
        let (v, assumed) = self.predicts_v()?;
        let size = match (self.resolution()?, self.kind, v) {
            (Some(size), ..) => size,
            (None, Kind::One, _) | (None, Kind::Two, false) => (512, 512),
            (None, Kind::Two, true) => (768, 768),
            (None, Kind::Xl, _) => (1024, 1024),
        };
        let mut config = json!({
            "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
            "steps_offset": 1, "prediction_type": if v { "v_prediction" } else { "epsilon" },
        });
        let mut add = |more: Value| {
            for (key, value) in more.as_object().into_iter().flatten() {
                config[key] = value.clone();
            }
        };
        // The schedulers of the published folders.
        let class = match (self.kind, v) {
            (Kind::Xl, _) if !self.zero_snr => {
                add(json!({"timestep_spacing": "leading"}));
                "EulerDiscreteScheduler"
            }
            (_, true) => {
                add(json!({"clip_sample": false, "set_alpha_to_one": false}));
                if self.zero_snr {
                    add(json!({"rescale_betas_zero_snr": true, "timestep_spacing": "trailing"}));
                }
                "DDIMScheduler"
            }
            (_, false) => {
                add(json!({"skip_prk_steps": true, "set_alpha_to_one": false}));
                "PNDMScheduler"
            }
        };
        let mut sampling = schedulers::read(class, config.as_object().expect("an object"))?;
        if assumed {
            let name = self.path.file_stem().unwrap_or_default().to_string_lossy();
            sampling.notes.push(format!(
                "Stable Diffusion 2 predicts v or the noise, and this file does not say which: taken to predict v at {}x{}, as 2.1 does; \
                if images are noise, write the line \"parameterization: eps\" into {name}.yaml next to it",
                size.0, size.1
            ));
        }
        Ok((sampling, size))
    }

    /// Whether the network predicts v, and whether that is a guess.
    fn predicts_v(&self) -> Result<(bool, bool)> {
        // What the configs that go with such files say, under the file's own name.
        let beside = std::fs::read_to_string(self.path.with_extension("yaml")).ok();
        let line = beside
            .as_deref()
            .and_then(|text| text.lines().find_map(|line| line.trim().strip_prefix("parameterization:")));
        if let Some(said) = line {
            return Ok((self.one_of(said, "parameterization in its .yaml")?, false));
        }
        if let Some(said) = self.metadata.get("modelspec.prediction_type") {
            return Ok((self.one_of(said, "modelspec.prediction_type")?, false));
        }
        let architecture = self.metadata.get("modelspec.architecture").map_or("", String::as_str);
        Ok(match (self.kind, architecture) {
            _ if self.says_v => (true, false),
            (Kind::Two, named) if named.contains("v2-768-v") => (true, false),
            (Kind::Two, named) if named.contains("v2-512") => (false, false),
            (Kind::Two, _) => (!self.inpaints, !self.inpaints),
            _ => (false, false),
        })
    }

    fn one_of(&self, said: &str, place: &str) -> Result<bool> {
        match said.trim().trim_matches(['"', '\'']) {
            "v" | "v_prediction" | "v-prediction" => Ok(true),
            "eps" | "epsilon" => Ok(false),
            other => {
                let other: String = other.chars().take(60).collect();
                Err(Error::bad_input(format!("{place} is {other:?}, which is not read"))
                    .hint("it may be epsilon or v"))
            }
        }
    }

    /// Width and height that the metadata say.
    fn resolution(&self) -> Result<Option<(usize, usize)>> {
        let Some(said) = self.metadata.get("modelspec.resolution") else { return Ok(None) };
        let side = |text: &str| text.trim().parse().ok().filter(|side| (8..=16_384).contains(side));
        let size = match said.split_once('x') {
            Some((width, height)) => side(width).zip(side(height)),
            None => side(said).map(|side: usize| (side, side)),
        };
        size.map(Some).ok_or_else(|| {
            let said: String = said.chars().take(60).collect();
            Error::bad_input(format!("modelspec.resolution is {said:?}, which is no size"))
        })
    }
}
