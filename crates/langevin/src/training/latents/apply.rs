//! The autoencoder of a latent model in training, and what it decides of the settings.

use burn::tensor::Device;
use langevin_core::{Error, Result};
use langevin_model::Codec;

use crate::training::settings::{LatentSettings, Settings};

/// The autoencoder that is named.
///
/// # Errors
/// As [`Codec::open`]; bad input, where it is another one than these settings were made with.
pub(crate) fn open(settings: &mut LatentSettings, device: &Device) -> Result<Codec> {
    let (codec, hash) = Codec::open(&settings.autoencoder, device)?;
    if !settings.hash.is_empty() && settings.hash != hash {
        return Err(Error::bad_input(format!(
            "{}: is another autoencoder than the one that training began with ({hash}, and was {})",
            settings.autoencoder, settings.hash
        ))
        .hint("name the right one with --latent"));
    }
    settings.hash = hash;
    Ok(codec)
}

/// Makes `settings` those of a training on the latents of `codec`.
///
/// # Errors
/// Usage: what cannot be done with latents that are encoded once.
pub(crate) fn apply(settings: &mut Settings, codec: &Codec) -> Result<()> {
    let refused = [
        ("a task", settings.task.is_some()),
        ("data.patches", settings.data.patches),
        ("train.random_crop", settings.train.random_crop),
        ("train.turn", settings.train.turn),
        ("train.dequantise", settings.train.dequantise),
    ];
    if let Some((what, _)) = refused.iter().find(|(_, asked)| *asked) {
        return Err(Error::usage(format!("{what} does not go with latents, which are encoded once"))
            .hint("leave it out"));
    }
    settings.data.channels = codec.info.network.channels;
    // Latents have variance 1 in each channel and no bounds.
    settings.diffusion.sigma_data = 1.0;
    settings.sample.clip = false;
    Ok(())
}
