//! The job `denoise`: images without their noise, with their recipes, and how they compare with references.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use langevin_core::{Error, Image, Planes, Result};
use langevin_data::read_image;
use langevin_model::Model;
use langevin_model::windows::Plan;
use langevin_restore::units::{sigma_from_pixels, sigma_to_pixels};
use langevin_sample::SAMPLERS;
use serde::Serialize;
use serde_json::{Value, json};

use super::request::DenoiseRequest;
use super::{Denoised, Quality, Request, baseline, denoise, estimate, plan, quality, range};
use crate::job::recipe::{Header, Recipe, changed, of_input, options, parameters};
use crate::job::{Batch, check_ranges, check_skipping, described_models, lifeless, models_for};
use crate::job::{Context, Event, Inputs, ResultNames, Text, done_already, ending_at};

/// An estimate below this, in units of 0 to 255, is no noise.
const LEAST: f64 = 0.1;

/// What came of a request. The images themselves went to the sink.
#[derive(Debug)]
pub struct DenoiseOutcome {
    /// The models: the one that was named, or those that the images chose.
    pub models: Vec<Model>,
    /// What is known of each image.
    pub images: Vec<DenoisedImage>,
    /// How many images were skipped, as their results are there.
    pub skipped: usize,
    /// The images that failed, and why; the others are done.
    pub failed: Vec<(PathBuf, Error)>,
    /// Means over the images that were compared with a reference, if any were.
    pub mean: Option<Compared>,
}

/// What is known of one image that was denoised.
#[derive(Debug, Clone, Serialize)]
pub struct DenoisedImage {
    /// Its file.
    pub image: String,
    /// The model that denoised it.
    pub model: String,
    /// The files of its results: samples, result, standard deviation.
    #[serde(with = "langevin_core::as_text")]
    pub files: Vec<PathBuf>,
    /// The standard deviation of its noise in units of 0 to 255.
    pub sigma: f64,
    /// Whether that was estimated.
    pub estimated: bool,
    /// The noise that was added to it first.
    pub simulated: Option<f64>,
    /// As [`Denoised::residual`].
    pub residual: f64,
    /// As [`Denoised::residual_error`].
    pub residual_error: f64,
    /// The mean standard deviation of the samples in units of 0 to 255, where there are several.
    pub std: Option<f64>,
    /// How near the noisy image is to the reference.
    pub input: Option<Quality>,
    /// How near the result is.
    pub result: Option<Quality>,
    /// How near the result of non-local means is.
    pub non_local_means: Option<Quality>,
    /// Seconds of the work on it.
    pub seconds: f64,
}

/// How near images are to their reference, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Compared {
    /// The noisy image.
    pub input: Quality,
    /// The result.
    pub result: Quality,
    /// What non-local means make of the noisy image.
    pub non_local_means: Quality,
}

/// One image's part of the work.
pub(super) struct Task {
    pub(super) image: PathBuf,
    reference: Option<PathBuf>,
    pub(super) result: PathBuf,
    pub(super) deviation: Option<PathBuf>,
    pub(super) samples: Vec<PathBuf>,
    pub(super) comparison: Option<PathBuf>,
}

impl Task {
    /// The files of all its results.
    fn files(&self) -> impl Iterator<Item = &Path> {
        let more = self.deviation.iter().chain(&self.samples).chain(&self.comparison);
        [&self.result].into_iter().chain(more).map(PathBuf::as_path)
    }
}

