//! Judging images, those of a model or a set of them, by a data set: `langevin eval`.

mod classifier;
mod classifier_trainer;
mod features;
mod fit;
mod inception;
pub mod job;
mod judged;
pub mod likelihood;
mod lines;
mod pairs;
mod parts;
mod random;
mod request;
mod sets;
pub(crate) mod spread;

use std::collections::BTreeSet;

use burn::tensor::Device;
use langevin_core::{Error, Image, Result, nearest};
use langevin_eval::{Bound, Case, Features, METRICS, Metric, Report, Sample};

use lines::add;

use langevin_inference::job::{Event, Reporter};
use pairs::Pairs;

pub use features::FeatureSpec;
pub(crate) use features::features_of;
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
    /// How many judged images were not compared because none of the other set belongs to them.
    pub alone: u64,
}

/// Measures.
///
/// # Errors
/// Usage: unknown metrics, features or bounds, or metrics that model and data do not allow. Bad input: what cannot be
/// read. Interrupted, when stopped.
pub fn evaluate(plan: &EvalPlan, device: &Device, reporter: &mut Reporter<'_>) -> Result<Evaluation> {
    let chosen = choose(&plan.metrics)?;
    check_bounds(&plan.bounds, &chosen)?;
    let (pairwise, others): (Vec<Box<dyn Metric>>, Vec<Box<dyn Metric>>) =
        chosen.into_iter().partition(|chosen| chosen.needs().pairs);
    let mut report =
        Report { judged: plan.judged.clone(), data: plan.data.clone(), seed: plan.seed, ..Report::default() };
    let mut sheet = None;
    let mut alone = 0;
    if !pairwise.is_empty() {
        alone = compare_pairs(plan, &pairwise, &mut report, reporter)?;
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
    Ok(Evaluation { report, sheet, missed, alone })
}

fn choose(specs: &[String]) -> Result<Vec<Box<dyn Metric>>> {
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

fn check_bounds(bounds: &[Bound], chosen: &[Box<dyn Metric>]) -> Result<()> {
    let names: Vec<&str> = chosen.iter().flat_map(|chosen| chosen.values()).copied().collect();
    let unknown = bounds.iter().find(|bound| !names.contains(&bound.name.as_str()));
    let Some(bound) = unknown else { return Ok(()) };
    let error = Error::usage(format!("--fail-if {bound}: no number called \"{}\" is measured", bound.name));
    Err(match nearest(&bound.name, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean \"{near}\"?")),
        None => error.hint(format!("there are: {}", names.join(", "))),
    })
}

/// Compares images that belong together; how many have no partner.
fn compare_pairs(
    plan: &EvalPlan,
    chosen: &[Box<dyn Metric>],
    report: &mut Report,
    reporter: &mut Reporter<'_>,
) -> Result<u64> {
    let Pairs { judged, reference, left_aside, alone } =
        pairs::pairs(&plan.judged, &plan.data, plan.count, reporter.stop())?;
    for (name, aside) in left_aside {
        Event::left_aside(name, aside).into_iter().for_each(|event| reporter.event(event));
    }
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
    Ok(alone)
}
