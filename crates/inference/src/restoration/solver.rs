//! A method with all that it needs: the model for images of any size, its derivative, streams of noise.

use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Tensor};
use langevin_core::{Cond, Context, Denoiser, Error, Level, NoiseStreams, Result, signed_to_batch};
use langevin_model::windows::{plan, plan_with_derivative};
use langevin_model::{GuidanceConfig, Model, Pipeline, Prompts};
use langevin_process::SPACINGS;
use langevin_restore::units::{sigma_from_pixels, sigma_to_pixels};
use langevin_restore::{
    Baseline, METHODS, Method, NoImages, Operator, Prior, Problem, Shape, classical, operators,
};

use super::plan::{NEAR, RestorePlan, default_method, is_local, path};

/// A measurement and what will restore it.
pub(super) struct Begun<'a> {
    model: &'a Model,
    restoring: &'a RestorePlan,
    device: &'a Device,
    pub(super) name: String,
    pub(super) method: Box<dyn Method>,
    pub(super) path: Vec<Level>,
    pub(super) problem: Problem,
    /// What is known without the model, where the walk begins with it.
    pub(super) known: Option<Baseline>,
    /// What the network is conditioned on beside the noisy image, `[1, condition channels, height, width]`.
    condition: Option<Tensor<4>>,
}

impl<'a> Begun<'a> {
    /// Usage: an unknown method or spacing, or one answer where several are asked for.
    pub(super) fn new(
        model: &'a Model,
        operator: Box<dyn Operator>,
        y: Vec<f32>,
        sigma: f64,
        restoring: &'a RestorePlan,
        device: &'a Device,
    ) -> Result<Self> {
        let name = match &restoring.method {
            Some(name) => name.clone(),
            None => {
                let least_error = restoring.least_error && operator.input() != model.shape();
                default_method(operator.as_ref(), sigma_to_pixels(sigma), least_error).to_owned()
            }
        };
        let method = METHODS.build(&name)?;
        if restoring.samples > 1 && !method.samples() {
            return Err(Error::usage(format!(
                "{name} gives one answer, so {} draws would be alike",
                restoring.samples
            ))
            .hint("take a method that draws, such as ddnm, diffpir, or for noise exact:draw=sample"));
        }
        if restoring.cfg_scale != 1.0 && method.needs().derivative {
            return Err(Error::usage(format!(
                "{name}: differentiates the model's own answer, which guidance changes"
            ))
            .hint("leave --cfg-scale out, or take a method such as ddnm or sdedit"));
        }
        let [c, h, w] = operator.output();
        let start = match restoring.start_sigma {
            None => is_near(model, operator.input(), method.as_ref(), restoring).then_some(NEAR),
            start => start,
        };
        let wide: Vec<f64> = y.iter().map(|v| f64::from(*v)).collect();
        let known = start.and_then(|_| classical(operator.as_ref(), &wide, sigma));
        if restoring.start_sigma.is_some() && known.is_none() {
            return Err(Error::usage(
                "nothing is known of the image without the model, so there is nothing to begin with",
            )
            .hint("leave --start-sigma out"));
        }
        let path = match start.filter(|_| known.is_some()) {
            Some(start) => beginning(model, method.as_ref(), &name, start, restoring)?,
            None => path(model, restoring)?,
        };
        let mut problem = Problem::new(operator, signed_to_batch(y, [1, c, h, w], device), sigma)?;
        if let Some(known) = &known {
            let [c, h, w] = problem.shape();
            let values = known.image.iter().map(|v| *v as f32).collect();
            problem = problem.beginning_with(signed_to_batch(values, [1, c, h, w], device));
        }
        Ok(Self { model, restoring, device, name, method, path, problem, known, condition: None })
    }

    /// A walk of `method`, called `name`, with a network that is conditioned on the image and needs no correction by it.
    pub(super) fn conditioned(
        model: &'a Model,
        (name, method): (String, Box<dyn Method>),
        condition: Tensor<4>,
        restoring: &'a RestorePlan,
        device: &'a Device,
    ) -> Result<Self> {
        let shape @ [c, h, w] = {
            let [_, _, h, w] = condition.dims();
            [model.shape()[0], h, w]
        };
        let nothing = Tensor::zeros([1, c, h, w], device);
        let problem = Problem::new(operators::build("identity", shape, &NoImages)?, nothing, 0.0)?;
        let path = path(model, restoring)?;
        Ok(Self {
            model,
            restoring,
            device,
            name,
            method,
            path,
            problem,
            known: None,
            condition: Some(condition),
        })
    }
}

