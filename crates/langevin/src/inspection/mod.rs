//! The job `inspect`: what a file, a folder or a name is.

mod image;
mod loss;
mod plot;
mod words;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use langevin_core::{Error, Result, Size, Stop, spelled};
use langevin_data::{DataInfo, LintReport, OpenOptions};
use langevin_model::{Adaptation, AutoencoderInfo, Codec, Model, ModelInfo, SampleSettings, Source, Task};
use langevin_nn::NetworkConfig;
use langevin_process::DiffusionSpec;
use langevin_train::{Checkpoint, Curves, checkpoints};
use safetensors::SafeTensors;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use langevin_figures::png;
use langevin_inference::job::recipe::of_figure;
use langevin_inference::job::{Context, check_ending};

pub use image::ImageReport;
pub use loss::Losses;

use plot::run_plot;

/// Something to look into.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InspectRequest {
    /// A run folder, a model in any form, a LoRA, an image, a data set, or builtin:NAME.
    pub what: String,
    /// A .png file for the curves of a run: the loss over training, and the loss by noise level.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub plot: Option<PathBuf>,
}

impl InspectRequest {
    /// What `what` is.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), plot: None }
    }
}

/// What something is.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Inspection {
    /// A run of a training.
    Run(RunReport),
    /// A model.
    Model(Box<ModelReport>),
    /// A shipped model, with the data of the same name that it was trained on.
    Shipped {
        /// The model.
        model: Box<ModelReport>,
        /// The data, where they are generated.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<DataReport>,
    },
    /// An autoencoder.
    Autoencoder(AutoencoderReport),
    /// Tensors that are no model by themselves.
    Tensors(TensorReport),
    /// An image of this program.
    Image(ImageReport),
    /// A data set.
    Data(DataReport),
}

/// A run folder.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    kind: &'static str,
    /// The folder.
    #[serde(with = "langevin_core::as_text")]
    pub folder: PathBuf,
    /// Checkpoints that are not whole, and why.
    pub passed_over: Vec<String>,
    /// How many checkpoints there are.
    pub checkpoints: usize,
    /// Images seen at the newest.
    pub images: u64,
    /// Its step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Seconds of training until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    #[serde(skip)]
    curves: Result<Curves>,
    /// How its loss went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub losses: Option<Losses>,
    /// The model it has saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<ModelReport>>,
    /// The autoencoder it has saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoencoder: Option<AutoencoderReport>,
}

/// A model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelReport {
    kind: &'static str,
    /// What it was opened as.
    pub name: String,
    /// See [`Model::hash`].
    pub hash: String,
    /// Numbers in its network; 0 of a closed form.
    pub parameters: usize,
    /// Width and height of its images.
    pub size: Size,
    /// Their channels.
    pub channels: usize,
    /// Its classes.
    pub classes: Vec<String>,
    /// How it was trained.
    pub trained: Trained,
    /// Its diffusion.
    pub diffusion: DiffusionSpec,
    /// How it is sampled when nothing else is said.
    pub sample: SampleSettings,
    /// Its network; none of a closed form.
    pub network: Option<NetworkConfig>,
    /// What it restores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// What is done otherwise than its folder says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How something was trained.
#[derive(Debug, Clone, Serialize)]
pub struct Trained {
    /// The data as they were named.
    pub data: String,
    /// The preset.
    pub preset: String,
    /// Images seen.
    pub images: u64,
    /// The seed.
    pub seed: u64,
}

/// An autoencoder.
#[derive(Debug, Clone, Serialize)]
pub struct AutoencoderReport {
    kind: &'static str,
    /// Where it is.
    pub name: String,
    /// The first 16 hexadecimal digits of the BLAKE3 sum of its file.
    pub hash: String,
    /// How many pixels, along a side, one latent stands for.
    pub factor: usize,
    /// Its description.
    pub info: AutoencoderInfo,
}

