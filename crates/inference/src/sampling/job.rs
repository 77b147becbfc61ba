//! The job `sample`: images from a request, with their recipes, a contact sheet and a film.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::Tensor;
use langevin_core::{Error, ErrorKind, Image, Result, batch_to_images, check_finite};
use langevin_figures::gif;
use langevin_kernels::Arithmetic;
use langevin_model::Model;

use super::film::Film;
use super::recipe::recipe;
use super::request::{Resolved, SampleRequest};
use super::{SamplePlan, sample, sheet};
use crate::job::{Context, Event, Observer, check_ending, check_image_ending, ending_at, image_files};
use crate::job::{check_ranges, lifeless};

/// What came of a request.
#[derive(Debug)]
pub struct SampleOutcome {
    /// The model.
    pub model: Model,
    /// How it was sampled.
    pub plan: SamplePlan,
    /// The images.
    pub images: Vec<Image>,
    /// The file of each image; none where only sheets were asked for.
    pub files: Vec<PathBuf>,
    /// The contact sheet and the film, where they were asked for.
    pub sheets: Vec<PathBuf>,
    /// Seconds of sampling.
    pub seconds: f64,
}

/// Samples what `request` asks for.
///
/// # Errors
/// Usage and bad input: what the request names is not there or does not fit, a name of a result that is taken. Failed, when
/// memory or disk do not suffice. Interrupted, when stopped; the images that were finished are written then, but no sheet of them.
pub fn run(request: &SampleRequest, context: &mut Context<'_>) -> Result<SampleOutcome> {
    check_ranges(request)?;
    let (request, resolved) = request.clone().resolve(context.device, context.observer, context.stop)?;
    let Resolved { model, plan, measured_at } = resolved;
    let guided = plan.guidance.named().map_or(String::new(), |rule| format!(", guided by {rule}"));
    if plan.arithmetic == Arithmetic::Bf16 {
        context.observer.event(Event::Precision { dtype: "bf16".to_owned() });
    }
    context.observer.event(Event::Started {
        seed: plan.seed,
        what: format!(
            "{}, {} steps of {} over {}{guided}{}",
            request.model,
            plan.steps,
            plan.sampler,
            plan.spacing,
            needed(&model, &plan)
        ),
    });
    if let Some(nfe) = measured_at {
        context.observer.event(Event::note(format!(
            "this sampler and spacing were measured to be the model's best at {nfe} network evaluations (bench-samplers)"
        )));
    }
    let separate = request.output.is_some() || (request.grid.is_none() && request.trajectory.is_none());
    let files = match separate {
        true => {
            let place = context.place(request.output.as_deref(), "samples")?;
            image_files(&place, &ending_at(&place, request.format.as_deref())?, plan.count)
        }
        false => Vec::new(),
    };
    for file in files.iter().chain(&request.grid) {
        check_image_ending(file)?;
    }
    request.trajectory.as_deref().map_or(Ok(()), |file| check_ending(file, "gif"))?;
    let sheets: Vec<PathBuf> = [&request.grid, &request.trajectory].into_iter().flatten().cloned().collect();
    let names: Vec<&Path> = files.iter().chain(&sheets).map(PathBuf::as_path).collect();
    context.sink.claim(&names)?;
    let start = Instant::now();
    let Sampled { images, film, stopped } = sampled(&model, &plan, request.trajectory.is_some(), context)?;
    let seconds = start.elapsed().as_secs_f64();
    let named = images.iter().enumerate().map(|(index, image)| match files.get(index) {
        Some(file) => (file.display().to_string(), image),
        None => (format!("image {index}"), image),
    });
    lifeless(named).into_iter().for_each(|event| context.observer.event(event));
    let text = |index| if request.metadata { recipe(&model, &plan, index).chunks() } else { Vec::new() };
    let text_of = |made: &str, images: &[Image]| match request.metadata {
        true => recipe(&model, &plan, 0).chunks_of_sheet(made, images.len()),
        false => Vec::new(),
    };
    for (index, (file, image)) in files.iter().zip(&images).enumerate() {
        context.write_image(file, image, &text(index), request.quality)?;
    }
    if let Some(error) = stopped {
        return Err(stopped_after(&plan, images.len().min(files.len()), &error));
    }
    if let Some(file) = &request.grid {
        context.write_image(
            file,
            &sheet(&model.info, &images),
            &text_of("grid", &images),
            request.quality,
        )?;
    }
    if let Some(file) = &request.trajectory {
        context.write(file, gif::encode_with_text(&film, 8, &text_of("trajectory", &images))?)?;
    }
    Ok(SampleOutcome { model, plan, images, files, sheets, seconds })
}

/// Bytes of memory that are worth saying.
const MUCH: u64 = 1 << 30;

/// What the network needs at once, where that is much.
fn needed(model: &Model, plan: &SamplePlan) -> String {
    let [_, height, width] = model.shape();
    let bytes = model.denoiser.network().map_or(0, |_| {
        let at_once = plan.batch_size.min(plan.count) as u64;
        model.info.network.estimate(height, width).sampling_bytes.saturating_mul(at_once)
    });
    match bytes {
        MUCH.. => format!("; about {:.1} GiB of memory", bytes as f64 / MUCH as f64),
        _ => String::new(),
    }
}

/// `error`, and where it is an interruption, what that left: `kept` images, and how the others are made.
fn stopped_after(plan: &SamplePlan, kept: usize, error: &Error) -> Error {
    let (count, first, seed) = (plan.count, plan.first, plan.seed);
    match (error.kind(), kept) {
        (ErrorKind::Interrupted(_), 0) => {
            return Error::new(error.kind(), "sampling was interrupted; nothing was written");
        }
        (ErrorKind::Interrupted(_), _) => {}
        _ => return error.clone(),
    }
    Error::new(
        error.kind(),
        format!("sampling was interrupted; {kept} of {count} images are finished and written"),
    )
    .hint(format!(
        "the others: the same command with --seed {seed} --first {} -n {} and another -o",
        first + kept as u64,
        count - kept
    ))
}

/// What was sampled: all images, or those that were finished before somebody stopped it.
struct Sampled {
    images: Vec<Image>,
    film: Vec<Image>,
    stopped: Option<Error>,
}

/// Samples, and with `filmed` makes the frames of the trajectory.
fn sampled(model: &Model, plan: &SamplePlan, filmed: bool, context: &mut Context<'_>) -> Result<Sampled> {
    let mut film = match filmed {
        true => Some(Film::new(model, plan, plan.path(model)?, context.device)),
        false => None,
    };
    let mut finished: Vec<Tensor<4>> = Vec::new();
    let observer: &mut dyn Observer = context.observer;
    let made = sample(model, plan, context.device, |at| {
        observer.event(Event::done(at.fraction()));
        if at.progress.step == at.progress.steps {
            finished.push(at.progress.x.clone());
        }
        if let Some(film) = &mut film {
            film.add(at);
        }
    });
    let error = match made {
        Ok(images) => {
            let film = film.map(Film::frames).unwrap_or_default();
            return Ok(Sampled { images, film, stopped: None });
        }
        Err(error) => error,
    };
    if !matches!(error.kind(), ErrorKind::Interrupted(_)) || finished.is_empty() {
        return Ok(Sampled { images: Vec::new(), film: Vec::new(), stopped: Some(error) });
    }
    let images = batch_to_images(check_finite(model.decode(Tensor::cat(finished, 0))?, &plan.sampler)?);
    Ok(Sampled { images, film: Vec::new(), stopped: Some(error) })
}
