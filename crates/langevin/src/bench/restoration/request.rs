//! What a user asks of a comparison of restoration methods, as plain data, and the same with everything parsed.

use std::path::PathBuf;

use langevin_core::Result;
use langevin_process::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RestorationTask;
use crate::evaluation::FeatureSpec;

/// Methods of restoration to compare on a model and a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompareRestorersRequest {
    /// The model: a run folder, a model.safetensors, or builtin:NAME.
    pub model: String,
    /// The data set, as `train` takes it, without #test or #train: its test part is degraded and restored, its training part is
    /// what constants are chosen on.
    pub data: String,
    /// What to undo, each NAME=OPERATOR@NOISE with the noise of 255; none for inpaint, upscale, deblur and denoise.
    pub tasks: Vec<String>,
    /// Methods; one without options tries several constants, one with options is taken as it is. None for all that restore.
    pub methods: Vec<String>,
    /// Budgets: network evaluations for an image.
    #[serde(alias = "calls")]
    #[schemars(inner(range(min = 1, max = 10_000)))]
    pub nfe: Vec<usize>,
    /// How many images.
    #[schemars(range(min = 1, max = 100_000))]
    pub count: usize,
    /// Training images that constants are chosen on; fewer above 20 network evaluations.
    #[schemars(range(min = 1, max = 100_000))]
    pub tune: usize,
    /// The seed of all noise.
    pub seed: u64,
    /// Images at once; changes speed and memory alone.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: usize,
    /// What describes images: `own` (a classifier trained on the data), `random`, or a file with Inception's weights.
    pub features: String,
    /// The folder that keeps trained features. Absent: they are trained every time.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub cache: Option<PathBuf>,
    /// A folder for table.md, table.json and a sheet for each task.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub output: Option<PathBuf>,
}

impl Default for CompareRestorersRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            data: String::new(),
            tasks: Vec::new(),
            methods: Vec::new(),
            nfe: vec![10, 20, 100],
            count: 32,
            tune: 16,
            seed: 0,
            batch_size: 16,
            features: "own".to_owned(),
            cache: None,
            output: None,
        }
    }
}

impl CompareRestorersRequest {
    /// All methods on `model` and `data`.
    pub fn new(model: impl Into<String>, data: impl Into<String>) -> Self {
        Self { model: model.into(), data: data.into(), ..Self::default() }
    }

    /// Reads tasks and features, and puts the budgets in order.
    ///
    /// # Errors
    /// Usage: a task or features that are none.
    pub(super) fn plan(&self) -> Result<RestorersPlan> {
        let mut tasks =
            self.tasks.iter().map(|task| RestorationTask::parse(task)).collect::<Result<Vec<_>>>()?;
        if tasks.is_empty() {
            tasks = RestorationTask::usual();
        }
        let mut calls = self.nfe.clone();
        calls.sort_unstable();
        calls.dedup();
        Ok(RestorersPlan {
            data: self.data.clone(),
            tasks,
            methods: self.methods.clone(),
            calls,
            count: self.count,
            tune: self.tune,
            seed: self.seed,
            batch_size: self.batch_size,
            features: FeatureSpec::parse(&self.features)?,
            cache: self.cache.clone(),
        })
    }
}

/// What is compared.
#[derive(Debug, Clone)]
pub struct RestorersPlan {
    /// The data set; its test part is restored, its training part is what constants are chosen on.
    pub data: String,
    /// The tasks; empty for the usual ones.
    pub tasks: Vec<RestorationTask>,
    /// The methods; a name tries several constants, a name with options is taken as it is. Empty for all.
    pub methods: Vec<String>,
    /// Budgets: network evaluations for an image.
    pub calls: Vec<usize>,
    /// Images.
    pub count: usize,
    /// Training images that constants are chosen on, at budgets up to 20; fewer at larger ones.
    pub tune: usize,
    /// The seed of all noise.
    pub seed: u64,
    /// Images at once.
    pub batch_size: usize,
    /// What tells images apart.
    pub features: FeatureSpec,
    /// Where trained features are kept.
    pub cache: Option<PathBuf>,
}
