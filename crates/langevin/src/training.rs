//! Training a model from a data set and settings: resolves what the data decides, makes the network, draws previews.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use burn::tensor::Device;
use langevin_core::clipping::Clipped;
use langevin_core::{
    Clock, Denoiser, Error, ErrorKind, NamedTensors, Picture, Preconditioned, Result, SideBySide,
};
use langevin_figures::sheet;
use langevin_data::{
    Batch, Crop, DataInfo, Held, Loader, LoaderOptions, OpenOptions, Pool, PoolOptions, Prepare, Showing,
    Skipped,
};
use langevin_files::{create_folder, replace_file};
use langevin_kernels::Arithmetic;
use langevin_nn::Backbone;
use langevin_process::{Diffusion, Level, SPACINGS};
use langevin_sample::{SAMPLERS, SampleRequest, Sampler, sample_all};
use langevin_train::{
    Decay, Denoising, Event, Hooks, Job, ModelFile, Objective, Outcome, Preview, with_parameters,
};

use crate::autoencoding::{self, Codec};
use crate::latents::{self, Encoding, LatentInfo, LatentSettings};
use crate::memory;
use crate::model::ModelInfo;
use langevin_figures::png;
use crate::restorer::Trial;
use crate::sampling::even_labels;
use crate::settings::{SampleSettings, Settings};
use crate::texts::TextInfo;

/// How many pictures a preview shows.
const PREVIEW: usize = 36;
/// The seed previews are drawn from.
const PREVIEW_SEED: u64 = 0;

/// What to train.
pub struct TrainRequest {
    /// The data set, as `langevin_data::open` takes it.
    pub data: String,
    /// The settings, before the data decided what it decides.
    pub settings: Settings,
    /// The preset's name, for the record.
    pub preset: String,
    /// The run's folder.
    pub out: PathBuf,
    /// Whether one unreadable picture is an error.
    pub strict: bool,
    /// Only forecast.
    pub dry_run: bool,
    /// Store the weights of `model.safetensors` in 16 bits.
    pub half: bool,
    /// Becomes the number of a signal when the run shall stop.
    pub stop: Arc<AtomicI32>,
    /// The weights to begin with; without, random ones.
    pub weights: Option<NamedTensors>,
    /// What is learned, where it is not the data by themselves.
    pub lesson: Option<Lesson>,
}

/// A training that is not the ordinary one of a denoiser.
pub struct Lesson {
    /// The loss.
    pub objective: Box<dyn Objective<Backbone>>,
}

/// A request with everything resolved and checked; nothing is written yet.
pub struct Prepared {
    /// The settings with what the data decided filled in.
    pub settings: Settings,
    /// What the model file will say.
    pub info: ModelInfo,
    /// What is known of the data set.
    pub data: DataInfo,
    /// Pictures that can be trained on; `None` is unlimited.
    pub pictures: Option<u64>,
    /// Files that were passed over.
    pub skipped: Vec<Skipped>,
    /// What makes latents of the pictures, where those are learned.
    codec: Option<Codec>,
    pub(crate) pool: Pool,
    pub(crate) validation: Option<Batch>,
    pub(crate) request: TrainRequest,
}

/// Opens the data and resolves the settings.
///
/// # Errors
/// Bad input: data that cannot be read. Usage: settings that do not fit the data or each other.
pub fn prepare(request: TrainRequest) -> Result<Prepared> {
    let mut settings = request.settings.clone();
    settings.train.check()?;
    if settings.distill.is_some() != request.lesson.is_some() {
        return Err(Error::usage(format!("{}: holds the settings of a distillation", request.preset))
            .hint("use `langevin distill`"));
    }
    let dataset = langevin_data::open(&request.data, &OpenOptions::default())?;
    let data = dataset.info().clone();
    let codec = settings.latent.as_mut().map(|latent| latent.open(&Device::flex())).transpose()?;
    resolve(&mut settings, &data, codec.as_ref())?;
    let size = settings.data.size;
    let mut prepare = Prepare::new(size, size, settings.data.channels);
    prepare.flip = settings.train.flip;
    prepare.turn = settings.train.turn;
    prepare.crop = match (settings.data.patches, settings.train.random_crop) {
        (true, _) => Crop::Patch,
        (false, true) => Crop::Random,
        (false, false) => Crop::Centre,
    };
    let pool = Pool::new(dataset, prepare, PoolOptions { strict: request.strict, ..PoolOptions::default() })?;
    let (pool, validation) = hold_out(pool, settings.train.validation_pictures)?;
    let text = match settings.text.clone() {
        None => None,
        Some(wanted) => {
            let info = TextInfo::learn(&pool, &wanted)?;
            wanted.apply(&mut settings, &info);
            settings.network.check()?;
            Some(info)
        }
    };
    let info = ModelInfo {
        version: 1,
        size: (size, size),
        channels: settings.data.channels,
        classes: if settings.data.class_conditional { data.classes.clone() } else { Vec::new() },
        task: settings.task.clone(),
        latent: codec.as_ref().map(LatentInfo::of),
        text,
        network: settings.network.clone(),
        diffusion: settings.diffusion.clone(),
        sample: settings.sample.clone(),
        data: request.data.clone(),
        preset: request.preset.clone(),
        images: 0,
        seed: settings.train.seed,
    };
    Ok(Prepared {
        pictures: pool.len(),
        skipped: pool.skipped(),
        settings,
        info,
        data,
        codec,
        pool,
        validation,
        request,
    })
}