/// Denoises the images of `request`, one after the other; each result goes to the sink as soon as it is made.
///
/// # Errors
/// Usage and bad input: what the request names is not there or does not fit, a name of a result that is taken.
/// Failed, when memory or disk do not suffice. Interrupted, when stopped.
pub fn run(request: &DenoiseRequest, context: &mut Context<'_>) -> Result<DenoiseOutcome> {
    request.check_noise(context.observer)?;
    if request.skip_existing {
        check_skipping(request.output.as_deref())?;
    }
    check_ranges(request)?;
    let request = &DenoiseRequest { sampler: SAMPLERS.canonical(&request.sampler)?, ..request.clone() };
    let draws = request.draws()?;
    let inputs = context.inputs(&request.images, request.output.as_deref())?;
    let chosen = models_for(&request.model, &inputs.files);
    let mut models = Vec::new();
    for name in chosen.iter().collect::<BTreeSet<_>>() {
        let model = Model::open_pixels(name, context.device)?;
        for note in &model.notes {
            context.observer.event(Event::warning(format!("{name}: {note}")));
        }
        models.push(model);
    }
    let tasks = tasks(request, &inputs, draws, context)?;
    let skip = (request.skip_existing, request.output.as_deref());
    let done = done_already(skip.0, skip.1, tasks.iter().map(Task::files), context.observer)?;
    let skipped = done.iter().filter(|done| **done).count();
    let left = tasks.iter().zip(&done).filter(|(_, done)| !**done).map(|(task, _)| task);
    let files: Vec<&Path> = left.flat_map(Task::files).collect();
    context.sink.claim(&files)?;
    let what = match draws {
        0 => "posterior mean".to_owned(),
        _ => format!("{} steps of {}", request.steps, request.sampler),
    };
    let what = format!("{}, {what}", described_models(&chosen));
    context.observer.event(Event::Started { seed: request.seed, what });
    context.tell_later_frames(tasks.iter().map(|task| &task.image));
    let mut images = Vec::new();
    let mut batch = Batch::new(tasks.len() - skipped);
    for (index, (task, chosen)) in tasks.iter().zip(&chosen).enumerate().filter(|(index, _)| !done[*index]) {
        let model = models.iter().find(|model| model.name == *chosen).unwrap_or(&models[0]);
        let input = if request.metadata { of_input(&task.image) } else { Value::Null };
        let work = Work { request, model, draws, task, input, index: request.first + index as u64 };
        let read = batch.keep(&task.image, work.read(), context.observer)?;
        let done = read.map(|read| work.run(read, context));
        let done = done.and_then(|done| batch.keep(&task.image, done, context.observer).transpose());
        images.extend(done.transpose()?);
    }
    let mean = mean(&images);
    Ok(DenoiseOutcome { models, images, skipped, failed: batch.failed()?, mean })
}

fn tasks(
    request: &DenoiseRequest,
    inputs: &Inputs,
    draws: usize,
    context: &mut Context<'_>,
) -> Result<Vec<Task>> {
    let references = request.reference.as_deref();
    if let Some(reference) = references.filter(|path| !path.is_dir() && inputs.files.len() > 1) {
        return Err(Error::usage(format!(
            "{}: is one reference for {} images",
            reference.display(),
            inputs.files.len()
        ))
        .hint("give a folder of images with the same names"));
    }
    let place = context.place(request.output.as_deref(), "denoised")?;
    let names = ResultNames::of(&inputs.names, &place, &ending_at(&place, request.format.as_deref())?);
    let several = draws > 1;
    let samples = if several { draws } else { 0 };
    let task = |(image, names): (&PathBuf, ResultNames)| -> Result<Task> {
        let reference = references.map(|reference| match reference.is_dir() {
            true => same_name(reference, image),
            false => Ok(reference.to_owned()),
        });
        Ok(Task {
            image: image.clone(),
            reference: reference.transpose()?,
            result: names.result(several),
            deviation: several.then(|| names.beside("std")),
            samples: (0..samples).map(|k| names.beside(&format!("sample-{k:04}"))).collect(),
            comparison: request.compare.then(|| names.beside("compare")),
        })
    };
    inputs.files.iter().zip(names).map(task).collect()
}

