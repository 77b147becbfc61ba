//! The jobs of restoration: images restored, with their recipes and what is known of them; and the calibration of methods.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use burn::tensor::Device;
use langevin_core::{Error, ErrorKind, Image, Result, Stop};
use langevin_data::read_image;
use langevin_kernels::Arithmetic;
use langevin_model::{Adaptation, Model, Prompts};
use langevin_restore::METHODS;
use serde_json::Value;

use super::calibration::{Calibrated, Calibration, calibrate as calibrate_methods};
use super::inputs::{self, Input};
use super::operators::Operators;
use super::plan::{RestorePlan, is_local};
use super::recipe::{Made, Record};
use super::request::{RestoreKind, RestoreRequest};
use super::restored::Restored;
use super::sharpening::{Sharpening, described};
use super::trained::{Trained, restore_trained, trained_for};
use crate::job::Mode;
use crate::job::recipe::of_input;
use crate::job::{Batch, Observer, check_ranges, check_syntax, lifeless, tell_cut, tell_idle};
use crate::job::{Context, Event, Inputs, ResultNames, check_inputs_stay, ending_at};
use crate::job::{check_skipping, described_models, done_already, like, models_for};
use crate::sampling::{random_seed, read_noise};

/// Steps of a method of least error where none are named: more gain nothing.
const FEW: usize = 8;

/// What came of a request.
#[derive(Debug)]
pub struct RestoreOutcome {
    /// The models: the one that was named, or those that the images chose.
    pub models: Vec<Model>,
    /// How they restored.
    pub plan: RestorePlan,
    /// What came of each image.
    pub images: Vec<RestoredImage>,
    /// How many images were skipped, as their results are there.
    pub skipped: usize,
    /// The images that failed, and why; the others are done.
    pub failed: Vec<(PathBuf, Error)>,
}

/// What came of one image.
#[derive(Debug, Clone)]
pub struct RestoredImage {
    /// Its file.
    pub input: PathBuf,
    /// The model that restored it.
    pub model: String,
    /// The result.
    pub restored: Restored,
    /// The files of the result, the main one first.
    pub files: Vec<PathBuf>,
    /// Seconds of restoring.
    pub seconds: f64,
}

/// What came of a calibration.
#[derive(Debug)]
pub struct CalibrateOutcome {
    /// The model.
    pub model: Model,
    /// How it restored.
    pub plan: RestorePlan,
    /// What was found of each method.
    pub methods: Vec<Calibrated>,
    /// Methods that do not go with operator or model, and why.
    pub left_out: Vec<(String, String)>,
}

impl CalibrateOutcome {
    /// The method of the least score.
    pub fn best(&self) -> Option<&str> {
        let best = self.methods.iter().min_by(|a, b| a.score.total_cmp(&b.score));
        best.map(|one| one.method.as_str())
    }
}

