//! Comparing samplers on one model: how near each comes to the finely solved trajectory from the same noise, at a number of
//! calls of the network.

use std::time::Instant;

use burn::tensor::Device;
use langevin_core::{Image, Result, Stop};
use langevin_eval::{Case, Features, METRICS, Metric, Sample};
use langevin_figures::plot::{Plot, Scale, Series};
use langevin_model::resolve::{OWN, placed, steps_within};
use langevin_model::{Grid, GuidanceConfig, Model, Tuned};
use langevin_process::SPACINGS;
use langevin_sample::SAMPLERS;
use serde::Serialize;

use crate::evaluation;
use crate::sampling::{SamplePlan, sample_watched};

/// The method of the fine trajectory.
const REFERENCE: &str = "heun";

/// What is compared.
#[derive(Debug, Clone)]
pub struct BenchRequest {
    /// Budgets: calls of the network.
    pub calls: Vec<usize>,
    /// Samplers, as in lists; empty for all.
    pub samplers: Vec<String>,
    /// Spacings, as in lists; empty for the model's and the usual ones.
    pub spacings: Vec<String>,
    /// Strength of guidance; the model's where it is `None`.
    pub cfg_scale: Option<f64>,
    /// What guides.
    pub guidance: GuidanceConfig,
    /// Images.
    pub count: usize,
    /// The seed of their noise.
    pub seed: u64,
    /// Images at once.
    pub batch_size: usize,
    /// Steps of the fine trajectory.
    pub reference_steps: usize,
    /// Asks the work to stop.
    pub stop: Stop,
}

impl BenchRequest {
    fn scale(&self, model: &Model) -> f64 {
        self.cfg_scale.unwrap_or_else(|| model.cfg_scale())
    }
}

/// One sampler over one spacing at one budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
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
pub struct Comparison {
    /// The model.
    pub model: String,
    /// Images.
    pub n: usize,
    /// The seed.
    pub seed: u64,
    /// The fine trajectory in words.
    pub reference: String,
    /// How far the fine trajectory's end moves when its steps are halved, as [`Row::rms`].
    pub reference_rms: f64,
    /// The measurements, by budget and then by distance.
    pub rows: Vec<Row>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// The best at each budget; and the best with one call a step where that is another.
    pub best: Vec<Tuned>,
    /// The levels of the spacing `own`.
    pub grids: Vec<Grid>,
}

