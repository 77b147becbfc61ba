//! The training loop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use langevin_core::{Error, ErrorKind, NamedTensors, Network, Preconditioned, Result, Stop};
use langevin_data::{Batch, Loader};
use langevin_kernels::AdamW as AdamWSettings;

use crate::averages::{Averages, Forgetting};
use crate::conditions::{Conditions, Texts};
use crate::config::TrainConfig;
use crate::folder::{peak_bytes, sweep, write_model};
use crate::hooks::{Event, Forecast, Hooks, Step};
use crate::learner::{Gradients, Learner};
use crate::log::Log;
use crate::objective::{Objective, diverged};
use crate::passes::Passes;
use crate::state::{Checkpoint, TrainingState};
use crate::{settings, snapshots, state};

/// A first step of fewer seconds is timed once more for the forecast.
const FORECAST_AGAIN: f64 = 2.0;
/// The average of the weights that an objective compares with.
const TARGET: &str = "target";
/// A loss this many times the typical one is worth a warning.
const SPIKE: f64 = 10.0;
/// Held-out images that go through the network at once are as many as a batch has, and no fewer than these.
const FEWEST_AT_ONCE: usize = 16;
/// Those of a loss that is no sum over images.
const WHOLE: usize = 256;

/// Everything a run needs.
pub struct Job<N> {
    /// The network at its initial weights, on [`Job::device`] with autodiff.
    pub model: Preconditioned<N>,
    /// What is learned; [`crate::Denoising`] for an ordinary training.
    pub objective: Box<dyn Objective<N>>,
    /// The settings.
    pub config: TrainConfig,
    /// Makes the loader that begins after the given number of images seen.
    pub loader: Box<dyn Fn(u64) -> Result<Loader>>,
    /// What makes the condition of each image, if it restores.
    pub conditions: Option<Arc<dyn Conditions>>,
    /// The tokens of captions, if the network is text-conditioned.
    pub texts: Option<Arc<dyn Texts>>,
    /// Held-out images, or none.
    pub validation: Option<Batch>,
    /// The run's folder.
    pub out: PathBuf,
    /// Settings outside [`TrainConfig`] that decide the result (network, data, size), as JSON.
    pub settings: String,
    /// Becomes the number of a signal when the run shall stop.
    pub stop: Stop,
    /// The device without autodiff.
    pub device: Device,
    /// Only forecast.
    pub dry_run: bool,
    /// Store the finished `model.safetensors` in 16 bits.
    pub half: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Images seen.
    pub images: u64,
    /// Seconds of training over all starts.
    pub seconds: f64,
    /// Whether all images asked for were seen (otherwise time was up).
    pub complete: bool,
    /// Images seen by this start.
    pub images_now: u64,
    /// Seconds spent by this start.
    pub seconds_now: f64,
}

/// Trains until the images are seen or the time is up; takes up a run that is already in the folder.
///
/// # Errors
/// Usage: bad settings, or a folder with a run of other settings. Bad input: a run folder without one whole checkpoint,
/// unreadable data. Diverged: a loss or gradient that is not finite, before anything of it is saved. Interrupted: a
/// signal came; the step was finished and saved. Failed: the disk is full.
pub fn train<N: Network>(job: Job<N>, hooks: &mut dyn Hooks<N>) -> Result<Outcome> {
    job.config.check()?;
    langevin_files::create_folder(&job.out)?;
    let _lock = langevin_files::RunLock::of(&job.out)?;
    sweep(&job.out);
    Trainer::take_up(job, hooks)?.run()
}

/// What a validation finds.
#[derive(Default)]
struct Validation {
    loss: f64,
    by_level: Vec<(f64, f64)>,
    values: Vec<(&'static str, f64)>,
}

struct Trainer<'a, N> {
    job: Job<N>,
    hooks: &'a mut dyn Hooks<N>,
    learner: Learner<N>,
    averages: Averages,
    passes: Passes,
    log: Log,
    images: u64,
    step: u64,
    seconds_before: f64,
    started: Instant,
    images_before: u64,
    typical_loss: Option<f64>,
    /// Whether the validation at this point is still to be made.
    due: bool,
}