fn resolve(settings: &mut Settings, data: &DataInfo, codec: Option<&Codec>) -> Result<()> {
    if let Some(codec) = codec {
        LatentSettings::apply(settings, codec)?;
    }
    if settings.data.size == 0 {
        settings.data.size = data.size.0.min(data.size.1);
    }
    if settings.data.channels == 0 {
        settings.data.channels = data.channels;
    }
    if let Some(text) = &settings.text {
        text.check()?;
        if settings.task.is_some() || settings.autoencoder.is_some() {
            return Err(
                Error::usage("restorers and autoencoders are told of no texts").hint("leave --captions out")
            );
        }
    }
    if settings.data.class_conditional && data.classes.is_empty() {
        return Err(Error::usage(format!(
            "{}: has no classes, so a class-conditional model cannot be trained on it",
            data.name
        ))
        .hint(
            "put the pictures of each class into a sub-folder of its name, or set class_conditional = false",
        ));
    }
    if let Some(autoencoder) = &mut settings.autoencoder {
        if settings.data.class_conditional || settings.task.is_some() {
            return Err(Error::usage("an autoencoder is told of no class, and restores nothing")
                .hint("leave class_conditional and task out"));
        }
        autoencoder.network.channels = settings.data.channels;
        return autoencoder.check(settings.data.size);
    }
    let size = settings.data.size;
    let [channels, rows, columns] = match codec {
        Some(codec) => codec.info.network.latent_shape(size, size)?,
        None => [settings.data.channels, size, size],
    };
    let network = &mut settings.network;
    network.in_channels = channels;
    network.out_channels = channels;
    network.condition_channels = match &settings.task {
        None => 0,
        Some(task) => {
            task.scale(settings.data.channels, settings.data.size)?;
            task.condition_channels(settings.data.channels)
        }
    };
    network.classes = if settings.data.class_conditional { data.classes.len() } else { 0 };
    network.check()?;
    network.check_size(rows, columns).map_err(|error| match codec {
        Some(_) => error.hint(format!("the latents of pictures of {size}x{size} have {columns}x{rows}")),
        None => error,
    })?;
    SAMPLERS.build(&settings.sample.sampler)?;
    SPACINGS.build(&settings.sample.spacing)?;
    Diffusion::new(&settings.diffusion)?;
    Ok(())
}

/// The pool to train on and the held-out pictures: no more than a tenth of a small set. Where patches are trained on, as many
/// of them as were wanted are taken from these.
fn hold_out(pool: Pool, wanted: usize) -> Result<(Pool, Option<Batch>)> {
    let count = pool.len().map_or(wanted as u64, |have| (wanted as u64).min(have / 10));
    if count == 0 {
        return Ok((pool, None));
    }
    let (train, held) = pool.split(Held::Count(count), 0)?;
    let patches = held.prepare().crop == Crop::Patch;
    let batch = if patches { held.showing(0, 0, wanted)? } else { held.batch(0..count)? };
    Ok((train, Some(batch)))
}

impl Prepared {
    /// The settings as TOML, as the run keeps them.
    pub fn toml(&self) -> String {
        self.settings.to_toml()
    }