/// Compares. `progress` is told what is being drawn and the share that is done; its error stops the work.
///
/// # Errors
/// Usage: unknown names, or a model that cannot be sampled. What `progress` says.
pub fn compare(
    model: &Model,
    request: &BenchRequest,
    device: &Device,
    mut progress: impl FnMut(&str, f64) -> Result<()>,
) -> Result<Comparison> {
    let named = names(&request.samplers, || SAMPLERS.names().map(str::to_owned).collect());
    let spacings = names(&request.spacings, || usual_spacings(model));
    let settings = &model.info.sample;
    for (sampler, spacing) in named.iter().flat_map(|a| spacings.iter().map(move |b| (a, b))) {
        SPACINGS.build(&placed(settings, sampler, spacing, 10)?)?;
    }
    let scale = request.scale(model);
    request.guidance.rule(model, scale)?;
    let (mut samplers, mut left_out) = (Vec::new(), Vec::new());
    for sampler in named {
        if SAMPLERS.build(&sampler)?.is_adaptive() {
            left_out.push(format!("{sampler}: how often it asks the network is its own choice"));
        } else {
            samplers.push(sampler);
        }
    }
    let bench =
        Bench { model, request, device, features: evaluation::random_features(model.info.channels, device)? };
    let total_calls = |steps: usize| (2 * steps) as f64;
    let budgets: f64 = request.calls.iter().map(|calls| *calls as f64).sum();
    let fine = total_calls(request.reference_steps) * 1.5;
    let total = fine + budgets * (samplers.len() * spacings.len()) as f64;
    let spacing = model.info.sample.spacing.clone();
    let mut drawing = |share: f64| progress("fine trajectory", share * fine / 3.0 / total);
    let half = request.reference_steps.div_ceil(2);
    let (coarser, _) = bench.draw(REFERENCE, &spacing, half, &mut drawing)?;
    let mut drawing = |share: f64| drawing(1.0 + 2.0 * share);
    let (reference, _) = bench.draw(REFERENCE, &spacing, request.reference_steps, &mut drawing)?;
    let sample = bench.sample(&reference)?;
    let mut done = fine;
    let mut rows = Vec::new();
    for budget in &request.calls {
        for sampler in &samplers {
            for spacing in &spacings {
                let what = format!("{sampler} over {spacing}, {budget} calls");
                let mut drawing = |share: f64| progress(&what, (done + share * *budget as f64) / total);
                drawing(0.0)?;
                match bench.row((sampler, spacing, *budget), (&reference, &sample), &mut drawing) {
                    Ok(row) => rows.push(row),
                    Err(error) if matches!(error.kind(), langevin_core::ErrorKind::Interrupted(_)) => {
                        return Err(error);
                    }
                    Err(error) => {
                        left_out.push(format!("{sampler} over {spacing} at {budget} calls: {error}"))
                    }
                }
                done += *budget as f64;
            }
        }
    }
    let guided = match request.guidance.named() {
        Some(rule) => format!(", guided by {rule} of strength {scale}"),
        None if scale != 1.0 => format!(", guided with strength {scale}"),
        None => String::new(),
    };
    rows.sort_by(|a: &Row, b: &Row| {
        (a.budget, !a.follows).cmp(&(b.budget, !b.follows)).then(a.rms.total_cmp(&b.rms))
    });
    Ok(Comparison {
        model: model.name.clone(),
        n: request.count,
        seed: request.seed,
        reference: format!("{} steps of {REFERENCE} over {spacing}{guided}", request.reference_steps),
        reference_rms: mean_and_error(&differences(&coarser, &reference)).0,
        best: best(&request.calls, &rows),
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
    request: &'a BenchRequest,
    device: &'a Device,
    features: Box<dyn Features>,
}

impl Bench<'_> {
    /// The images of one way of drawing as numbers, one row each, with the seconds it took.
    fn draw(
        &self,
        sampler: &str,
        spacing: &str,
        steps: usize,
        progress: &mut dyn FnMut(f64) -> Result<()>,
    ) -> Result<(Vec<Vec<f32>>, f64)> {
        let (model, request) = (self.model, self.request);
        let plan = SamplePlan {
            steps,
            sampler: sampler.to_owned(),
            spacing: spacing.to_owned(),
            cfg_scale: request.scale(model),
            guidance: request.guidance.clone(),
            batch_size: request.batch_size,
            stop: request.stop.clone(),
            ..SamplePlan::of(model, request.count, request.seed)
        };
        let start = Instant::now();
        let made = sample_watched(model, &plan, self.device, progress)?;
        let seconds = start.elapsed().as_secs_f64();
        let pixels: usize = model.image_shape().iter().product();
        let values = made.try_into_vec_as::<f32>().expect("a float tensor holds floats");
        if values.iter().any(|value| !value.is_finite()) {
            return Err(langevin_core::Error::failed("gave numbers that are not finite"));
        }
        Ok((values.chunks_exact(pixels).map(<[f32]>::to_vec).collect(), seconds))
    }

    fn sample(&self, drawn: &[Vec<f32>]) -> Result<Sample> {
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
        progress: &mut dyn FnMut(f64) -> Result<()>,
    ) -> Result<Row> {
        let diffusion = self.model.denoiser.diffusion();
        let settings = &self.model.info.sample;
        let steps = steps_within(settings, sampler, spacing, diffusion, budget)?;
        let method = SAMPLERS.build(sampler)?;
        let placed = placed(settings, sampler, spacing, steps)?;
        let calls = method.calls(&SPACINGS.build(&placed)?.path(diffusion, steps)?);
        let (drawn, seconds) = self.draw(sampler, spacing, steps, progress)?;
        let (rms, rms_error) = mean_and_error(&differences(&drawn, reference));
        let groups = if drawn.len() >= 16 { 4 } else { 0 };
        let metric: Box<dyn Metric> = METRICS.build(&format!("frechet:groups={groups}"))?;
        let judged = self.sample(&drawn)?;
        let case = Case { judged: &judged, reference: fine, gallery: None, trainer: None, seed: 0 };
        let found = metric.measure(&case)?;
        Ok(Row {
            sampler: sampler.to_owned(),
            spacing: spacing.to_owned(),
            budget,
            steps,
            calls,
            follows: method.order().is_some(),
            rms,
            rms_error,
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

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0) / n).sqrt())
}

/// The nearest to the trajectory at each budget, among methods that follow it.
fn best(budgets: &[usize], rows: &[Row]) -> Vec<Tuned> {
    let mut best = Vec::new();
    for budget in budgets {
        let nearest = |one_call: bool| {
            let fits =
                |row: &&Row| row.budget == *budget && row.follows && (!one_call || row.steps == row.calls);
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

impl Comparison {
    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{}: {} images, seed {}; distances from {}, which is itself within {:.2} of 255.\n\n",
            self.model, self.n, self.seed, self.reference, self.reference_rms
        );
        text += "| budget | sampler | spacing | steps | calls | RMS of 255 | Frechet (random features) | ms an image |\n";
        text += "|---|---|---|---|---|---|---|---|\n";
        for row in &self.rows {
            let is_best = |best: &Tuned| {
                (best.calls, &best.sampler, &best.spacing) == (row.budget, &row.sampler, &row.spacing)
            };
            let mark = if self.best.iter().any(is_best) { "**" } else { "" };
            let rms = if row.follows {
                format!("{:.2} ± {:.2}", row.rms, row.rms_error)
            } else {
                format!("({:.1}: adds noise)", row.rms)
            };
            text += &format!(
                "| {} | {mark}{}{mark} | {} | {} | {} | {rms} | {:.3}{} | {:.1} |\n",
                row.budget,
                row.sampler,
                row.spacing,
                row.steps,
                row.calls,
                row.frechet,
                row.frechet_error.map_or_else(String::new, |error| format!(" ± {error:.3}")),
                row.ms
            );
        }
        if self.rows.iter().any(|row| row.spacing == OWN) {
            for grid in &self.grids {
                let (order, steps) = (grid.order, grid.levels.len());
                text += &format!("\nown, order {order}, {steps} steps: {}", grid.spacing());
            }
            text += "\n";
        }
        for line in &self.left_out {
            text += &format!("\nLeft out: {line}.");
        }
        text
    }

    /// The distance against the calls, for each sampler over the spacing that serves it best at each budget. Methods that
    /// add noise follow no trajectory and are not in it.
    pub fn plot(&self) -> Plot {
        let mut series: Vec<Series> = Vec::new();
        let mut names: Vec<&String> = Vec::new();
        for row in self.rows.iter().filter(|row| row.follows) {
            if !names.contains(&&row.sampler) {
                names.push(&row.sampler);
            }
        }
        for name in names {
            let (mut points, mut errors): (Vec<(f64, f64)>, Vec<f64>) = Default::default();
            let mut own: Vec<&Row> = self.rows.iter().filter(|row| row.sampler == *name).collect();
            own.sort_by(|a, b| a.calls.cmp(&b.calls).then(a.rms.total_cmp(&b.rms)));
            for row in own {
                if points.last().is_none_or(|last| last.0 < row.calls as f64) {
                    points.push((row.calls as f64, row.rms));
                    errors.push(row.rms_error);
                }
            }
            series.push(Series { name: name.clone(), points, errors });
        }
        Plot {
            title: format!("{}: distance from the fine trajectory", self.model),
            x_label: "calls of the network".to_owned(),
            y_label: "RMS difference, of 255".to_owned(),
            x_scale: Scale::Log,
            y_scale: Scale::Log,
            y_range: None,
            series,
        }
    }
}
