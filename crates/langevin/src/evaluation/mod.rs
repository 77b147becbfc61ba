//! Judging the images of a model, or a set of images, by a data set: `langevin eval`.

mod classifier;
mod features;
mod fit;
mod inception;
mod judged;
pub mod likelihood;
mod pairs;
mod parts;
mod random;
mod request;

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::Device;
use langevin_core::{Error, Image, Result, nearest};
use langevin_data::order::Order;
use langevin_data::{Batch, OpenOptions, Pool, PoolOptions, Prepare};
use langevin_eval::{
    Bound, Case, Features, Gallery, Line, METRICS, Measured, Metric, Needs, Report, Sample, Trainer, Value,
};
use langevin_figures::sheet;

use crate::sampling::SamplePlan;

pub use features::FeatureSpec;
pub use request::{Choice, EvalRequest};

use fit::{Length, Task};
use judged::Judged;
use parts::{Look, Parts, gather};

/// Random convolutions for images with `channels`, as features.
///
/// # Errors
/// Failed, when the system gives no threads.
pub fn random_features(channels: usize, device: &Device) -> Result<Box<dyn Features>> {
    features::random(channels, 0, device)
}

/// What is measured when nothing else is asked for, as far as model and data allow it.
const USUAL: &[&str] = &[
    "frechet",
    "kid",
    "precision_recall",
    "density_coverage",
    "class_kl",
    "class_agreement",
    "memorisation",
];
/// Rows of the sheet of images that are nearest to training images.
const SHEET_ROWS: usize = 16;
/// Images seen in a training for [`Trainer::accuracy`].
const SCORE_IMAGES: u64 = 16_384;

/// What was found.
#[derive(Debug)]
pub struct Evaluation {
    /// The numbers.
    pub report: Report,
    /// Judged images (left) beside the training images nearest to them, the most suspicious first.
    pub sheet: Option<Image>,
    /// The bounds that were missed.
    pub missed: Vec<Bound>,
}

/// Told what is being done and which share of it is done; its error stops the work.
pub type Progress<'a> = dyn FnMut(&str, f64) -> Result<()> + 'a;

type Chosen = Box<dyn Metric>;

/// Measures.
///
/// # Errors
/// Usage: unknown metrics, features or bounds, or metrics that model and data do not allow. Bad input: what cannot be
/// read. What `progress` says.
pub fn evaluate(request: &EvalRequest, device: &Device, progress: &mut Progress<'_>) -> Result<Evaluation> {
    let chosen = choose(&request.metrics)?;
    check_bounds(&request.bounds, &chosen)?;
    let (pairwise, others): (Vec<Chosen>, Vec<Chosen>) =
        chosen.into_iter().partition(|chosen| chosen.needs().pairs);
    let mut report = Report {
        judged: request.judged.clone(),
        data: request.data.clone(),
        seed: request.seed,
        ..Report::default()
    };
    let mut sheet = None;
    if !pairwise.is_empty() {
        compare_pairs(request, &pairwise, &mut report)?;
    }
    if !others.is_empty() {
        sheet = compare_sets(request, others, device, &mut report, progress)?;
    }
    let missed = |bound: &&Bound| match report.value(&bound.name) {
        Some(value) => bound.is_missed(value),
        None => true,
    };
    let missed = request.bounds.iter().filter(missed).cloned().collect();
    Ok(Evaluation { report, sheet, missed })
}

fn choose(specs: &[String]) -> Result<Vec<Chosen>> {
    let usual = || USUAL.iter().map(|name| (*name).to_owned()).collect();
    let specs: Vec<String> = if specs.is_empty() { usual() } else { specs.to_vec() };
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::new();
    for spec in specs {
        let metric = METRICS.build(&spec)?;
        let name = METRICS.find(spec.split(':').next().unwrap_or_default().trim())?.name;
        if seen.insert(name) {
            chosen.push(metric);
        }
    }
    Ok(chosen)
}