    /// Trains.
    ///
    /// # Errors
    /// As [`langevin_train::train`]; failed, when the memory that is free does not suffice.
    pub fn train(mut self, device: &Device, mut observe: impl FnMut(&Event)) -> Result<Outcome> {
        if let Some(settings) = self.settings.autoencoder.clone() {
            return autoencoding::train(self, &settings, device, observe);
        }
        let train = self.settings.train.clone();
        let threads = rayon::current_num_threads();
        let shape = self.info.shape();
        memory::check_training(&self.settings.network, shape[1], &train, threads)?;
        let mut network = self.settings.network.backbone(train.seed, &train.autodiff(device))?;
        let objective: Box<dyn Objective<Backbone>> = match self.request.lesson.take() {
            None => Box::new(Denoising::new(&train)?),
            Some(lesson) => lesson.objective,
        };
        if let Some(weights) = &self.request.weights {
            network = with_parameters(network, weights)?;
        }
        let arithmetic = if train.exact { Arithmetic::Exact } else { Arithmetic::Fast };
        let network = network.with_arithmetic(arithmetic);
        let diffusion = Diffusion::new(&self.settings.diffusion)?;
        let source = self.source(device, &mut observe)?;
        let (batch, seed) = (train.batch_size, train.seed);
        let loader = move |images_seen| {
            let options = LoaderOptions { batch, seed, images_seen, ..LoaderOptions::default() };
            Loader::of(Arc::clone(&source), options)
        };
        if let (Some(codec), Some(held)) = (&self.codec, &mut self.validation) {
            *held = latents::encoded_batch(codec, held, device)?;
        }
        let out = self.request.out.clone();
        let toml = self.toml();
        let [size, channels] = [self.settings.data.size, self.settings.data.channels];
        let task = self.settings.task.as_ref();
        let conditions = task.map(|task| task.conditions([channels, size, size])).transpose()?;
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
            texts: self.info.text.as_ref().map(TextInfo::texts).transpose()?,
            validation: self.validation.clone(),
            out: out.clone(),
            settings: self.fingerprint(),
            stop: Arc::clone(&self.request.stop),
            device: device.clone(),
            dry_run: self.request.dry_run,
            half: self.request.half,
        };
        let stop = Arc::clone(&self.request.stop);
        let device = device.clone();
        let (info, codec) = (self.info, self.codec);
        let held = self.validation.as_ref();
        let captions = held.map_or_else(Vec::new, |held| held.captions.iter().flatten().cloned().collect());
        let mut hooks =
            Drawing { toml, info, codec, captions, out, device, stop, observe: &mut observe, trial };
        langevin_train::train(job, &mut hooks)
    }

    /// What is trained on: the pictures, or their latents, which are encoded first.
    fn source(&self, device: &Device, observe: &mut impl FnMut(&Event)) -> Result<Arc<dyn Showing>> {
        let (Some(codec), Some(latent)) = (&self.codec, &self.settings.latent) else {
            return Ok(Arc::new(self.pool.clone()));
        };
        let encoding = Encoding {
            codec,
            hash: &latent.hash,
            pool: &self.pool,
            // A forecast needs no more than a batch.
            limit: self.request.dry_run.then_some(self.settings.train.batch_size as u64),
            of_unlimited: latent.pictures,
            folder: &self.request.out.join("latents"),
            stop: &self.request.stop,
            device,
        };
        latents::encode(&encoding, |done, of| observe(&Event::Encoding { done, of }))
    }

    /// What decides the result, as JSON: a run taken up again must have the same. When to stop, save and show is
    /// left out.
    pub(crate) fn fingerprint(&self) -> String {
        let mut settings = serde_json::to_value(&self.settings).expect("settings are plain values");
        if let Some(latent) = settings.get_mut("latent").and_then(serde_json::Value::as_object_mut) {
            // The hash tells which autoencoder it is.
            latent.remove("autoencoder");
        }
        for free in ["images", "decay_images", "minutes", "checkpoint_every", "sample_every", "keep"] {
            // The length of training counts where the learning rate depends on it. The end of `wsd` may be moved.
            let train = &self.settings.train;
            let counts = match (free, train.decay) {
                ("images", Decay::Constant) | ("images" | "decay_images", Decay::Wsd) => false,
                ("images", _) => train.decay_images == 0,
                (other, _) => other == "decay_images",
            };
            if !counts && let Some(train) = settings["train"].as_object_mut() {
                train.remove(free);
            }
        }
        if let Some(whole) = settings.as_object_mut() {
            whole.remove("sample");
        }
        if let Some(init) = settings.get_mut("init").and_then(serde_json::Value::as_object_mut) {
            // The hash tells which model it is.
            init.remove("model");
        }
        if let Some(distill) = settings.get_mut("distill").and_then(serde_json::Value::as_object_mut) {
            // The hash tells which teacher it is.
            distill.remove("teacher");
            if distill.get("from") == Some(&0.into()) {
                // How a consistency model is sampled changes nothing of what it learns.
                distill.remove("steps");
                distill.remove("spacing");
            }
        }
        settings["data"]["name"] = self.request.data.clone().into();
        settings["data"]["pictures"] = self.pictures.into();
        settings.to_string()
    }
}

