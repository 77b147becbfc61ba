//! Comparing methods of restoration on one model and one data set: the same degraded images for all, the same
//! budgets of network evaluations, constants chosen on training images.

mod comparison;
pub mod job;
mod report;
mod request;

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use langevin_core::{
    Cond, Denoiser, Differentiable, Error, ErrorKind, Image, Level, NoiseStreams, Result, Size, Stop,
    batch_to_images, signed_to_batch,
};
use langevin_data::{OpenOptions, Pool, PoolOptions, Prepare};
use langevin_eval::{Case, Features, METRICS, Sample};
use langevin_model::{Model, Pipeline};
use langevin_restore::{
    METHODS, Method, NoImages, Prior, Problem, candidates, compared, noises, operators, simulate,
};

use crate::evaluation;
use crate::evaluation::spread::{UNSEEN, evenly};
use langevin_inference::job::{Event, Reporter};

pub use comparison::{RestorationComparison, RestorationRow, RestorationTask};
pub use request::{CompareRestorersRequest, RestorersPlan};

/// Compares.
///
/// # Errors
/// Usage: unknown names, or operators that do not go with the images. Bad input: data that cannot be read. Interrupted, when
/// stopped.
pub fn compare(
    model: &Model,
    plan: &RestorersPlan,
    device: &Device,
    reporter: &mut Reporter<'_>,
) -> Result<RestorationComparison> {
    let tasks = if plan.tasks.is_empty() { RestorationTask::usual() } else { plan.tasks.clone() };
    let methods: Vec<String> =
        if plan.methods.is_empty() { compared().map(str::to_owned).collect() } else { plan.methods.clone() };
    for method in &methods {
        METHODS.build(method)?;
    }
    for task in &tasks {
        operators::build(&task.operator, model.shape(), &NoImages)?;
        noises::build(&task.noise.to_string())?;
    }
    let training = pool(model, &plan.data, "train", reporter.stop())?;
    let test = pool(model, &plan.data, "test", reporter.stop())?;
    for (part, pool) in [("train", &training), ("test", &test)] {
        let aside = Event::left_aside(format!("{}#{part}", plan.data), pool.left_aside());
        aside.into_iter().for_each(|event| reporter.event(event));
    }
    let clean = Images::new(spread(&test, plan.count, UNSEEN, device)?);
    let tuning = Images::new(spread(&training, plan.tune, 0, device)?);
    let report = |share: f64| reporter.at("training features", share);
    let features = evaluation::features_of(
        &plan.features,
        &training,
        model.info.channels,
        plan.cache.as_deref(),
        device,
        report,
    )?;
    let pipeline = Pipeline::new(model, plan.batch_size);
    let bench = Bench {
        model,
        plan,
        stop: reporter.stop(),
        pipeline: &pipeline,
        denoiser: pipeline.denoiser(|_, _| true)?,
        // Methods that need a derivative say so of a model that has none.
        derivative: match pipeline.differentiable(device, |_, _| true) {
            Err(error) if error.kind() == ErrorKind::Usage => None,
            derivative => Some(derivative?),
        },
        clean: bench_sample(&clean.shown, features.as_ref())?,
        features,
    };
    let mut found = RestorationComparison {
        model: model.name.clone(),
        data: plan.data.clone(),
        n: clean.shown.len(),
        tune: tuning.shown.len(),
        seed: plan.seed,
        features: bench.features.name(),
        tasks: tasks.clone(),
        rows: Vec::new(),
        left_out: Vec::new(),
        sheets: Vec::new(),
    };
    for (index, task) in tasks.iter().enumerate() {
        let mut report = |what: &str, share: f64| {
            reporter.at(&format!("{}: {what}", task.name), (index as f64 + share) / tasks.len() as f64)
        };
        let done = bench.task(task, &methods, (&clean, &tuning), &mut found, &mut report);
        reporter.whole(done)?;
    }
    Ok(found)
}

/// Clean images as numbers and as images.
struct Images {
    values: Tensor<4>,
    shown: Vec<Image>,
}

impl Images {
    fn new(values: Tensor<4>) -> Self {
        let shown = batch_to_images(values.clone());
        Self { values, shown }
    }
}

/// The images of a part of a data set as the model draws them. A set that is drawn has no parts.
fn pool(model: &Model, data: &str, part: &str, stop: &Stop) -> Result<Pool> {
    let Size { width, height } = model.info.size;
    let spec = if data.starts_with("builtin:") { data.to_owned() } else { format!("{data}#{part}") };
    let dataset = langevin_data::open(&spec, &OpenOptions::stopped_by(stop))?;
    Pool::new(dataset, Prepare::new(width, height, model.info.channels), PoolOptions::stopped_by(stop))
}