/// Whether a walk begins near the image although nothing was said: one of a size that the model does not draw.
fn is_near(model: &Model, shape: Shape, method: &dyn Method, restoring: &RestorePlan) -> bool {
    if shape == model.shape() {
        return false;
    }
    let knows = sigma_from_pixels(NEAR).is_ok_and(|sigma| known_noise(model, sigma));
    is_local(model) && knows && method.begins() && restoring.spacing.is_none()
}

/// Whether a walk of `model` may begin at the noise `sigma`.
fn known_noise(model: &Model, sigma: f64) -> bool {
    let diffusion = model.denoiser.diffusion();
    sigma > diffusion.lowest().ratio() && sigma <= diffusion.highest().ratio()
}

/// The levels of a walk that begins at the noise `start` of 255.
fn beginning(
    model: &Model,
    method: &dyn Method,
    name: &str,
    start: f64,
    restoring: &RestorePlan,
) -> Result<Vec<Level>> {
    if !method.begins() {
        return Err(Error::usage(format!("{name}: begins in a way of its own, and takes no --start-sigma"))
            .hint("take a method that does, such as ddnm, diffpir or pigdm"));
    }
    if restoring.spacing.is_some() {
        return Err(Error::usage("a walk with --start-sigma has levels of its own, and takes no --spacing"));
    }
    let sigma = sigma_from_pixels(start)?;
    if !known_noise(model, sigma) {
        let (lowest, highest) = model.sigma_range();
        return Err(Error::usage(format!(
            "a walk cannot begin at a noise of {start} of 255: the model knows {:.2} to {:.0}",
            sigma_to_pixels(lowest),
            sigma_to_pixels(highest)
        )));
    }
    SPACINGS.build(&format!("karras:sigma_max={sigma}"))?.path(model.denoiser.diffusion(), restoring.steps)
}

/// How much is done, of all draws.
struct Share<F> {
    progress: F,
    /// The share before the step at work, and the share that it is.
    step: (f64, f64),
    last: f64,
}

impl<F: FnMut(f64)> Share<F> {
    fn step(&mut self, from: f64, share: f64) {
        self.step = (from, share);
        self.within(0.0);
    }

    /// A part of the step at work; methods that ask several times in a step begin anew, which is not reported.
    fn within(&mut self, part: f64) {
        let done = (self.step.0 + self.step.1 * part).min(1.0);
        if done >= self.last {
            self.last = done;
            (self.progress)(done);
        }
    }
}