impl<'a, N: Network> Trainer<'a, N> {
    /// The trainer of a new run, or of the run that is in the folder, as its newest checkpoint left it.
    fn take_up(job: Job<N>, hooks: &'a mut dyn Hooks<N>) -> Result<Self> {
        let (found, torn) = find(&job)?;
        let mut learner = Learner::new(job.model.clone(), job.config.passes())?;
        let mut averages = Averages::new(&job.model.network, &wanted(&job));
        if let Some(checkpoint) = &found {
            learner.restore(&checkpoint.weights, &checkpoint.moments, &checkpoint.average)?;
            averages.restore(&checkpoint.tracked)?;
        }
        hooks.begin()?;
        let resumed = found.is_some();
        let standing = match found {
            Some(checkpoint) => repair(&job, hooks, checkpoint)?,
            None => TrainingState::default(),
        };
        let mut trainer = Self {
            passes: Passes::new(
                &job.config,
                job.model.network.classes(),
                job.conditions.clone(),
                job.texts.clone(),
            ),
            averages,
            log: Log::open(&job.out, standing.metrics_bytes, standing.images)?,
            learner,
            images: standing.images,
            step: standing.step,
            seconds_before: standing.seconds,
            started: Instant::now(),
            images_before: standing.images,
            typical_loss: None,
            due: standing.validation_due,
            job,
            hooks,
        };
        for sentence in torn {
            let text = format!("skipped an incomplete checkpoint: {sentence}");
            trainer.tell(&Event::Warning { text })?;
        }
        if resumed {
            trainer.tell(&Event::Resumed { images: trainer.images })?;
        }
        Ok(trainer)
    }

    fn run(mut self) -> Result<Outcome> {
        let mut loader = (self.job.loader)(self.images)?;
        // The forecast looks at the batch that is trained on first.
        let mut first = None;
        if self.images < self.job.config.images || self.job.dry_run {
            let batch = loader.next_batch()?;
            self.forecast(&batch)?;
            first = Some(batch);
        }
        if self.job.dry_run {
            return Ok(self.outcome());
        }
        self.heed_signal()?;
        self.started = Instant::now();
        if self.images == 0 {
            self.validate()?;
            self.preview()?;
        }
        let due = self.due;
        if due {
            self.validate()?;
        }
        if self.images > 0 && self.images % self.job.config.sample_every < self.job.config.batch_size as u64 {
            // A signal may have cut this one short.
            self.preview()?;
        }
        self.heed_signal()?;
        // However short the time, a run has at least one update to save.
        while self.images < self.job.config.images && (self.images == 0 || !self.time_is_up()) {
            let start = Instant::now();
            let batch = match first.take() {
                Some(batch) => batch,
                None => loader.next_batch()?,
            };
            let before = self.images;
            let mut step = self.update(&batch)?;
            step.images_per_second = batch.shape[0] as f64 / start.elapsed().as_secs_f64().max(1e-9);
            self.log.step(&step)?;
            self.tell(&Event::Step(step))?;
            self.at_intervals(before)?;
            self.heed_signal()?;
        }
        if self.images > self.images_before {
            self.save()?;
            self.store_snapshot()?;
            self.preview()?;
        } else if self.images >= self.job.config.images {
            if due {
                self.save()?;
            }
            self.complete()?;
        }
        Ok(self.outcome())
    }

    /// Saves and stops, when a signal asked for it.
    fn heed_signal(&mut self) -> Result<()> {
        let Some(signal) = self.job.stop.signal() else { return Ok(()) };
        if self.images > self.images_before {
            self.save()?;
        }
        let message =
            format!("stopped by signal {signal} after {} images, with everything saved", self.images);
        Err(Error::new(ErrorKind::Interrupted(signal), message).hint("run the same command to go on"))
    }

