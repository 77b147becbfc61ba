//! How an image is restored.

use burn::tensor::Tensor;
use langevin_core::{Error, Level, Result, Stop};
use langevin_model::{Model, Pipeline, Prompts};
use langevin_restore::{Operator, Shape};

/// Where a walk begins with a network for images of any size, in units of 0 to 255.
pub const NEAR: f64 = 50.0;

/// How images are restored.
#[derive(Debug, Clone)]
pub struct RestorePlan {
    /// The method, as in `langevin list methods`; absent: [`default_method`].
    pub method: Option<String>,
    /// Where no method is named, take the one of least error for an image with noise, which gives one image. For networks that
    /// answer images of any size alike; one that knows objects does better by drawing.
    pub least_error: bool,
    /// Steps.
    pub steps: usize,
    /// The noise to begin at in units of 0 to 255, around the image that is restored without a model. Absent: noise alone, of the
    /// whole process; but [`NEAR`] for a network that sees no more than a part of an image of this size, which has no such image of its own to draw,
    /// where the method can and no spacing is named.
    pub start_sigma: Option<f64>,
    /// The spacing of noise levels; absent: the model's.
    pub spacing: Option<String>,
    /// Draws for each image.
    pub samples: usize,
    /// The number of the first of them.
    pub first_sample: usize,
    /// Draws at once.
    pub batch_size: usize,
    /// The seed.
    pub seed: u64,
    /// Noise of variance 1 to start from instead of the seed's, `[draws, channels, height, width]` of what the model denoises.
    pub start: Option<Tensor<4>>,
    /// The sampler of a model that was trained to fill in holes; absent: the model's.
    pub sampler: Option<String>,
    /// The class the model is conditioned on.
    pub class: Option<u32>,
    /// What the image shows, in one text, and what it should not, for a model that is text-conditioned.
    pub words: Option<Prompts>,
    /// Strength of guidance towards class or words; 1 is none.
    pub cfg_scale: f64,
    /// Keep the model's answers within the range of images, where the model says so.
    pub clip: bool,
    /// Bytes for the windows that an image of another size than the model's is divided into.
    pub memory: u64,
    /// Asks the work to stop.
    pub stop: Stop,
}

/// The method for an operator and noise when none is named: one that draws, or one of `least_error`.
pub fn default_method(operator: &dyn Operator, noise: f64, least_error: bool) -> &'static str {
    match operator.linear() {
        _ if operator.is_identity() && noise > 0.0 => "exact",
        Some(_) if noise > 0.0 && least_error && !operator.is_mask() => "dpir",
        Some(_) if noise > 0.0 => "diffpir",
        Some(_) => "ddnm",
        None => "dps",
    }
}

impl RestorePlan {
    /// One draw of seed 0 with `model`: the method that the operator and its noise call for, 50 steps, or those of a restorer, no
    /// guidance, and 256 MiB for windows.
    pub fn of(model: &Model) -> Self {
        Self {
            method: None,
            least_error: false,
            steps: if model.info.task.is_some() { model.info.sample.steps } else { 50 },
            start_sigma: None,
            spacing: None,
            samples: 1,
            first_sample: 0,
            batch_size: 16,
            seed: 0,
            start: None,
            sampler: None,
            class: None,
            words: None,
            cfg_scale: 1.0,
            clip: true,
            memory: 256 << 20,
            stop: Stop::new(),
        }
    }

    /// The noise to start from, where the model denoises `shape`.
    pub(super) fn start_for(&self, shape: Shape) -> Result<Option<&Tensor<4>>> {
        let [c, h, w] = shape;
        match &self.start {
            Some(start) if start.dims() != [self.samples, c, h, w] => Err(Error::usage(format!(
                "the start noise has shape {:?}, where {:?} is needed",
                start.dims(),
                [self.samples, c, h, w]
            ))),
            start => Ok(start.as_ref()),
        }
    }
}

/// Whether `model` is a network that answers images of any size alike.
pub(super) fn is_local(model: &Model) -> bool {
    model.denoiser.network().is_some_and(|network| network.config().takes_any_size())
}

/// The levels of the whole process.
pub(super) fn path(model: &Model, restoring: &RestorePlan) -> Result<Vec<Level>> {
    let settings = &model.info.sample;
    let spacing = restoring.spacing.as_deref().unwrap_or(&settings.spacing);
    Pipeline::new(model, restoring.batch_size).path(&settings.sampler, spacing, restoring.steps)
}