/// The image in `folder` that has the name of `image`, whatever its ending.
fn same_name(folder: &Path, image: &Path) -> Result<PathBuf> {
    let bad = |what: String| Error::bad_input(format!("{}: {what}", folder.display()));
    let stem = image.file_stem().unwrap_or_default();
    let entries = std::fs::read_dir(folder).map_err(|error| bad(error.to_string()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && path.file_stem().is_some_and(|own| own == stem))
        .collect();
    found.sort();
    let none = || bad(format!("holds no image called {}", stem.to_string_lossy()));
    found.into_iter().next().ok_or_else(none)
}

fn mean(images: &[DenoisedImage]) -> Option<Compared> {
    let mean = |of: fn(&DenoisedImage) -> Option<Quality>| {
        let all: Vec<Quality> = images.iter().filter_map(of).collect();
        let count = all.len() as f64;
        let psnr = all.iter().map(|quality| quality.psnr).sum::<f64>() / count;
        let ssim = all.iter().map(|quality| quality.ssim).sum::<Option<f64>>().map(|sum| sum / count);
        (!all.is_empty()).then_some(Quality { psnr, ssim })
    };
    Some(Compared {
        input: mean(|image| image.input)?,
        result: mean(|image| image.result)?,
        non_local_means: mean(|image| image.non_local_means)?,
    })
}

/// The work on one image.
pub(super) struct Work<'a> {
    pub(super) request: &'a DenoiseRequest,
    pub(super) model: &'a Model,
    pub(super) draws: usize,
    pub(super) task: &'a Task,
    /// What is recorded of the image's file.
    input: Value,
    pub(super) index: u64,
}

/// What the files of one image hold: the image, and the reference.
type Read = (Image, Option<Image>);

