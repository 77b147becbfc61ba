//! How likely a data set is under a model, in bits per dimension: by the probability flow, and by the variational bound.
//!
//! An image of bytes is made continuous by spreading each byte evenly over its step (Theis et al. 2016, 1511.01844): its bits
//! are then at least the `-log2` of the density, with the step `1 / 127.5` of [-1, 1] taken into account. The bound is on the
//! probability of the bytes themselves.

pub mod job;
mod request;

use std::sync::Arc;

use burn::tensor::Device;
use langevin_core::{Error, Purpose, Result, Size, Stop, Stream};
use langevin_data::{DataInfo, Dataset, OpenOptions, Pool, PoolOptions, Prepare};
use langevin_eval::Mean;
use langevin_model::{Model, Pipeline};
use langevin_sample::{FlowSettings, Likelihoods, Placed, Trace};
use serde::Serialize;

use super::spread::{UNSEEN, evenly};
use langevin_inference::job::{Event, Reporter};

pub use job::{LikelihoodOutcome, ModelLikelihood};
pub use request::{LikelihoodRequest, TraceMethod};

/// Images of no more values than this have their trace computed exactly when nothing else is said.
const SMALL: usize = 16;

/// The variational bound, in bits per dimension.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoundReport {
    /// The whole.
    pub bits: Mean,
    /// What the noisy end still tells.
    pub prior: f64,
    /// The cost of the steps.
    pub diffusion: f64,
    /// The cost of the bytes given the clean end.
    pub decoder: f64,
    /// Steps of the model's table; absent for a continuous schedule.
    pub steps: Option<usize>,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageReport {
    /// Its number in the data set.
    pub image: u64,
    /// Its class, where the model was given it.
    pub class: Option<String>,
    /// Bits per dimension by the flow, the mean over its trajectories.
    pub bits: f64,
    /// The bound, in bits per dimension.
    pub bound: Option<f64>,
    /// Bits per dimension in closed form, for a model that is known so.
    pub exact: Option<f64>,
    /// How often the model was asked for one trajectory, at most.
    pub calls: usize,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LikelihoodReport {
    /// Images.
    pub count: usize,
    /// Values of an image.
    pub dimensions: usize,
    /// Bits per dimension by the probability flow.
    pub bits: Mean,
    /// The part of that error that more probes for the same images would take away; absent with one probe.
    pub probe_error: Option<f64>,
    /// The variational bound.
    pub bound: Option<BoundReport>,
    /// Bits per dimension in closed form at the same points, for a model that is known so.
    pub exact: Option<Mean>,
    /// How the trace was found: `exact`, `rademacher` or `gaussian`.
    pub trace: String,
    /// The range of noise `sigma / alpha` that was followed.
    pub noise: (f64, f64),
    /// The mean number of questions to the model for one trajectory.
    pub calls: f64,
    /// What was done to the images before they were measured, in words.
    pub notes: Vec<String>,
    /// Every image.
    #[serde(skip)]
    pub images: Vec<ImageReport>,
}

/// How much more one model needs than another for the same images, in bits per dimension. Images differ far more than
/// models do; a difference image by image is free of that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// By the probability flow.
    pub bits: Mean,
    /// By the variational bound, where both have one.
    pub bound: Option<Mean>,
}

impl LikelihoodReport {
    /// This less `other`, which was measured with the same request.
    ///
    /// # Errors
    /// Usage, when they are not about the same images.
    pub fn less(&self, other: &Self) -> Result<Difference> {
        let pairs = || self.images.iter().zip(&other.images);
        if self.images.len() != other.images.len() || pairs().any(|(a, b)| a.image != b.image) {
            return Err(Error::usage("likelihoods of different images cannot be compared one by one"));
        }
        let bits: Vec<f64> = pairs().map(|(a, b)| a.bits - b.bits).collect();
        let bound: Option<Vec<f64>> = pairs().map(|(a, b)| Some(a.bound? - b.bound?)).collect();
        Ok(Difference { bits: Mean::of(&bits), bound: bound.map(|bound| Mean::of(&bound)) })
    }
}

