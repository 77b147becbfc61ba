//! What training shows the network: the passes over a batch, each with its noise, labels and uniform numbers. Everything is
//! a function of the seed and the numbers of the images.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use langevin_core::process::stratified;
use langevin_core::{Cond, NoiseStreams, Purpose, Stream, signed_to_batch};
use langevin_data::Batch;

use crate::conditions::{Conditions, Texts};
use crate::config::TrainConfig;

/// One pass through the network.
#[derive(Debug, Clone)]
pub struct Pass {
    /// Clean images in [-1, 1], `[images, channels, height, width]`; where a network restores, what is left of them to
    /// learn ([`crate::Conditioning::centre`]).
    pub x0: Tensor<4>,
    /// Noise of variance 1, shape as `x0`.
    pub noise: Tensor<4>,
    /// A number in (0, 1) for each image, from which the objective makes its noise level. Those of a whole batch are
    /// stratified.
    pub uniforms: Vec<f64>,
    /// Classes, some of them hidden, the streams of dropout, and what a network that restores is conditioned on.
    pub cond: Cond,
    /// 1 where the loss counts a pixel and 0 where not, `[images, 1, height, width]`; absent: all count.
    pub counted: Option<Tensor<4>>,
    /// The part of the batch that these images are: the losses of all passes add up to the loss of the batch.
    pub share: f64,
    /// Images seen before the batch.
    pub seen: u64,
}

impl Pass {
    /// Whether it is over images that are held out, where nothing is drawn at random.
    pub fn is_validation(&self) -> bool {
        self.cond.dropout.is_none()
    }
}

/// Makes passes of batches.
#[derive(Debug)]
pub struct Passes {
    seed: u64,
    label_dropout: f64,
    dequantise: bool,
    /// Whether the network is conditioned on classes.
    classes: bool,
    conditions: Option<Arc<dyn Conditions>>,
    texts: Option<Arc<dyn Texts>>,
}

/// The tensors that a network is conditioned on.
struct Given {
    x0: Tensor<4>,
    image: Option<Tensor<4>>,
    counted: Option<Tensor<4>>,
}

impl Passes {
    /// Passes as `config` wants them, for a network with `classes`, and what `conditions` and `texts` make of the images and
    /// their captions.
    pub fn new(
        config: &TrainConfig,
        classes: usize,
        conditions: Option<Arc<dyn Conditions>>,
        texts: Option<Arc<dyn Texts>>,
    ) -> Self {
        Self {
            seed: config.seed,
            label_dropout: config.label_dropout,
            dequantise: config.dequantise,
            classes: classes > 0,
            conditions,
            texts,
        }
    }

    /// The passes over `batch`, before which `seen` images were seen, `micro` images each.
    pub fn of(&self, batch: &Batch, seen: u64, micro: usize, device: &Device) -> Vec<Pass> {
        let [count, ..] = batch.shape;
        let offset = Stream::new(self.seed, Purpose::Time, batch.first_image, 0).uniform();
        let uniforms = stratified(count, offset);
        let starts = (0..count).step_by(micro.max(1));
        let ranges = starts.map(|start| start..(start + micro).min(count));
        ranges.map(|range| self.pass(batch, range, &uniforms, seen, device)).collect()
    }

    fn pass(&self, batch: &Batch, range: Range<usize>, uniforms: &[f64], seen: u64, device: &Device) -> Pass {
        let [count, c, h, w] = batch.shape;
        let images: Vec<u64> = range.clone().map(|k| batch.first_image + k as u64).collect();
        let pixels = batch.pixels[range.start * c * h * w..range.end * c * h * w].to_vec();
        let streams = NoiseStreams::new(self.seed, images.clone());
        let keep = |image: &u64| {
            Stream::new(self.seed, Purpose::LabelDropout, *image, 0).uniform() >= self.label_dropout
        };
        let tokens = self.texts.as_ref().map(|texts| {
            let caption = |(k, image): (usize, &u64)| batch.captions[k].as_deref().filter(|_| keep(image));
            range.clone().zip(&images).map(|at| texts.tokens(caption(at))).collect()
        });
        let labels = self.classes.then(|| {
            range.clone().zip(&images).map(|(k, image)| batch.labels[k].filter(|_| keep(image))).collect()
        });
        let Given { x0, image, counted } = self.given(pixels, [range.len(), c, h, w], &streams, 0, device);
        Pass {
            x0,
            noise: streams.normal(Purpose::Training, 0, [c, h, w], device),
            uniforms: uniforms[range.clone()].to_vec(),
            share: range.len() as f64 / count as f64,
            cond: Cond { labels, dropout: Some(streams), image, tokens, ..Cond::none() },
            counted,
            seen,
        }
    }

    /// A pass with fixed noise, number `step`, over the held-out images `range`, every one of which has the number `uniform`.
    pub fn validation(
        &self,
        batch: &Batch,
        range: Range<usize>,
        (uniform, step): (f64, u64),
        seen: u64,
        device: &Device,
    ) -> Pass {
        let [all, c, h, w] = batch.shape;
        let count = range.len();
        let streams = NoiseStreams::new(self.seed, range.clone().map(|k| batch.first_image + k as u64));
        let pixels = batch.pixels[range.start * c * h * w..range.end * c * h * w].to_vec();
        let tokens = self.texts.as_ref().map(|texts| {
            batch.captions[range.clone()].iter().map(|caption| texts.tokens(caption.as_deref())).collect()
        });
        let Given { x0, image, counted } = self.given(pixels, [count, c, h, w], &streams, 1, device);
        Pass {
            x0,
            noise: streams.normal(Purpose::Validation, step, [c, h, w], device),
            uniforms: vec![uniform; count],
            cond: Cond {
                labels: self.classes.then(|| batch.labels[range].to_vec()),
                image,
                tokens,
                ..Cond::none()
            },
            counted,
            share: count as f64 / all as f64,
            seen,
        }
    }

    /// The clean images and their conditions, by the part `step` of each image's stream.
    fn given(
        &self,
        pixels: Vec<f32>,
        shape: [usize; 4],
        streams: &NoiseStreams,
        step: u64,
        device: &Device,
    ) -> Given {
        let [n, c, h, w] = shape;
        let Some(conditions) = &self.conditions else {
            return Given { x0: self.clean(pixels, shape, streams, device), image: None, counted: None };
        };
        let (mut image, mut centre, mut counted) = (Vec::new(), Vec::new(), Vec::new());
        for (clean, number) in pixels.chunks_exact(c * h * w).zip(streams.images()) {
            let mut stream = Stream::new(self.seed, Purpose::Degradation, *number, step);
            let conditioning = conditions.of(clean, &mut stream);
            image.extend(conditioning.image);
            centre.extend(conditioning.centre.into_iter().flatten());
            counted.extend(conditioning.counted.into_iter().flatten());
        }
        let x0 = self.clean(pixels, shape, streams, device);
        let x0 = if centre.is_empty() { x0 } else { x0 - signed_to_batch(centre, shape, device) };
        Given {
            x0,
            image: Some(signed_to_batch(image, [n, conditions.channels(), h, w], device)),
            counted: (!counted.is_empty()).then(|| signed_to_batch(counted, [n, 1, h, w], device)),
        }
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
}
