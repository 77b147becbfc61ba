//! What a training needs, resolved and checked before anything is written: the data, the settings, the description.

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use langevin_core::{Error, LeftAside, NamedTensors, Result, Size, Stop};
use langevin_data::{
    Batch, Crop, DataInfo, Dataset, Held, OTHER_PARTS, OpenOptions, Pool, PoolOptions, Prepare, Skipped,
};
use langevin_model::{Codec, LatentInfo, ModelInfo};
use langevin_nn::Backbone;
use langevin_process::{Diffusion, SPACINGS};
use langevin_sample::SAMPLERS;
use langevin_train::Objective;

use crate::training::settings::{Origin, Settings};
use crate::training::{captions, latents, memory};
use langevin_inference::restoration::trained;

/// A training with its settings, weights and objective.
pub struct TrainPlan {
    /// The data set, as `langevin_data::open` takes it.
    pub data: String,
    /// The same data, where they are open already.
    pub dataset: Option<Arc<dyn Dataset>>,
    /// The settings, before the data decided what it decides.
    pub settings: Settings,
    /// The preset's name, for the record.
    pub preset: String,
    /// The run's folder.
    pub out: PathBuf,
    /// Whether one unreadable image, or anything else that is not used, is an error.
    pub strict: bool,
    /// Only forecast.
    pub dry_run: bool,
    /// Store the weights of `model.safetensors` in 16 bits.
    pub half: bool,
    /// Asks the run to stop.
    pub stop: Stop,
    /// The weights to begin with; without, random ones.
    pub weights: Option<NamedTensors>,
    /// What is learned, where it is not the data by themselves.
    pub lesson: Option<ObjectiveOverride>,
}

/// A training that is not the ordinary one of a denoiser.
pub struct ObjectiveOverride {
    /// The loss.
    pub objective: Box<dyn Objective<Backbone>>,
}

/// A plan with everything resolved and checked; nothing is written yet.
pub struct Prepared {
    /// The settings with what the data decided filled in.
    pub settings: Settings,
    /// What the model file will say.
    pub info: ModelInfo,
    /// What is known of the data set.
    pub data: DataInfo,
    /// Images that can be trained on; `None` is unlimited.
    pub images: Option<u64>,
    /// Files that were passed over.
    pub skipped: Vec<Skipped>,
    /// What else was there and is not used.
    pub left_aside: LeftAside,
    /// What of the captions finds no room in the texts of the model.
    pub cut_captions: LeftAside,
    /// What makes latents of the images, where those are learned.
    pub(super) codec: Option<Codec>,
    pub(crate) pool: Pool,
    pub(crate) validation: Option<Batch>,
    pub(crate) plan: TrainPlan,
}

/// Opens the data and resolves the settings.
///
/// # Errors
/// Bad input: data that cannot be read. Usage: settings that do not fit the data or each other.
pub fn prepare(mut plan: TrainPlan) -> Result<Prepared> {
    let mut settings = plan.settings.clone();
    settings.check()?;
    if settings.distill.is_some() != plan.lesson.is_some() {
        return Err(Error::usage(format!("{}: holds the settings of a distillation", plan.preset))
            .hint("use `langevin distill`"));
    }
    let dataset = match plan.dataset.take() {
        Some(dataset) => dataset,
        None => langevin_data::open(&plan.data, &OpenOptions::stopped_by(&plan.stop))?,
    };
    let data = dataset.info().clone();
    let begins = plan.weights.is_some().then_some(settings.network.classes);
    let codec = settings.latent.as_mut().map(|latent| latents::open(latent, &Device::flex())).transpose()?;
    check_classes(&settings, begins, &data)?;
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
    // Latents are kept for later trainings, which may want the captions.
    let captions = settings.text.is_some() || codec.is_some();
    let options = PoolOptions { strict: plan.strict, captions, ..PoolOptions::stopped_by(&plan.stop) };
    let pool = Pool::new(dataset, prepare, options)?;
    let left_aside = pool.left_aside();
    if plan.strict {
        refuse(&left_aside, &data.name)?;
    }
    let (pool, validation) = hold_out(pool, settings.train.validation_images, &plan.stop)?;
    let mut cut_captions = LeftAside::default();
    let text = match settings.text.clone() {
        None => None,
        Some(wanted) => {
            let (info, cut) = captions::learn(&pool, &wanted)?;
            if plan.strict {
                cut.refuse(&data.name)?;
            }
            cut_captions = cut;
            captions::apply(&wanted, &mut settings, &info);
            settings.network.check()?;
            Some(info)
        }
    };
    let info = ModelInfo {
        version: 1,
        size: Size::square(size),
        channels: settings.data.channels,
        classes: if settings.data.class_conditional { data.classes.clone() } else { Vec::new() },
        task: settings.task.clone(),
        latent: codec.as_ref().map(LatentInfo::of),
        text,
        network: settings.network.clone(),
        diffusion: settings.diffusion.clone(),
        sample: settings.sample.clone(),
        data: plan.data.clone(),
        preset: plan.preset.clone(),
        images: 0,
        seed: settings.train.seed,
    };
    info.check()?;
    Ok(Prepared {
        images: pool.len(),
        skipped: pool.skipped(),
        left_aside,
        cut_captions,
        settings,
        info,
        data,
        codec,
        pool,
        validation,
        plan,
    })
}

