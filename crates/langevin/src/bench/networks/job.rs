//! The job `bench`: the speed and the memory of a model or preset, beside those of an earlier measurement.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use langevin_core::{Error, Result, path_of};
use langevin_model::Model;
use langevin_nn::NetworkConfig;
use langevin_process::DiffusionSpec;
use langevin_process::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cost, measure};
use crate::training::presets::Preset;
use langevin_inference::job::check_ranges;
use langevin_inference::job::{Context, Event};

/// A network whose speed and memory are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MeasureNetworkRequest {
    /// A model (run folder, file, diffusers folder, builtin:NAME) or the name of a preset.
    pub what: String,
    /// Images at once.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: usize,
    /// Counted runs.
    #[schemars(range(min = 1, max = 100_000))]
    pub runs: usize,
    /// The file of an earlier result of `bench --json` to compare with.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub compare: Option<PathBuf>,
}

impl Default for MeasureNetworkRequest {
    fn default() -> Self {
        Self { what: String::new(), batch_size: 16, runs: 7, compare: None }
    }
}

impl MeasureNetworkRequest {
    /// The speed of `what`.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasureNetworkOutcome {
    /// The cost.
    pub cost: Cost,
    /// The most memory this process has held, where the system tells.
    pub peak_bytes: Option<u64>,
    /// How many times as fast as the earlier measurement.
    pub speedup: Option<Speedup>,
}

/// How many times as fast something is as before, at the medians.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Speedup {
    /// A forward pass.
    pub forward: f64,
    /// A training step.
    pub train: f64,
}

/// Measures what `request` names.
///
/// # Errors
/// Usage: an unknown preset, a model without network. Bad input: a model or an earlier result that cannot be read.
/// Interrupted, when stopped.
pub fn run(request: &MeasureNetworkRequest, context: &mut Context<'_>) -> Result<MeasureNetworkOutcome> {
    check_ranges(request)?;
    let before = request.compare.as_deref().map(Before::read).transpose()?;
    let (network, diffusion, size) = network(&request.what, context.device)?;
    context.observer.event(Event::Started { seed: 0, what: request.what.clone() });
    let MeasureNetworkRequest { batch_size, runs, .. } = *request;
    let device = context.device;
    let mut reporter = context.reporter("the measurement");
    let cost = measure(&network, &diffusion, size, batch_size, runs, device, &mut reporter)?;
    let speedup = before.map(|before| before.speedup(&cost));
    Ok(MeasureNetworkOutcome { cost, peak_bytes: langevin_train::peak_bytes(), speedup })
}

/// The network of a preset or a model, with the height and width of its images.
fn network(what: &str, device: &Device) -> Result<(NetworkConfig, DiffusionSpec, [usize; 2])> {
    match Preset::find(what) {
        Ok(preset) => {
            let settings = preset.settings()?;
            let mut network = settings.network;
            let channels = if settings.data.channels == 0 { 3 } else { settings.data.channels };
            (network.in_channels, network.out_channels) = (channels, channels);
            network.condition_channels = settings.task.map_or(0, |task| task.condition_channels(channels));
            network.classes = if settings.data.class_conditional { 10 } else { 0 };
            Ok((network, settings.diffusion, [settings.data.size.max(8); 2]))
        }
        Err(unknown) => match Model::open_any(what, device) {
            Ok(model) if model.denoiser.network().is_none() => {
                Err(Error::usage(format!("{what}: is known in closed form, so there is no network to time")))
            }
            Ok(model) => {
                let [_, height, width] = model.shape();
                Ok((model.info.network, model.info.diffusion, [height, width]))
            }
            Err(_) if !path_of(what).exists() && !what.contains(':') => Err(unknown),
            Err(error) => Err(error),
        },
    }
}

/// What an earlier `bench --json` measured: the medians in milliseconds.
struct Before {
    forward_ms: f64,
    train_ms: f64,
}

impl Before {
    fn read(file: &Path) -> Result<Self> {
        let bad = |error: &dyn std::fmt::Display| {
            Error::bad_input(format!("{}: {error}", file.display()))
                .hint("give a file that `bench --json` wrote")
        };
        let bytes = langevin_files::read_bounded(file, 64 << 20)?;
        let report: Value = serde_json::from_slice(&bytes).map_err(|error| bad(&error))?;
        let median = |key: &str| {
            let value = report[key][1].as_f64().filter(|value| *value > 0.0);
            value.ok_or_else(|| bad(&format!("has no {key}")))
        };
        Ok(Self { forward_ms: median("forward_ms")?, train_ms: median("train_ms")? })
    }

    fn speedup(&self, now: &Cost) -> Speedup {
        Speedup { forward: self.forward_ms / now.forward_ms[1], train: self.train_ms / now.train_ms[1] }
    }
}
