//! Models from one form into another: a run, a single file, a folder of diffusers.

use std::path::{Path, PathBuf};

use langevin_core::tensor_file::{self, Storage};
use langevin_core::{Error, NamedTensors, NotFinite, Result, path_of};
use langevin_files::{Claim, RunLock};
use langevin_hub::{Export, LatentExport, LatentPart};

use crate::codec::{Codec, codec_tensors};
use crate::defaults::{Grid, SampleSettings, Tuned};
use crate::description::ModelInfo;
use crate::model::Model;
use crate::text::Encoders;

/// The bytes of a single model file; `half` stores the weights in 16 bits.
///
/// # Errors
/// Usage: a model without a network, which has no weights.
pub fn to_file(model: &Model, half: bool) -> Result<Vec<u8>> {
    Ok(tensor_file::encode(&tensors(model)?, &model.info.to_metadata(), storage(half)))
}

/// How the weights of a file are stored.
pub fn storage(half: bool) -> Storage {
    if half { Storage::F16 } else { Storage::F32 }
}

/// Which weights of `model` are not finite, or become so where `half` stores them in 16 bits.
pub fn not_finite(model: &Model, half: bool) -> NotFinite {
    let mut found = NotFinite::default();
    let mut look = |tensors: &NamedTensors| found.extend(NotFinite::of(tensors, storage(half)));
    model.denoiser.network().into_iter().for_each(|network| look(&langevin_nn::export(network)));
    model.codec.iter().for_each(|codec| look(&codec.tensors()));
    let encoders = model.text.clip().map(Encoders::parts).unwrap_or_default();
    encoders.iter().for_each(|(encoder, _)| look(&langevin_nn::export(encoder)));
    found
}

fn tensors(model: &Model) -> Result<NamedTensors> {
    let network = model.denoiser.network().ok_or_else(|| {
        let what = model.denoiser.described();
        Error::usage(format!("{}: is {what} and has no weights to convert", model.name))
            .hint("give a trained model")
    })?;
    if model.text.clip().is_some() {
        return Err(Error::usage(format!(
            "{}: has text encoders of their own, for which a single file has no place",
            model.name
        ))
        .hint("sample from the folder as it is"));
    }
    let mut tensors = langevin_nn::export(network);
    tensors.extend(model.codec.iter().flat_map(codec_tensors));
    Ok(tensors)
}

/// Writes `model` as the diffusers folder `out`; `pipeline` is `ddpm` or `ddim`. What cannot be said in the folder is
/// given back in words.
///
/// # Errors
/// Usage: what diffusers cannot express. Failed: `out` being there without `force`, the disk.
pub fn to_folder(model: &Model, out: &Path, pipeline: &str, force: bool) -> Result<Vec<String>> {
    let info = &model.info;
    if let (Some(codec), Some(encoders)) = (&model.codec, model.text.clip()) {
        return to_latent_folder(model, codec, encoders, out, force);
    }
    if model.codec.is_some() {
        return Err(Error::usage(format!(
            "{}: is a latent model, and no diffusers pipeline samples latents of an autoencoder with \
            statistics for each channel by a UNet2DModel",
            model.name
        )));
    }
    if let Some(task) = &info.task {
        return Err(
            task.refusal(&model.name, "which no pipeline of diffusers does with a network of its own kind")
        );
    }
    // What stands in the way of a folder is the model; what stands in the way of writing names its own place.
    let name = |error: Error| if error.exit_code() == 2 { error.within(&model.name) } else { error };
    let export = Export {
        network: &info.network,
        tensors: tensors(model)?,
        size: info.size.into(),
        diffusion: model.denoiser.diffusion(),
        clip: info.sample.clip.then_some(info.sample.clip_range),
        pipeline,
        metadata: info.to_metadata(),
    };
    langevin_hub::write_folder(export, out, force).map_err(name)?;
    let mut notes = Vec::new();
    if !info.classes.is_empty() {
        let last = info.classes.len();
        let none = if info.network.null_class { format!(", and {last} for none") } else { String::new() };
        notes.push(format!(
            "diffusers' pipelines ask for no class: call its unet with class_labels 0 to {}{none}",
            last - 1
        ));
    }
    Ok(notes)
}

