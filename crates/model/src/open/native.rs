//! This program's own model files: one safetensors file whose metadata hold the description.

use burn::tensor::Device;
use langevin_core::{Error, NamedTensors, Preconditioned, Result, Size, tensor_file};
use langevin_nn::{Backbone, NetworkConfig};
use langevin_process::Diffusion;

use crate::closed_form::ClosedFormModel;
use crate::codec::take_codec;
use crate::denoiser::ModelDenoiser;
use crate::description::ModelInfo;
use crate::file::refuse_strangers;
use crate::hash::shortened;
use crate::model::Model;
use crate::text::TextConditioner;

/// Longest side in pixels that a model file may claim to draw.
const LARGEST_SIDE: usize = 16_384;

/// A closed-form model.
pub(super) fn closed_form(known: &ClosedFormModel) -> Result<Model> {
    let info = known.info();
    let denoiser = ModelDenoiser::ClosedForm((known.distribution)(), Diffusion::new(&info.diffusion)?);
    let name = format!("builtin:{}", known.name);
    let hash = shortened(blake3::hash(name.as_bytes()));
    Ok(Model::new(info, denoiser, None, TextConditioner::None, name).hashed(hash))
}

/// Reads a model from the bytes of its file; `name` is what to call it.
///
/// # Errors
/// Bad input, when they are not a whole model file.
pub(super) fn from_bytes(bytes: &[u8], name: &str, device: &Device) -> Result<Model> {
    refuse_strangers(bytes)?;
    let (mut tensors, metadata) = tensor_file::decode(bytes)?;
    let info = ModelInfo::from_metadata(&metadata)?;
    let take = |latent| take_codec(latent, info.size, &mut tensors, device);
    let codec = info.latent.as_ref().map(take).transpose()?;
    let denoiser = ModelDenoiser::Network(Box::new(build(&info, tensors, device)?));
    let text = TextConditioner::learned(info.text.as_ref())?;
    Ok(Model::new(info, denoiser, codec, text, name).hashed(shortened(blake3::hash(bytes))))
}

/// How many numbers `tensors` hold.
pub(super) fn stored(tensors: &NamedTensors) -> u64 {
    tensors.values().map(|(_, values)| values.len() as u64).sum()
}

/// Refuses a description that claims a network which no memory holds: its file cannot hold it either.
///
/// # Errors
/// Bad input, with both numbers of weights.
pub(super) fn check_claim(network: &NetworkConfig, tensors: &NamedTensors) -> Result<()> {
    let stored = stored(tensors);
    let side = network.size_multiple();
    let claimed = network.estimate(side, side).parameters;
    if claimed <= stored {
        return Ok(());
    }
    Err(Error::bad_input(format!("it holds {stored} numbers, where the network it describes has {claimed}")))
}

/// Makes the network that `info` describes and fills in its tensors.
pub(super) fn build(
    info: &ModelInfo,
    tensors: NamedTensors,
    device: &Device,
) -> Result<Preconditioned<Backbone>> {
    if info.version != 1 {
        return Err(Error::bad_input(format!(
            "is described in version {}, this program reads 1",
            info.version
        ))
        .hint("use a newer langevin"));
    }
    let damaged = |error: Error| {
        Error::bad_input(error.message().to_owned()).hint("the file is damaged, or was changed by hand")
    };
    info.network.check().map_err(damaged)?;
    let mut condition = info.task.as_ref().map_or(0, |task| task.condition_channels(info.channels));
    if let Some(latent) = &info.latent {
        latent.check([info.channels, info.size.height, info.size.width]).map_err(damaged)?;
        if info.task.is_some() {
            return Err(damaged(Error::bad_input("a restorer of latents, which there is none")));
        }
        // The hole, and the latents of the rest.
        let filling = 1 + latent.network.code_dim();
        if info.network.condition_channels == filling {
            condition = filling;
        }
    }
    let encoder = info.network.text.as_ref().and_then(|text| text.encoder.as_ref());
    let words = info.text.as_ref().map(|text| (text.tokens.len(), text.length));
    if encoder.map(|encoder| (encoder.vocabulary, encoder.positions)) != words {
        return Err(damaged(Error::bad_input("its encoder of texts does not fit its tokenizer")));
    }
    let [channels, rows, columns] = info.shape();
    let fits = info.network.classes == info.classes.len() && info.network.in_channels == channels;
    if !fits || info.network.out_channels != channels || info.network.condition_channels != condition {
        return Err(damaged(Error::bad_input("its network does not fit its channels, classes and task")));
    }
    let Size { width, height } = info.size;
    info.network.check_size(rows, columns).map_err(damaged)?;
    if width.max(height) > LARGEST_SIDE {
        return Err(damaged(Error::bad_input(format!("it claims images of {width}x{height}"))));
    }
    check_claim(&info.network, &tensors).map_err(damaged)?;
    let network = info.network.blank_backbone(device).map_err(damaged)?;
    let network = langevin_nn::load_whole(network, tensors)?;
    Ok(Preconditioned::new(network, Diffusion::new(&info.diffusion).map_err(damaged)?))
}
