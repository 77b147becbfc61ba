//! What training shows the network: which noise levels, which noise, which labels. Everything is a function of the seed
//! and the numbers of the pictures.

use burn::tensor::{Device, Tensor};
use langevin_core::process::{DENSITIES, Density, WEIGHTINGS, Weighting, stratified};
use langevin_core::{
    Cond, Error, Level, Levels, Losses, Network, NoiseStreams, Preconditioned, Purpose, Result, Stream,
    signed_to_batch,
};
use langevin_data::Batch;

use crate::config::TrainConfig;

/// The noise levels, weights and labels of training.
#[derive(Debug)]
pub struct Objective {
    seed: u64,
    label_dropout: f64,
    dequantise: bool,
    density: Box<dyn Density>,
    weighting: Box<dyn Weighting>,
}

/// A noise level that training shows, and how many log-SNRs its density crosses there per unit of probability.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// The level.
    pub level: Level,
    rate: f64,
}

/// One pass through the network: pictures, noise, levels and conditioning.
#[derive(Debug)]
pub struct Pass {
    x0: Tensor<4>,
    noise: Tensor<4>,
    /// The level of each picture.
    pub levels: Levels,
    cond: Cond,
    weights: Vec<f64>,
}

impl Objective {
    /// The objective of `config`.
    ///
    /// # Errors
    /// Usage: an unknown weighting or density.
    pub fn new(config: &TrainConfig) -> Result<Self> {
        Ok(Self {
            seed: config.seed,
            label_dropout: config.label_dropout,
            dequantise: config.dequantise,
            density: DENSITIES.build(&config.density)?,
            weighting: WEIGHTINGS.build(&config.weighting)?,
        })
    }

    /// The passes over `batch`, `micro` pictures each. Noise levels are stratified over the whole batch.
    ///
    /// # Errors
    /// Usage, where the parameterisation is undefined at a level.
    pub fn passes<N: Network>(
        &self,
        model: &Preconditioned<N>,
        batch: &Batch,
        micro: usize,
        device: &Device,
    ) -> Result<Vec<Pass>> {
        let [count, ..] = batch.shape;
        let offset = Stream::new(self.seed, Purpose::Time, batch.first_image, 0).uniform();
        let shown: Vec<Shown> = stratified(count, offset).iter().map(|u| self.shown(model, *u)).collect();
        let starts = (0..count).step_by(micro.max(1));
        starts
            .map(|start| self.pass(model, batch, start..(start + micro).min(count), &shown, device))
            .collect()
    }

    fn pass<N: Network>(
        &self,
        model: &Preconditioned<N>,
        batch: &Batch,
        range: std::ops::Range<usize>,
        shown: &[Shown],
        device: &Device,
    ) -> Result<Pass> {
        let [_, c, h, w] = batch.shape;
        let images: Vec<u64> = range.clone().map(|k| batch.first_image + k as u64).collect();
        let pixels = batch.pixels[range.start * c * h * w..range.end * c * h * w].to_vec();
        let streams = NoiseStreams::new(self.seed, images.clone());
        let labels = (model.network.classes() > 0).then(|| {
            let keep = |image: &u64| {
                Stream::new(self.seed, Purpose::LabelDropout, *image, 0).uniform() >= self.label_dropout
            };
            range.clone().zip(&images).map(|(k, image)| batch.labels[k].filter(|_| keep(image))).collect()
        });
        let shown = &shown[range.clone()];
        let weights = self.weights(model, shown)?;
        Ok(Pass {
            x0: self.clean(pixels, [range.len(), c, h, w], &streams, device),
            noise: streams.normal(Purpose::Training, 0, [c, h, w], device),
            levels: Levels(shown.iter().map(|shown| shown.level).collect()),
            cond: Cond { labels, dropout: Some(streams) },
            weights,
        })
    }

    fn clean(
        &self,
        pixels: Vec<f32>,
        shape: [usize; 4],
        streams: &NoiseStreams,
        device: &Device,
    ) -> Tensor<4> {
        let x0 = signed_to_batch(pixels, shape, device);
        if !self.dequantise {
            return x0;
        }
        let [_, c, h, w] = shape;
        let within = streams.uniform(Purpose::Dequantise, 0, [c, h, w], device);
        // A byte's step is 2 / 255 of [-1, 1].
        x0 + within.sub_scalar(0.5).div_scalar(127.5)
    }

    fn shown<N: Network>(&self, model: &Preconditioned<N>, u: f64) -> Shown {
        let level = model.diffusion.level(self.density.time(u, &model.diffusion));
        Shown { level, rate: self.density.rate(u, &model.diffusion) }
    }

    fn weights<N: Network>(&self, model: &Preconditioned<N>, shown: &[Shown]) -> Result<Vec<f64>> {
        let weight = |Shown { level, rate }: &Shown| {
            let coefficients = model.diffusion.coefficients(*level)?;
            Ok(self.weighting.weight_at_rate(*level, &coefficients, model.diffusion.sigma_data(), *rate))
        };
        shown.iter().map(weight).collect()
    }

    /// A pass with fixed noise over held-out pictures, all at one level; the weights are those of training.
    ///
    /// # Errors
    /// As [`Objective::passes`].
    pub fn validation_pass<N: Network>(
        &self,
        model: &Preconditioned<N>,
        batch: &Batch,
        shown: Shown,
        step: u64,
        device: &Device,
    ) -> Result<Pass> {
        let [count, c, h, w] = batch.shape;
        let streams = NoiseStreams::new(self.seed, (0..count as u64).map(|k| batch.first_image + k));
        Ok(Pass {
            x0: self.clean(batch.pixels.clone(), batch.shape, &streams, device),
            noise: streams.normal(Purpose::Validation, step, [c, h, w], device),
            weights: self.weights(model, &vec![shown; count])?,
            levels: Levels::all(shown.level, count),
            cond: Cond { labels: (model.network.classes() > 0).then(|| batch.labels.clone()), dropout: None },
        })
    }

    /// `count` levels spread evenly over the training density, cleanest first.
    pub fn levels<N: Network>(&self, model: &Preconditioned<N>, count: usize) -> Vec<Shown> {
        (0..count).map(|k| self.shown(model, (k as f64 + 0.5) / count as f64)).collect()
    }
}

impl Pass {
    /// The loss of this pass, weighted so that the losses of all passes of a batch of `whole` pictures add up to the
    /// loss of the batch.
    ///
    /// # Errors
    /// Usage, where the parameterisation is undefined at a level.
    pub fn loss<N: Network>(self, model: &Preconditioned<N>, whole: usize) -> Result<Losses> {
        let share = self.levels.len() as f64 / whole as f64;
        let weights: Vec<f64> = self.weights.iter().map(|weight| weight * share).collect();
        model.loss(self.x0, self.noise, &self.levels, &self.cond, &weights)
    }
}

/// The error for a value of training that is not finite.
pub fn diverged(what: &str, value: f64, images: u64) -> Error {
    Error::new(
        langevin_core::ErrorKind::Diverged,
        format!("training diverged: {what} is {value} after {images} pictures; nothing was saved after that"),
    )
    .hint(
        "lower learning_rate, lengthen warmup_images or lower clip_norm, and train into another --out folder",
    )
}