/// Restores the images of `request`.
///
/// # Errors
/// Usage and bad input: what the request names is not there or does not fit, a name of a result that is taken. Failed, when memory
/// or disk do not suffice. Interrupted, when stopped: what was restored before is written then.
pub fn run(request: &RestoreRequest, context: &mut Context<'_>) -> Result<RestoreOutcome> {
    check_ranges(request)?;
    request.check()?;
    let request = &request.canonical()?;
    let operators = Operators::new(request)?;
    let spec = request.noise.as_deref();
    let noise = spec.map(|spec| inputs::noise(spec, context.observer)).transpose()?;
    if let Some(method) = &request.method {
        METHODS.build(method)?;
    }
    if request.skip_existing {
        check_skipping(request.output.as_deref())?;
    }
    let named = context.inputs(&request.images, request.output.as_deref())?;
    let request = &RestoreRequest { images: named.files.clone(), ..request.clone() };
    let chosen = models_for(&request.model, &request.images);
    // Of several models each restores with the same seed.
    let request = &RestoreRequest { seed: Some(request.seed.unwrap_or_else(random_seed)), ..request.clone() };
    let mut opened = Vec::new();
    for name in chosen.iter().collect::<BTreeSet<_>>() {
        opened.push(Opened::new(name, request, context)?);
    }
    let of = |number: usize| {
        let own = |opened: &&Opened| opened.model.name == chosen[number];
        opened.iter().find(own).unwrap_or(&opened[0])
    };
    let plan = opened[0].plan.clone();
    tell(request, &opened[0].model, &plan, context.observer)?;
    let models: Vec<&Model> = (0..chosen.len()).map(|number| &of(number).model).collect();
    let inputs = inputs::read(request, &models, &operators, noise.as_deref(), plan.seed, context.device)?;
    for note in operators.notes() {
        context.observer.event(Event::note(note));
    }
    // Without a place nothing is there, and no fresh folder is made before an image is known to be sound.
    let there = request.output.is_some().then(|| Files::of(request, &named, context)).transpose()?;
    let all = there.iter().flatten().map(Files::all);
    let done = done_already(request.skip_existing, request.output.as_deref(), all, context.observer)?;
    let is_done = |number: usize| done.get(number).copied().unwrap_or(false);
    let skipped = done.iter().filter(|done| **done).count();
    let mut batch = Batch::new(request.images.len() - skipped);
    let mut images = Vec::new();
    let left = request.images.iter().zip(inputs).enumerate().filter(|(number, _)| !is_done(*number));
    for (number, (file, input)) in left {
        images.extend(batch.keep(file, input, context.observer)?.map(|input| (number, input)));
    }
    if images.is_empty() {
        // All have failed: the names are not claimed.
        let models = opened.into_iter().map(|opened| opened.model).collect();
        let images = Vec::new();
        return batch.failed().map(|failed| RestoreOutcome { models, plan, images, skipped, failed });
    }
    let files = there.map_or_else(|| Files::of(request, &named, context), Ok)?;
    let left = files.iter().enumerate().filter(|(number, _)| !is_done(*number));
    let names: Vec<&Path> = left.flat_map(|(_, files)| files.all()).collect();
    context.sink.claim(&names)?;
    let steps = match &opened[0].trained {
        Some(Trained { mode: Mode::Mean, .. }) => "one step".to_owned(),
        _ => format!("{} steps", plan.steps),
    };
    let what = format!("{}, {steps}", described_models(&chosen));
    context.observer.event(Event::Started { seed: plan.seed, what });
    context.tell_later_frames(&request.images);
    let mut restored = Vec::new();
    for (number, input) in images {
        let Opened { model, plan, trained } = of(number);
        let work = Work { request, model, plan, trained: trained.as_ref() };
        let done = work.restore(number, input, &files[number], context);
        restored.extend(batch.keep(&request.images[number], done, context.observer)?);
    }
    let failed = batch.failed()?;
    let models = opened.into_iter().map(|opened| opened.model).collect();
    Ok(RestoreOutcome { models, plan, images: restored, skipped, failed })
}

/// Takes the images of `request` for clean ones, degrades and restores them, and finds how far the spread of the samples of each
/// method, or of the one that is named, can be trusted. `request` is of the kind restore; nothing is written.
///
/// # Errors
/// As [`run`] and [`super::calibrate`].
pub fn calibrate(request: &RestoreRequest, context: &mut Context<'_>) -> Result<CalibrateOutcome> {
    check_ranges(request)?;
    request.check()?;
    let RestoreKind::Restore { operator } = &request.kind else {
        return Err(Error::usage("methods are calibrated for an operator").hint("take `langevin restore`"));
    };
    let operators = Operators::new(request)?;
    let noise = inputs::noise(request.noise.as_deref().unwrap_or("0"), context.observer)?;
    let named = context.inputs(&request.images, None)?;
    let request = &RestoreRequest { images: named.files, ..request.clone() };
    let chosen: BTreeSet<String> = models_for(&request.model, &request.images).into_iter().collect();
    let Some(name) = chosen.first().filter(|_| chosen.len() == 1) else {
        return Err(Error::usage(
            "methods are calibrated for one model, and the images are gray and in colour",
        )
        .hint("name a model before them, or calibrate with images of one kind"));
    };
    let model = Model::open_pixels(name, context.device)?;
    let mut plan = RestorePlan { start: None, ..request.plan(&model, context.device, context.stop)? };
    // Nine samples give intervals of 80, 60, 40 and 20%.
    plan.samples = if request.samples > 1 { request.samples } else { 9 };
    let what = format!("{name}, {} steps, {} samples", plan.steps, plan.samples);
    context.observer.event(Event::Started { seed: plan.seed, what });
    context.tell_later_frames(&request.images);
    let images = request.images.iter().map(read_image).collect::<Result<Vec<_>>>()?;
    let calibration = Calibration {
        operator: &|shape| operators.build(operator, shape),
        noise: noise.as_ref(),
        methods: request.method.iter().cloned().collect(),
        restoring: RestorePlan { method: None, ..plan.clone() },
    };
    let observer = &mut *context.observer;
    let (methods, left_out) =
        calibrate_methods(&model, &images, &calibration, context.device, &mut |what, done| {
            observer.event(Event::Progress { stage: what.to_owned(), done });
            context.stop.check("the calibration")
        })?;
    Ok(CalibrateOutcome { model, plan, methods, left_out })
}

