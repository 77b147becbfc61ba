//! How a model is sampled when nothing else is said; stored in its file.

use langevin_core::{Error, Magnitude, Result};
use langevin_process::{SPACINGS, limits};
use langevin_sample::SAMPLERS;
use serde::{Deserialize, Serialize};

/// The spacing that stands for the levels measured on the model.
pub const OWN: &str = "own";

/// How a model is sampled when nothing else is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleSettings {
    /// The sampler, as in `langevin list samplers`.
    pub sampler: String,
    /// The spacing of noise levels, as in `langevin list spacings`.
    pub spacing: String,
    /// Steps.
    pub steps: usize,
    /// Strength of classifier-free guidance; 1 is none.
    pub cfg_scale: f64,
    /// Clamp every denoised image to the range of images.
    pub clip: bool,
    /// That range, to both sides of 0.
    #[serde(skip_serializing_if = "is_one")]
    pub clip_range: f64,
    /// In place of clamping, dynamic thresholding: `[quantile, most]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<[f64; 2]>,
    /// Start with noise of the deviation `sqrt(alpha^2 + sigma^2)` rather than sigma, as diffusers does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unit_start: bool,
    /// What served best at a number of calls, as `langevin bench-samplers` measured it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tuned: Vec<Tuned>,
    /// The levels of the spacing `own`, as `langevin bench-samplers --optimise-grid` measured them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grids: Vec<Grid>,
}

fn is_one(value: &f64) -> bool {
    *value == 1.0
}

impl Default for SampleSettings {
    fn default() -> Self {
        Self {
            sampler: "dpmpp_2m".to_owned(),
            spacing: "karras".to_owned(),
            steps: 20,
            cfg_scale: 1.0,
            clip: true,
            clip_range: 1.0,
            threshold: None,
            unit_start: false,
            tuned: Vec::new(),
            grids: Vec::new(),
        }
    }
}

impl SampleSettings {
    /// How large the noise is that sampling starts from.
    pub fn start_magnitude(&self) -> Magnitude {
        if self.unit_start { Magnitude::Unit } else { Magnitude::Sigma }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// Usage, naming the setting, its value and what it may be.
    pub fn check(&self) -> Result<()> {
        SAMPLERS.build(&self.sampler)?;
        if self.spacing != OWN {
            SPACINGS.build(&self.spacing)?;
        }
        limits::check("sample.steps", self.steps as u64, 1, limits::STEPS)?;
        limits::check("sample.cfg_scale", self.cfg_scale, -limits::CFG_SCALE, limits::CFG_SCALE)?;
        limits::check("sample.clip_range", self.clip_range, 1e-3, 1e6)?;
        if let Some([quantile, most]) = self.threshold {
            limits::check("the quantile of sample.threshold", quantile, 0.0, 1.0)?;
            limits::check("the most of sample.threshold", most, 1e-3, 1e6)?;
        }
        let level = self.grids.iter().flat_map(|grid| &grid.levels).find(|level| !level.is_finite());
        match level {
            Some(level) => Err(Error::usage(format!("sample.grids: a level of {level} is no noise level"))),
            None => Ok(()),
        }
    }
}

/// The best of what was measured at one budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuned {
    /// Calls of the network that were allowed.
    pub calls: usize,
    /// The steps that fit into them.
    pub steps: usize,
    /// The sampler.
    pub sampler: String,
    /// The spacing.
    pub spacing: String,
}

/// Levels measured on the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The order of the solver whose steps were measured: 1 (ddim) or 2 (`dpmpp_2m`).
    pub order: usize,
    /// `sigma / alpha` at the start of every step, noisiest first.
    pub levels: Vec<f64>,
}

impl Grid {
    /// The spacing that places these levels on any model.
    pub fn spacing(&self) -> String {
        let levels: Vec<String> = self.levels.iter().map(f64::to_string).collect();
        format!("levels:at={}", levels.join("/"))
    }
}

/// To five digits, which are read and typed more easily and place a level to 0.001%.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}