    fn update(&mut self, batch: &Batch) -> Result<Step> {
        let [count, ..] = batch.shape;
        let gradients = self.gradients(batch)?;
        let (loss, norm) = (gradients.loss, gradients.norm);
        let config = &self.job.config;
        let seen = self.images + count as u64;
        if !loss.is_finite() {
            return Err(diverged("the loss", loss, seen));
        }
        if !norm.is_finite() {
            return Err(diverged("the gradient's norm", norm, seen));
        }
        let clip =
            if config.clip_norm > 0.0 && norm > config.clip_norm { config.clip_norm / norm } else { 1.0 };
        let learning_rate = config.learning_rate_at(self.images);
        let step = AdamWSettings {
            learning_rate,
            beta1: config.beta1,
            beta2: config.beta2,
            eps: config.epsilon,
            weight_decay: config.weight_decay,
            step: self.step + 1,
            grad_scale: clip,
            ema_decay: config.ema_decay_at(seen),
        };
        self.learner.step(gradients, &step);
        self.averages.step(&self.learner.model().network, seen, count);
        self.images = seen;
        self.step += 1;
        self.watch(loss)?;
        Ok(Step {
            images: self.images,
            step: self.step,
            loss,
            gradient_norm: norm,
            learning_rate,
            images_per_second: 0.0,
            images_total: self.job.config.images,
            seconds: self.seconds(),
        })
    }

    fn gradients(&self, batch: &Batch) -> Result<Gradients> {
        let device = self.job.config.autodiff(&self.job.device);
        let passes = self.passes.of(batch, self.images, self.job.config.micro_batch, &device);
        let target = self.target();
        let objective = &self.job.objective;
        self.learner.gradients(passes, |pass, model| objective.loss(pass, model, target.as_ref()))
    }

    /// The model that the objective compares with, if it asks for one.
    fn target(&self) -> Option<Preconditioned<N>> {
        let model = self.learner.model();
        let network = self.averages.with(TARGET, model.network.valid())?;
        Some(Preconditioned::new(network, model.diffusion.clone()))
    }

    /// A warning, no more, when the loss jumps; it never changes the run.
    fn watch(&mut self, loss: f64) -> Result<()> {
        let typical = self.typical_loss.map_or(loss, |typical| 0.95 * typical + 0.05 * loss);
        if let Some(before) = self.typical_loss
            && loss > SPIKE * before
            && self.step > 50
        {
            let text =
                format!("the loss jumped to {loss:.4} from about {before:.4} at {} images", self.images);
            self.tell(&Event::Warning { text })?;
        }
        self.typical_loss = Some(typical);
        Ok(())
    }

    fn at_intervals(&mut self, before: u64) -> Result<()> {
        let config = &self.job.config;
        let crossed = |every: u64| self.images / every > before / every;
        let last = self.images >= config.images;
        let validate = crossed(config.validate_every);
        let show = crossed(config.sample_every) && !last;
        let store = config.ema_snapshots > 0 && crossed(config.ema_snapshots) && !last;
        let save = crossed(config.checkpoint_every) && !last;
        if !(validate || show || store || save) {
            return Ok(());
        }
        let start = Instant::now();
        if validate {
            self.validate()?;
        }
        if show {
            self.preview()?;
        }
        if store {
            self.store_snapshot()?;
        }
        if save {
            self.save()?;
        }
        self.tell(&Event::Maintained { images: self.images, seconds: start.elapsed().as_secs_f64() })
    }

    /// Judges the averaged weights by the held-out images. What a signal cuts short is made when the run goes on.
    fn validate(&mut self) -> Result<()> {
        self.due = true;
        let Some(Validation { loss, by_level, values }) = self.validation()? else { return Ok(()) };
        self.due = false;
        if by_level.is_empty() {
            return Ok(());
        }
        if !loss.is_finite() {
            return Err(diverged("the validation loss", loss, self.images));
        }
        self.log.validation(self.images, loss, &by_level)?;
        self.tell(&Event::Validated { images: self.images, loss, by_level })?;
        if values.is_empty() {
            return Ok(());
        }
        self.log.judged(self.images, &values)?;
        self.tell(&Event::Judged { images: self.images, values })
    }