/// Tells what of the request's texts and options has no effect.
fn tell(
    request: &RestoreRequest,
    model: &Model,
    plan: &RestorePlan,
    observer: &mut dyn Observer,
) -> Result<()> {
    let Some(Prompts { each, .. }) = &plan.words else { return Ok(()) };
    check_syntax("the prompt", each.iter().map(String::as_str), observer)?;
    check_syntax("the negative prompt", request.negative.as_deref(), observer)?;
    tell_cut(model, "the prompt", each.iter().map(String::as_str), observer);
    tell_cut(model, "the negative prompt", request.negative.as_deref(), observer);
    let unguided = plan.cfg_scale == 1.0 && request.negative.is_some();
    tell_idle([(unguided, "--negative: the guidance is 1, which is none; give --cfg-scale")], observer);
    Ok(())
}

/// A model, and how it restores.
struct Opened {
    model: Model,
    plan: RestorePlan,
    trained: Option<Trained>,
}

impl Opened {
    /// Opens the model called `name`, and says what is worth knowing of it.
    fn new(name: &str, request: &RestoreRequest, context: &mut Context<'_>) -> Result<Self> {
        let adaptation =
            Adaptation { lora: request.lora.clone(), clip_skip: request.clip_skip.unwrap_or_default() };
        let mut model = Model::open_adapted(name, &adaptation, context.device)?;
        for note in &model.notes {
            context.observer.event(Event::warning(format!("{name}: {note}")));
        }
        if request.exact {
            model.denoiser = model.denoiser.with_arithmetic(Arithmetic::Exact);
        }
        let trained = trained_for(request, &model)?;
        let plan = request.plan(&model, context.device, context.stop)?;
        Ok(Self { model, plan, trained })
    }
}

impl RestoreRequest {
    /// How images are restored: every choice made.
    fn plan(&self, model: &Model, device: &Device, stop: &Stop) -> Result<RestorePlan> {
        let own = model.info.task.as_ref().map(|_| model.info.sample.steps);
        let negative = self.negative.clone().unwrap_or_default();
        let words = self.prompt.clone().map(|prompt| Prompts { each: vec![prompt], negative });
        let guided = if words.is_some() { model.cfg_scale() } else { 1.0 };
        let edits = matches!(self.kind, RestoreKind::Edit { .. });
        let sharpens = matches!(self.kind, RestoreKind::Deblur { .. } | RestoreKind::Upscale { .. });
        let open = self.method.is_none() && self.start_sigma.is_none() && self.spacing.is_none();
        let least_error = sharpens && open && self.samples == 1 && is_local(model);
        let steps = if least_error && self.is_noisy() { FEW } else { 50 };
        Ok(RestorePlan {
            method: self.named_method(),
            least_error,
            steps: self.steps.or(own).unwrap_or(steps),
            start_sigma: self.start_sigma,
            spacing: self.spacing.clone(),
            samples: self.samples,
            first_sample: self.first_sample,
            batch_size: self.batch_size,
            seed: self.seed.unwrap_or_else(random_seed),
            start: self.init_noise.as_deref().map(|file| read_noise(file, device)).transpose()?,
            // That of an edit is a part of its method.
            sampler: self.sampler.clone().filter(|_| !edits),
            class: self.class.as_deref().map(|name| model.class(name)).transpose()?,
            words,
            cfg_scale: self.cfg_scale.unwrap_or(guided),
            clip: self.clip,
            memory: (self.memory as u64) << 20,
            stop: stop.clone(),
        })
    }
}

