//! Judging images, those of a model or a set of them, by a data set: `langevin eval`.

mod classifier;
mod classifier_trainer;
mod features;
mod fit;
mod inception;
pub mod job;
mod judged;
pub mod likelihood;
mod pairs;
mod parts;
mod random;
mod request;
mod sets;
pub(crate) mod spread;

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::Device;
use langevin_core::{Error, Image, Result, nearest};
use langevin_data::Pool;
use langevin_eval::{Bound, Case, Features, Line, METRICS, Measured, Metric, Report, Sample, Value};

use crate::job::Reporter;

pub use features::FeatureSpec;
pub use job::EvalOutcome;
pub use request::{Choice, EvalPlan, EvalRequest};

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

type Chosen = Box<dyn Metric>;

/// Measures.
///
/// # Errors
/// Usage: unknown metrics, features or bounds, or metrics that model and data do not allow. Bad input: what cannot be
/// read. Interrupted, when stopped.
pub fn evaluate(plan: &EvalPlan, device: &Device, reporter: &mut Reporter<'_>) -> Result<Evaluation> {
    let chosen = choose(&plan.metrics)?;
    check_bounds(&plan.bounds, &chosen)?;
    let (pairwise, others): (Vec<Chosen>, Vec<Chosen>) =
        chosen.into_iter().partition(|chosen| chosen.needs().pairs);
    let mut report =
        Report { judged: plan.judged.clone(), data: plan.data.clone(), seed: plan.seed, ..Report::default() };
    let mut sheet = None;
    if !pairwise.is_empty() {
        compare_pairs(plan, &pairwise, &mut report)?;
    }
    if !others.is_empty() {
        let compared = sets::compare(plan, others, device, &mut report, reporter);
        sheet = reporter.whole(compared)?;
    }
    let missed = |bound: &&Bound| match report.value(&bound.name) {
        Some(value) => bound.is_missed(value),
        None => true,
    };
    let missed = plan.bounds.iter().filter(missed).cloned().collect();
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

fn compare_pairs(plan: &EvalPlan, chosen: &[Chosen], report: &mut Report) -> Result<()> {
    let (judged, reference) = pairs::pairs(&plan.judged, &plan.data, plan.count)?;
    // Images beside others than their own.
    let mut apart = judged.clone();
    apart.images.rotate_left(1);
    for chosen in chosen {
        let measure = |judged: &Sample| {
            let case = Case { judged, reference: &reference, gallery: None, trainer: None, seed: plan.seed };
            chosen.measure(&case)
        };
        let found = measure(&judged)?;
        let ceiling = if judged.images.len() > 1 { measure(&apart).ok() } else { None };
        add(report, &found, None, ceiling.as_ref());
    }
    Ok(())
}

/// The features that `spec` names, for images with `channels`; those of one's own are learnt on `pool`, or taken from the folder
/// `cache`. `progress` is called with the share of that which is done; its error stops it.
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
