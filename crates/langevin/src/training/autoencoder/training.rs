//! Training an autoencoder: what comes back of held-out images is measured and shown while it learns.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor};
use langevin_core::{
    ErrorKind, Image, NamedTensors, Preconditioned, Result, Stop, batch_to_images, signed_to_batch,
};
use langevin_data::{Batch, Loader, LoaderOptions};
use langevin_eval::{psnr, structural_similarity};
use langevin_figures::sheet;
use langevin_model::{AutoencoderInfo, Codec, LatentPreview, Statistics};
use langevin_nn::autoencoder::Learning;
use langevin_process::{Diffusion, DiffusionSpec};
use langevin_train::{Hooks, Job, ModelFile, Outcome, Preview, with_parameters};

use super::objective::Reconstruction;
use crate::training::prepare::Prepared;
use crate::training::run_folder::{begin, is_stored, store};
use crate::training::settings::AutoencoderSettings;
use langevin_inference::job::Observer;

/// Images of a sheet.
const SHOWN: usize = 24;
/// Columns of a sheet, each an image and below it what came back.
const COLUMNS: usize = 8;
/// Images that the statistics of latents are measured on.
const MEASURED: u64 = 512;
/// Images at once.
const AT_ONCE: usize = 32;

/// Trains the autoencoder of `settings` on the data of `prepared`.
///
/// # Errors
/// As [`langevin_train::train`].
pub(crate) fn train(
    prepared: Prepared,
    settings: &AutoencoderSettings,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let train = prepared.settings.train.clone();
    let mut network = settings.learning().init(train.seed, &train.autodiff(device))?;
    if let Some(weights) = &prepared.plan.weights {
        network = with_parameters(network, weights)?;
    }
    let pool = prepared.pool.clone();
    let (batch, seed) = (train.batch_size, train.seed);
    let loader = move |images_seen| {
        Loader::new(&pool, LoaderOptions { batch, seed, images_seen, ..LoaderOptions::default() })
    };
    let count = prepared.images.map_or(MEASURED, |have| have.min(MEASURED));
    let info = &prepared.info;
    let mut hooks = Watching {
        toml: prepared.toml(),
        info: AutoencoderInfo {
            version: 1,
            size: info.size,
            network: settings.network.clone(),
            statistics: Statistics::uniform(settings.network.code_dim(), 0.0, 1.0),
            preview: None,
            data: info.data.clone(),
            preset: info.preset.clone(),
            images: 0,
            seed: info.seed,
        },
        measured: prepared.pool.batch(0..count)?,
        held: prepared.validation.clone(),
        out: prepared.plan.out.clone(),
        device: device.clone(),
        scale: info.magnification(),
        stop: prepared.plan.stop.clone(),
        observer,
    };
    let job = Job {
        // The trainer's noise is left unused: an autoencoder is conditioned on none.
        model: Preconditioned::new(network, Diffusion::new(&DiffusionSpec::default())?),
        objective: Box::new(Reconstruction::new(settings)),
        config: train,
        loader: Box::new(loader),
        conditions: None,
        texts: None,
        validation: prepared.validation.clone(),
        out: prepared.plan.out.clone(),
        settings: prepared.fingerprint(),
        stop: prepared.plan.stop.clone(),
        device: device.clone(),
        dry_run: prepared.plan.dry_run,
        half: prepared.plan.half,
    };
    langevin_train::train(job, &mut hooks)
}

struct Watching<'a> {
    toml: String,
    info: AutoencoderInfo,
    /// What the statistics of the latents are measured on.
    measured: Batch,
    held: Option<Batch>,
    out: PathBuf,
    device: Device,
    scale: usize,
    stop: Stop,
    observer: &'a mut dyn Observer,
}

