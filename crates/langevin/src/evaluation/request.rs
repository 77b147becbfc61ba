//! What is evaluated, and how.

use std::path::PathBuf;

use langevin_core::Stop;
use langevin_eval::Bound;
use langevin_model::GuidanceConfig;

use super::features::FeatureSpec;

/// What to judge, by what, and how.
#[derive(Debug, Clone)]
pub struct EvalRequest {
    /// A model, or data.
    pub judged: String,
    /// The data it is judged by.
    pub data: String,
    /// The metrics, `NAME:key=value`; empty for the usual ones.
    pub metrics: Vec<String>,
    /// Images of each set.
    pub count: usize,
    /// The features.
    pub features: FeatureSpec,
    /// The seed of drawing and choosing images.
    pub seed: u64,
    /// How a model draws.
    pub choice: Choice,
    /// Side of the images where two sets are compared; the data's own when it is `None`.
    pub size: Option<usize>,
    /// Where trained features are kept; nowhere when it is `None`.
    pub cache: Option<PathBuf>,
    /// What must not be found.
    pub bounds: Vec<Bound>,
    /// Asks the work to stop.
    pub stop: Stop,
}

/// How a model draws, where it is not as the model says.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Steps.
    pub steps: Option<usize>,
    /// The sampler.
    pub sampler: Option<String>,
    /// The spacing.
    pub spacing: Option<String>,
    /// Strength of guidance.
    pub cfg_scale: Option<f64>,
    /// What guides.
    pub guidance: GuidanceConfig,
    /// Images at once.
    pub batch_size: usize,
}