/// `count` images, spread evenly over the set; of an unlimited one those from `first`.
fn spread(pool: &Pool, count: usize, first: u64, device: &Device) -> Result<Tensor<4>> {
    let places = evenly(pool, count, first);
    let Size { width, height } = pool.prepare().size;
    let shape = [places.len(), pool.prepare().channels, height, width];
    let mut values = Vec::new();
    for place in places {
        values.extend(pool.batch(place..place + 1)?.pixels);
    }
    Ok(signed_to_batch(values, shape, device))
}

fn bench_sample(images: &[Image], features: &dyn Features) -> Result<Sample> {
    let mut sample = Sample::new("restored");
    let described = features.describe(images)?;
    sample.append(images.to_vec(), &vec![None; images.len()], described, true);
    Ok(sample)
}

struct Bench<'a> {
    model: &'a Model,
    plan: &'a RestorersPlan,
    stop: &'a Stop,
    pipeline: &'a Pipeline<'a>,
    denoiser: Box<dyn Denoiser + 'a>,
    derivative: Option<Box<dyn Differentiable + 'a>>,
    clean: Sample,
    features: Box<dyn Features>,
}

impl Bench<'_> {
    fn task(
        &self,
        task: &RestorationTask,
        methods: &[String],
        (clean, tuning): (&Images, &Images),
        found: &mut RestorationComparison,
        report: &mut dyn FnMut(&str, f64) -> Result<()>,
    ) -> Result<()> {
        let problem = self.problem(task, &clean.values, 0)?;
        // Far from the noise of the images that count.
        let tried = self.problem(task, &tuning.values, 1 << 32)?;
        let begun = least_squares(&problem)?;
        let plain = batch_to_images(begun.clone());
        found.rows.push(self.row(task, "least squares", (0, 0, 0), 0.0, plain.clone())?);
        let shown = clean.shown.len().min(report::COLUMNS);
        let mut sheet: Vec<Image> = clean.shown[..shown].to_vec();
        sheet.extend_from_slice(&plain[..shown]);
        let mut rows = vec!["clean".to_owned(), "least squares".to_owned()];
        let budgets = &self.plan.calls;
        for (index, method) in methods.iter().enumerate() {
            let mut last: Option<(String, usize)> = None;
            for (at, budget) in budgets.iter().enumerate() {
                let share = (index * budgets.len() + at) as f64 / (methods.len() * budgets.len()) as f64;
                report(method, share)?;
                let done = self.choose(method, *budget, &tried, tuning).and_then(|(spec, steps)| {
                    let (built, path) = (METHODS.build(&spec)?, self.path(steps)?);
                    let calls = built.calls(&path);
                    // One call is one call, whatever is allowed.
                    if last.as_ref() == Some(&(spec.clone(), calls)) {
                        return Ok(None);
                    }
                    let start = Instant::now();
                    let made = self.restore(&*built, &problem, &path, 0)?;
                    let seconds = start.elapsed().as_secs_f64();
                    let images = batch_to_images(made);
                    let row = self.row(task, &spec, (*budget, steps, calls), seconds, images.clone())?;
                    Ok(Some((row, images)))
                });
                let (row, images) = match done {
                    Ok(Some(done)) => done,
                    Ok(None) => continue,
                    Err(error) if matches!(error.kind(), ErrorKind::Interrupted(_)) => return Err(error),
                    Err(error) => {
                        found.left_out.push(format!("{}, {method}: {error}", task.name));
                        break;
                    }
                };
                if at == budgets.len() / 2 || row.calls == 1 {
                    sheet.extend_from_slice(&images[..shown]);
                    rows.push(format!("{}, {} calls", row.method, row.calls));
                }
                last = Some((row.method.clone(), row.calls));
                found.rows.push(row);
            }
        }
        found.sheets.push((task.name.clone(), report::sheet(self.model, &sheet, shown), rows));
        Ok(())
    }

    fn problem(&self, task: &RestorationTask, clean: &Tensor<4>, first: u64) -> Result<Problem> {
        let operator = operators::build(&task.operator, self.model.shape(), &NoImages)?;
        let noise = noises::build(&task.noise.to_string())?;
        let count = clean.dims()[0] as u64;
        let streams = NoiseStreams::new(self.plan.seed, first..first + count);
        let y = simulate(operator.as_ref(), noise.as_ref(), clean, &streams);
        let sigma = noise.sigma(&[]);
        Problem::new(operator, y, sigma)
    }

    fn prior(&self) -> Prior<'_> {
        Prior { denoiser: self.denoiser.as_ref(), differentiable: self.derivative.as_deref() }
    }

    fn path(&self, steps: usize) -> Result<Vec<Level>> {
        let settings = &self.model.info.sample;
        self.pipeline.path(&settings.sampler, &settings.spacing, steps)
    }

    /// The constants that are best on training images within `budget`, and the steps that takes.
    fn choose(
        &self,
        method: &str,
        budget: usize,
        tried: &Problem,
        tuning: &Images,
    ) -> Result<(String, usize)> {
        let specs = candidates(method);
        let count = (self.plan.tune * 20 / budget.max(20)).clamp(1, tuning.shown.len());
        let mut best: Option<(f64, String, usize)> = None;
        let mut refused = None;
        for spec in &specs {
            let built = METHODS.build(spec)?;
            if let Err(error) = built.needs().check(tried, self.prior()) {
                refused = Some(error);
                continue;
            }
            let Some(steps) = self.steps_within(&*built, budget)? else { continue };
            if specs.len() == 1 {
                return Ok((spec.clone(), steps));
            }
            let made = match self.restore(&*built, &tried.part(0..count), &self.path(steps)?, 1 << 32) {
                Ok(made) => made,
                Err(error) if error.kind() == ErrorKind::Usage || error.kind() == ErrorKind::Failed => {
                    refused = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let off = made - tuning.values.clone().narrow(0, 0, count);
            let error = (off.clone() * off).mean_dim(3);
            let error: Vec<f32> = error.into_data().try_to_vec().expect("the values are f32");
            let error = error.iter().map(|v| f64::from(*v)).sum::<f64>() / error.len() as f64;
            if best.as_ref().is_none_or(|best| error < best.0) {
                best = Some((error, spec.clone(), steps));
            }
        }
        let none = || Error::usage(format!("no constants fit into {budget} calls"));
        best.map(|(_, spec, steps)| (spec, steps)).ok_or_else(|| refused.unwrap_or_else(none))
    }

    /// The most steps whose calls are within `budget`.
    fn steps_within(&self, method: &dyn Method, budget: usize) -> Result<Option<usize>> {
        for steps in (1..=budget).rev() {
            if method.calls(&self.path(steps)?) <= budget {
                return Ok(Some(steps));
            }
        }
        Ok(None)
    }

    fn restore(
        &self,
        method: &dyn Method,
        problem: &Problem,
        path: &[Level],
        first: u64,
    ) -> Result<Tensor<4>> {
        let prior = self.prior();
        let mut made = Vec::new();
        for offset in (0..problem.batch()).step_by(self.plan.batch_size) {
            self.stop.check("the comparison")?;
            let end = problem.batch().min(offset + self.plan.batch_size);
            let images = (offset..end).map(|index| first + index as u64);
            let mut run = self
                .pipeline
                .run(Cond::none(), NoiseStreams::new(self.plan.seed, images))
                .stopped_by(self.stop);
            made.push(method.restore(prior, &problem.part(offset..end), path, &mut run)?);
        }
        let made = Tensor::cat(made, 0);
        let values: Vec<f32> = made.clone().into_data().try_to_vec().expect("the values are f32");
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Error::failed("gave numbers that are not finite"));
        }
        Ok(made)
    }

    fn row(
        &self,
        task: &RestorationTask,
        method: &str,
        (budget, steps, calls): (usize, usize, usize),
        seconds: f64,
        images: Vec<Image>,
    ) -> Result<RestorationRow> {
        let count = images.len() as f64;
        let judged = bench_sample(&images, self.features.as_ref())?;
        let measured = |name: &str| -> Result<(f64, f64)> {
            let case =
                Case { judged: &judged, reference: &self.clean, gallery: None, trainer: None, seed: 0 };
            let found = METRICS.build(name)?.measure(&case)?;
            Ok((found.values[0].value, found.values[0].error.unwrap_or_default()))
        };
        let apart =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
        let (own, clean) = (&judged.rows, &self.clean.rows);
        let pairs = clean.len();
        let distance: f64 = (0..pairs).map(|k| apart(own.row(k), clean.row(k))).sum();
        let others: f64 = (0..pairs).map(|k| apart(clean.row(k), clean.row((k + 1) % pairs))).sum();
        Ok(RestorationRow {
            task: task.name.clone(),
            method: method.to_owned(),
            budget,
            steps,
            calls,
            psnr: measured("psnr")?,
            ssim: measured("ssim")?.0,
            distance: distance / others,
            seconds: seconds / count,
        })
    }
}

/// What is known without a model: `A+ y`, or with noise the least squares of measurement and gray; the measurement where the
/// operator is not linear and it has the shape of an image.
fn least_squares(problem: &Problem) -> Result<Tensor<4>> {
    let linear = match problem.linear() {
        Ok(linear) => linear,
        Err(_) if problem.shape() == problem.measured_shape() => return Ok(problem.y()),
        Err(error) => return Err(error),
    };
    if problem.sigma() == 0.0 {
        return Ok(linear.start());
    }
    let gray = linear.adjoint(problem.y()).zeros_like();
    Ok(linear.prox(gray, problem.sigma().powi(2)))
}