fn check_bounds(bounds: &[Bound], chosen: &[Chosen]) -> Result<()> {
    let names: Vec<&str> = chosen.iter().flat_map(|chosen| chosen.values()).copied().collect();
    let unknown = bounds.iter().find(|bound| !names.contains(&bound.name.as_str()));
    let Some(bound) = unknown else { return Ok(()) };
    let error = Error::usage(format!("--fail-if {bound}: no number called \"{}\" is measured", bound.name));
    Err(match nearest(&bound.name, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean \"{near}\"?")),
        None => error.hint(format!("there are: {}", names.join(", "))),
    })
}

fn compare_pairs(request: &EvalRequest, chosen: &[Chosen], report: &mut Report) -> Result<()> {
    let (judged, reference) = pairs::pairs(&request.judged, &request.data, request.count)?;
    // Images beside others than their own.
    let mut apart = judged.clone();
    apart.images.rotate_left(1);
    for chosen in chosen {
        let measure = |judged: &Sample| {
            let case =
                Case { judged, reference: &reference, gallery: None, trainer: None, seed: request.seed };
            chosen.measure(&case)
        };
        let found = measure(&judged)?;
        let ceiling = if judged.images.len() > 1 { measure(&apart).ok() } else { None };
        add(report, &found, None, ceiling.as_ref());
    }
    Ok(())
}

/// The captions of `count` images of `pool`, of its first ones again where there are fewer.
fn captions(pool: &Pool, count: usize) -> Result<Vec<String>> {
    let have = pool.len().unwrap_or(count as u64).min(count as u64);
    let mut captions = Vec::new();
    for first in (0..have).step_by(64) {
        let batch = pool.batch(first..(first + 64).min(have))?;
        captions.extend(batch.captions.into_iter().map(Option::unwrap_or_default));
    }
    Ok(captions.into_iter().cycle().take(count).collect())
}