impl Begun<'_> {
    /// How the model is evaluated for the image, `at_once` draws at a time.
    fn pipeline(&self, at_once: usize) -> Result<Pipeline<'_>> {
        let (own, shape) = (self.model.shape(), self.problem.shape());
        let clip = self.model.info.sample.clip && self.restoring.clip;
        let mut pipeline =
            Pipeline::new(self.model, at_once).with_each_channel(own[0] != shape[0]).with_clip(clip);
        if self.restoring.cfg_scale != 1.0 {
            pipeline = pipeline.with_guidance(GuidanceConfig::default(), self.restoring.cfg_scale);
        }
        // A latent model sees its latents whole, as its autoencoder does.
        if self.model.codec.is_some() || own == shape {
            pipeline.check_memory(shape, at_once)?;
            return Ok(pipeline);
        }
        let plan = if self.method.needs().derivative { plan_with_derivative } else { plan };
        Ok(pipeline.with_windows(Some(plan(self.model, shape, self.restoring.memory)?.windows)))
    }

    /// The prompts, and what takes their place in guidance.
    fn words(&self) -> Result<Option<(Context, Context)>> {
        let words = self.restoring.words.as_ref();
        Prompts::check(words, self.model)?;
        words.map(|words| words.encode(self.model)).transpose()
    }

    /// All draws of image `number`, `[samples, channels, height, width]`.
    pub(super) fn draw(&self, number: u64, progress: impl FnMut(f64) + Send) -> Result<Tensor<4>> {
        let problem = &self.problem;
        let RestorePlan { samples, first_sample, batch_size, .. } = *self.restoring;
        let at_once = batch_size.min(samples);
        let start = self.restoring.start_for(problem.shape())?;
        let pipeline = self.pipeline(at_once)?;
        let shared = Mutex::new(Share { progress, step: (0.0, 0.0), last: 0.0 });
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = |now: usize, of: usize| {
            lock().within(now as f64 / of.max(1) as f64);
            !self.restoring.stop.is_requested()
        };
        let denoiser = pipeline.denoiser(watch)?;
        let words = self.words()?;
        let derivative = match self.method.needs().derivative {
            true => Some(pipeline.differentiable(self.device, watch)?),
            false => None,
        };
        let prior = Prior { denoiser: denoiser.as_ref(), differentiable: derivative.as_deref() };
        let mut made = Vec::new();
        for offset in (0..samples).step_by(batch_size) {
            let end = samples.min(offset + batch_size);
            let count = end - offset;
            let mut part = problem.repeated(problem.y().repeat_dim(0, count));
            if let Some(x0) = problem.beginning() {
                part = part.beginning_with(x0.repeat_dim(0, count));
            }
            let cond = Cond {
                labels: self.restoring.class.map(|class| vec![Some(class); count]),
                context: words.as_ref().map(|(wanted, _)| wanted.of(&vec![0; count])),
                null_context: words.as_ref().map(|(_, other)| other.of(&vec![0; count])),
                image: self.condition.as_ref().map(|condition| condition.clone().repeat_dim(0, count)),
                ..Cond::none()
            };
            let images = (offset..end).map(|draw| (number << 20) + (first_sample + draw) as u64);
            let (before, share) = (offset as f64 / samples as f64, count as f64 / samples as f64);
            lock().step(before, share / self.path.len().max(1) as f64);
            let mut run = pipeline
                .run(cond, NoiseStreams::new(self.restoring.seed, images))
                .from_noise(start.map(|start| start.clone().slice_dim(0, offset..end)))
                .on_progress(|at| {
                    let steps = at.steps.max(1) as f64;
                    lock().step(before + share * at.step as f64 / steps, share / steps);
                })
                .stopped_by(&self.restoring.stop);
            denoiser.begin();
            made.push(self.method.restore(prior, &part, &self.path, &mut run)?);
        }
        Ok(Tensor::cat(made, 0))
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::{Image, Stop, TimeMap};
    use langevin_figures::png;
    use langevin_restore::operators::Mask;

    use super::*;
    use crate::job::{Context as JobContext, Memory, Silent};
    use crate::restoration::{RestoreRequest, job};

    /// The sampler measures time: of the model's schedule, or by mistake of the flow.
    #[test]
    fn methods_that_need_time_have_that_of_the_model() {
        const METHOD: &str = "blended:sampler=tcd";
        let (device, seed, steps) = (Device::flex(), 5, 4);
        let hidden: Vec<bool> = (0..32 * 32).map(|at| at % 32 < 16).collect();
        let white = hidden.iter().map(|hidden| if *hidden { 255 } else { 0 }).collect();
        let image = Image::from_u8(32, 32, 3, (0..32 * 32 * 3).map(|at| (at * 7 % 251) as u8).collect());
        let folder = tempfile::tempdir().unwrap();
        let [file, mask] = ["image.png", "mask.png"].map(|name| folder.path().join(name));
        std::fs::write(&file, png::encode(&image, &[]).unwrap()).unwrap();
        std::fs::write(&mask, png::encode(&Image::from_u8(32, 32, 1, white), &[]).unwrap()).unwrap();

        let request = RestoreRequest {
            method: Some(METHOD.to_owned()),
            seed: Some(seed),
            steps: Some(steps),
            ..RestoreRequest::inpaint("builtin:shapes", file, mask)
        };
        let (mut observer, mut sink, stop) = (Silent, Memory::default(), Stop::new());
        let mut context =
            JobContext { device: &device, observer: &mut observer, sink: &mut sink, stop: &stop };
        let restored = job::run(&request, &mut context).unwrap().images.remove(0).restored.drawn.remove(0);

        let model = Model::open("builtin:shapes", &device).unwrap();
        let settings = &model.info.sample;
        let pipeline = Pipeline::new(&model, 1);
        let path = pipeline.path(&settings.sampler, &settings.spacing, steps).unwrap();
        let denoiser = pipeline.denoiser(|_, _| true).unwrap();
        let by_hand = |flow: bool| {
            let operator = Box::new(Mask::new([3, 32, 32], &hidden).unwrap());
            let y = signed_to_batch(image.to_signed(), [1, 3, 32, 32], &device);
            let problem = Problem::new(operator, y, 0.0).unwrap();
            let mut run = pipeline.run(Cond::none(), NoiseStreams::new(seed, [0]));
            if flow {
                run.time_map = TimeMap::FLOW;
            }
            let method = METHODS.build(METHOD).unwrap();
            let made = method.restore(Prior::new(denoiser.as_ref()), &problem, &path, &mut run).unwrap();
            Image::from_signed(&made.try_into_vec_as::<f32>().unwrap(), 3, 32, 32)
        };
        assert_eq!(restored, by_hand(false));
        assert_ne!(restored, by_hand(true), "another time map would not be seen");
    }
}
