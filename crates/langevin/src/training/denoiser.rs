//! Training a denoiser: the network, the objective, what it is trained on, and its previews.

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use langevin_core::{ErrorKind, NamedTensors, Preconditioned, Result, Stop, batch_to_images};
use langevin_data::{BatchSource, Loader, LoaderOptions};
use langevin_figures::sheet;
use langevin_kernels::Arithmetic;
use langevin_model::codec::codec_tensors;
use langevin_model::{Codec, Model, ModelDenoiser, ModelInfo, TextConditioner, save};
use langevin_nn::Backbone;
use langevin_process::Diffusion;
use langevin_train::{Denoising, Hooks, Job, ModelFile, Objective, Outcome, Preview, with_parameters};

use super::captions;
use super::latents::{self, Encoding};
use super::memory;
use super::prepare::Prepared;
use super::restorer;
use super::restorer_preview::Trial;
use super::run_folder::{begin, is_stored, store};
use langevin_inference::job::{Event, Observer};
use langevin_inference::sampling::{SamplePlan, sample_tensor};

/// How many images a preview shows.
const PREVIEW: usize = 36;
/// The seed previews are sampled from.
const PREVIEW_SEED: u64 = 0;

impl Prepared {
    /// Trains.
    ///
    /// # Errors
    /// As [`langevin_train::train`]; failed, when the memory that is free does not suffice.
    pub(super) fn train_denoiser(mut self, device: &Device, observer: &mut dyn Observer) -> Result<Outcome> {
        let train = self.settings.train.clone();
        let threads = rayon::current_num_threads();
        let shape = self.info.shape();
        memory::check_training(&self.settings.network, shape[1], &train, threads)?;
        let mut network = self.settings.network.backbone(train.seed, &train.autodiff(device))?;
        let objective: Box<dyn Objective<Backbone>> = match self.plan.lesson.take() {
            None => Box::new(Denoising::new(&train)?),
            Some(lesson) => lesson.objective,
        };
        if let Some(weights) = &self.plan.weights {
            network = with_parameters(network, weights)?;
        }
        let arithmetic = if train.exact { Arithmetic::Exact } else { Arithmetic::Fast };
        let network = network.with_arithmetic(arithmetic);
        let diffusion = Diffusion::new(&self.settings.diffusion)?;
        let source = self.source(device, observer)?;
        let (batch, seed) = (train.batch_size, train.seed);
        let loader = move |images_seen| {
            let options = LoaderOptions { batch, seed, images_seen, ..LoaderOptions::default() };
            Loader::of(Arc::clone(&source), options)
        };
        if let (Some(codec), Some(held)) = (&self.codec, &mut self.validation) {
            *held = latents::encoded_batch(codec, held, device)?;
        }
        let out = self.plan.out.clone();
        let toml = self.toml();
        let [size, channels] = [self.settings.data.size, self.settings.data.channels];
        let task = self.settings.task.as_ref();
        let conditions = task.map(|task| restorer::conditions(task, [channels, size, size])).transpose()?;
        let classes = self.settings.data.class_conditional;
        let trial = match (task, &conditions, &self.validation) {
            (Some(task), Some(conditions), Some(held)) => {
                Some(Trial::new(task, conditions.as_ref(), held, classes, device))
            }
            _ => None,
        };
        let job = Job {
            model: Preconditioned::new(network, diffusion),
            objective,
            config: train,
            loader: Box::new(loader),
            conditions: conditions.clone(),
            texts: self.info.text.as_ref().map(captions::texts).transpose()?,
            validation: self.validation.clone(),
            out: out.clone(),
            settings: self.fingerprint(),
            stop: self.plan.stop.clone(),
            device: device.clone(),
            dry_run: self.plan.dry_run,
            half: self.plan.half,
        };
        let stop = self.plan.stop.clone();
        let device = device.clone();
        let (info, codec) = (self.info, self.codec);
        let text = TextConditioner::learned(info.text.as_ref())?;
        let held = self.validation.as_ref();
        let captions = held.map_or_else(Vec::new, |held| held.captions.iter().flatten().cloned().collect());
        let mut hooks =
            Watching { toml, info, codec, text, captions, arithmetic, out, device, stop, observer, trial };
        langevin_train::train(job, &mut hooks)
    }

