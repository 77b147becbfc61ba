//! Comparing samplers on one model: how near each comes to the finely solved trajectory from the same noise, at a number of
//! network evaluations.

pub mod job;
mod report;
mod request;

use std::time::Instant;

use burn::tensor::Device;
use langevin_core::{Error, ErrorKind, Image, Result, Stop};
use langevin_eval::{Case, Features, METRICS, Mean, Metric, Sample};
use langevin_model::OWN;
use langevin_model::resolve::{placed, steps_within};
use langevin_model::{Grid, Model, Tuned};
use langevin_process::SPACINGS;
use langevin_sample::SAMPLERS;
use serde::Serialize;

use crate::evaluation;
use langevin_inference::job::Reporter;
use langevin_inference::sampling::{SamplePlan, sample_tensor};

pub use request::{CompareSamplersRequest, SamplersPlan};

/// The method of the fine trajectory.
const REFERENCE: &str = "heun";

/// One sampler over one spacing at one budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SamplerRow {
    /// The sampler.
    pub sampler: String,
    /// The spacing.
    pub spacing: String,
    /// Calls of the network that were allowed.
    pub budget: usize,
    /// Steps taken.
    pub steps: usize,
    /// Calls they took.
    pub calls: usize,
    /// Whether it follows the trajectory, adding no noise.
    pub follows: bool,
    /// The mean over images of the root mean square difference of pixels from the fine trajectory's end, of 255.
    pub rms: f64,
    /// Its standard error.
    pub rms_error: f64,
    /// The Frechet distance, by random features, from the images at the fine trajectory's end.
    pub frechet: f64,
    /// Its standard error; absent for fewer than 16 images.
    pub frechet_error: Option<f64>,
    /// Milliseconds for each image.
    pub ms: f64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SamplerComparison {
    /// The model.
    pub model: String,
    /// Images.
    pub n: usize,
    /// The seed.
    pub seed: u64,
    /// The fine trajectory in words.
    pub reference: String,
    /// How far the fine trajectory's end moves when its steps are halved, as [`SamplerRow::rms`].
    pub reference_rms: f64,
    /// The measurements, by budget and then by distance.
    pub rows: Vec<SamplerRow>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// The best at each budget; and the best with one call a step where that is another.
    pub best: Vec<Tuned>,
    /// The levels of the spacing `own`.
    pub grids: Vec<Grid>,
}

/// Compares.
///
/// # Errors
/// Usage: unknown names, or a model that cannot be sampled. Interrupted, when stopped.
pub fn compare(
    model: &Model,
    plan: &SamplersPlan,
    device: &Device,
    reporter: &mut Reporter<'_>,
) -> Result<SamplerComparison> {
    let named = names(&plan.samplers, || SAMPLERS.names().map(str::to_owned).collect());
    let spacings = names(&plan.spacings, || usual_spacings(model));
    let settings = &model.info.sample;
    for (sampler, spacing) in named.iter().flat_map(|a| spacings.iter().map(move |b| (a, b))) {
        SPACINGS.build(&placed(settings, sampler, spacing, 10)?)?;
    }
    let scale = plan.scale(model);
    plan.guidance.rule(model, scale)?;
    let (mut samplers, mut left_out) = (Vec::new(), Vec::new());
    for sampler in named {
        if SAMPLERS.build(&sampler)?.is_adaptive() {
            left_out.push(format!("{sampler}: how often it asks the network is its own choice"));
        } else {
            samplers.push(sampler);
        }
    }
    let features = evaluation::random_features(model.info.channels, device)?;
    let bench = Bench { model, plan, device, features, stop: reporter.stop() };
    let found = bench.found((&samplers, &spacings), &mut left_out, reporter);
    let (reference_rms, rows) = reporter.whole(found)?;
    let guided = match plan.guidance.named() {
        Some(rule) => format!(", guided by {rule} of strength {scale}"),
        None if scale != 1.0 => format!(", guided with strength {scale}"),
        None => String::new(),
    };
    let spacing = &model.info.sample.spacing;
    Ok(SamplerComparison {
        model: model.name.clone(),
        n: plan.count,
        seed: plan.seed,
        reference: format!("{} steps of {REFERENCE} over {spacing}{guided}", plan.reference_steps),
        reference_rms,
        best: best(&plan.calls, &rows),
        grids: model.info.sample.grids.clone(),
        rows,
        left_out,
    })
}

