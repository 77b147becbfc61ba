//! RestorePlan with a model that was trained for it: images of any size, window by window.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Tensor};
use langevin_core::{Cond, Denoiser, Error, Level, NoiseStreams, Result, signed_to_batch};
use langevin_model::windows::{Plan, plan};
use langevin_model::{Model, Pipeline, Task, TaskKind};
use langevin_restore::{NoImages, Operator, Problem, Shape, operators};
use langevin_sample::{SAMPLERS, Sampler};

use super::conditioned::{Conditioned, one_step};
use super::conditioning::{filled_in, of_small};
use super::scale::{scale, scale_of};
use crate::job::Mode;
use crate::restoration::degraded::Degraded;
use crate::restoration::plan::{RestorePlan, path};
use crate::restoration::report::Score;
use crate::restoration::restored::{Finishing, Restored};

/// How a restorer is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trained {
    /// What is made.
    pub mode: Mode,
    /// The sampler of draws; absent: the model's.
    pub sampler: Option<String>,
}

/// The operator by which a restorer that enlarges knows small images, for clean images of `shape`.
///
/// # Errors
/// Usage: a shape that does not divide.
pub fn known_operator(task: &Task, shape: Shape) -> Result<Box<dyn Operator>> {
    operators::build(task.operator(), shape, &NoImages)
}

/// Whether the restorer `model`, trained for `task`, can undo `operator`.
///
/// # Errors
/// Usage: it has other channels, or was trained for something else.
pub fn check_trained(model: &Model, task: &Task, operator: &dyn Operator) -> Result<()> {
    let (own, asked) = (model.info.channels, operator.input()[0]);
    if own != asked {
        let channels = |count: usize| format!("{count} channel{}", if count == 1 { "" } else { "s" });
        return Err(Error::usage(format!(
            "{}: restores images of {}, and this one has {}",
            model.name,
            channels(own),
            channels(asked)
        ))
        .hint("take a model of as many channels, or turn the image gray or into colour first"));
    }
    let fits = match task.kind {
        TaskKind::Upscale => {
            let scale = scale(task, own, model.info.size.width)?;
            scale.is_some() && scale == scale_of(operator)
        }
        TaskKind::Inpaint => operator.is_mask(),
    };
    if fits { Ok(()) } else { Err(task.refusal(&model.name, "and for nothing else")) }
}

/// Restores one image with a model that was trained for it; `progress` gets the share that is done.
///
/// Draw `k` of image `n` of a seed is the same in any batch and with any number of draws.
///
/// # Errors
/// Usage: a model of another task or shape, a method or noise, which it has none of, an unknown sampler or spacing, several
/// means. Interrupted, when cancelled.
pub fn restore_trained(
    model: &Model,
    mut degraded: Degraded,
    restoring: &RestorePlan,
    how: &Trained,
    device: &Device,
    progress: impl FnMut(f64) + Send,
) -> Result<Restored> {
    let task = model.info.task.as_ref().ok_or_else(|| {
        Error::usage(format!("{}: was trained to draw images, not to restore them", model.name))
            .hint("restore with it by a method of `langevin list methods`")
    })?;
    check_trained(model, task, degraded.operator())?;
    check(task, &model.name, degraded.sigma, restoring, how)?;
    if let Some(shown) = degraded.operator.measured().filter(|_| degraded.operator.is_mask()) {
        degraded.colours.make_opaque(|pixel| !shown[pixel]);
    }
    let shape = degraded.operator.input();
    let condition = condition(task, degraded.operator(), &degraded.y, device);
    let [c, h, w] = degraded.operator.output();
    let y = signed_to_batch(degraded.y.clone(), [1, c, h, w], device);
    let problem = Problem::new(degraded.operator, y, 0.0)?;
    let name = how.sampler.as_deref().unwrap_or(&model.info.sample.sampler);
    let sampler = SAMPLERS.build(name)?;
    let path = path(model, restoring)?;
    let plan = plan(model, shape, restoring.memory)?;
    let compares = how.mode == Mode::Sample && degraded.truth.is_some();
    let work = Work { model, task, plan, condition, shape, restoring, number: degraded.number, device };
    let calls = if how.mode == Mode::Mean { 1 } else { sampler.calls(&path) };
    let all = calls * work.batches(how).len() + usize::from(compares);
    let (drawn, mean_in_one) = work.run(how, (sampler.as_ref(), &path), compares, all, progress)?;

    let finishing = Finishing { problem: &problem, colours: &degraded.colours, image: &degraded.image };
    let method = if how.mode == Mode::Mean { "one step" } else { name };
    let mut restored = finishing.restored(method.to_owned(), calls, &drawn, None, degraded.truth.as_ref())?;
    if let Some(truth) = &degraded.truth {
        let scores = &mut restored.report.scores;
        let at = scores.iter().position(|score| score.name == "restored").unwrap_or(0);
        match mean_in_one {
            Some(made) => {
                let image = finishing.finished(&finishing.values(&made));
                scores.insert(at, Score::of("one step", &image, truth)?);
            }
            None => "one step".clone_into(&mut scores[at].name),
        }
    }
    Ok(restored)
}

