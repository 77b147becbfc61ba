//! What is judged: the images a model draws, or a set of images.

use std::sync::Arc;

use burn::tensor::Device;
use langevin_core::{Error, LeftAside, Result, Size, Stop, batch_to_images};
use langevin_data::{Dataset, OpenOptions, Pool, PoolOptions, Prepare};
use langevin_eval::Sample;
use langevin_model::Model;
use langevin_model::resolve::{Asked, resolve};

use super::parts::{CHUNK, Gathered, Look, gather};
use super::request::{Choice, EvalPlan};
use langevin_inference::job::Reporter;
use langevin_inference::sampling::{SamplePlan, even_labels, sample_tensor};

/// A model or a set of images.
pub(super) enum Judged {
    /// Images that are sampled, and how.
    Model(Box<Model>, Box<SamplePlan>),
    /// Images that are there.
    Data(Arc<dyn Dataset>),
}

impl Judged {
    /// Opens what is to be judged: a model if it is one, otherwise data.
    ///
    /// # Errors
    /// As [`Model::open`] and [`langevin_data::open`]. Usage, for settings that would have no effect on it.
    pub(super) fn open(request: &EvalPlan, device: &Device, stop: &Stop) -> Result<Self> {
        let spec = &request.judged;
        if Model::is_named(spec) {
            if request.size.is_some() {
                return Err(
                    Error::usage(format!("{spec}: a model draws in its own size")).hint("leave --size out")
                );
            }
            let model = Model::open(spec, device)?;
            let plan = plan(&model, request)?;
            return Ok(Self::Model(Box::new(model), Box::new(plan)));
        }
        let data = langevin_data::open(spec, &OpenOptions::stopped_by(stop))?;
        let Choice { steps, sampler, spacing, cfg_scale, guidance, .. } = &request.choice;
        let guided = cfg_scale.is_some() || guidance.named().is_some();
        if steps.is_some() || sampler.is_some() || spacing.is_some() || guided {
            return Err(Error::usage(format!("{spec}: is a set of images, so nothing is drawn"))
                .hint("leave --steps, --sampler, --spacing and the flags of guidance out, or give a model"));
        }
        Ok(Self::Data(data))
    }

    /// What of a set of images was not used.
    pub(super) fn left_aside(&self) -> Option<LeftAside> {
        match self {
            Self::Model(..) => None,
            Self::Data(data) => Some(data.left_aside()),
        }
    }

    /// The size and channels of its images, when it has its own.
    pub(super) fn shape(&self) -> Option<(Size, usize)> {
        match self {
            Self::Model(model, _) => Some((model.info.size, model.info.channels)),
            Self::Data(_) => None,
        }
    }
}

/// How `model` is sampled, its classes left open.
///
/// # Errors
/// As [`resolve`] and [`SamplePlan::check`].
fn plan(model: &Model, request: &EvalPlan) -> Result<SamplePlan> {
    let (defaults, choice) = (&model.info.sample, &request.choice);
    let asked = Asked {
        steps: choice.steps,
        calls: None,
        sampler: choice.sampler.as_deref(),
        spacing: choice.spacing.as_deref(),
    };
    let resolved = resolve(defaults, model.denoiser.diffusion(), asked)?;
    let plan = SamplePlan {
        steps: resolved.steps,
        sampler: resolved.sampler,
        spacing: resolved.spacing,
        cfg_scale: choice.cfg_scale.unwrap_or_else(|| model.cfg_scale()),
        guidance: choice.guidance.clone(),
        labels: None,
        batch_size: choice.batch_size.max(1),
        stop: choice.stop.clone(),
        ..SamplePlan::of(model, request.count, request.seed)
    };
    plan.check(model)?;
    Ok(plan)
}

/// Samples the images of `plan` for classes as in `like`, where the model has these classes, and looks at them.
///
/// # Errors
/// As [`sample_tensor`].
pub(super) fn sampled(
    model: &Model,
    plan: &SamplePlan,
    like: &Sample,
    classes: &[String],
    look: Look<'_>,
    device: &Device,
    reporter: &mut Reporter<'_>,
) -> Result<Sample> {
    let own = &model.info.classes;
    let shared = !own.is_empty() && own == classes;
    let labels: Option<Vec<Option<u32>>> = match &like.labels {
        _ if own.is_empty() => None,
        // As often as in the data, so that what differs is not how many of each were asked for.
        Some(labels) if shared => Some(labels.iter().cycle().take(plan.count).map(|l| Some(*l)).collect()),
        _ => Some(even_labels(own.len(), plan.count)),
    };
    let mut sample = Sample::new(&model.name);
    for first in (0..plan.count).step_by(CHUNK) {
        let count = CHUNK.min(plan.count - first);
        let part = SamplePlan {
            count,
            first: plan.first + first as u64,
            labels: labels.as_ref().map(|labels| labels[first..first + count].to_vec()),
            prompts: plan.prompts.as_ref().map(|prompts| prompts.part(first, count)),
            ..plan.clone()
        };
        let made = sample_tensor(model, &part, device, |at| {
            reporter.progress("sampling", (first as f64 + at.fraction() * count as f64) / plan.count as f64);
        })?;
        // A class of the model's own says nothing where the data has others.
        let labels = part.labels.filter(|_| shared).unwrap_or_else(|| vec![None; count]);
        look.add(&mut sample, batch_to_images(made), &labels)?;
    }
    sample.captions = plan.prompts.as_ref().map(|prompts| prompts.each.clone());
    Ok(sample)
}

/// The images of `data`, `count` of them at most, made ready as `prepare` says. Its classes are given the
/// numbers they have in `classes`.
///
/// # Errors
/// Bad input, when it cannot be read.
pub(super) fn images_of(
    (data, stop): (Arc<dyn Dataset>, &Stop),
    prepare: &Prepare,
    count: usize,
    classes: &[String],
    look: Look<'_>,
    seed: u64,
    progress: impl FnMut(f64) -> Result<()>,
) -> Result<Sample> {
    let pool = Pool::new(data, prepare.clone(), PoolOptions::stopped_by(stop))?;
    let count = pool.len().map_or(count, |len| count.min(len as usize));
    let Gathered { mut sample, .. } = gather(&pool, count, look, false, seed, progress)?;
    let own = &pool.info().classes;
    let number = |label: &u32| {
        let at = classes.iter().position(|class| *class == own[*label as usize])?;
        Some(at as u32)
    };
    sample.labels = sample.labels.and_then(|labels| labels.iter().map(number).collect());
    Ok(sample)
}