    /// What is trained on: the images, or their latents, which are encoded first.
    fn source(&self, device: &Device, observer: &mut dyn Observer) -> Result<Arc<dyn BatchSource>> {
        let (Some(codec), Some(latent)) = (&self.codec, &self.settings.latent) else {
            return Ok(Arc::new(self.pool.clone()));
        };
        let encoding = Encoding {
            codec,
            hash: &latent.hash,
            pool: &self.pool,
            // A forecast needs no more than a batch.
            limit: self.plan.dry_run.then_some(self.settings.train.batch_size as u64),
            of_unlimited: latent.images,
            folder: &self.plan.out.join("latents"),
            stop: &self.plan.stop,
            device,
        };
        latents::encode(&encoding, |done, of| observer.event(Event::Encoded { done, of }))
    }
}

struct Watching<'a> {
    toml: String,
    info: ModelInfo,
    codec: Option<Codec>,
    text: TextConditioner,
    arithmetic: Arithmetic,
    /// What previews show, of a model that is text-conditioned.
    captions: Vec<String>,
    out: PathBuf,
    device: Device,
    stop: Stop,
    observer: &'a mut dyn Observer,
    /// Held-out images for a restorer.
    trial: Option<Trial>,
}

impl Hooks<Backbone> for Watching<'_> {
    fn begin(&mut self) -> Result<()> {
        begin(&self.out, &self.toml)
    }

    fn event(&mut self, event: &langevin_train::Event) {
        self.observer.event(event.into());
    }

    fn has_preview(&self, images: u64) -> bool {
        is_stored(&self.out, images)
    }

    fn judge(&mut self, model: &Preconditioned<Backbone>) -> Result<Vec<(&'static str, f64)>> {
        self.trial.as_ref().map_or_else(|| Ok(Vec::new()), |trial| trial.judge(model, &self.stop))
    }

    fn preview(&mut self, model: &Preconditioned<Backbone>, images: u64) -> Result<Option<Preview>> {
        if self.info.task.is_some() {
            let Some(trial) = &self.trial else { return Ok(None) };
            let sheet = trial.sheet(model, &self.info.sample, self.info.magnification(), &self.stop)?;
            return sheet.map(|sheet| store(&self.out, sheet, images, self.observer)).transpose();
        }
        // What `sample` makes of the model as it is now: the same guidance, clipping and decoder.
        let denoiser = ModelDenoiser::Network(Box::new(model.clone()));
        let name = self.out.display().to_string();
        let model = Model::new(self.info.clone(), denoiser, self.codec.clone(), self.text.clone(), name);
        let mut plan = SamplePlan {
            arithmetic: self.arithmetic,
            stop: self.stop.clone(),
            ..SamplePlan::of(&model, PREVIEW, PREVIEW_SEED)
        };
        if let Some(prompts) = plan.prompts.as_mut().filter(|_| !self.captions.is_empty()) {
            prompts.each = self.captions.iter().cycle().take(PREVIEW).cloned().collect();
        }
        let drawn = sample_tensor(&model, &plan, &self.device, |_| {});
        let images_made = match drawn {
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted(_)) => return Ok(None),
            Err(error) => {
                // What is learned does not depend on how it is shown.
                let text = format!("no preview after {images} images: {error}");
                self.observer.event(Event::warning(text));
                return Ok(None);
            }
            Ok(made) => batch_to_images(made),
        };
        let scale = self.info.magnification();
        let sheet = sheet::sheet(&images_made, sheet::square_columns(PREVIEW), 2, scale);
        store(&self.out, sheet, images, self.observer).map(Some)
    }

    fn model_file(&mut self, images: u64, mut tensors: NamedTensors) -> Result<ModelFile> {
        self.info.images = images;
        tensors.extend(self.codec.iter().flat_map(codec_tensors));
        // What was measured on the model since, and written into its file, stays there.
        let mut info = self.info.clone();
        if let Some(sample) = save::measured(&self.out.join("model.safetensors")) {
            (info.sample.tuned, info.sample.grids) = (sample.tuned, sample.grids);
        }
        Ok(ModelFile { tensors, metadata: info.to_metadata() })
    }
}