/// Refuses what was left aside of the data `name`, but for parts of it that are not for training.
fn refuse(left_aside: &LeftAside, name: &str) -> Result<()> {
    let mut rest = LeftAside::default();
    for reason in left_aside.reasons().iter().filter(|reason| reason.what != OTHER_PARTS) {
        rest.add_all(&reason.what, reason.count, reason.examples.iter().cloned());
    }
    rest.refuse(name)
}

/// Whether the data have as many classes as the model that training begins with, which `begins` with so many.
fn check_classes(settings: &Settings, begins: Option<usize>, data: &DataInfo) -> Result<()> {
    let (Some(classes), true) = (begins, settings.data.class_conditional) else { return Ok(()) };
    if classes == data.classes.len() {
        return Ok(());
    }
    let model = settings.init.as_ref().map_or("the model to begin with", |init| init.model.as_str());
    let have = match data.classes.len() {
        0 => "none".to_owned(),
        count => count.to_string(),
    };
    Err(Error::usage(format!("{model}: the model has {classes} classes, the data {} {have}", data.name)).hint(
        "train on folders with the classes of the model, begin with a model without classes, or leave --init out",
    ))
}

fn resolve(settings: &mut Settings, data: &DataInfo, codec: Option<&Codec>) -> Result<()> {
    if let Some(codec) = codec {
        latents::apply(settings, codec)?;
    }
    if settings.data.size == 0 {
        settings.data.size = data.size.shorter();
    }
    if settings.data.channels == 0 {
        settings.data.channels = data.channels;
    }
    if let Some(text) = &settings.text {
        text.check()?;
        if settings.task.is_some() || settings.autoencoder.is_some() {
            return Err(Error::usage("restorers and autoencoders are not text-conditioned")
                .hint("leave --captions out"));
        }
    }
    if settings.data.class_conditional && data.classes.is_empty() {
        return Err(Error::usage(format!(
            "{}: has no classes, so a class-conditional model cannot be trained on it",
            data.name
        ))
        .hint(
            "put the images of each class into a sub-folder of its name, or set class_conditional = false",
        ));
    }
    if let Some(autoencoder) = &mut settings.autoencoder {
        if settings.data.class_conditional || settings.task.is_some() {
            return Err(Error::usage("an autoencoder is not class-conditional and restores nothing")
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
            trained::scale(task, settings.data.channels, settings.data.size)?;
            task.condition_channels(settings.data.channels)
        }
    };
    network.classes = if settings.data.class_conditional { data.classes.len() } else { 0 };
    network.check()?;
    network.check_size(rows, columns).map_err(|error| match codec {
        Some(_) => error.hint(format!("the latents of images of {size}x{size} have {columns}x{rows}")),
        None => error,
    })?;
    SAMPLERS.build(&settings.sample.sampler)?;
    SPACINGS.build(&settings.sample.spacing)?;
    Diffusion::new(&settings.diffusion)?;
    Ok(())
}

/// The pool to train on and the held-out images: no more than a tenth of a small set. Where patches are trained on, as many
/// of them as were wanted are taken from these.
fn hold_out(pool: Pool, wanted: usize, stop: &Stop) -> Result<(Pool, Option<Batch>)> {
    let count = pool.len().map_or(wanted as u64, |have| (wanted as u64).min(have / 10));
    if count == 0 {
        return Ok((pool, None));
    }
    let (train, held) = pool.split(Held::Count(count), 0)?;
    let Prepare { size, channels, crop, .. } = *held.prepare();
    let patches = crop == Crop::Patch;
    memory::check_held(if patches { wanted as u64 } else { count }, [channels, size.height, size.width])?;
    let batch = match patches {
        true => held.showing_until(0, 0, wanted, stop)?,
        false => held.batch_until(0..count, stop)?,
    };
    Ok((train, Some(batch)))
}

impl Prepared {
    /// The settings as TOML, as the run keeps them.
    pub fn toml(&self) -> String {
        let TrainPlan { data, preset, half, .. } = &self.plan;
        let origin = Origin { data: data.clone(), preset: preset.clone(), half: *half };
        Settings { run: Some(origin), ..self.settings.clone() }.to_toml()
    }

    /// What decides the result, as JSON: a run taken up again must have the same.
    pub(crate) fn fingerprint(&self) -> String {
        self.settings.fingerprint(&self.plan.data, &self.data.identity, self.images)
    }
}