/// Whether a restorer can do what is asked for.
fn check(task: &Task, name: &str, sigma: f64, restoring: &RestorePlan, how: &Trained) -> Result<()> {
    if restoring.method.is_some() {
        return Err(Error::usage(format!("{name}: was trained {}, so no --method is needed", task.words()))
            .hint("leave it out, or take a model that draws images by itself; --sampler says how draws are made"));
    }
    if restoring.start_sigma.is_some() {
        return Err(Error::usage(format!(
            "{name}: was trained {}, and draws from noise alone: it takes no --start-sigma",
            task.words()
        ))
        .hint("leave it out"));
    }
    if sigma > 0.0 {
        return Err(Error::usage(format!("{name}: was trained for images without noise, {}", task.words()))
            .hint("leave --noise out, take the noise out before with `langevin denoise`, or use a model that draws images by itself"));
    }
    if how.mode == Mode::Mean && restoring.samples > 1 {
        return Err(Error::usage("--mode mean makes one image, and no samples")
            .hint("leave --samples out, or --mode: several samples come with their mean"));
    }
    if how.mode == Mode::Mean && how.sampler.is_some() {
        return Err(Error::usage("--mode mean is one call of the model, and has no sampler")
            .hint("leave --sampler or --mode out"));
    }
    Ok(())
}

/// The condition made of the measurement `y`.
fn condition(task: &Task, operator: &dyn Operator, y: &[f32], device: &Device) -> Tensor<4> {
    let (shape @ [channels, height, width], low) = (operator.input(), operator.output());
    let values = match task.kind {
        TaskKind::Upscale => {
            let wide: Vec<f64> = y.iter().map(|value| f64::from(*value)).collect();
            of_small(&wide, low, shape)
        }
        TaskKind::Inpaint => {
            let kept = operator.measured().unwrap_or_default();
            let hidden: Vec<bool> = kept.iter().take(height * width).map(|kept| !kept).collect();
            filled_in(y, &hidden)
        }
    };
    signed_to_batch(values, [1, task.condition_channels(channels), height, width], device)
}

/// The work of the network on one image.
struct Work<'a> {
    model: &'a Model,
    task: &'a Task,
    plan: Plan,
    condition: Tensor<4>,
    shape: Shape,
    restoring: &'a RestorePlan,
    number: u64,
    device: &'a Device,
}

impl Work<'_> {
    /// The numbers of the first and the one after the last draw of each batch.
    fn batches(&self, how: &Trained) -> Vec<(usize, usize)> {
        let (samples, at_once) = match how.mode {
            Mode::Mean => (1, 1),
            Mode::Sample => (self.restoring.samples, self.restoring.batch_size),
        };
        (0..samples).step_by(at_once).map(|from| (from, samples.min(from + at_once))).collect()
    }

    fn streams(&self, (from, to): (usize, usize)) -> NoiseStreams {
        let images = (from..to).map(|draw| (self.number << 20) + (self.restoring.first_sample + draw) as u64);
        NoiseStreams::new(self.restoring.seed, images)
    }

    fn cond(&self, count: usize) -> Cond {
        Cond::labelled(self.restoring.class.map(|class| vec![Some(class); count]))
    }

    /// The answers, and the one-step answer too where the draws are compared with it. `all` calls are made.
    fn run(
        &self,
        how: &Trained,
        (sampler, path): (&dyn Sampler, &[Level]),
        compares: bool,
        all: usize,
        progress: impl FnMut(f64) + Send,
    ) -> Result<(Tensor<4>, Option<Tensor<4>>)> {
        let progress = Mutex::new(progress);
        let done = AtomicUsize::new(0);
        // What is clipped is the image, which the conditioning makes of what the network finds.
        let pipeline = Pipeline::new(self.model, self.plan.windows.at_once)
            .with_windows(Some(self.plan.windows))
            .with_clip(false);
        let found = pipeline.denoiser(|now, of| {
            let whole = done.fetch_add(usize::from(now == of), Ordering::Relaxed) as f64;
            let share = (whole + now as f64 / of.max(1) as f64).min(all as f64) / all as f64;
            (*progress.lock().unwrap_or_else(PoisonError::into_inner))(share);
            !self.restoring.stop.is_requested()
        })?;
        let clip = self.model.info.sample.clip && self.restoring.clip;
        let restorer = Conditioned::new(found, self.task.kind, self.condition.clone(), self.shape[0], clip);
        let in_one = || {
            let highest = self.model.denoiser.diffusion().highest();
            one_step(&restorer, highest, &self.streams((0, 1)), self.shape, &self.cond(1), self.device)
        };
        restorer.begin();
        if how.mode == Mode::Mean {
            return Ok((in_one()?, None));
        }
        let start = self.restoring.start_for(self.shape)?;
        let mut made = Vec::new();
        for (from, to) in self.batches(how) {
            let mut run = pipeline
                .run(self.cond(to - from), self.streams((from, to)))
                .from_noise(start.map(|start| start.clone().slice_dim(0, from..to)));
            let x = run.start_at(path[0], self.shape, self.device);
            restorer.begin();
            made.push(restorer.images(sampler.sample(&restorer, x, path, &mut run)?));
        }
        let mean = compares.then(in_one).transpose()?;
        Ok((Tensor::cat(made, 0), mean))
    }
}