fn names(given: &[String], all: impl Fn() -> Vec<String>) -> Vec<String> {
    let mut names = if given.is_empty() { all() } else { given.to_vec() };
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn usual_spacings(model: &Model) -> Vec<String> {
    let own = &model.info.sample.spacing;
    let found = (!model.info.sample.grids.is_empty()).then_some(OWN);
    [own.as_str(), "trailing", "karras", "log_snr"].into_iter().chain(found).map(str::to_owned).collect()
}

struct Bench<'a> {
    model: &'a Model,
    plan: &'a SamplersPlan,
    device: &'a Device,
    features: Box<dyn Features>,
    stop: &'a Stop,
}

impl Bench<'_> {
    /// How far the fine trajectory's end moves when its steps are halved, and what was measured of all samplers over all
    /// spacings.
    fn found(
        &self,
        (samplers, spacings): (&[String], &[String]),
        left_out: &mut Vec<String>,
        reporter: &mut Reporter<'_>,
    ) -> Result<(f64, Vec<SamplerRow>)> {
        let plan = self.plan;
        let budgets: f64 = plan.calls.iter().map(|calls| *calls as f64).sum();
        let fine = 3.0 * plan.reference_steps as f64;
        let total = fine + budgets * (samplers.len() * spacings.len()) as f64;
        let spacing = &self.model.info.sample.spacing;
        let mut report = |share: f64| reporter.progress("fine trajectory", share * fine / 3.0 / total);
        let half = plan.reference_steps.div_ceil(2);
        let (coarser, _) = self.sampled(REFERENCE, spacing, half, &mut report)?;
        let mut report = |share: f64| report(1.0 + 2.0 * share);
        let (reference, _) = self.sampled(REFERENCE, spacing, plan.reference_steps, &mut report)?;
        let sample = self.described(&reference)?;
        let mut done = fine;
        let mut rows = Vec::new();
        for budget in &plan.calls {
            for (sampler, spacing) in samplers.iter().flat_map(|a| spacings.iter().map(move |b| (a, b))) {
                let what = format!("{sampler} over {spacing}, NFE {budget}");
                reporter.at(&what, done / total)?;
                let mut report =
                    |share: f64| reporter.progress(&what, (done + share * *budget as f64) / total);
                match self.row((sampler, spacing, *budget), (&reference, &sample), &mut report) {
                    Ok(row) => rows.push(row),
                    Err(error) if matches!(error.kind(), ErrorKind::Interrupted(_)) => {
                        return Err(error);
                    }
                    Err(error) => {
                        left_out.push(format!("{sampler} over {spacing} at {budget} calls: {error}"))
                    }
                }
                done += *budget as f64;
            }
        }
        rows.sort_by(|a: &SamplerRow, b: &SamplerRow| {
            (a.budget, !a.follows).cmp(&(b.budget, !b.follows)).then(a.rms.total_cmp(&b.rms))
        });
        Ok((Mean::of(&differences(&coarser, &reference)).mean, rows))
    }

    /// The images of one way of sampling as numbers, one row each, with the seconds it took.
    fn sampled(
        &self,
        sampler: &str,
        spacing: &str,
        steps: usize,
        report: &mut dyn FnMut(f64),
    ) -> Result<(Vec<Vec<f32>>, f64)> {
        let (model, plan) = (self.model, self.plan);
        let sampling = SamplePlan {
            steps,
            sampler: sampler.to_owned(),
            spacing: spacing.to_owned(),
            cfg_scale: plan.scale(model),
            guidance: plan.guidance.clone(),
            batch_size: plan.batch_size,
            stop: self.stop.clone(),
            ..SamplePlan::of(model, plan.count, plan.seed)
        };
        let start = Instant::now();
        let made = sample_tensor(model, &sampling, self.device, |at| report(at.fraction()))?;
        let seconds = start.elapsed().as_secs_f64();
        let pixels: usize = model.image_shape().iter().product();
        let values = made.try_into_vec_as::<f32>().expect("a float tensor holds floats");
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Error::failed("gave numbers that are not finite"));
        }
        Ok((values.chunks_exact(pixels).map(<[f32]>::to_vec).collect(), seconds))
    }

    fn described(&self, drawn: &[Vec<f32>]) -> Result<Sample> {
        let [channels, height, width] = self.model.image_shape();
        let image = |values: &Vec<f32>| Image::from_signed(values, channels, height, width);
        let images: Vec<Image> = drawn.iter().map(image).collect();
        let mut sample = Sample::new("drawn");
        let described = self.features.describe(&images)?;
        sample.append(images, &vec![None; drawn.len()], described, false);
        Ok(sample)
    }

    fn row(
        &self,
        (sampler, spacing, budget): (&str, &str, usize),
        (reference, fine): (&[Vec<f32>], &Sample),
        report: &mut dyn FnMut(f64),
    ) -> Result<SamplerRow> {
        let diffusion = self.model.denoiser.diffusion();
        let settings = &self.model.info.sample;
        let steps = steps_within(settings, sampler, spacing, diffusion, budget)?;
        let method = SAMPLERS.build(sampler)?;
        let placed = placed(settings, sampler, spacing, steps)?;
        let calls = method.calls(&SPACINGS.build(&placed)?.path(diffusion, steps)?);
        let (drawn, seconds) = self.sampled(sampler, spacing, steps, report)?;
        let rms = Mean::of(&differences(&drawn, reference));
        let groups = if drawn.len() >= 16 { 4 } else { 0 };
        let metric: Box<dyn Metric> = METRICS.build(&format!("frechet:groups={groups}"))?;
        let judged = self.described(&drawn)?;
        let case = Case { judged: &judged, reference: fine, gallery: None, trainer: None, seed: 0 };
        let found = metric.measure(&case)?;
        Ok(SamplerRow {
            sampler: sampler.to_owned(),
            spacing: spacing.to_owned(),
            budget,
            steps,
            calls,
            follows: method.order().is_some(),
            rms: rms.mean,
            rms_error: rms.error.unwrap_or(0.0),
            frechet: found.values[0].value,
            frechet_error: found.values[0].error,
            ms: 1e3 * seconds / drawn.len() as f64,
        })
    }
}

/// The root mean square difference of each two images, of 255.
fn differences(drawn: &[Vec<f32>], reference: &[Vec<f32>]) -> Vec<f64> {
    let one = |(a, b): (&Vec<f32>, &Vec<f32>)| {
        let squares: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        127.5 * (squares / a.len() as f64).sqrt()
    };
    drawn.iter().zip(reference).map(one).collect()
}

/// The nearest to the trajectory at each budget, among methods that follow it.
fn best(budgets: &[usize], rows: &[SamplerRow]) -> Vec<Tuned> {
    let mut best = Vec::new();
    for budget in budgets {
        let nearest = |one_call: bool| {
            let fits = |row: &&SamplerRow| {
                row.budget == *budget && row.follows && (!one_call || row.steps == row.calls)
            };
            let least = rows.iter().filter(fits).min_by(|a, b| a.rms.total_cmp(&b.rms))?;
            let (sampler, spacing) = (least.sampler.clone(), least.spacing.clone());
            Some(Tuned { calls: least.budget, steps: least.steps, sampler, spacing })
        };
        for found in [nearest(false), nearest(true)].into_iter().flatten() {
            if !best.contains(&found) {
                best.push(found);
            }
        }
    }
    best
}