fn compare_sets(
    request: &EvalRequest,
    mut chosen: Vec<Chosen>,
    device: &Device,
    report: &mut Report,
    progress: &mut Progress<'_>,
) -> Result<Option<Image>> {
    let judged = Judged::open(request, device)?;
    let data = langevin_data::open(&request.data, &OpenOptions::default())?;
    let classes = data.info().classes.clone();
    let side = request.size.unwrap_or(data.info().size.0.min(data.info().size.1)).max(1);
    let (size, channels) = judged.shape().unwrap_or(((side, side), data.info().channels.clamp(1, 4)));
    let prepare = Prepare::new(size.0, size.1, channels);
    let pool = Pool::new(data, prepare.clone(), PoolOptions::default())?;
    let own = matches!(request.features, FeatureSpec::Own { .. });
    let parts = Parts::new(&pool, request.count, own, request.seed)?;
    let count = parts.count;
    let usual = request.metrics.is_empty();
    let finite = pool.len().is_some();
    if usual {
        chosen.retain(|chosen| finite || !chosen.needs().gallery);
    }
    let features = features(request, &parts.features, channels, device, progress)?;
    let features = features.as_ref();
    if usual {
        chosen.retain(|chosen| features.classes() > 0 || !chosen.needs().classes);
    }
    let needs = chosen.iter().fold(Needs::default(), |all, chosen| all.or(chosen.needs()));
    let look = Look { features: needs.features.then_some(features), keep: needs.pixels };
    let stage = |what: &'static str, progress: &mut Progress<'_>, share: f64| progress(what, share);
    let (reference, _) =
        gather(&parts.reference, count, look, false, 0, |share| stage("real images", progress, share))?;
    let (held, shuffled) =
        gather(&parts.held, count, look, true, 1, |share| stage("held-out images", progress, share))?;
    let sample = match judged {
        Judged::Model(model, drawing) => {
            let mut drawing = SamplePlan { count, ..*drawing };
            if let Some(prompts) = &mut drawing.prompts {
                // As the data are described, so that what differs is not what was asked for.
                prompts.each = captions(&parts.reference, count)?;
            }
            judged::drawn(&model, &drawing, &reference, &classes, look, device, |share| {
                stage("drawing", progress, share)
            })?
        }
        Judged::Data(data) => {
            judged::images_of(data, &prepare, count, &classes, look, request.seed, |share| {
                stage("judged images", progress, share)
            })?
        }
    };
    if usual {
        chosen.retain(|chosen| sample.labels.is_some() || !chosen.needs().labels);
        let readable = sample.captions.is_some() && request.data.starts_with("builtin:shapes");
        chosen.retain(|chosen| readable || !chosen.needs().captions);
    }
    report.features = if needs.features { features.name() } else { "none".to_owned() };
    let wall = parts.gallery(features);
    let gallery = wall.as_ref().map(|wall| wall as &dyn Gallery);
    let task = (classes.len() >= 2).then_some(Task::Classes(classes.len()));
    let shape = [channels, size.1, size.0];
    let pupil = task.map(|task| ClassifierTrainer {
        images: SCORE_IMAGES,
        task,
        shape,
        seed: request.seed,
        device: device.clone(),
    });
    let trainer = pupil.as_ref().map(|pupil| pupil as &dyn Trainer);
    let (mut sheet, total) = (None, chosen.len());
    for (index, chosen) in chosen.iter().enumerate() {
        stage("measuring", progress, index as f64 / total as f64)?;
        let measure = |judged: &Sample| {
            let case = Case { judged, reference: &reference, gallery, trainer, seed: request.seed };
            chosen.measure(&case)
        };
        let found = measure(&sample)?;
        let floor = measure(&held)?;
        // Pixels without order are far from every training image, which says nothing of copies.
        let ceiling = if chosen.needs().gallery { None } else { Some(measure(&shuffled)?) };
        add(report, &found, Some(&floor), ceiling.as_ref());
        if let (false, Some(gallery)) = (found.nearest.is_empty(), gallery) {
            sheet = Some(draw_sheet(&found, &sample, gallery)?);
            report.nearest = found.nearest.into_iter().take(SHEET_ROWS).collect();
        }
    }
    Ok(sheet)
}

fn features(
    request: &EvalRequest,
    pool: &Pool,
    channels: usize,
    device: &Device,
    progress: &mut Progress<'_>,
) -> Result<Box<dyn Features>> {
    let told = |share: f64| progress("training features", share);
    features_of(&request.features, pool, channels, request.cache.as_deref(), device, told)
}

/// The features that `spec` names, for images with `channels`; those of one's own are learnt on `pool`, or taken from the folder
/// `cache`. `progress` is told how much of that is done; its error stops it.
///
/// # Errors
/// Bad input, when images or weights cannot be read. What `progress` says.
pub(crate) fn features_of(
    spec: &FeatureSpec,
    pool: &Pool,
    channels: usize,
    cache: Option<&Path>,
    device: &Device,
    progress: impl FnMut(f64) -> Result<()>,
) -> Result<Box<dyn Features>> {
    match spec {
        FeatureSpec::Own { images } => features::own(pool, *images, cache, device, progress),
        FeatureSpec::Random { seed } => features::random(channels, *seed, device),
        FeatureSpec::Inception(file) => features::inception(file, device),
    }
}

fn add(report: &mut Report, found: &Measured, floor: Option<&Measured>, ceiling: Option<&Measured>) {
    for value in &found.values {
        let same = |other: Option<&'_ Measured>| -> Option<Value> {
            other?.values.iter().find(|other| other.name == value.name).cloned()
        };
        report.metrics.push(Line::new(value, same(floor).as_ref(), same(ceiling).as_ref()));
    }
}

