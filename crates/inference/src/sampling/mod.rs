//! Sampling images with a model, and the recipe that makes one again.
//!
//! [`job::run`] does all that a [`SampleRequest`] asks for, files among it; [`sample`] gives the images of a [`SamplePlan`], in
//! memory; [`sample_along`] takes a sampler and levels of the caller's own.

mod film;
mod inversion;
pub mod invert;
pub mod job;
mod recipe;
mod request;
mod sheet;

use burn::tensor::{Device, Tensor};
use langevin_core::{Image, Result, Start, Stop, batch_to_images, check_finite};
use langevin_kernels::Arithmetic;
use langevin_model::{GuidanceConfig, Model, Pipeline, Prompts};
use langevin_process::Level;
use langevin_sample::{BatchProgress, SAMPLERS, Sampler, sample_all};

pub use crate::job::recipe::Recipe;
pub use inversion::{SAMPLER as INVERTIBLE, noise_of};
pub use invert::{InvertOutcome, InvertRequest};
pub use job::SampleOutcome;
pub use recipe::SampleOptions;
pub use request::{Dtype, SampleRequest, classes, open_guide, random_seed, read_noise};
pub use sheet::{is_points, sheet};

/// How to sample a model: every choice made.
///
/// # Examples
/// ```
/// use langevin_inference::sampling::{SamplePlan, sample};
/// use burn::tensor::Device;
/// use langevin_model::Model;
///
/// let device = Device::flex();
/// let model = Model::open("builtin:ring8", &device)?;
/// let plan = SamplePlan { steps: 8, sampler: "ddim".into(), ..SamplePlan::of(&model, 3, 7) };
/// let images = sample(&model, &plan, &device, |at| assert!(at.fraction() <= 1.0))?;
/// assert_eq!(images.len(), 3);
///
/// // Image 2 of seed 7 is the same bytes alone.
/// let alone = SamplePlan { count: 1, first: 2, ..plan };
/// assert_eq!(sample(&model, &alone, &device, |_| {})?[0], images[2]);
/// # Ok::<(), langevin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SamplePlan {
    /// How many images.
    pub count: usize,
    /// The number of the first.
    pub first: u64,
    /// The seed.
    pub seed: u64,
    /// Steps.
    pub steps: usize,
    /// The sampler.
    pub sampler: String,
    /// The spacing; `own` for the levels in the model's file.
    pub spacing: String,
    /// Strength of guidance; 1 is none.
    pub cfg_scale: f64,
    /// What guides.
    pub guidance: GuidanceConfig,
    /// Clamp denoised images to the range of images.
    pub clip: bool,
    /// The class of each image; `None` draws without one.
    pub labels: Option<Vec<Option<u32>>>,
    /// What each image shows, in words, for a model that is text-conditioned.
    pub prompts: Option<Prompts>,
    /// How convolutions compute.
    pub arithmetic: Arithmetic,
    /// Images at once.
    pub batch_size: usize,
    /// Unit-variance start noise instead of the seed's, `[count, channels, height, width]`.
    pub start: Option<Tensor<4>>,
    /// Asks the work to stop.
    pub stop: Stop,
}