impl Work<'_> {
    fn read(&self) -> Result<Read> {
        Ok((read_image(&self.task.image)?, self.task.reference.as_ref().map(read_image).transpose()?))
    }

    fn run(&self, (image, reference): Read, context: &mut Context<'_>) -> Result<DenoisedImage> {
        let Self { request, model, task, .. } = self;
        let start = Instant::now();
        let name = task.image.display().to_string();
        let mut noisy = Planes::of(&image);
        if let Some(sigma) = request.simulate {
            noisy = noisy.with_noise(sigma_from_pixels(sigma)?, request.seed, self.index);
        }
        let (sigma, estimated) = match request.sigma {
            Some(sigma) => (sigma, false),
            None => (estimate(&noisy).map_err(|error| error.within(&name))?, true),
        };
        if estimated && sigma < LEAST {
            return self.unchanged(&noisy, sigma, start, context);
        }
        let shape = [noisy.channels, noisy.height, noisy.width];
        let plan = plan(model, shape, (request.memory as u64) << 20).map_err(|error| error.within(&name))?;
        self.announce(&name, &image, &plan, (sigma, estimated), context);
        let how = Request {
            sigma: sigma.min(255.0),
            draws: self.draws,
            ensemble: request.ensemble,
            sampler: request.sampler.clone(),
            steps: request.steps,
            seed: request.seed,
            image: self.index,
        };
        let mut files = Vec::new();
        let made = self.denoise((&plan, &noisy, &how), context, &mut |draw, values, context| {
            let Some(file) = task.samples.get(draw) else { return Ok(()) };
            let text = self.text(&how, "sample", Some(draw));
            context.write_image(file, &values.to_image(), &text, request.quality)?;
            files.push(file.clone());
            Ok(())
        })?;
        let result = made.mean.to_image();
        if image.lifeless().is_none() {
            lifeless([(name.clone(), &result)]).into_iter().for_each(|event| context.observer.event(event));
        }
        let text = match self.draws {
            1 => self.text(&how, "sample", Some(0)),
            _ => self.text(&how, "mean", None),
        };
        context.write_image(&task.result, &result, &text, request.quality)?;
        files.push(task.result.clone());
        files.extend(self.compare(&noisy, &result, reference.as_ref(), &how, context)?);
        if let (Some(file), Some(deviation)) = (&task.deviation, &made.deviation) {
            let shown = deviation.deviations_to_image(sigma_from_pixels(how.sigma)?);
            context.write_image(file, &shown, &self.text(&how, "std", None), request.quality)?;
            files.push(file.clone());
        }
        self.say_residual(&made, sigma, context);
        let seconds = start.elapsed().as_secs_f64();
        let clean = reference.as_ref().or(request.simulate.map(|_| &image));
        let compared = clean.map(|clean| compare(noisy, &result, clean, sigma)).transpose();
        let compared = compared.map_err(|error| error.within(&name))?;
        if let Some(compared) = &compared {
            context.observer.event(Event::note(format!("  PSNR (SSIM): {}", compared.words())));
        }
        context.observer.event(Event::note(format!("  {seconds:.1} s")));
        Ok(DenoisedImage {
            image: name,
            model: model.name.clone(),
            files,
            sigma,
            estimated,
            simulated: request.simulate,
            residual: made.residual,
            residual_error: made.residual_error,
            std: made.deviation.as_ref().map(|deviation| sigma_to_pixels(deviation.mean())),
            input: compared.map(|compared| compared.input),
            result: compared.map(|compared| compared.result),
            non_local_means: compared.map(|compared| compared.non_local_means),
            seconds,
        })
    }

    fn announce(
        &self,
        name: &str,
        image: &Image,
        plan: &Plan,
        (sigma, estimated): (f64, bool),
        context: &mut Context<'_>,
    ) {
        let noise = match estimated {
            true => format!(
                "noise estimated: {sigma:.1} of 255 (grain and JPEG noise are underestimated; if noise stays, give --sigma)"
            ),
            false => format!("noise of {sigma:.2} of 255"),
        };
        let (side, mib) = (plan.windows.side, plan.bytes as f64 / f64::from(1 << 20));
        let size = if plan.any_size { "" } else { ", the size it was trained on" };
        context.observer.event(Event::note(format!("{name}: {noise}")));
        context.observer.event(Event::detail(format!(
            "  {}x{}, sigma {sigma:.2}; windows of up to {side} pixels{size}, {mib:.0} MiB for them",
            image.width, image.height
        )));
        if plan.channels == 1 && image.channels > 2 {
            let text = "  a model of gray images: each colour is taken by itself";
            context.observer.event(Event::note(text));
        }
        let (lowest, highest) = range(self.model);
        if sigma < lowest || sigma > highest {
            context.observer.event(Event::warning(format!(
                "{name}: the model was trained for noise from {lowest:.2} to {highest:.0} of 255, and this is {sigma:.2}"
            )));
        }
    }

    fn denoise(
        &self,
        (plan, noisy, how): (&Plan, &Planes, &Request),
        context: &mut Context<'_>,
        drawn: &mut dyn FnMut(usize, &Planes, &mut Context<'_>) -> Result<()>,
    ) -> Result<Denoised> {
        let (stop, device) = (context.stop, context.device);
        let shared = Mutex::new(&mut *context.observer);
        let progress = |done: f64| {
            let mut observer = shared.lock().unwrap_or_else(PoisonError::into_inner);
            observer.event(Event::done(done));
        };
        let sink = &mut *context.sink;
        denoise(self.model, plan, noisy, how, device, stop, progress, |draw, values| {
            let mut observer = shared.lock().unwrap_or_else(PoisonError::into_inner);
            drawn(draw, values, &mut Context { device, observer: &mut **observer, sink: &mut *sink, stop })
        })
    }

    /// Writes the images before and after side by side, where that is asked for, and gives the file.
    pub(super) fn compare(
        &self,
        noisy: &Planes,
        result: &Image,
        reference: Option<&Image>,
        how: &Request,
        context: &mut Context<'_>,
    ) -> Result<Option<PathBuf>> {
        let file = self.task.comparison.as_deref();
        if file.is_some() {
            let noisy = noisy.to_image();
            let mut panels = vec![("before", &noisy), ("after", result)];
            panels.extend(reference.map(|reference| ("reference", reference)));
            let text = self.text(how, "comparison", None);
            context.write_comparison(file, &panels, &text, self.request.quality)?;
        }
        Ok(file.map(Path::to_owned))
    }

    fn say_residual(&self, made: &Denoised, sigma: f64, context: &mut Context<'_>) {
        let Denoised { residual, residual_error, deviation, .. } = made;
        let expected = if self.draws == 0 { "at most 1 for a mean" } else { "1 for samples" };
        context.observer.event(Event::detail(format!(
            "  residual chi-square per pixel: {residual:.3} ({expected}, give or take {residual_error:.3})"
        )));
        if *residual > 1.05 + 4.0 * residual_error {
            context.observer.event(Event::note(format!(
                "  more noise seems to be there than {sigma:.1}; try --sigma {:.0}",
                (sigma * residual.sqrt()).ceil()
            )));
        }
        if let Some(deviation) = deviation {
            context.observer.event(Event::note(format!(
                "  standard deviation of the samples: {:.2} of 255 on average; white in its image is {sigma:.2}",
                sigma_to_pixels(deviation.mean())
            )));
        }
    }

    /// The recipe of what is `made` of the image, which is sample number `sample` or made of all.
    pub(super) fn text(&self, how: &Request, made: &str, sample: Option<usize>) -> Text {
        let request = self.request;
        if !request.metadata {
            return Vec::new();
        }
        let header = Header::new("denoise", self.model, how.seed, self.index);
        let mut settings = vec![("Sigma", how.sigma.to_string())];
        let (steps, sampler) = match how.draws {
            0 => (None, None),
            _ => (Some(how.steps), Some(how.sampler.clone())),
        };
        settings.extend(steps.map(|steps| ("Steps", steps.to_string())));
        settings.extend(sampler.clone().map(|sampler| ("Sampler", sampler)));
        let samples = sample.map_or(Some(how.draws), |_| None).filter(|samples| *samples > 0);
        let again = DenoiseRequest {
            model: self.model.name.clone(),
            images: vec![self.task.image.clone()],
            reference: None,
            first: self.index,
            output: None,
            format: None,
            quality: None,
            compare: false,
            skip_existing: false,
            ..request.clone()
        };
        let all = json!({
            "made": made, "sample": sample, "samples": samples, "sigma": how.sigma,
            "simulated": request.simulate, "ensemble": how.ensemble, "steps": steps, "sampler": sampler,
            "request": changed(&again),
        });
        settings.extend([
            ("Seed", how.seed.to_string()),
            ("Model hash", header.model_hash.clone()),
            ("Model", header.model.clone()),
            ("Version", format!("langevin {}", header.version)),
        ]);
        let options = options([self.input.clone(), all]);
        Recipe { header, options }.to_text(parameters(None, &settings))
    }
}

fn compare(noisy: Planes, result: &Image, clean: &Image, sigma: f64) -> Result<Compared> {
    let input = quality(&noisy.to_image(), clean)?;
    let classical = baseline(&noisy, sigma);
    drop(noisy);
    let non_local_means = quality(&classical.to_image(), clean)?;
    Ok(Compared { input, result: quality(result, clean)?, non_local_means })
}

impl Compared {
    /// In one line for a person.
    pub fn words(&self) -> String {
        let words = |quality: Quality| {
            let ssim = quality.ssim.map_or(String::new(), |ssim| format!(" ({ssim:.4})"));
            format!("{:.2} dB{ssim}", quality.psnr)
        };
        let Self { input, result, non_local_means } = *self;
        format!(
            "input {}, result {}, non-local means {}",
            words(input),
            words(result),
            words(non_local_means)
        )
    }
}
