//! The job `sample`: images from a request, with their recipes, a contact sheet and a film.

use std::path::{Path, PathBuf};
use std::time::Instant;

use langevin_core::{Error, ErrorKind, Image, Result};
use langevin_figures::{gif, png};
use langevin_kernels::Arithmetic;
use langevin_model::Model;

use super::film::Film;
use super::recipe::recipe;
use super::request::{Resolved, SampleRequest};
use super::{SamplePlan, sample, sheet};
use crate::job::{Context, Event, Observer, check_ending, image_files};
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
/// memory or disk do not suffice. Interrupted, when stopped; nothing is written then.
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
            "{}, {} steps of {} over {}{guided}",
            request.model, plan.steps, plan.sampler, plan.spacing
        ),
    });
    if let Some(nfe) = measured_at {
        context.observer.event(Event::note(format!(
            "this sampler and spacing were measured to be the model's best at {nfe} network evaluations (bench-samplers)"
        )));
    }
    let separate = request.output.is_some() || (request.grid.is_none() && request.trajectory.is_none());
    let files = match separate {
        true => image_files(&context.place(request.output.as_deref(), "samples")?, request.count),
        false => Vec::new(),
    };
    for file in files.iter().chain(&request.grid) {
        check_ending(file, "png")?;
    }
    request.trajectory.as_deref().map_or(Ok(()), |file| check_ending(file, "gif"))?;
    let sheets: Vec<PathBuf> = [&request.grid, &request.trajectory].into_iter().flatten().cloned().collect();
    let names: Vec<&Path> = files.iter().chain(&sheets).map(PathBuf::as_path).collect();
    context.sink.claim(&names)?;
    let start = Instant::now();
    let made = sampled(&model, &plan, request.trajectory.is_some(), context);
    let (images, film) = made.map_err(|error| match error.kind() {
        ErrorKind::Interrupted(_) => {
            Error::new(error.kind(), "sampling was interrupted; nothing was written")
        }
        _ => error,
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let named = images.iter().enumerate().map(|(index, image)| match files.get(index) {
        Some(file) => (file.display().to_string(), image),
        None => (format!("image {index}"), image),
    });
    lifeless(named).into_iter().for_each(|event| context.observer.event(event));
    let text = |index| if request.metadata { recipe(&model, &plan, index).chunks() } else { Vec::new() };
    for (index, (file, image)) in files.iter().zip(&images).enumerate() {
        context.write(file, png::encode(image, &text(index))?)?;
    }
    if let Some(file) = &request.grid {
        context.write(file, png::encode(&sheet(&model.info, &images), &[])?)?;
    }
    if let Some(file) = &request.trajectory {
        context.write(file, gif::encode(&film, 8)?)?;
    }
    Ok(SampleOutcome { model, plan, images, files, sheets, seconds })
}

/// The images, and with `filmed` the frames of their trajectory.
fn sampled(
    model: &Model,
    plan: &SamplePlan,
    filmed: bool,
    context: &mut Context<'_>,
) -> Result<(Vec<Image>, Vec<Image>)> {
    let mut film = match filmed {
        true => Some(Film::new(model, plan, plan.path(model)?, context.device)),
        false => None,
    };
    let observer: &mut dyn Observer = context.observer;
    let made = sample(model, plan, context.device, |at| {
        observer.event(Event::done(at.fraction()));
        if let Some(film) = &mut film {
            film.add(at);
        }
    })?;
    Ok((made, film.map(Film::frames).unwrap_or_default()))
}
