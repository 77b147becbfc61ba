//! The presets that come with the binary: `presets/*.toml`, each with its measured result in its head.

use langevin_core::path_of;
use langevin_process::{Error, Result, folded, nearest};

use crate::training::settings::{Settings, layered};

/// One preset.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// What users type.
    pub name: &'static str,
    /// The TOML text.
    pub text: &'static str,
}

/// All presets, the default first.
pub const PRESETS: &[Preset] = &[
    Preset { name: "builtin", text: include_str!("../../../../presets/builtin.toml") },
    Preset { name: "mnist", text: include_str!("../../../../presets/mnist.toml") },
    Preset { name: "mnist-score-vp", text: include_str!("../../../../presets/mnist-score-vp.toml") },
    Preset { name: "mnist-score-subvp", text: include_str!("../../../../presets/mnist-score-subvp.toml") },
    Preset { name: "mnist-score-ve", text: include_str!("../../../../presets/mnist-score-ve.toml") },
    Preset { name: "cifar10", text: include_str!("../../../../presets/cifar10.toml") },
    Preset { name: "folder32", text: include_str!("../../../../presets/folder32.toml") },
    Preset { name: "folder64", text: include_str!("../../../../presets/folder64.toml") },
    Preset { name: "photo-gray", text: include_str!("../../../../presets/photo-gray.toml") },
    Preset { name: "photo", text: include_str!("../../../../presets/photo.toml") },
    Preset { name: "upscale4", text: include_str!("../../../../presets/upscale4.toml") },
    Preset { name: "inpaint", text: include_str!("../../../../presets/inpaint.toml") },
    Preset { name: "autoencoder", text: include_str!("../../../../presets/autoencoder.toml") },
    Preset { name: "latent", text: include_str!("../../../../presets/latent.toml") },
    Preset { name: "dit", text: include_str!("../../../../presets/dit.toml") },
    Preset { name: "ddpm", text: include_str!("../../../../presets/ddpm.toml") },
    Preset { name: "tiny", text: include_str!("../../../../presets/tiny.toml") },
];

impl Preset {
    /// The preset called `name`.
    ///
    /// # Errors
    /// Usage, with the nearest name.
    pub fn find(name: &str) -> Result<&'static Preset> {
        PRESETS.iter().find(|preset| folded(preset.name) == folded(name)).ok_or_else(|| {
            let names = || PRESETS.iter().map(|preset| preset.name);
            let error = Error::usage(format!("no preset is called \"{name}\""));
            match nearest(name, names()) {
                Some(near) => error.hint(format!("did you mean \"{near}\"?")),
                None => error.hint(format!(
                    "there are: {}; or give the path of a .toml file",
                    names().collect::<Vec<_>>().join(", ")
                )),
            }
        })
    }

    /// Its first comment line: what it is for.
    pub fn summary(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches('#').trim()
    }

    /// Its settings.
    ///
    /// # Errors
    /// None for a preset that comes with the binary; a test holds that.
    pub fn settings(&self) -> Result<Settings> {
        Settings::from_layers(&[(self.name, self.text)])
    }
}

/// Most bytes of a file with settings.
const MOST_BYTES: u64 = 1 << 20;

/// The settings of `preset` (a preset's name or the path of a TOML file) with `flags` (`section.key=value`, the value as in
/// TOML, text also without quotes) on top; and the name to remember the preset by.
///
/// # Errors
/// Usage: an unknown preset or key (with the nearest), a file that cannot be read.
pub fn settings_layers(preset: &str, flags: &[String]) -> Result<(String, Settings)> {
    let (name, text) = if preset.ends_with(".toml") || preset.contains('/') {
        let text = langevin_files::text::read(path_of(preset), MOST_BYTES).map_err(|error| {
            let advice = error.advice().unwrap_or("give a preset's name or a TOML file").to_owned();
            Error::usage(error.message()).hint(advice)
        })?;
        (preset.to_owned(), text)
    } else {
        let preset = Preset::find(preset)?;
        (preset.name.to_owned(), preset.text.to_owned())
    };
    let settings = layered(&name, &text, flags)?;
    Ok((name, settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_parses_and_is_sound() {
        for preset in PRESETS {
            let settings = preset.settings().unwrap_or_else(|error| panic!("{}: {error}", preset.name));
            settings.train.check().unwrap();
            langevin_process::Diffusion::new(&settings.diffusion).unwrap();
            langevin_sample::SAMPLERS.build(&settings.sample.sampler).unwrap();
            langevin_process::SPACINGS.build(&settings.sample.spacing).unwrap();
            assert!(preset.summary().len() > 10, "{}", preset.name);
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_name() {
        assert_eq!(
            Preset::find("minst").unwrap_err().to_string(),
            "no preset is called \"minst\" (did you mean \"mnist\"?)"
        );
    }
}