/// An image as its bytes, with its class.
struct Taken {
    image: u64,
    bytes: Vec<f64>,
    label: Option<u32>,
}

/// Whether `request` can be measured on `other` too, image by image beside `model`, as far as is known without measuring.
///
/// # Errors
/// Usage: images of another shape, data without the classes of `other`. Bad input: data that cannot be read.
pub fn check_other(model: &Model, other: &Model, request: &LikelihoodRequest, stop: &Stop) -> Result<()> {
    if model.shape() != other.shape() {
        let of = |model: &Model| {
            let [channels, height, width] = model.shape();
            format!("{width}x{height} with {channels} channels")
        };
        return Err(Error::usage(format!(
            "{}: its images are of {}, and those of {} of {}",
            other.name,
            of(other),
            model.name,
            of(model)
        ))
        .hint("compare models of the same images"));
    }
    let one = LikelihoodRequest { count: 1, ..request.clone() };
    take(other, &one, langevin_data::open(&request.data, &OpenOptions::stopped_by(stop))?, stop).map(drop)
}

/// Measures the data of `request` under `model`, whichever the request names.
///
/// # Errors
/// Bad input: data that cannot be read. Usage: settings out of range, data without the model's classes. Failed: an equation that
/// cannot be followed, too little memory. Interrupted, when stopped.
pub fn measure(
    model: &Model,
    request: &LikelihoodRequest,
    device: &Device,
    reporter: &mut Reporter<'_>,
) -> Result<LikelihoodReport> {
    let dataset = langevin_data::open(&request.data, &OpenOptions::stopped_by(reporter.stop()))?;
    let notes = prepared(model, dataset.info()).into_iter().collect();
    let taken = take(model, request, dataset.clone(), reporter.stop())?;
    let aside = Event::left_aside(&request.data, dataset.left_aside());
    aside.into_iter().for_each(|event| reporter.event(event));
    let total = taken.len() as f64;
    let shape = model.shape();
    let dimensions: usize = shape.iter().product();
    let diffusion = model.denoiser.diffusion();
    let trace =
        request.trace.map_or(if dimensions <= SMALL { Trace::Exact } else { Trace::Rademacher }, Trace::from);
    let defaults = FlowSettings::new(diffusion);
    let settings = FlowSettings {
        trace,
        tolerance: request.tolerance,
        lowest: request.sigma_min.unwrap_or(defaults.lowest),
        batch_size: request.batch_size,
        ..defaults
    };
    let pipeline = Pipeline::new(model, request.batch_size);
    pipeline.check_memory(model.shape(), request.batch_size)?;
    let asked = pipeline.differentiable(device, |_, _| true)?;
    let of = Likelihoods { diffusion, shape, seed: request.seed, settings, device };
    let scale = 1.0 / (dimensions as f64 * std::f64::consts::LN_2);
    let step = 127.5_f64.log2();
    let probes = request.probes.max(1);
    let at_once = (4 * request.batch_size).div_ceil(probes).max(1);
    let (mut images, mut bounds, mut within, mut calls) = (Vec::new(), Vec::new(), 0.0, 0);
    for part in taken.chunks(at_once) {
        let placed: Vec<Placed> = part.iter().flat_map(|taken| spread(taken, probes, request.seed)).collect();
        let densities = of.log_densities(asked.as_ref(), &placed)?;
        let each = densities.chunks(probes).zip(placed.chunks(probes)).zip(part);
        for ((densities, placed), taken) in each {
            let bits: Vec<f64> = densities.iter().map(|d| step - scale * d.nats).collect();
            let Mean { mean, error } = Mean::of(&bits);
            within += error.unwrap_or_default().powi(2);
            calls += densities.iter().map(|d| d.calls).sum::<usize>();
            let bytes = Placed { values: taken.bytes.clone(), label: taken.label, number: taken.image };
            let bound = match request.bound_draws {
                0 => None,
                draws => Some(of.bound(asked.as_ref(), &bytes, draws)?),
            };
            let known = |placed: &Placed| model.denoiser.log_density(&placed.values);
            let exact: Option<Vec<f64>> =
                placed.iter().map(|p| known(p).map(|nats| step - scale * nats)).collect();
            images.push(ImageReport {
                image: taken.image,
                class: taken.label.map(|label| model.info.classes[label as usize].clone()),
                bits: mean,
                bound: bound.map(|bound| scale * bound.nats()),
                exact: exact.map(|exact| Mean::of(&exact).mean),
                calls: densities.iter().map(|d| d.calls).max().unwrap_or_default(),
            });
            bounds.extend(bound);
            reporter.at("", images.len() as f64 / total)?;
        }
    }
    let count = images.len();
    let all = |of: &dyn Fn(&ImageReport) -> Option<f64>| -> Option<Mean> {
        Some(Mean::of(&images.iter().map(of).collect::<Option<Vec<f64>>>()?))
    };
    let part =
        |of: fn(&langevin_sample::Bound) -> f64| scale * bounds.iter().map(of).sum::<f64>() / count as f64;
    let bound = all(&|p| p.bound).map(|bits| BoundReport {
        bits,
        prior: part(|b| b.prior),
        diffusion: part(|b| b.diffusion),
        decoder: part(|b| b.decoder),
        steps: diffusion.schedule().timesteps().map(|entries| entries - 1),
    });
    Ok(LikelihoodReport {
        count,
        dimensions,
        bits: Mean::of(&images.iter().map(|p| p.bits).collect::<Vec<_>>()),
        probe_error: (probes > 1).then(|| within.sqrt() / count as f64),
        bound,
        exact: all(&|p| p.exact),
        trace: format!("{trace:?}").to_lowercase(),
        noise: (settings.lowest, settings.highest),
        calls: calls as f64 / (count * probes) as f64,
        notes,
        images,
    })
}

