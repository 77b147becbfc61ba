//! How a request uses a model that was trained for a task, and what others say to such requests.

use langevin_core::{Error, Result};
use langevin_model::{Model, Task, TaskKind};

use super::restore::Trained;
use super::scale::scale;
use crate::job::Mode;
use crate::restoration::request::{RestoreKind, RestoreRequest};

/// How `request` uses `model`, if it was trained for the task; `None` for one that generates images by itself.
///
/// # Errors
/// Usage: a model of another task, or options that mean nothing to it.
pub fn trained_for(request: &RestoreRequest, model: &Model) -> Result<Option<Trained>> {
    let Some(task) = &model.info.task else {
        return without(request, model).map(|()| None);
    };
    match (&request.kind, task.kind) {
        (RestoreKind::Upscale { scale, kernel }, TaskKind::Upscale) => {
            check_scale(model, task, *scale, kernel.as_deref())?;
        }
        (RestoreKind::Inpaint { .. }, TaskKind::Inpaint) => {}
        _ => return Err(task.refusal(&model.name, "and for nothing else")),
    }
    let mode = request.mode.unwrap_or(Mode::Sample);
    Ok(Some(Trained { mode, sampler: request.sampler.clone() }))
}

/// Refuses options that mean nothing to a model which generates images by itself.
fn without(request: &RestoreRequest, model: &Model) -> Result<()> {
    let samples = matches!(request.kind, RestoreKind::Edit { .. })
        || matches!(request.kind, RestoreKind::Inpaint { .. }) && model.is_inpainting_model();
    let given = [("--mode", request.mode.is_some()), ("--sampler", request.sampler.is_some() && !samples)];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => Err(Error::usage(format!(
            "{}: was not trained for this task, so {flag} means nothing to it",
            model.name
        ))
        .hint("say how it restores with --method, or train a model with `langevin train --task`")),
    }
}

fn check_scale(model: &Model, task: &Task, wanted: Option<usize>, kernel: Option<&str>) -> Result<()> {
    let own = scale(task, model.info.channels, model.info.size.width)?.unwrap_or(1);
    if let Some(wanted) = wanted.filter(|wanted| *wanted != own) {
        return Err(task.refusal(&model.name, &format!("{own} times smaller, not {wanted}")).hint(format!(
            "leave --scale out, or train one with `langevin train --task upscale --scale {wanted}`"
        )));
    }
    let name = task.operator().split([':', '+']).next().unwrap_or_default();
    match kernel.filter(|kernel| *kernel != name || task.operator().contains('+')) {
        None => Ok(()),
        Some(kernel) => Err(task
            .refusal(&model.name, &format!("not {kernel}"))
            .hint("leave --kernel out, or train one for images that were made small so")),
    }
}