/// Writes a model of Stable Diffusion as a folder.
fn to_latent_folder(
    model: &Model,
    codec: &Codec,
    encoders: &Encoders,
    out: &Path,
    force: bool,
) -> Result<Vec<String>> {
    let [_, height, width] = model.shape();
    let parts = encoders.parts();
    let tensors = |part: LatentPart| match part {
        LatentPart::Network => model.denoiser.network().map(langevin_nn::export).unwrap_or_default(),
        LatentPart::Autoencoder => codec.tensors(),
        LatentPart::Text(at) => langevin_nn::export(&parts[at].0),
    };
    let export = LatentExport {
        network: &model.info.network,
        size: (width, height),
        autoencoder: &codec.info.network,
        statistics: [&codec.info.statistics.shift, &codec.info.statistics.scale],
        texts: parts.iter().map(|(encoder, tokenizer)| (encoder.config(), tokenizer)).collect(),
        zeros_for_empty: encoders.zeros_for_empty(),
        diffusion: model.denoiser.diffusion(),
        tensors: &tensors,
    };
    let name = |error: Error| if error.exit_code() == 2 { error.within(&model.name) } else { error };
    langevin_hub::write_latent_folder(&export, out, force).map_err(name)?;
    Ok(vec!["its pipeline samples with DDIM: what else a scheduler said is not kept".to_owned()])
}

/// The tensors of a PyTorch checkpoint, with the metadata of a safetensors file of them. Nothing of the checkpoint is run.
///
/// # Errors
/// Bad input, as [`langevin_hub::read_file`].
pub fn checkpoint_tensors(path: &Path) -> Result<langevin_hub::Weights> {
    let (tensors, mut metadata) = langevin_hub::read_file(path)?;
    metadata.insert("format".to_owned(), "pt".to_owned());
    Ok((tensors, metadata))
}

/// Writes what was measured to serve best, and the levels of its own if some were found, into the file of the model `spec`, a run folder or a `.safetensors` file, and gives
/// the file's path. The weights stay as they are, byte for byte.
///
/// # Errors
/// Usage, for a model that comes with the binary. Bad input, when the file is not a model. Failed, when it cannot be written.
pub fn write_tuned(spec: &str, tuned: &[Tuned], grids: Option<&[Grid]>) -> Result<PathBuf> {
    let path = file_of(spec)?;
    let change = |bytes: &[u8]| {
        let (_, mut metadata) = tensor_file::decode(bytes)?;
        let mut info = ModelInfo::from_metadata(&metadata)?;
        info.sample.tuned = tuned.to_vec();
        if let Some(grids) = grids {
            info.sample.grids = grids.to_vec();
        }
        info.check()?;
        metadata.extend(info.to_metadata());
        tensor_file::with_metadata(bytes, &metadata)
    };
    langevin_files::change_file(&path, |bytes| change(&bytes).map_err(|error| error.within(path.display())))?;
    Ok(path)
}

/// Holds the file of the model `spec` for something that is to be written into it when much work is done: the run it belongs to takes
/// no other writer until what is given back goes.
///
/// # Errors
/// As [`write_tuned`] will fail: where nothing can be written there, there is no room, or somebody else works on the run.
pub fn hold(spec: &str) -> Result<Option<RunLock>> {
    let path = file_of(spec)?;
    let size = std::fs::metadata(&path).map_or(0, |found| found.len());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let lock = RunLock::of_model(&path)?;
    let _claim = Claim::new(&path, true)?;
    langevin_files::check_space(folder, size)?;
    Ok(lock)
}

/// What was measured on the model in the file `path` and written into it, where it is one.
pub fn measured(path: &Path) -> Option<SampleSettings> {
    let metadata = tensor_file::metadata_of(&mut std::fs::File::open(path).ok()?).ok()?;
    Some(ModelInfo::from_metadata(&metadata).ok()?.sample)
}

/// The file of the model `spec`, a run folder or a `.safetensors` file.
fn file_of(spec: &str) -> Result<PathBuf> {
    if spec.starts_with("builtin:") {
        return Err(Error::usage(format!(
            "{spec}: comes with the binary, so nothing can be written into it"
        )));
    }
    let path = path_of(spec);
    let file = if path.is_dir() { path.join("model.safetensors") } else { path.clone() };
    if file.is_file() {
        return Ok(file);
    }
    let error = match path.exists() {
        true => Error::usage(format!("{spec}: has no model.safetensors that anything could be written into")),
        false => Error::bad_input(format!("{spec}: there is no such file or folder")),
    };
    Err(error.hint("leave its file as it is with --no-write"))
}
