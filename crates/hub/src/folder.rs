//! A diffusers folder as a whole: which files it has, and what they say together.

use std::collections::BTreeMap;
use std::path::Path;

use langevin_core::{Error, NamedTensors, Result};
use langevin_nn::NetworkConfig;
use langevin_nn::unet::TimeFeatures;
use langevin_sample::SAMPLERS;
use serde_json::{Map, Value};

use crate::names::to_ours;
use crate::scheduler::Sampling;
use crate::schedulers;
use crate::weights::{read_bytes, read_weights};
use crate::{json, pickle, unet};

/// What a diffusers folder holds, in our words.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The network.
    pub network: NetworkConfig,
    /// Its tensors, under our names.
    pub tensors: NamedTensors,
    /// Width and height of its images in pixels.
    pub size: (usize, usize),
    /// The diffusion and the way to sample.
    pub sampling: Sampling,
    /// The class of the pipeline or model.
    pub class: String,
    /// Metadata of the file with the weights.
    pub metadata: BTreeMap<String, String>,
}

/// Largest config that is read, in bytes.
const LARGEST_CONFIG: u64 = 16 << 20;

/// Whether the folder `path` looks like one of diffusers: a pipeline, or a model alone.
pub fn is_folder(path: &Path) -> bool {
    let has = |name: &str| path.join(name).is_file();
    let weights = ["safetensors", "safetensors.index.json", "bin", "bin.index.json", "fp16.safetensors"];
    has("model_index.json")
        || has("unet/config.json")
        || (has("config.json") && weights.iter().any(|end| has(&format!("diffusion_pytorch_model.{end}"))))
}

/// Reads the diffusers folder `path`.
///
/// # Errors
/// Bad input, beginning with the file's name: a part that is missing, cut short, of an unknown class, with options that are
/// not read, or with tensors that do not fit. Nothing that a folder names is run, and nothing outside it is read.
pub fn read_folder(path: &Path) -> Result<Pipeline> {
    let index = path.join("model_index.json");
    let index = if index.is_file() { Some(read_json(&index)?) } else { None };
    let unet_part = part(index.as_ref(), "unet", &["UNet2DModel"]).map_err(|error| within(error, path))?;
    if let Some(other) = index.as_ref().and_then(|index| index.iter().find(is_other_part)) {
        let class = index.as_ref().map(class_of).unwrap_or_default();
        return Err(Error::bad_input(format!(
            "{}: a {class} with a part \"{}\", and only models of pixels with unet and scheduler are read",
            path.display(),
            other.0
        )));
    }
    if index.is_some() && unet_part.is_none() {
        return Err(Error::bad_input(format!("{}: its model_index.json names no unet", path.display())));
    }
    // Old repositories keep all files at the root.
    let unet_folder = if path.join("unet").is_dir() { path.join("unet") } else { path.to_owned() };
    let config_file = unet_folder.join("config.json");
    let config = read_json(&config_file)?;
    let read = unet::read(&config).map_err(|error| within(error, &config_file))?;
    let mut sampling = sampling(path, index.as_ref(), &read.network)?;
    if !read.unknown.is_empty() {
        sampling.notes.push(format!("UNet2DModel: ignored {}", read.unknown.join(", ")));
    }
    let (tensors, metadata) = read_weights(&unet_folder)?;
    let mut pipeline = Pipeline {
        network: read.network,
        tensors: to_ours(tensors),
        size: read.size,
        sampling,
        class: index.as_ref().map_or_else(|| "UNet2DModel".to_owned(), class_of),
        metadata,
    };
    if pipeline.sampling.learned_variance {
        drop_variance(&mut pipeline).map_err(|error| within(error, path))?;
    }
    let sampler = pipeline.sampling.sampler.clone();
    if SAMPLERS.build(&sampler).is_err() {
        pipeline.sampling.notes.push(format!(
            "its scheduler samples with {sampler}, which this version does not have; name another with --sampler"
        ));
    }
    Ok(pipeline)
}

/// The diffusion and sampling of the folder's scheduler, fitted to the network.
pub(crate) fn sampling(
    path: &Path,
    index: Option<&Map<String, Value>>,
    network: &NetworkConfig,
) -> Result<Sampling> {
    let listed = part(index, "scheduler", &[]).map_err(|error| within(error, path))?;
    let file = ["scheduler/scheduler_config.json", "scheduler_config.json"]
        .iter()
        .map(|name| path.join(name))
        .find(|file| file.is_file());
    let Some(file) = file else {
        if listed.is_some() {
            return Err(Error::bad_input(format!(
                "{}: scheduler/scheduler_config.json is missing",
                path.display()
            ))
            .hint("the download may be incomplete"));
        }
        let sampling = schedulers::read("DDPMScheduler", &Map::new())?;
        let sampling = sampling
            .noting(true, "it names no scheduler: taken to be trained as DDPM (epsilon, linear betas)");
        return fitted(sampling, network).map_err(|error| within(error, path));
    };
    let json = read_json(&file)?;
    let own = json.get("_class_name").and_then(Value::as_str);
    let class = listed.as_deref().or(own).unwrap_or("DDPMScheduler");
    // DDIMPipeline makes a DDIMScheduler of whatever it is given.
    let pipeline = index.map(class_of).unwrap_or_default();
    let class = if pipeline == "DDIMPipeline" && class == "DDPMScheduler" { "DDIMScheduler" } else { class };
    let sampling = schedulers::read(class, &json).map_err(|error| within(error, &file))?;
    fitted(sampling, network).map_err(|error| within(error, &file))
}