    /// What a validation finds, nothing without held-out images; `None` where a signal came.
    fn validation(&mut self) -> Result<Option<Validation>> {
        let mut found = Validation::default();
        let Some(batch) = &self.job.validation else { return Ok(Some(found)) };
        let (model, target) = (self.learner.averaged(), self.target());
        let objective = &self.job.objective;
        let levels = objective.validation_levels();
        let [count, ..] = batch.shape;
        let part = if objective.has_terms() { self.job.config.batch_size.max(FEWEST_AT_ONCE) } else { WHOLE };
        for index in 0..levels {
            // Spread evenly over what training sees, cleanest first.
            let uniform = (index as f64 + 0.5) / levels as f64;
            let (seen, device) = (self.images, &self.job.device);
            let (mut per_image, mut terms, mut mean) = (Vec::new(), Vec::new(), 0.0);
            for start in (0..count).step_by(part) {
                if self.job.stop.is_requested() {
                    return Ok(None);
                }
                let range = start..count.min(start + part);
                let pass = self.passes.validation(batch, range, (uniform, index as u64), seen, device);
                let losses = objective.loss(pass, &model, target.as_ref())?;
                let plain = losses.per_image.try_into_vec_as::<f32>();
                per_image.extend(plain.map_err(|error| {
                    Error::failed(format!("the validation loss cannot be read: {error}"))
                })?);
                match losses.terms {
                    Some(of_part) => terms.push(of_part),
                    None => mean += f64::from(losses.mean.into_scalar::<f32>()),
                }
            }
            // In one sum, so that the parts make no difference to it.
            if !terms.is_empty() {
                mean = f64::from(Tensor::cat(terms, 0).sum().into_scalar::<f32>());
            }
            found.by_level.push((
                objective.level(&model.diffusion, uniform, seen).log_snr(),
                per_image.iter().map(|v| f64::from(*v)).sum::<f64>() / per_image.len() as f64,
            ));
            found.loss += mean / levels as f64;
        }
        // A loss that is no number is said as what it is.
        if found.loss.is_finite() {
            found.values = match self.hooks.judge(&model) {
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted(_)) => return Ok(None),
                values => values?,
            };
        }
        Ok(Some(found))
    }

    fn preview(&mut self) -> Result<()> {
        let model = self.learner.averaged();
        if let Some(preview) = self.hooks.preview(&model, self.images)? {
            self.log.preview(self.images, &preview)?;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        let (weights, average) = (self.learner.weights(), self.learner.average());
        let (moments, tracked) = (self.learner.moments(), self.averages.export());
        let parts = [
            ("weight", &weights),
            ("averaged weight", &average),
            ("moment", &moments),
            ("averaged weight", &tracked),
        ];
        for (what, tensors) in parts {
            check_finite(what, tensors, self.images)?;
        }
        let metrics_bytes = self.log.sync()?;
        let standing = TrainingState {
            images: self.images,
            step: self.step,
            seconds: self.seconds(),
            metrics_bytes,
            settings: self.job.settings.clone(),
            validation_due: self.due,
        };
        let checkpoint = Checkpoint { standing, weights, average, moments, tracked };
        let path = checkpoint.save(&self.job.out.join("checkpoints"), self.job.config.keep)?;
        let file = self.hooks.model_file(self.images, checkpoint.average)?;
        write_model(&self.job.out, self.job.half, &file)?;
        self.tell(&Event::Saved { path })
    }

    /// Makes what a training that was killed after its last checkpoint had no time for.
    fn complete(&mut self) -> Result<()> {
        state::forget_older(&self.job.out.join("checkpoints"), self.job.config.keep);
        if !snapshots::is_stored(&self.job.out, self.images) {
            self.store_snapshot()?;
        }
        if !self.hooks.has_preview(self.images) {
            self.preview()?;
        }
        Ok(())
    }

    /// Stores the averages of which others are made afterwards, if the run keeps any.
    fn store_snapshot(&self) -> Result<()> {
        if self.job.config.ema_snapshots == 0 {
            return Ok(());
        }
        check_finite("averaged weight", &self.averages.export(), self.images)?;
        snapshots::store(&self.job.out, self.images, &self.averages)
    }

    /// Times the gradients of an update that is not made.
    fn forecast(&mut self, batch: &Batch) -> Result<()> {
        let count = batch.shape[0];
        let config = &self.job.config;
        let timed = || -> Result<f64> {
            let start = Instant::now();
            self.gradients(batch)?;
            Ok(start.elapsed().as_secs_f64())
        };
        // The first time pays for memory and for starting the threads; a long one hardly differs from the next.
        let first = timed()?;
        let seconds_per_step = if first < FORECAST_AGAIN { timed()? } else { first };
        let images_per_second = count as f64 / seconds_per_step;
        let images_left = config.images.saturating_sub(self.images);
        let mut seconds_left = images_left as f64 / images_per_second;
        if config.minutes > 0.0 {
            seconds_left = seconds_left.min((config.minutes * 60.0 - self.seconds_before).max(0.0));
        }
        self.tell(&Event::Forecast(Forecast {
            seconds_per_step,
            images_per_second,
            images_left: images_left.min((seconds_left * images_per_second) as u64),
            seconds_left,
            peak_bytes: peak_bytes(),
            parameters: self.learner.model().network.num_params(),
        }))
    }

    fn time_is_up(&self) -> bool {
        let minutes = self.job.config.minutes;
        minutes > 0.0 && self.seconds() >= minutes * 60.0
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            images: self.images,
            seconds: self.seconds(),
            complete: self.images >= self.job.config.images,
            images_now: self.images - self.images_before,
            seconds_now: self.started.elapsed().as_secs_f64(),
        }
    }

    fn tell(&mut self, event: &Event) -> Result<()> {
        self.hooks.event(event);
        self.log.event(event)
    }
}

