//! What a user asks of a likelihood, as plain data.

use std::path::PathBuf;

use langevin_process::limits;
use langevin_sample::Trace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A data set whose likelihood under a model is wanted, in bits per dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LikelihoodRequest {
    /// The model: a run folder, a model.safetensors, or builtin:NAME.
    pub model: String,
    /// The data set, as `train` takes it; FOLDER#test is its test part.
    pub data: String,
    /// Images, spread evenly over the set.
    #[schemars(range(min = 1, max = limits::COUNT))]
    pub count: usize,
    /// The seed of what is added to bytes, of probes and of noise.
    pub seed: u64,
    /// A second model, measured on the same images with the same noise and probes.
    pub compare: Option<String>,
    /// How the trace of the derivative is found. Absent: exactly for images of up to 16 values, by a probe of signs for larger ones.
    pub trace: Option<TraceMethod>,
    /// Trajectories for each image, with random probes and places within the bytes' steps of their own.
    #[schemars(range(min = 1, max = 10_000))]
    pub probes: usize,
    /// Noise levels that the variational bound of each image is estimated from; 0 leaves it out.
    #[schemars(range(max = limits::BOUND_DRAWS))]
    pub bound_draws: usize,
    /// The error allowed of a step of the equation.
    pub tolerance: f64,
    /// The lowest noise `sigma / alpha` that is followed. Absent: the model's, at least 0.001.
    pub sigma_min: Option<f64>,
    /// Images at once; changes speed and memory alone.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: usize,
    /// Do not condition a class-conditional model on the classes.
    pub unconditional: bool,
    /// A .json file for the likelihood of each image.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub per_image: Option<PathBuf>,
}

impl Default for LikelihoodRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            data: String::new(),
            count: 64,
            seed: 0,
            compare: None,
            trace: None,
            probes: 1,
            bound_draws: 32,
            tolerance: 1e-4,
            sigma_min: None,
            batch_size: 16,
            unconditional: false,
            per_image: None,
        }
    }
}

impl LikelihoodRequest {
    /// `data` under `model`.
    pub fn new(model: impl Into<String>, data: impl Into<String>) -> Self {
        Self { model: model.into(), data: data.into(), ..Self::default() }
    }
}

/// How the trace of the derivative is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TraceMethod {
    /// By as many backward passes as an image has values.
    Exact,
    /// By a probe of random signs.
    Rademacher,
    /// By a probe of normal numbers.
    Gaussian,
}

impl From<TraceMethod> for Trace {
    fn from(method: TraceMethod) -> Self {
        match method {
            TraceMethod::Exact => Self::Exact,
            TraceMethod::Rademacher => Self::Rademacher,
            TraceMethod::Gaussian => Self::Gaussian,
        }
    }
}
