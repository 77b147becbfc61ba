//! The settings of a model: what it is trained on, its network, its diffusion, its training and how it is sampled. They
//! are written as TOML; presets are such files with their measured result.

mod autoencoder;
mod distill;
mod fingerprint;
mod init;
mod latent;
mod origin;
mod reader;
pub(crate) mod text;

use langevin_model::{SampleSettings, Task};
use langevin_nn::NetworkConfig;
use langevin_process::{DiffusionSpec, Error, Result, limits};
use langevin_train::TrainConfig;
use serde::{Deserialize, Serialize};

pub use autoencoder::AutoencoderSettings;
pub use distill::Distill;
pub use init::Init;
pub use latent::LatentSettings;
pub use origin::Origin;
pub use text::TextSettings;

/// Everything about a model and its training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The images.
    pub data: DataSettings,
    /// The noise and what the network predicts.
    pub diffusion: DiffusionSpec,
    /// The network.
    pub network: NetworkConfig,
    /// What is restored, where the model is a restorer; absent, it draws images by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// An autoencoder, where one is trained in place of a denoiser; diffusion, network and sample say nothing then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoencoder: Option<AutoencoderSettings>,
    /// The autoencoder whose latents are learned, where the model is not one of pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent: Option<LatentSettings>,
    /// The encoder of captions, where the model is text-conditioned.
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
    /// What the run was begun with; stands in `run.toml` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Origin>,
}

/// What images the model is trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSettings {
    /// Side of the square images in pixels; `0` takes the size of the data set's first image.
    pub size: usize,
    /// Channels: 1 gray, 3 colour, 4 with alpha; `0` takes those of the data set.
    pub channels: usize,
    /// Tell the network the class of each image, so that one can be asked for.
    pub class_conditional: bool,
    /// Train on parts of `size` x `size` pixels from anywhere in the images, at their own scale: for a prior that restores
    /// images of any size.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub patches: bool,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self { size: 32, channels: 0, class_conditional: false, patches: false }
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

    /// Whether every number lies in its range, as far as that is known without the data.
    ///
    /// # Errors
    /// Usage, naming the setting, its value and what it may be.
    pub fn check(&self) -> Result<()> {
        limits::check("data.size", self.data.size as u64, 0, limits::SIDE)?;
        limits::check("data.channels", self.data.channels as u64, 0, 4)?;
        self.train.check()?;
        if let Some(text) = &self.text {
            text.check()?;
        }
        if let Some(latent) = &self.latent {
            limits::check("latent.images", latent.images, 1, limits::IMAGES)?;
        }
        if let Some(distill) = &self.distill {
            limits::check("distill.steps", distill.steps as u64, 1, limits::STEPS)?;
            limits::check("distill.from", distill.from as u64, 0, limits::STEPS)?;
            let strongest = limits::CFG_SCALE;
            limits::check("distill.cfg_scale", distill.cfg_scale, -strongest, strongest)?;
        }
        if self.autoencoder.is_some() { Ok(()) } else { self.sample.check() }
    }

    /// Settings from layers of TOML, later ones over earlier ones; what none names has its default.
    ///
    /// # Errors
    /// Usage, naming the layer: not TOML, an unknown key (with the nearest), a value of the wrong type.
    pub fn from_layers(layers: &[(&str, &str)]) -> Result<Self> {
        let mut whole = toml::Table::new();
        for (name, text) in layers {
            let layer: toml::Table = text.parse().map_err(|error: toml::de::Error| {
                Error::usage(error.message().lines().next().unwrap_or_default()).within(name)
            })?;
            // Checked alone first, so that a mistake is blamed on the file it is in.
            reader::read::<Settings>(layer.clone()).map_err(|mistake| mistake.within(name))?;
            merge(&mut whole, with_current_names(layer));
        }
        reader::read(whole).map_err(|mistake| mistake.within("settings"))
    }
}

/// The settings of the TOML `text`, called `name` in messages, with `flags` on top.
///
/// # Errors
/// As [`settings_layers`].
pub(crate) fn layered(name: &str, text: &str, flags: &[String]) -> Result<Settings> {
    let mut layers = vec![(name.to_owned(), text.to_owned())];
    for flag in flags {
        check_integer(flag)?;
        let (key, value) = flag
            .split_once('=')
            .ok_or_else(|| Error::usage(format!("--set {flag}: is not of the form section.key=value")))?;
        let literal = format!("{key} = {value}");
        let is_literal = literal.parse::<toml::Table>().is_ok();
        layers.push((flag.clone(), if is_literal { literal } else { format!("{key} = {value:?}") }));
    }
    let layers: Vec<(&str, &str)> =
        layers.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let settings = Settings::from_layers(&layers)?;
    settings.check()?;
    Ok(settings)
}

/// Refuses a whole number that TOML cannot hold, which would else be taken for a text.
fn check_integer(flag: &str) -> Result<()> {
    let value = flag.split_once('=').map_or("", |(_, value)| value.trim());
    let digits = value.trim_start_matches(['+', '-']);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole && value.parse::<i64>().is_err() {
        return Err(
            Error::usage(format!("{flag}: is too large a number")).hint(format!("at most {}", i64::MAX))
        );
    }
    Ok(())
}

/// Settings that were renamed: section, old name, name.
const RENAMED: [(&str, &str, &str); 2] =
    [("train", "validation_pictures", "validation_images"), ("latent", "pictures", "images")];

/// `layer` with today's names, so that an old name in one layer and the new one in another are one setting.
fn with_current_names(mut layer: toml::Table) -> toml::Table {
    for (section, old, new) in RENAMED {
        let Some(toml::Value::Table(section)) = layer.get_mut(section) else { continue };
        if let Some(value) = section.remove(old) {
            section.insert(new.to_owned(), value);
        }
    }
    layer
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
    fn old_names_of_settings_override_new_ones_and_are_overridden_by_them() {
        let images = |layers: &[(&str, &str)]| Settings::from_layers(layers).unwrap().train.validation_images;
        let (old, new) = ("train.validation_pictures = 3", "train.validation_images = 5");
        assert_eq!(images(&[("a", new), ("b", old)]), 3);
        assert_eq!(images(&[("a", old), ("b", new)]), 5);
        let latent =
            Settings::from_layers(&[("a", "latent.images = 4"), ("b", "latent.pictures = 9")]).unwrap();
        assert_eq!(latent.latent.unwrap().images, 9);
        assert!(Settings::from_layers(&[("a", &format!("{old}\n{new}"))]).is_err());
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
