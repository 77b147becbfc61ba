//! An average of the weights of any width, made after training of the snapshots that it stored (Karras et al. 2024, arXiv
//! 2312.02696, section 3).

use std::path::{Path, PathBuf};

use langevin_core::{Error, NamedTensors, NotFinite, Result, tensor_file};
use langevin_files::RunLock;
use langevin_model::{ModelInfo, save};
use langevin_process::ema::{Mixing, Profile, mixing};
use langevin_process::limits;
use langevin_train::{STORED_WIDTHS, Snapshot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use langevin_inference::job::{Context, Event, check_ending};

/// An average of a run's weights to make after training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmaRequest {
    /// The run's folder.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "PathBuf")]
    pub run: PathBuf,
    /// The relative width of the average, more than 0 and up to 0.28.
    #[schemars(range(max = 0.28))]
    pub width: f64,
    /// Images seen at its end. Absent: those of the last snapshot.
    pub at: Option<u64>,
    /// The file to write. Absent: ema-WIDTH.safetensors in the run's folder.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub output: Option<PathBuf>,
    /// Store the weights in 16 bits.
    pub half: bool,
    /// Refuse weights that are not finite, or become so in 16 bits.
    pub strict: bool,
}

impl Default for EmaRequest {
    fn default() -> Self {
        Self { run: PathBuf::new(), width: 0.1, at: None, output: None, half: false, strict: false }
    }
}

/// What came of a request.
#[derive(Debug, Clone)]
pub struct EmaOutcome {
    /// The file.
    pub output: PathBuf,
    /// Images seen at the end of the average.
    pub images: u64,
    /// Snapshots that it is made of.
    pub snapshots: usize,
    /// How far its profile is from the one asked for, relative to that.
    pub error: f64,
}

/// The job `ema`: makes what `request` asks for.
///
/// # Errors
/// As [`average`]; a name of a result that is taken.
pub fn run(request: &EmaRequest, context: &mut Context<'_>) -> Result<EmaOutcome> {
    check_width(request.width)?;
    let named = || request.run.join(format!("ema-{}.safetensors", request.width));
    let output = request.output.clone().unwrap_or_else(named);
    let _lock = RunLock::of_model(&output)?;
    check_ending(&output, "safetensors")?;
    context.sink.claim(&[&output])?;
    let Averaged { images, snapshots, error, not_finite, bytes } =
        average(&request.run, request.width, request.at, request.half)?;
    let name = request.run.display().to_string();
    if request.strict {
        not_finite.refuse(&name)?;
    }
    if !not_finite.is_empty() {
        context.observer.event(Event::warning(format!("{name}: {not_finite}")));
    }
    context.write(&output, bytes)?;
    Ok(EmaOutcome { output, images, snapshots, error })
}

/// An average that was put together.
#[derive(Debug, Clone)]
pub struct Averaged {
    /// Images seen at its end.
    pub images: u64,
    /// Snapshots that it is made of.
    pub snapshots: usize,
    /// How far its profile is from the one asked for, relative to that.
    pub error: f64,
    /// Which of its weights are not finite.
    pub not_finite: NotFinite,
    /// The file of the model with these weights.
    pub bytes: Vec<u8>,
}

/// Puts together the average of the relative width `width` that ends after `at` images (or with the last snapshot) from
/// the snapshots in the folder `run`.
///
/// # Errors
/// Usage: a width outside (0, 0.28], a time without a snapshot. Bad input: a folder without snapshots or model, or with
/// damaged ones.
pub fn average(run: &Path, width: f64, at: Option<u64>, half: bool) -> Result<Averaged> {
    check_width(width)?;
    let mut snapshots = Snapshot::list(run);
    let Some(last) = snapshots.last() else {
        return Err(Error::bad_input(format!("{}: a folder without snapshots of averages", run.display()))
            .hint("train with --set train.ema_snapshots=8192 to store one every 8192 images"));
    };
    let images = at.unwrap_or(last.images);
    snapshots.retain(|snapshot| snapshot.images <= images);
    if snapshots.last().is_none_or(|last| last.images != images) {
        let times: Vec<String> = Snapshot::list(run).iter().map(|s| s.images.to_string()).collect();
        return Err(Error::usage(format!("{}: no snapshot after {images} images", run.display()))
            .hint(format!("there are some after {}", times.join(", "))));
    }
    let profiles: Vec<Profile> = snapshots
        .iter()
        .flat_map(|snapshot| STORED_WIDTHS.map(|(_, width)| Profile::of_width(snapshot.images as f64, width)))
        .collect();
    let Mixing { weights, error } =
        mixing(&profiles, Profile::of_width(images as f64, width)).ok_or_else(|| {
            Error::failed(format!(
                "{}: its snapshots lie too near to each other to be told apart",
                run.display()
            ))
        })?;
    let mut metadata = description(run)?;
    let mut info = ModelInfo::from_metadata(&metadata).map_err(|error| error.within(run.display()))?;
    info.images = images;
    metadata.extend(info.to_metadata());
    let mut sum = Sum::default();
    for (snapshot, weights) in snapshots.iter().zip(weights.chunks(STORED_WIDTHS.len())) {
        for (tensors, weight) in snapshot.read()?.iter().zip(weights) {
            sum.add(tensors, *weight).map_err(|error| error.within(snapshot.path.display()))?;
        }
    }
    let (sum, storage) = (sum.finish(), save::storage(half));
    let bytes = tensor_file::encode(&sum, &metadata, storage);
    let not_finite = NotFinite::of(&sum, storage);
    Ok(Averaged { images, snapshots: snapshots.len(), error, not_finite, bytes })
}

fn check_width(width: f64) -> Result<()> {
    if width > 0.0 && width <= 0.28 {
        return Ok(());
    }
    Err(Error::usage(format!("width {} must lie in (0, 0.28]", limits::shown(&width))).hint(
        "it is the deviation of the average's profile as a part of the training; 0.05 to 0.15 is usual",
    ))
}

fn description(run: &Path) -> Result<std::collections::BTreeMap<String, String>> {
    let path = run.join("model.safetensors");
    let bytes = std::fs::read(&path).map_err(|error| {
        Error::bad_input(format!("{}: {error}", path.display())).hint("let the run save its model first")
    })?;
    let (_, metadata) = tensor_file::decode(&bytes).map_err(|error| error.within(path.display()))?;
    Ok(metadata)
}

/// A sum of named tensors in f64.
#[derive(Default)]
struct Sum(std::collections::BTreeMap<String, (Vec<usize>, Vec<f64>)>);

impl Sum {
    fn add(&mut self, tensors: &NamedTensors, weight: f64) -> Result<()> {
        if !self.0.is_empty() && !self.0.keys().eq(tensors.keys()) {
            return Err(Error::bad_input("holds other tensors than the snapshots before"));
        }
        for (path, (shape, values)) in tensors {
            let zeros = || (shape.clone(), vec![0.0; values.len()]);
            let (known, sum) = self.0.entry(path.clone()).or_insert_with(zeros);
            if known != shape {
                return Err(Error::bad_input(format!(
                    "tensor {path} has shape {shape:?}, before it {known:?}"
                )));
            }
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * f64::from(*value));
        }
        Ok(())
    }

    fn finish(self) -> NamedTensors {
        let narrow = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        self.0.into_iter().map(|(path, (shape, values))| (path, (shape, narrow(values)))).collect()
    }
}