impl Watching<'_> {
    fn codec(&self, tensors: NamedTensors) -> Result<Codec> {
        Codec::from_parts(self.info.clone(), tensors, &self.device)
    }

    /// The first `count` images of `batch`, and what comes back of them.
    fn pairs(
        &self,
        model: &Preconditioned<Learning>,
        batch: &Batch,
        count: usize,
    ) -> Result<Vec<(Image, Image)>> {
        let codec = self.codec(own(langevin_nn::export(&model.network)))?;
        let mut pairs = Vec::new();
        for start in (0..count.min(batch.shape[0])).step_by(AT_ONCE) {
            self.stop.check("the validation")?;
            let images = part(batch, start, AT_ONCE.min(count - start), &self.device);
            let back = codec.decode(codec.encode(images.clone())?)?;
            pairs.extend(batch_to_images(images).into_iter().zip(batch_to_images(back)));
        }
        Ok(pairs)
    }
}

/// Images `start..start + count` of a batch.
fn part(batch: &Batch, start: usize, count: usize, device: &Device) -> Tensor<4> {
    let [n, c, h, w] = batch.shape;
    let count = count.min(n - start);
    let size = c * h * w;
    signed_to_batch(batch.pixels[start * size..(start + count) * size].to_vec(), [count, c, h, w], device)
}

impl Hooks<Learning> for Watching<'_> {
    fn begin(&mut self) -> Result<()> {
        begin(&self.out, &self.toml)
    }

    fn event(&mut self, event: &langevin_train::Event) {
        self.observer.event(event.into());
    }

    fn has_preview(&self, images: u64) -> bool {
        is_stored(&self.out, images)
    }

    fn judge(&mut self, model: &Preconditioned<Learning>) -> Result<Vec<(&'static str, f64)>> {
        let Some(held) = &self.held else { return Ok(Vec::new()) };
        let pairs = self.pairs(model, held, held.shape[0])?;
        let count = pairs.len() as f64;
        let (mut error, mut similar) = (0.0, 0.0);
        for (truth, back) in &pairs {
            error += psnr(truth, back)? / count;
            similar += structural_similarity(truth, back)? / count;
        }
        Ok(vec![("psnr_reconstruction", error), ("ssim_reconstruction", similar)])
    }

    fn preview(&mut self, model: &Preconditioned<Learning>, images: u64) -> Result<Option<Preview>> {
        let shown = self.held.as_ref().unwrap_or(&self.measured);
        let pairs = match self.pairs(model, shown, SHOWN) {
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted(_)) => return Ok(None),
            pairs => pairs?,
        };
        let mut rows = Vec::new();
        for row in pairs.chunks(COLUMNS) {
            rows.extend(row.iter().map(|(truth, _)| truth.clone()));
            rows.extend(row.iter().map(|(_, back)| back.clone()));
        }
        let sheet = sheet::sheet(&rows, COLUMNS.min(pairs.len()), 2, self.scale);
        store(&self.out, sheet, images, self.observer).map(Some)
    }

    fn model_file(&mut self, images: u64, averaged: NamedTensors) -> Result<ModelFile> {
        let tensors = own(averaged);
        self.info.images = images;
        self.info.statistics = Statistics::uniform(self.info.network.code_dim(), 0.0, 1.0);
        let codec = self.codec(tensors.clone())?;
        let mut latents = Vec::new();
        for start in (0..self.measured.shape[0]).step_by(AT_ONCE) {
            latents.push(codec.encode(part(&self.measured, start, AT_ONCE, &self.device))?);
        }
        let latents = Tensor::cat(latents, 0);
        let statistics = Statistics::of(latents.clone());
        let measured = part(&self.measured, 0, self.measured.shape[0], &self.device);
        self.info.preview = LatentPreview::fitted(statistics.applied(latents), measured);
        self.info.statistics = statistics;
        Ok(ModelFile { tensors, metadata: self.info.to_metadata() })
    }
}

/// The network of `learning` alone, by its own names.
fn own(tensors: NamedTensors) -> NamedTensors {
    let named = tensors.into_iter();
    named.filter_map(|(name, tensor)| Some((name.strip_prefix("autoencoder.")?.to_owned(), tensor))).collect()
}
