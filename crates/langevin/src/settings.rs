//! The settings of a model: what it is trained on, its network, its diffusion, its training and how it is sampled. They
//! are written as TOML; presets are such files with their measured result.

use langevin_nn::NetworkConfig;
use langevin_process::{DiffusionSpec, Error, Result, nearest};
use langevin_train::TrainConfig;
use serde::{Deserialize, Serialize};

use crate::autoencoding::AutoencoderSettings;
use crate::distilling::Distill;
use crate::fine_tuning::Init;
use crate::latents::LatentSettings;
use crate::own::Grid;
use crate::restorer::Task;
use crate::texts::TextSettings;
use crate::tuned::Tuned;

/// Everything about a model and its training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The pictures.
    pub data: DataSettings,
    /// The noise and what the network predicts.
    pub diffusion: DiffusionSpec,
    /// The network.
    pub network: NetworkConfig,
    /// What is restored, where the model is a restorer; absent, it draws pictures by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// An autoencoder, where one is trained in place of a denoiser; diffusion, network and sample say nothing then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoencoder: Option<AutoencoderSettings>,
    /// The autoencoder whose latents are learned, where the model is not one of pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent: Option<LatentSettings>,
    /// The encoder of captions, where the model is told of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<TextSettings>,
    /// The training.
    pub train: TrainConfig,
    /// How to sample when nothing else is said.
    pub sample: SampleSettings,
    /// The model whose weights training begins with, where it does not begin with random ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
    /// What is distilled, and how, where the training is a distillation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distill: Option<Distill>,
}

/// What pictures the model is trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSettings {
    /// Side of the square pictures in pixels; `0` takes the size of the data set's first picture.
    pub size: usize,
    /// Channels: 1 gray, 3 colour, 4 with alpha; `0` takes those of the data set.
    pub channels: usize,
    /// Tell the network the class of each picture, so that one can be asked for.
    pub class_conditional: bool,
    /// Train on parts of `size` x `size` pixels from anywhere in the pictures, at their own scale: for a prior that restores
    /// pictures of any size.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub patches: bool,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self { size: 32, channels: 0, class_conditional: false, patches: false }
    }
}

/// How a model is sampled when nothing else is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleSettings {
    /// The sampler, as in `langevin list samplers`.
    pub sampler: String,
    /// The spacing of noise levels, as in `langevin list spacings`.
    pub spacing: String,
    /// Steps.
    pub steps: usize,
    /// Strength of classifier-free guidance; 1 is none.
    pub cfg_scale: f64,
    /// Clamp every denoised picture to the range of pictures.
    pub clip: bool,
    /// That range, to both sides of 0.
    #[serde(skip_serializing_if = "is_one")]
    pub clip_range: f64,
    /// In place of clamping, dynamic thresholding: `[quantile, most]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<[f64; 2]>,
    /// Start with noise of the deviation `sqrt(alpha^2 + sigma^2)` rather than sigma, as diffusers does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unit_start: bool,
    /// What served best at a number of calls, as `langevin bench-samplers` measured it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tuned: Vec<Tuned>,
    /// The levels of the spacing `own`, as `langevin bench-samplers --optimise-grid` measured them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grids: Vec<Grid>,
}

fn is_one(value: &f64) -> bool {
    *value == 1.0
}

impl Default for SampleSettings {
    fn default() -> Self {
        Self {
            sampler: "dpmpp_2m".to_owned(),
            spacing: "karras".to_owned(),
            steps: 20,
            cfg_scale: 1.0,
            clip: true,
            clip_range: 1.0,
            threshold: None,
            unit_start: false,
            tuned: Vec::new(),
            grids: Vec::new(),
        }
    }
}

impl Settings {
    /// The settings as TOML, without the sections that say nothing.
    pub fn to_toml(&self) -> String {
        let mut whole = toml::Table::try_from(self).expect("settings are plain values");
        if self.autoencoder.is_some() {
            for idle in ["diffusion", "network", "sample"] {
                whole.remove(idle);
            }
        }
        toml::to_string_pretty(&whole).expect("settings are plain values")
    }

    /// Settings from layers of TOML, later ones over earlier ones; what none names has its default.
    ///
    /// # Errors
    /// Usage, naming the layer: not TOML, an unknown key (with the nearest), a value of the wrong type.
    pub fn from_layers(layers: &[(&str, &str)]) -> Result<Self> {
        let mut whole = toml::Table::new();
        for (name, text) in layers {
            let layer: toml::Table =
                text.parse().map_err(|error: toml::de::Error| toml_error(name, &error))?;
            // Checked alone first, so that a mistake is blamed on the file it is in.
            let _: Settings =
                layer.clone().try_into().map_err(|error: toml::de::Error| toml_error(name, &error))?;
            merge(&mut whole, layer);
        }
        whole.try_into().map_err(|error: toml::de::Error| toml_error("settings", &error))
    }
}