/// The newest whole checkpoint in the folder of `job`, if the run there is the same, and what is said of those passed over.
fn find<N>(job: &Job<N>) -> Result<(Option<Checkpoint>, Vec<String>)> {
    let (found, torn) = Checkpoint::newest(&job.out.join("checkpoints"))?;
    match &found {
        Some(checkpoint) if !settings::same(&checkpoint.standing.settings, &job.settings) => {
            Err(settings::other(&job.out, &checkpoint.standing.settings, &job.settings))
        }
        None if job.out.join("model.safetensors").exists() => {
            Err(Error::usage(format!("{}: holds a model, but no run to go on with", job.out.display()))
                .hint("choose another --out folder, so that the model there is kept"))
        }
        _ => Ok((found, torn)),
    }
}

/// Writes the model of `checkpoint` again: a stop between publishing a checkpoint and writing the model left an older one.
fn repair<N>(job: &Job<N>, hooks: &mut dyn Hooks<N>, checkpoint: Checkpoint) -> Result<TrainingState> {
    let file = hooks.model_file(checkpoint.standing.images, checkpoint.average)?;
    write_model(&job.out, job.half, &file)?;
    Ok(checkpoint.standing)
}

fn check_finite(what: &str, tensors: &NamedTensors, images: u64) -> Result<()> {
    let wild = tensors.iter().find(|(_, (_, values))| values.iter().any(|v| !v.is_finite()));
    wild.map_or(Ok(()), |(path, _)| Err(diverged(&format!("{what} {path}"), f64::NAN, images)))
}

/// The averages beside the model's own that a run keeps.
fn wanted<N: Network>(job: &Job<N>) -> Vec<(String, Forgetting)> {
    let target = job.objective.target_decay().map(|keep| (TARGET.to_owned(), Forgetting::Constant(keep)));
    let stored = (job.config.ema_snapshots > 0).then(snapshots::wanted);
    target.into_iter().chain(stored.into_iter().flatten()).collect()
}