/// A file of tensors without the description of a model.
#[derive(Debug, Clone, Serialize)]
pub struct TensorReport {
    kind: &'static str,
    /// How many tensors.
    pub tensors: usize,
    /// Numbers in all of them.
    pub parameters: usize,
    /// How many tensors there are of each type of numbers.
    pub dtypes: BTreeMap<String, usize>,
    /// The ranks of the changes in a LoRA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranks: Option<Vec<usize>>,
    /// How many tokens a textual inversion stands for, in each text encoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vectors: Option<usize>,
    /// What its header says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// A data set.
#[derive(Debug, Clone, Serialize)]
pub struct DataReport {
    kind: &'static str,
    /// Its facts.
    pub info: DataInfo,
    /// What is wrong with it; none for an unlimited set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lint: Option<LintReport>,
}

/// Finds out what `request` names.
///
/// # Errors
/// Bad input: nothing is there, it cannot be read, or it is nothing that this program knows (GGUF, a checkpoint of something
/// else).
pub fn run(request: &InspectRequest, context: &mut Context<'_>) -> Result<Inspection> {
    let Some(file) = &request.plot else { return look(&request.what, context) };
    check_ending(file, "png")?;
    context.sink.claim(&[file])?;
    let found = look(&request.what, context)?;
    let Inspection::Run(report) = &found else {
        return Err(Error::usage(format!("{}: only a run has curves to plot", request.what))
            .hint("name the folder that `langevin train --out` made"));
    };
    let name =
        report.folder.file_name().map_or_else(|| request.what.clone(), |name| name.display().to_string());
    let plot = run_plot(report.curves.as_ref().map_err(Clone::clone)?, &name)?;
    let text = of_figure("inspect", "curves", 0, &InspectRequest::new(request.what.clone()), true);
    context.write(file, png::encode(&plot, &text)?)?;
    Ok(found)
}

/// What `spec` names.
fn look(spec: &str, context: &Context<'_>) -> Result<Inspection> {
    let source = match Source::of(spec) {
        Ok(source) => source,
        Err(error) if Path::new(spec).exists() => return Err(error),
        // A part of a data set, such as `mnist/#test`, is no path.
        Err(_) => return data(spec, context.stop).map(Inspection::Data),
    };
    let model = || model(&source, spec, context);
    match &source {
        Source::Shipped(_) | Source::ClosedForm(_) => {
            Ok(Inspection::Shipped { model: model()?, data: data(spec, context.stop).ok() })
        }
        Source::Run(path) if is_run(path) => {
            let saved = path.join("model.safetensors").is_file();
            let mut report = run_folder(path)?;
            report.model = saved.then(|| file_of(path, context)).transpose()?;
            Ok(Inspection::Run(report))
        }
        Source::Autoencoder(path) if is_run(path) => {
            let mut report = run_folder(path)?;
            report.autoencoder = Some(autoencoder(path, context)?);
            Ok(Inspection::Run(report))
        }
        Source::Autoencoder(path) => autoencoder(path, context).map(Inspection::Autoencoder),
        Source::Tensors(path) => tensors(path).map(Inspection::Tensors),
        Source::Image(path) => match ImageReport::of(path, || Some(data(spec, context.stop).ok()?.info)) {
            Some(image) => Ok(Inspection::Image(image)),
            None => data(spec, context.stop).map(Inspection::Data),
        },
        // What is wrong with a zip the data say, but for one that was meant as a PyTorch checkpoint.
        Source::Other(path) => data(spec, context.stop).map(Inspection::Data).map_err(|error| {
            let meant = langevin_model::file::is_meant_as_checkpoint(path);
            if meant { model().err().unwrap_or(error) } else { error }
        }),
        // CIFAR for Python is pickled too.
        Source::Checkpoint(_) => match data(spec, context.stop) {
            Ok(data) => Ok(Inspection::Data(data)),
            Err(_) => model().map(Inspection::Model),
        },
        _ => model().map(Inspection::Model),
    }
}

fn is_run(path: &Path) -> bool {
    path.join("run.toml").is_file() || path.join("checkpoints").is_dir()
}

fn model(source: &Source, spec: &str, context: &Context<'_>) -> Result<Box<ModelReport>> {
    let model = source.open(spec, &Adaptation::default(), context.device)?;
    let hash = model.hash().to_owned();
    let network = model.denoiser.network();
    let parameters = network.map_or(0, langevin_nn::parameter_count);
    let closed_form = network.is_none();
    let Model { info, name, notes, .. } = model;
    let ModelInfo {
        size,
        channels,
        classes,
        task,
        network,
        diffusion,
        sample,
        data,
        preset,
        images,
        seed,
        ..
    } = info;
    Ok(Box::new(ModelReport {
        kind: "model",
        name,
        hash,
        parameters,
        size,
        channels,
        classes,
        trained: Trained { data, preset, images, seed },
        diffusion,
        sample,
        network: (!closed_form).then_some(network),
        task,
        notes,
    }))
}

/// The model that a run has saved.
fn file_of(run: &Path, context: &Context<'_>) -> Result<Box<ModelReport>> {
    model(&Source::Run(run.to_owned()), &spelled(run), context)
}

fn run_folder(path: &Path) -> Result<RunReport> {
    let folder = path.join("checkpoints");
    let (newest, passed_over) = Checkpoint::newest(&folder)?;
    let standing = newest.map(|checkpoint| checkpoint.standing);
    let curves = Curves::read(path);
    Ok(RunReport {
        kind: "run",
        folder: path.to_owned(),
        passed_over,
        checkpoints: checkpoints(&folder).len(),
        images: standing.as_ref().map_or(0, |standing| standing.images),
        steps: standing.as_ref().map(|standing| standing.step),
        seconds: standing.as_ref().map(|standing| standing.seconds),
        losses: curves.as_ref().ok().and_then(Losses::of),
        curves,
        model: None,
        autoencoder: None,
    })
}

fn autoencoder(path: &Path, context: &Context<'_>) -> Result<AutoencoderReport> {
    let name = path.display().to_string();
    let (codec, hash) = Codec::open(&spelled(path), context.device)?;
    Ok(AutoencoderReport { kind: "autoencoder", name, hash, factor: codec.factor(), info: codec.info })
}

fn tensors(path: &Path) -> Result<TensorReport> {
    let bad = |what: String| Error::bad_input(format!("{}: {what}", path.display()));
    let file = File::open(path).map_err(|error| bad(error.to_string()))?;
    let bytes = langevin_files::map_file(&file).map_err(|error| bad(error.to_string()))?;
    let damaged = |error: safetensors::SafeTensorError| bad(format!("not a whole safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let whole = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let all = whole.tensors();
    if all.is_empty() {
        return Err(bad("a safetensors file without tensors".to_owned()));
    }
    let mut dtypes = BTreeMap::new();
    for (_, view) in &all {
        *dtypes.entry(format!("{:?}", view.dtype())).or_default() += 1;
    }
    let ranks = langevin_hub::lora_ranks(all.iter().map(|(name, view)| (name.as_str(), view.shape())));
    let vectors = vectors(all.iter().map(|(name, view)| (name.as_str(), view.shape())));
    Ok(TensorReport {
        kind: match (&ranks, vectors) {
            (Some(_), _) => "LoRA",
            (None, Some(_)) => "textual inversion",
            _ => "tensors",
        },
        tensors: all.len(),
        parameters: all.iter().map(|(_, view)| view.shape().iter().product::<usize>()).sum(),
        dtypes,
        ranks,
        vectors,
        metadata: header.metadata().clone().unwrap_or_default().into_iter().collect(),
    })
}

/// How many vectors a textual inversion has, as A1111 and diffusers store one: a tensor of rows for each text encoder, or one that
/// is called like the token.
fn vectors<'a>(tensors: impl Iterator<Item = (&'a str, &'a [usize])>) -> Option<usize> {
    let mut found = None;
    for (name, shape) in tensors {
        let is_token = name.starts_with('<') && name.ends_with('>');
        if !is_token && !matches!(name, "emb_params" | "clip_l" | "clip_g") {
            return None;
        }
        found = match *shape {
            [_] => Some(1),
            [rows, _] => Some(rows),
            _ => return None,
        };
    }
    found
}

fn data(spec: &str, stop: &Stop) -> Result<DataReport> {
    let dataset = langevin_data::open(spec, &OpenOptions::stopped_by(stop))?;
    let lint =
        dataset.info().len.is_some().then(|| langevin_data::lint(dataset.as_ref(), stop)).transpose()?;
    // With what looking at the images has found.
    let info = DataInfo { left_aside: dataset.left_aside(), ..dataset.info().clone() };
    Ok(DataReport { kind: "data set", info, lint })
}