/// The files of what one input gives.
struct Files {
    main: PathBuf,
    samples: Vec<PathBuf>,
    deviation: Option<PathBuf>,
    degraded: Option<PathBuf>,
    comparison: Option<PathBuf>,
}

impl Files {
    /// Those of each image of `request`.
    fn of(request: &RestoreRequest, inputs: &Inputs, context: &mut Context<'_>) -> Result<Vec<Self>> {
        let several = request.samples > 1;
        let samples = if several { request.samples } else { 0 };
        let place = context.place(request.output.as_deref(), "restored")?;
        let ending = ending_at(&place, request.format.as_deref())?;
        let names = ResultNames::of(&inputs.names, &place, &ending);
        let files = names.iter().map(|names| Self {
            main: names.result(several),
            samples: (0..samples).map(|k| names.beside(&format!("{k:04}"))).collect(),
            deviation: several.then(|| names.beside("deviation")),
            degraded: request.simulate.then(|| names.beside("degraded")),
            comparison: request.compare.then(|| names.beside("compare")),
        });
        let files: Vec<Self> = files.collect();
        let all: Vec<&Path> = files.iter().flat_map(Self::all).collect();
        check_inputs_stay(&all, &request.images)?;
        Ok(files)
    }

    fn all(&self) -> impl Iterator<Item = &Path> {
        let more = self.deviation.iter().chain(&self.degraded).chain(&self.comparison);
        [&self.main].into_iter().chain(&self.samples).chain(more).map(PathBuf::as_path)
    }
}

/// The work that all images share.
struct Work<'a> {
    request: &'a RestoreRequest,
    model: &'a Model,
    plan: &'a RestorePlan,
    trained: Option<&'a Trained>,
}

