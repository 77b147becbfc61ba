//! What a user asks of an evaluation, as plain data, and the same with everything opened and parsed.

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use langevin_core::{Result, Stop};
use langevin_eval::Bound;
use langevin_model::GuidanceConfig;
use langevin_process::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::features::FeatureSpec;
use langevin_inference::job::Observer;
use langevin_inference::sampling::open_guide;

/// Images to judge by a data set. What is absent is the model's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvalRequest {
    /// What is judged: a run folder, a model.safetensors, builtin:NAME, or images in any form that `data` takes.
    pub judged: String,
    /// Real images: a folder, IDX, CIFAR, parquet, zip, tar, or builtin:NAME; `PATH#test` takes a part.
    pub data: String,
    /// Metrics with their options, as in `langevin list metrics`; none for those that fit.
    pub metrics: Vec<String>,
    /// Images of each set.
    #[schemars(range(min = 1, max = limits::COUNT))]
    pub count: usize,
    /// What describes images: `own` (a classifier trained on the data), `random`, or a file with Inception's weights.
    pub features: String,
    /// The seed of sampling and of choosing images.
    pub seed: u64,
    /// Steps.
    #[schemars(range(min = 1, max = limits::STEPS))]
    pub steps: Option<usize>,
    /// The sampler with its options, as in `langevin list samplers`.
    pub sampler: Option<String>,
    /// The spacing of noise levels, as in `langevin list spacings`.
    pub spacing: Option<String>,
    /// The strength of guidance; 1 is none.
    pub cfg_scale: Option<f64>,
    /// The guidance with its options, as in `langevin list guidances`.
    pub guidance: Option<String>,
    /// A worse model of the same images to guide away from.
    pub guide: Option<String>,
    /// Side in pixels that two sets of images are brought to. Absent: that of the data.
    #[schemars(range(min = 1, max = 4096))]
    pub size: Option<usize>,
    /// Images sampled at once; changes speed and memory alone.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: usize,
    /// Bounds that must not hold, such as `kid>0.01`.
    pub fail_if: Vec<String>,
    /// A .png file for the images nearest to training images, each next to its neighbour.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub sheet: Option<PathBuf>,
    /// The folder that keeps trained features. Absent: they are trained every time.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub cache: Option<PathBuf>,
}

impl Default for EvalRequest {
    fn default() -> Self {
        Self {
            judged: String::new(),
            data: String::new(),
            metrics: Vec::new(),
            count: 1000,
            features: "own".to_owned(),
            seed: 0,
            steps: None,
            sampler: None,
            spacing: None,
            cfg_scale: None,
            guidance: None,
            guide: None,
            size: None,
            batch_size: 16,
            fail_if: Vec::new(),
            sheet: None,
            cache: None,
        }
    }
}

impl EvalRequest {
    /// `judged` by `data`, with the metrics that fit.
    pub fn new(judged: impl Into<String>, data: impl Into<String>) -> Self {
        Self { judged: judged.into(), data: data.into(), ..Self::default() }
    }

    /// Opens the guide, and reads features and bounds.
    ///
    /// # Errors
    /// Usage: features or bounds that are none. Bad input: a guide or a file of features that cannot be read.
    pub(super) fn plan(&self, device: &Device, observer: &mut dyn Observer, stop: &Stop) -> Result<EvalPlan> {
        let guide = self.guide.as_deref().map(|name| open_guide(name, None, device, observer));
        let guidance =
            GuidanceConfig { rule: self.guidance.clone(), guide: guide.transpose()?.map(Arc::new) };
        Ok(EvalPlan {
            judged: self.judged.clone(),
            data: self.data.clone(),
            metrics: self.metrics.clone(),
            count: self.count,
            features: FeatureSpec::parse(&self.features)?,
            seed: self.seed,
            choice: Choice {
                steps: self.steps,
                sampler: self.sampler.clone(),
                spacing: self.spacing.clone(),
                cfg_scale: self.cfg_scale,
                guidance,
                batch_size: self.batch_size,
                stop: stop.clone(),
            },
            size: self.size,
            cache: self.cache.clone(),
            bounds: self.fail_if.iter().map(|bound| bound.parse()).collect::<Result<_>>()?,
        })
    }
}

/// What to judge, by what, and how.
#[derive(Debug, Clone)]
pub struct EvalPlan {
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
    /// The seed of sampling and choosing images.
    pub seed: u64,
    /// How a model is sampled.
    pub choice: Choice,
    /// Side of the images where two sets are compared; the data's own when it is `None`.
    pub size: Option<usize>,
    /// Where trained features are kept; nowhere when it is `None`.
    pub cache: Option<PathBuf>,
    /// What must not be found.
    pub bounds: Vec<Bound>,
}

/// How a model is sampled, where it is not as the model says.
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
    /// Asks the sampling to stop.
    pub stop: Stop,
}