struct Drawing<'a> {
    toml: String,
    info: ModelInfo,
    codec: Option<Codec>,
    /// What previews show, of a model that is told of texts.
    captions: Vec<String>,
    out: PathBuf,
    device: Device,
    stop: Arc<AtomicI32>,
    observe: &'a mut dyn FnMut(&Event),
    /// Held-out pictures for a restorer.
    trial: Option<Trial>,
}

/// Makes the folder of samples in the run's folder `out`, and writes its settings.
pub(crate) fn begin(out: &Path, toml: &str) -> Result<()> {
    create_folder(&out.join("samples"))?;
    replace_file(&out.join("run.toml"), toml.as_bytes())
}

/// Writes `sheet` among the samples of the run's folder `out`.
pub(crate) fn store(out: &Path, sheet: &Picture, images: u64) -> Result<Preview> {
    let bytes = png::encode(sheet, &[])?;
    replace_file(&out.join("samples").join(format!("step-{images:09}.png")), &bytes)?;
    Ok(Preview { png: bytes, width: sheet.width as u32, height: sheet.height as u32 })
}

impl Hooks<Backbone> for Drawing<'_> {
    fn begin(&mut self) -> Result<()> {
        begin(&self.out, &self.toml)
    }

    fn event(&mut self, event: &Event) {
        (self.observe)(event);
    }

    fn judge(&mut self, model: &Preconditioned<Backbone>) -> Result<Vec<(&'static str, f64)>> {
        self.trial.as_ref().map_or_else(|| Ok(Vec::new()), |trial| trial.judge(model))
    }

    fn preview(&mut self, model: &Preconditioned<Backbone>, images: u64) -> Result<Option<Preview>> {
        if self.info.task.is_some() {
            let Some(trial) = &self.trial else { return Ok(None) };
            let sheet = trial.sheet(model, &self.info.sample, self.info.magnification(), &self.stop)?;
            return sheet.map(|sheet| store(&self.out, &sheet, images)).transpose();
        }
        let SampleSettings { sampler, spacing, steps, .. } = &self.info.sample;
        let path: Vec<Level> = SPACINGS.build(spacing)?.path(&model.diffusion, *steps)?;
        let sampler: Box<dyn Sampler> = SAMPLERS.build(sampler)?;
        let mut request = SampleRequest::new(PREVIEW, PREVIEW_SEED, self.info.shape());
        request.clock = Clock::of(model.diffusion.clone());
        if !self.info.classes.is_empty() {
            request.labels = Some(even_labels(self.info.classes.len(), PREVIEW));
        }
        if let Some(text) = &self.info.text {
            let captions: Vec<&str> =
                self.captions.iter().map(String::as_str).cycle().take(PREVIEW).collect();
            let captions = if captions.is_empty() { vec![""; PREVIEW] } else { captions };
            let network = &model.network;
            request.texts = Some((text.read(network, &captions)?, text.read(network, &[""; PREVIEW])?));
        }
        let side_by_side = SideBySide::new(model, request.batch_size)?;
        let model: Box<dyn Denoiser> = match &self.codec {
            Some(_) => Box::new(side_by_side),
            None => Box::new(Clipped::new(side_by_side, 1.0)),
        };
        let cancel = Arc::new(AtomicBool::new(false));
        request.cancel = Some(Arc::clone(&cancel));
        let drawn = sample_all(model.as_ref(), sampler.as_ref(), &path, &request, &self.device, |_| {
            if self.stop.load(Ordering::Relaxed) != 0 {
                cancel.store(true, Ordering::Relaxed);
            }
        });
        let made = match drawn {
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted(_)) => return Ok(None),
            made => made?,
        };
        let made = match &self.codec {
            Some(codec) => codec.decode(made)?,
            None => made,
        };
        let pictures = langevin_core::batch_to_pictures(made);
        let scale = self.info.magnification();
        let sheet = sheet::sheet(&pictures, sheet::square_columns(PREVIEW), 2, scale);
        store(&self.out, &sheet, images).map(Some)
    }

    fn model_file(&mut self, images: u64, mut tensors: NamedTensors) -> Result<ModelFile> {
        self.info.images = images;
        tensors.extend(self.codec.iter().flat_map(latents::codec_tensors));
        Ok(ModelFile { tensors, metadata: self.info.to_metadata() })
    }
}