/// How images of `data` become such as `model` draws, unless they are such already: it is the changed images whose
/// likelihood is measured.
fn prepared(model: &Model, data: &DataInfo) -> Option<String> {
    let (channels, own) = (data.channels, model.info.channels);
    ((data.size, channels) != (model.info.size, own)).then(|| {
        format!(
            "measured are the images of {} with {channels} channels as {} with {own}, as the model samples them",
            data.size, model.info.size
        )
    })
}

/// The images, spread evenly over the set.
fn take(
    model: &Model,
    request: &LikelihoodRequest,
    dataset: Arc<dyn Dataset>,
    stop: &Stop,
) -> Result<Vec<Taken>> {
    let Size { width, height } = model.info.size;
    let classes = dataset.info().classes.clone();
    let by_class = !model.info.classes.is_empty() && !request.unconditional;
    if by_class && classes != model.info.classes {
        return Err(Error::usage(format!(
            "{}: its classes are not those of {}, which is conditioned on the class of each image",
            request.data, model.name
        ))
        .hint("give --unconditional, or data with the same classes"));
    }
    let prepare = Prepare::new(width, height, model.info.channels);
    let pool = Pool::new(dataset, prepare, PoolOptions::stopped_by(stop))?;
    let one = |image: u64| {
        let batch = pool.batch(image..image + 1)?;
        // Images of 16 bits are rounded to bytes.
        let byte = |value: &f32| ((f64::from(*value) + 1.0) * 127.5).round().clamp(0.0, 255.0) / 127.5 - 1.0;
        let label = if by_class { batch.labels[0] } else { None };
        Ok(Taken { image, bytes: batch.pixels.iter().map(byte).collect(), label })
    };
    evenly(&pool, request.count, UNSEEN).into_iter().map(one).collect()
}

/// The image at `probes` places within the steps of its bytes.
fn spread(taken: &Taken, probes: usize, seed: u64) -> Vec<Placed> {
    let at = |probe: usize| {
        let number = taken.image.wrapping_mul(probes as u64).wrapping_add(probe as u64);
        let mut stream = Stream::new(seed, Purpose::Dequantise, number, 0);
        let values = taken.bytes.iter().map(|byte| byte + (stream.uniform() - 0.5) / 127.5).collect();
        Placed { values, label: taken.label, number }
    };
    (0..probes).map(at).collect()
}