/// The judged images nearest to training images, each beside its neighbour, in two columns of pairs.
fn draw_sheet(found: &Measured, sample: &Sample, gallery: &dyn Gallery) -> Result<Image> {
    let mut images = Vec::new();
    for one in found.nearest.iter().take(2 * SHEET_ROWS) {
        images.push(sample.images[one.judged].clone());
        images.extend(gallery.chunk(one.training, one.training + 1, false)?.images);
    }
    let side = images.iter().map(|image| image.width).max().unwrap_or(1);
    Ok(sheet::sheet(&images, 8, 2, (64 / side).clamp(1, 4)))
}

/// Learns classes for [`Trainer::accuracy`].
struct ClassifierTrainer {
    /// Images seen in a training.
    images: u64,
    task: Task,
    shape: [usize; 3],
    seed: u64,
    device: Device,
}

impl Trainer for ClassifierTrainer {
    fn accuracy(&self, on: &Sample, test: &Sample) -> Result<f64> {
        let labels_of = |sample: &Sample| {
            sample.labels.clone().ok_or_else(|| Error::usage(format!("{}: has no classes", sample.name)))
        };
        let (labels, truth) = (labels_of(on)?, labels_of(test)?);
        let order = Order::new(self.seed, Some(on.images.len() as u64));
        let next = |first: u64, count: usize| {
            let chosen: Vec<usize> = (first..first + count as u64).map(|k| order.at(k) as usize).collect();
            Ok(Batch {
                pixels: chosen.iter().flat_map(|at| on.images[*at].to_signed()).collect(),
                shape: [count, self.shape[0], self.shape[1], self.shape[2]],
                labels: chosen.iter().map(|at| Some(labels[*at])).collect(),
                captions: vec![None; count],
                first_image: first,
            })
        };
        let length = Length { images: self.images, seed: self.seed };
        let network = fit::train(self.task, self.shape, length, &self.device, next, |_| Ok(()))?;
        let read = features::read(&network, &test.images, &self.device)?;
        let right = read.iter().zip(&truth).filter(|(read, truth)| read == truth).count();
        Ok(right as f64 / truth.len().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes along (class 0) or across (class 1) with a phase, the classes told as `told` says.
    fn stripes(name: &str, images: std::ops::Range<usize>, told: impl Fn(usize) -> usize) -> Sample {
        let mut sample = Sample::new(name);
        for number in images {
            let (class, phase) = (usize::from(number.is_multiple_of(4)), number / 4);
            let pixel = |at: usize| {
                let along = if class == 0 { at % 8 } else { at / 8 };
                if (along + phase).is_multiple_of(2) { 230 } else { 50 + (number % 7) as u8 }
            };
            sample.images.push(Image::from_u8(8, 8, 1, (0..64).map(pixel).collect()));
            sample.labels.get_or_insert_default().push(told(class) as u32);
        }
        sample
    }

    #[test]
    fn the_accuracy_score_is_the_share_of_real_images_that_is_read_right() {
        let device = Device::flex();
        let trainer =
            ClassifierTrainer { images: 1280, task: Task::Classes(2), shape: [1, 8, 8], seed: 3, device };
        let real = stripes("real", 400..480, |class| class);
        let score = |judged: &Sample| {
            let case = Case { judged, reference: &real, gallery: None, trainer: Some(&trainer), seed: 3 };
            let value = METRICS.build("accuracy_score").unwrap().measure(&case).unwrap().values.remove(0);
            assert_eq!((value.name, value.count), ("accuracy_score", judged.len()));
            let error = (value.value * (1.0 - value.value) / 80.0).sqrt();
            assert!((value.error.unwrap() - error).abs() < 1e-12);
            value.value
        };
        // Images that are what they were asked to be; the opposite; and of one class whatever was asked for.
        assert_eq!(score(&stripes("right", 0..64, |class| class)), 1.0);
        assert_eq!(score(&stripes("swapped", 0..64, |class| 1 - class)), 0.0);
        assert_eq!(score(&stripes("one", 0..64, |_| 1)), 0.25);
    }
}
