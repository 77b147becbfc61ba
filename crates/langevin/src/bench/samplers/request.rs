//! What a user asks of a comparison of samplers, as plain data, and the same with everything opened.

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use langevin_core::Result;
use langevin_model::OWN;
use langevin_model::{GuidanceConfig, Model};
use langevin_process::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use langevin_inference::job::Observer;
use langevin_inference::sampling::open_guide;

/// Samplers to compare on a model. What is absent is the model's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompareSamplersRequest {
    /// The model: a run folder, a model.safetensors, or builtin:NAME.
    pub model: String,
    /// Budgets: network evaluations for an image.
    #[serde(alias = "calls")]
    #[schemars(inner(range(min = 1, max = 1000)))]
    pub nfe: Vec<usize>,
    /// Samplers with their options, as in `langevin list samplers`; none for all.
    pub samplers: Vec<String>,
    /// Spacings with their options, as in `langevin list spacings`; none for the model's, trailing, karras and `log_snr`.
    pub spacings: Vec<String>,
    /// First optimise noise levels for the model at these budgets, and compare them as the spacing `own`.
    pub optimise_grid: bool,
    /// The strength of guidance; 1 is none.
    pub cfg_scale: Option<f64>,
    /// The guidance with its options, as in `langevin list guidances`.
    pub guidance: Option<String>,
    /// A worse model of the same images to guide away from.
    pub guide: Option<String>,
    /// How many images.
    #[schemars(range(min = 2, max = 100_000))]
    pub count: usize,
    /// The seed of their noise.
    pub seed: u64,
    /// Steps of the fine trajectory, each of two network evaluations.
    #[schemars(range(min = 1, max = 5000))]
    pub reference_steps: usize,
    /// Images at once; changes speed and memory alone.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: usize,
    /// A folder for table.md, table.json, plot.png and plot.svg.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub output: Option<PathBuf>,
    /// Write the best at each budget into the model's file, unless the model ships with the program or the guidance is not its own.
    pub write: bool,
}

impl Default for CompareSamplersRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            nfe: vec![5, 10, 20, 50],
            samplers: Vec::new(),
            spacings: Vec::new(),
            optimise_grid: false,
            cfg_scale: None,
            guidance: None,
            guide: None,
            count: 32,
            seed: 0,
            reference_steps: 100,
            batch_size: 16,
            output: None,
            write: true,
        }
    }
}

impl CompareSamplersRequest {
    /// All samplers on `model`.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), ..Self::default() }
    }

    /// Opens the guide, and puts the budgets in order.
    pub(super) fn plan(&self, device: &Device, observer: &mut dyn Observer) -> Result<SamplersPlan> {
        let guide = self.guide.as_deref().map(|name| open_guide(name, None, device, observer));
        let guidance =
            GuidanceConfig { rule: self.guidance.clone(), guide: guide.transpose()?.map(Arc::new) };
        let mut calls = self.nfe.clone();
        calls.sort_unstable();
        calls.dedup();
        let mut spacings = self.spacings.clone();
        if self.optimise_grid && !spacings.is_empty() {
            spacings.push(OWN.to_owned());
        }
        Ok(SamplersPlan {
            calls,
            samplers: self.samplers.clone(),
            spacings,
            cfg_scale: self.cfg_scale,
            guidance,
            count: self.count,
            seed: self.seed,
            batch_size: self.batch_size,
            reference_steps: self.reference_steps,
        })
    }

    /// Whether it asks for another guidance than `model` has by itself.
    pub(super) fn is_guided_otherwise(&self, model: &Model) -> bool {
        let strength = self.cfg_scale.is_some_and(|scale| scale != model.cfg_scale());
        strength || self.guidance.is_some() || self.guide.is_some()
    }
}

/// What is compared.
#[derive(Debug, Clone)]
pub struct SamplersPlan {
    /// Budgets: network evaluations.
    pub calls: Vec<usize>,
    /// Samplers, as in lists; empty for all.
    pub samplers: Vec<String>,
    /// Spacings, as in lists; empty for the model's and the usual ones.
    pub spacings: Vec<String>,
    /// Strength of guidance; the model's where it is `None`.
    pub cfg_scale: Option<f64>,
    /// What guides.
    pub guidance: GuidanceConfig,
    /// Images.
    pub count: usize,
    /// The seed of their noise.
    pub seed: u64,
    /// Images at once.
    pub batch_size: usize,
    /// Steps of the fine trajectory.
    pub reference_steps: usize,
}

impl SamplersPlan {
    pub(super) fn scale(&self, model: &Model) -> f64 {
        self.cfg_scale.unwrap_or_else(|| model.cfg_scale())
    }
}
