//! What the files of CompVis are called inside: prefixes of their parts, and questions to the names and shapes of tensors.

use langevin_core::{Error, NamedTensors, Result};

pub(super) const UNET: &str = "model.diffusion_model.";
pub(super) const AUTOENCODER: &str = "first_stage_model.";
pub(super) const CLIP: &str = "cond_stage_model.transformer.";
pub(super) const OPEN_CLIP: &str = "cond_stage_model.model.";
pub(super) const FIRST_OF_TWO: &str = "conditioner.embedders.0.transformer.";
pub(super) const SECOND_OF_TWO: &str = "conditioner.embedders.1.model.";
pub(super) const REFINER: &str = "conditioner.embedders.0.model.";
pub(super) const PARTS: [&str; 7] =
    [UNET, AUTOENCODER, CLIP, OPEN_CLIP, FIRST_OF_TWO, SECOND_OF_TWO, REFINER];
/// Tensors whose names alone say something: v is predicted, the last level is noise alone, latents have means of their own.
pub(super) const V: &str = "v_pred";
pub(super) const ZERO_SNR: &str = "ztsnr";
pub(super) const MEANS: &str = "edm_mean";

/// Which Stable Diffusion a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 1.x: CLIP.
    One,
    /// 2.x: OpenCLIP.
    Two,
    /// XL: both.
    Xl,
}

/// Whether a tensor's name begins with `prefix`.
pub(super) fn has(tensors: &NamedTensors, prefix: &str) -> bool {
    tensors.range(prefix.to_owned()..).next().is_some_and(|(name, _)| name.starts_with(prefix))
}

/// How many things are numbered from 0 after `prefix`.
pub(super) fn count(tensors: &NamedTensors, prefix: &str) -> usize {
    (0..1 << 10).take_while(|index| has(tensors, &format!("{prefix}{index}."))).count()
}

/// A side of a tensor.
pub(super) fn side(tensors: &NamedTensors, name: &str, axis: usize) -> Result<usize> {
    let Some((shape, _)) = tensors.get(name) else {
        return Err(Error::bad_input(format!("lacks the tensor \"...{name}\""))
            .hint("the file may be of a part, or damaged"));
    };
    shape
        .get(axis)
        .copied()
        .ok_or_else(|| Error::bad_input(format!("its tensor \"...{name}\" has the shape {shape:?}")))
}