/// Draws images and calls `progress` after each step of each batch.
///
/// # Errors
/// Usage: an unknown sampler, spacing or guidance, a guide that does not fit, classes for a model without, a model that has
/// no answer at the first level.
/// Failed, when the memory that is free does not suffice. Interrupted, when cancelled.
pub fn sample(
    model: &Model,
    plan: &SamplePlan,
    device: &Device,
    progress: impl FnMut(&BatchProgress<'_>),
) -> Result<Vec<Image>> {
    sample_tensor(model, plan, device, progress).map(batch_to_images)
}

/// As [`sample`], before the numbers become pixels: `[count, channels, height, width]`, images in [-1, 1].
///
/// # Errors
/// As [`sample`].
pub fn sample_tensor(
    model: &Model,
    plan: &SamplePlan,
    device: &Device,
    progress: impl FnMut(&BatchProgress<'_>),
) -> Result<Tensor<4>> {
    let (path, sampler) = plan.method(model)?;
    let made = model.decode(sample_along(model, plan, sampler.as_ref(), &path, device, progress)?)?;
    check_finite(made, &plan.sampler)
}

/// As [`sample_tensor`], with `sampler` and `path` in place of those that `plan` names, and without making images of latents:
/// [`SamplePlan::path`] gives levels, [`Model::decode`] makes images of latents.
pub fn sample_along(
    model: &Model,
    plan: &SamplePlan,
    sampler: &dyn Sampler,
    path: &[Level],
    device: &Device,
    progress: impl FnMut(&BatchProgress<'_>),
) -> Result<Tensor<4>> {
    let at_once = plan.batch_size.min(plan.count);
    let pipeline = plan.pipeline(model);
    pipeline.check_memory(model.shape(), at_once)?;
    let denoiser = pipeline.denoiser(|_, _| true)?;
    let request = langevin_sample::BatchRequest {
        count: plan.count,
        first: plan.first,
        seed: plan.seed,
        shape: model.shape(),
        batch_size: plan.batch_size,
        labels: plan.labels.clone(),
        texts: plan.prompts.as_ref().map(|prompts| prompts.encode(model)).transpose()?,
        start: Start { noise: plan.start.clone(), magnitude: pipeline.start_magnitude() },
        time_map: pipeline.time_map(),
        stop: Some(plan.stop.clone()),
    };
    sample_all(denoiser.as_ref(), sampler, path, &request, device, progress)
}

impl SamplePlan {
    /// `count` images of `seed` in the model's own way: its sampler, spacing, steps and guidance, its classes in turn, prompts
    /// that leave open what is sampled.
    pub fn of(model: &Model, count: usize, seed: u64) -> Self {
        let settings = &model.info.sample;
        let classes = model.info.classes.len();
        Self {
            count,
            first: 0,
            seed,
            steps: settings.steps,
            sampler: settings.sampler.clone(),
            spacing: settings.spacing.clone(),
            cfg_scale: model.cfg_scale(),
            guidance: GuidanceConfig::default(),
            clip: settings.clip,
            labels: (classes > 0).then(|| even_labels(classes, count)),
            prompts: Prompts::open(model, count),
            arithmetic: Arithmetic::Fast,
            batch_size: 16,
            start: None,
            stop: Stop::new(),
        }
    }

    /// Whether `model` can be sampled so, as far as is known without sampling.
    ///
    /// # Errors
    /// Usage: an unknown sampler or spacing, steps out of range, guidance for a model without classes.
    pub fn check(&self, model: &Model) -> Result<()> {
        self.method(model).map(drop)
    }

    /// The noise levels that it names, noisiest first, one more than there are steps.
    ///
    /// # Errors
    /// Usage: an unknown sampler or spacing, steps out of range.
    pub fn path(&self, model: &Model) -> Result<Vec<Level>> {
        self.pipeline(model).path(&self.sampler, &self.spacing, self.steps)
    }

    /// The levels and the sampler that it names.
    pub(crate) fn method(&self, model: &Model) -> Result<(Vec<Level>, Box<dyn Sampler>)> {
        let path = self.path(model)?;
        let sampler = SAMPLERS.build(&self.sampler)?;
        self.guidance.rule(model, self.cfg_scale)?;
        Prompts::check(self.prompts.as_ref(), model)?;
        Ok((path, sampler))
    }

    /// How it evaluates `model`.
    fn pipeline<'m>(&self, model: &'m Model) -> Pipeline<'m> {
        Pipeline::new(model, self.batch_size.min(self.count))
            .with_arithmetic(self.arithmetic)
            .with_guidance(self.guidance.clone(), self.cfg_scale)
            .with_clip(self.clip)
    }
}

/// Labels for `count` images that take the classes in turn.
pub fn even_labels(classes: usize, count: usize) -> Vec<Option<u32>> {
    (0..count).map(|index| Some((index % classes.max(1)) as u32)).collect()
}
