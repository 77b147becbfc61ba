//! Two sets of images compared by what describes them: the judged ones with real ones, beside real ones that were held out and
//! real ones with their pixels shuffled.

use burn::tensor::Device;
use langevin_core::{Error, Image, Result, Size, Stop};
use langevin_data::order::Order;
use langevin_data::{OpenOptions, Pool, PoolOptions, Prepare};
use langevin_eval::{Case, Features, Gallery, Measured, Metric, Needs, Report, Sample, Trainer};
use langevin_figures::sheet;

use super::classifier_trainer::ClassifierTrainer;
use super::features::{FeatureSpec, features_of};
use super::judged::{self, Judged};
use super::lines::add;
use super::parts::{Gathered, Look, Parts, gather};
use super::request::EvalPlan;
use langevin_inference::job::{Event, Reporter};
use langevin_inference::sampling::SamplePlan;

/// Rows of the sheet of images that are nearest to training images.
const SHEET_ROWS: usize = 16;

/// Measures the metrics `chosen`, and gives the sheet of images nearest to training images where one of them looks for those.
///
/// # Errors
/// Usage: metrics that model and data do not allow. Bad input: what cannot be read. Interrupted, when stopped.
pub(super) fn compare(
    plan: &EvalPlan,
    mut chosen: Vec<Box<dyn Metric>>,
    device: &Device,
    report: &mut Report,
    reporter: &mut Reporter<'_>,
) -> Result<Option<Image>> {
    // A metric that is asked for by name and cannot be measured ends the work before it begins.
    let classes = chosen.iter().find(|chosen| chosen.needs().classes).filter(|_| !plan.metrics.is_empty());
    if let (Some(metric), FeatureSpec::Random { .. }) = (classes, &plan.features) {
        return Err(Error::usage(format!("{}: random features read no classes", metric.values()[0]))
            .hint("leave --features out: own features are those of a classifier"));
    }
    let judged = Judged::open(plan, device, reporter.stop())?;
    let real = Real::open(plan, &judged, reporter.stop())?;
    let judged_aside = judged.left_aside().map(|aside| (plan.judged.clone(), aside));
    let asides = judged_aside.into_iter().chain([(plan.data.clone(), real.pool.left_aside())]);
    for (name, aside) in asides {
        Event::left_aside(name, aside).into_iter().for_each(|event| reporter.event(event));
    }
    // What nobody asked for by name is left out where it cannot be measured.
    let keep = |possible: bool, needs: fn(Needs) -> bool, chosen: &mut Vec<Box<dyn Metric>>| {
        if plan.metrics.is_empty() {
            chosen.retain(|chosen| possible || !needs(chosen.needs()));
        }
    };
    keep(real.pool.len().is_some(), |needs| needs.gallery, &mut chosen);
    let features = real.features(plan, device, reporter)?;
    let features = features.as_ref();
    keep(features.classes() > 0, |needs| needs.classes, &mut chosen);
    let needs = chosen.iter().fold(Needs::default(), |all, chosen| all.or(chosen.needs()));
    let look = Look { features: needs.features.then_some(features), keep: needs.pixels };
    let sets = real.gathered(judged, plan, look, device, reporter)?;
    keep(sets.judged.labels.is_some(), |needs| needs.labels, &mut chosen);
    let readable = sets.judged.captions.is_some() && plan.data.starts_with("builtin:shapes");
    keep(readable, |needs| needs.captions, &mut chosen);
    report.features = if needs.features { features.name() } else { "none".to_owned() };
    real.measured(&sets, &chosen, features, (plan, device), report, reporter)
}

/// The data set that images are judged by, divided.
struct Real {
    pool: Pool,
    prepare: Prepare,
    classes: Vec<String>,
    parts: Parts,
}

/// What is compared.
struct Sets {
    judged: Sample,
    reference: Sample,
    /// Real images that were held out.
    held: Sample,
    /// The same with their pixels shuffled.
    shuffled: Sample,
}

impl Real {
    /// Opens it, for images as the judged ones are.
    fn open(plan: &EvalPlan, judged: &Judged, stop: &Stop) -> Result<Self> {
        let data = langevin_data::open(&plan.data, &OpenOptions::stopped_by(stop))?;
        let classes = data.info().classes.clone();
        let side = plan.size.unwrap_or(data.info().size.shorter()).max(1);
        let (size, channels) =
            judged.shape().unwrap_or((Size::square(side), data.info().channels.clamp(1, 4)));
        let prepare = Prepare::new(size.width, size.height, channels);
        let pool = Pool::new(data, prepare.clone(), PoolOptions::stopped_by(stop))?;
        let own = matches!(plan.features, FeatureSpec::Own { .. });
        let parts = Parts::new(&pool, plan.count, own, plan.seed)?;
        Ok(Self { pool, prepare, classes, parts })
    }