impl Work<'_> {
    fn restore(
        &self,
        number: usize,
        input: Input,
        files: &Files,
        context: &mut Context<'_>,
    ) -> Result<RestoredImage> {
        let Self { request, model, plan, .. } = *self;
        let start = Instant::now();
        let Input { name, degraded, sharpening } = input;
        if let Some(found) = sharpening.as_ref().and_then(|sharpening| sharpening.found) {
            context.observer.event(Event::note(format!(
                "{name}: looks like {}; --kernel {}",
                found.words(),
                found.spec()
            )));
        }
        let looks = degraded.image.clone();
        let truth = degraded.truth.clone();
        let observer = Mutex::new(&mut *context.observer);
        let progress = |done| {
            let mut observer = observer.lock().unwrap_or_else(PoisonError::into_inner);
            observer.event(Event::Progress { stage: name.clone(), done });
        };
        let restored = match self.trained {
            None => super::restore(model, degraded, plan, context.device, progress),
            Some(how) => restore_trained(model, degraded, plan, how, context.device, progress),
        };
        let restored = restored.map_err(|error| match context.stop.signal() {
            None => error.within(&name),
            Some(signal) => Error::new(ErrorKind::Interrupted(signal), format!("{name}: was interrupted")),
        })?;
        if looks.lifeless().is_none() {
            let drawn = restored.drawn.iter().map(|image| (name.clone(), image));
            lifeless(drawn).into_iter().for_each(|event| context.observer.event(event));
        }
        let doubt = self.doubt(&name, &restored, sharpening.as_ref());
        if let Some(refused) = doubt.clone().filter(|_| self.refuses(&restored)) {
            return Err(refused);
        }
        let seconds = start.elapsed().as_secs_f64();
        let file = &request.images[number];
        let input = if request.metadata { of_input(file) } else { Value::Null };
        let number = request.first + number as u64;
        let record = Record { request, plan, model, file, input, number, restored: &restored };
        let one_step = self.trained.is_some_and(|trained| trained.mode == Mode::Mean);
        write(files, &record, one_step, (&looks, truth.as_ref()), context)?;
        self.say(&name, &restored, seconds, context);
        let accepted = sharpening.and_then(|sharpening| sharpening.refuted);
        let accepted = accepted.map(|refuted| format!("{name}: {}", refuted.message()));
        let doubt = doubt.map(|doubt| doubt.to_string());
        let outdone = restored.report.outdone().map(|outdone| format!("{name}: {outdone}"));
        for warning in [accepted, doubt, outdone].into_iter().flatten() {
            context.observer.event(Event::warning(warning));
        }
        let files = files.all().map(Path::to_path_buf).collect();
        Ok(RestoredImage { input: file.clone(), model: model.name.clone(), restored, files, seconds })
    }

    fn say(&self, name: &str, restored: &Restored, seconds: f64, context: &mut Context<'_>) {
        let Restored { method, report, deviation, .. } = restored;
        let nfe = report.calls * self.plan.samples;
        let observer = &mut *context.observer;
        observer.event(Event::note(format!("{name}: {method}, {nfe} network evaluations, {seconds:.1} s")));
        let reports = !matches!(self.request.kind, RestoreKind::Edit { .. });
        if reports {
            for line in report.statistics() {
                observer.event(Event::detail(format!("  {line}")));
            }
            if let Some(compared) = report.compared() {
                observer.event(Event::note(format!("  {compared}")));
            }
        }
        if let Some(deviation) = deviation {
            observer.event(Event::note(format!(
                "  standard deviation {:.2} of 255; white in its image is {:.2}",
                deviation.mean, deviation.white
            )));
        }
    }

    /// Whether a result is not to be written as if it were good.
    fn refuses(&self, restored: &Restored) -> bool {
        let edits = matches!(self.request.kind, RestoreKind::Edit { .. });
        restored.report.is_refuted() && !self.request.accept && !self.request.simulate && !edits
    }

    /// What is wrong with a result that does not reproduce its image.
    fn doubt(&self, name: &str, restored: &Restored, sharpening: Option<&Sharpening>) -> Option<Error> {
        let (what, noise) = restored.report.doubt()?;
        let (what, other) = match &self.request.kind {
            RestoreKind::Edit { .. } => return None,
            RestoreKind::Deblur { kernel } => {
                let own = described(sharpening.map_or(kernel, |sharpening| &sharpening.kernel));
                (format!("does not look like {own}: {what}"), "another --kernel, or ")
            }
            RestoreKind::Restore { .. } => (what, "another --operator, or "),
            RestoreKind::Upscale { .. } => (what, "another --kernel, or "),
            RestoreKind::Inpaint { .. } => (what, ""),
        };
        let written =
            if self.refuses(restored) { "; nothing was written, and --accept writes it" } else { "" };
        let error = Error::new(ErrorKind::Refused, format!("{name}: {what}"));
        Some(error.hint(format!("try {other}{noise}{written}")))
    }
}

/// Writes the images that `record` is about, and the degraded one as it `looks`; the true one, if it is known, is compared too.
fn write(
    files: &Files,
    record: &Record<'_>,
    one_step: bool,
    (looks, truth): (&Image, Option<&Image>),
    context: &mut Context<'_>,
) -> Result<()> {
    let (restored, quality) = (record.restored, record.request.quality);
    let (main, made) = match &restored.mean {
        Some(mean) => (mean, Made::MeanOfSamples),
        None if one_step => (&restored.drawn[0], Made::Mean),
        None => (&restored.drawn[0], Made::Sample(0)),
    };
    let mut write = |file: &Path, image: &Image, made: Made| {
        context.write_image(file, &like(image, &looks.metadata), &record.text(made), quality)
    };
    write(&files.main, main, made)?;
    for (number, (file, image)) in files.samples.iter().zip(&restored.drawn).enumerate() {
        write(file, image, Made::Sample(number))?;
    }
    if let (Some(file), Some(deviation)) = (&files.deviation, &restored.deviation) {
        context.write_image(file, &deviation.image, &record.text(Made::Deviation), quality)?;
    }
    if let Some(file) = &files.degraded {
        context.write_image(file, looks, &record.text(Made::Degraded), quality)?;
    }
    let mut panels = vec![("before", looks), ("after", main)];
    panels.extend(truth.map(|truth| ("reference", truth)));
    context.write_comparison(files.comparison.as_deref(), &panels, &record.text(Made::Comparison), quality)
}