/// The settings of `preset` (a preset's name or the path of a TOML file) with `flags` (`section.key=value`, the value as in
/// TOML, text also without quotes) on top; and the name to remember the preset by.
///
/// # Errors
/// Usage: an unknown preset or key (with the nearest), a file that cannot be read.
pub fn settings_layers(preset: &str, flags: &[String]) -> Result<(String, Settings)> {
    let (name, text) = if preset.ends_with(".toml") || preset.contains('/') {
        let text = std::fs::read_to_string(preset).map_err(|error| {
            Error::usage(format!("{preset}: {error}")).hint("give a preset's name or a TOML file")
        })?;
        (preset.to_owned(), text)
    } else {
        let preset = crate::presets::Preset::find(preset)?;
        (preset.name.to_owned(), preset.text.to_owned())
    };
    let settings = layered(&name, &text, flags)?;
    Ok((name, settings))
}

/// The settings of the TOML `text`, called `name` in messages, with `flags` on top.
///
/// # Errors
/// As [`settings_layers`].
pub(crate) fn layered(name: &str, text: &str, flags: &[String]) -> Result<Settings> {
    let mut layers = vec![(name.to_owned(), text.to_owned())];
    for flag in flags {
        let (key, value) = flag
            .split_once('=')
            .ok_or_else(|| Error::usage(format!("--set {flag}: is not of the form section.key=value")))?;
        let literal = format!("{key} = {value}");
        let is_literal = literal.parse::<toml::Table>().is_ok();
        layers.push((flag.clone(), if is_literal { literal } else { format!("{key} = {value:?}") }));
    }
    let layers: Vec<(&str, &str)> =
        layers.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Settings::from_layers(&layers)
}

fn merge(whole: &mut toml::Table, layer: toml::Table) {
    for (key, value) in layer {
        match (whole.get_mut(&key), value) {
            (Some(toml::Value::Table(before)), toml::Value::Table(after)) => merge(before, after),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}

/// serde names an unknown key or value and the known ones between backticks; the nearest of them is what was meant.
fn toml_error(name: &str, error: &toml::de::Error) -> Error {
    let message = error.message().lines().next().unwrap_or_default();
    let text = error.to_string();
    // Where the value is, as the last line: in `train.batch_size`.
    let place = text.lines().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`'));
    let mut quoted = message.split('`').skip(1).step_by(2);
    let what = match (message.strip_prefix("unknown "), quoted.next()) {
        (Some(rest), Some(word)) if rest.starts_with("field") => Some(("unknown key", word)),
        (Some(rest), Some(word)) if rest.starts_with("variant") => Some(("unknown value", word)),
        _ => None,
    };
    let within = |error: Error| match place {
        Some(place) if !name.contains(place) => error.within(format!("{name}: {place}")),
        _ => error.within(name),
    };
    match what.map(|(kind, word)| (kind, word, nearest(word, quoted))) {
        Some((kind, word, Some(near))) => {
            within(Error::usage(format!("{kind} \"{word}\"")).hint(format!("did you mean \"{near}\"?")))
        }
        _ => within(Error::usage(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_toml_and_layers_override() {
        let settings = Settings::from_layers(&[
            ("a", "[train]\nbatch_size = 8\nseed = 1\n[sample]\nsteps = 5"),
            ("b", "[train]\nseed = 2"),
        ])
        .unwrap();
        assert_eq!((settings.train.batch_size, settings.train.seed, settings.sample.steps), (8, 2, 5));
        let text = settings.to_toml();
        assert_eq!(Settings::from_layers(&[("c", &text)]).unwrap(), settings);
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest() {
        let error = Settings::from_layers(&[("my.toml", "[train]\nbatchsize = 8")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "my.toml: train: unknown key \"batchsize\" (did you mean \"batch_size\"?)"
        );
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_wrong_value_is_named_with_its_place() {
        let message = |text: &str| Settings::from_layers(&[("my.toml", text)]).unwrap_err().to_string();
        assert_eq!(
            message("[train]\ndecay = \"cosin\""),
            "my.toml: train.decay: unknown value \"cosin\" (did you mean \"cosine\"?)"
        );
        assert_eq!(
            message("[train]\nbatch_size = \"x\""),
            "my.toml: train.batch_size: invalid type: string \"x\", expected usize"
        );
    }
}