    fn features(
        &self,
        plan: &EvalPlan,
        device: &Device,
        reporter: &mut Reporter<'_>,
    ) -> Result<Box<dyn Features>> {
        let (pool, channels) = (&self.parts.features, self.prepare.channels);
        let done = |share: f64| reporter.at("training features", share);
        features_of(&plan.features, pool, channels, plan.cache.as_deref(), device, done)
    }

    /// Looks at the images of all sets, those of a model sampled on the way.
    fn gathered(
        &self,
        judged: Judged,
        plan: &EvalPlan,
        look: Look<'_>,
        device: &Device,
        reporter: &mut Reporter<'_>,
    ) -> Result<Sets> {
        let (parts, count) = (&self.parts, self.parts.count);
        let seen =
            gather(&parts.reference, count, look, false, 0, |share| reporter.at("real images", share))?;
        let Gathered { sample: held, shuffled, .. } =
            gather(&parts.held, count, look, true, 1, |share| reporter.at("held-out images", share))?;
        let judged = match judged {
            Judged::Model(model, sampling) => {
                let mut sampling = SamplePlan { count, ..*sampling };
                if let Some(prompts) = &mut sampling.prompts {
                    // As the data are described, so that what differs is not what was asked for.
                    prompts.each = in_order(&parts.reference, &seen);
                }
                judged::sampled(&model, &sampling, &seen.sample, &self.classes, look, device, reporter)?
            }
            Judged::Data(data) => {
                let stop = reporter.stop();
                let stage = |share| reporter.at("judged images", share);
                judged::images_of((data, stop), &self.prepare, count, &self.classes, look, plan.seed, stage)?
            }
        };
        Ok(Sets { judged, reference: seen.sample, held, shuffled })
    }

    fn measured(
        &self,
        sets: &Sets,
        chosen: &[Box<dyn Metric>],
        features: &dyn Features,
        (plan, device): (&EvalPlan, &Device),
        report: &mut Report,
        reporter: &mut Reporter<'_>,
    ) -> Result<Option<Image>> {
        let wall = self.parts.gallery(features);
        let gallery = wall.as_ref().map(|wall| wall as &dyn Gallery);
        let Size { width, height } = self.prepare.size;
        let shape = [self.prepare.channels, height, width];
        let trainer = ClassifierTrainer::new(self.classes.len(), shape, plan.seed, device);
        let trainer = trainer.as_ref().map(|trainer| trainer as &dyn Trainer);
        let mut sheet = None;
        for (index, metric) in chosen.iter().enumerate() {
            reporter.at("measuring", index as f64 / chosen.len() as f64)?;
            let measure = |judged: &Sample| {
                let reference = &sets.reference;
                metric.measure(&Case { judged, reference, gallery, trainer, seed: plan.seed })
            };
            let found = measure(&sets.judged)?;
            let floor = measure(&sets.held)?;
            // Pixels without order are far from every training image, which says nothing of copies.
            let ceiling = if metric.needs().gallery { None } else { Some(measure(&sets.shuffled)?) };
            add(report, &found, Some(&floor), ceiling.as_ref());
            if let (false, Some(gallery)) = (found.nearest.is_empty(), gallery) {
                sheet = Some(nearest_sheet(&found, &sets.judged, gallery)?);
                report.nearest = found.nearest.into_iter().take(SHEET_ROWS).collect();
            }
        }
        Ok(sheet)
    }
}

/// The captions of all images of `pool`, in its own order: `seen` has them in the order that images were shown in.
fn in_order(pool: &Pool, seen: &Gathered) -> Vec<String> {
    let order = Order::new(0, pool.len());
    let mut captions = vec![String::new(); seen.captions.len()];
    for (shown, caption) in seen.captions.iter().enumerate() {
        captions[order.at(shown as u64) as usize] = caption.clone().unwrap_or_default();
    }
    captions
}

/// The judged images nearest to training images, each beside its neighbour, in two columns of pairs.
fn nearest_sheet(found: &Measured, sample: &Sample, gallery: &dyn Gallery) -> Result<Image> {
    let mut images = Vec::new();
    for one in found.nearest.iter().take(2 * SHEET_ROWS) {
        images.push(sample.images[one.judged].clone());
        images.extend(gallery.chunk(one.training, one.training + 1, false)?.images);
    }
    let side = images.iter().map(|image| image.width).max().unwrap_or(1);
    Ok(sheet::sheet(&images, 8, 2, (64 / side).clamp(1, 4)))
}