/// Checks that the network and the diffusion are of one sort.
fn fitted(sampling: Sampling, network: &NetworkConfig) -> Result<Sampling> {
    let fourier = network.time_features == TimeFeatures::Fourier;
    if sampling.exploding != fourier {
        return Err(Error::bad_input(if fourier {
            "its network divides its output by the timestep (time_embedding_type fourier), which only ScoreSdeVeScheduler goes with"
        } else {
            "a ScoreSdeVeScheduler needs a network with time_embedding_type fourier"
        }));
    }
    Ok(sampling)
}

impl Pipeline {
    /// The network as it takes images in [-1, 1], whatever range its own are in.
    pub fn network_for_signed(&self) -> NetworkConfig {
        let mut network = self.network.clone();
        if self.sampling.exploding {
            // x' = (x + 1) / 2 before the network's own 2 x' - 1, if it has that.
            network.input_shift += 0.5 * network.input_scale;
            network.input_scale *= 0.5;
        }
        network
    }
}

/// Leaves out the half of the answer that is a variance.
fn drop_variance(pipeline: &mut Pipeline) -> Result<()> {
    let channels = pipeline.network.in_channels;
    if pipeline.network.out_channels != 2 * channels {
        return Err(Error::bad_input(format!(
            "a learned variance needs {} channels of output, and there are {}",
            2 * channels,
            pipeline.network.out_channels
        )));
    }
    for name in ["conv_out.weight", "conv_out.bias"] {
        if let Some((shape, values)) = pipeline.tensors.get_mut(name)
            && shape.first() == Some(&(2 * channels))
        {
            drop(values.split_off(values.len() / 2));
            shape[0] = channels;
        }
    }
    pipeline.network.out_channels = channels;
    Ok(())
}

/// The class of the part `name`, which must be one of diffusers' (and one of `classes`, if any are given); `None` where the
/// index has no such part.
fn part(index: Option<&Map<String, Value>>, name: &str, classes: &[&str]) -> Result<Option<String>> {
    let Some(entry) = index.and_then(|index| index.get(name)).filter(|entry| !is_absent(entry)) else {
        return Ok(None);
    };
    let (Some(library), Some(class)) = (entry[0].as_str(), entry[1].as_str()) else {
        return Err(Error::bad_input(format!("model_index.json: \"{name}\" is no library and class")));
    };
    if library != "diffusers" {
        return Err(Error::bad_input(format!(
            "its {name} is a {class} of \"{library}\", which would be run to be read; only classes of diffusers are read"
        )));
    }
    if !classes.is_empty() && !classes.contains(&class) {
        return Err(Error::bad_input(format!(
            "its {name} is a {class}, and only {} is read",
            classes.join(", ")
        )));
    }
    Ok(Some(class.to_owned()))
}

fn is_absent(entry: &Value) -> bool {
    entry.is_null() || entry.as_array().is_some_and(|parts| parts.iter().all(Value::is_null))
}

/// Whether an entry of an index is a part that is there.
pub(crate) fn is_part(entry: &Value) -> bool {
    entry.is_array() && !is_absent(entry)
}

fn is_other_part((name, entry): &(&String, &Value)) -> bool {
    is_part(entry) && !matches!(name.as_str(), "unet" | "scheduler") && !name.starts_with('_')
}

pub(crate) fn class_of(index: &Map<String, Value>) -> String {
    index.get("_class_name").and_then(Value::as_str).unwrap_or("pipeline").chars().take(100).collect()
}

pub(crate) fn within(error: Error, path: &Path) -> Error {
    error.within(path.display())
}

/// A JSON object in a file.
pub(crate) fn read_json(path: &Path) -> Result<Map<String, Value>> {
    let bad = |what: String| Error::bad_input(format!("{}: {what}", path.display()));
    if std::fs::metadata(path).is_ok_and(|data| data.len() > LARGEST_CONFIG) {
        return Err(bad("is too large for a config".to_owned()));
    }
    let bytes = read_bytes(path)?;
    if pickle::is_checkpoint(&bytes) {
        return Err(bad("is a pickle, where JSON is expected".to_owned()));
    }
    json::object(&bytes).map_err(|error| bad(format!("is no JSON object: {error}")))
}
