//! The job `distill`: students from a request, each the teacher of the next.

use std::path::PathBuf;

use burn::tensor::Device;
use langevin_core::{Result, Stop};
use langevin_train::Outcome;

use super::request::DistillRequest;
use super::{Stage, plan};
use crate::training::job::{Scratch, check_resume, report_data};
use crate::training::settings::Settings;
use langevin_inference::job::{Context, Event};

/// What came of a request.
#[derive(Debug, Clone)]
pub struct DistillOutcome {
    /// The run's folder, that of the last student.
    pub run: PathBuf,
    /// The last student's file.
    pub model: PathBuf,
    /// The students, and how their trainings ended; the first alone where only a forecast was wanted.
    pub stages: Vec<(Stage, Outcome)>,
}

/// The settings that `request` comes to, but for the hash of a teacher that is not yet made.
///
/// # Errors
/// As [`plan`].
pub fn resolved_settings(request: &DistillRequest, device: &Device) -> Result<Settings> {
    Ok(plan(request.clone(), &Stop::new(), device)?.settings)
}

/// Distils what `request` asks for. The results are in its run folder; the sink takes none.
///
/// # Errors
/// As [`plan`] and [`Prepared::train`](crate::training::Prepared::train). Usage: `resume` without a run.
pub fn run(request: &DistillRequest, context: &mut Context<'_>) -> Result<DistillOutcome> {
    let run = request.run_folder();
    let scratch = request.dry_run.then(Scratch::new).transpose()?;
    let out = scratch.as_ref().map_or(run.clone(), |scratch| scratch.folder.clone());
    let plan = plan(DistillRequest { out: Some(out), ..request.clone() }, context.stop, context.device)?;
    check_resume(request.resume, &run, plan.stages.iter().map(|stage| stage.out.as_path()))?;
    context.observer.event(Event::Started { seed: plan.settings.train.seed, what: String::new() });
    context.observer.event(Event::note(format!("the run is written into {}", run.display())));
    let mut stages = Vec::new();
    for (index, stage) in plan.stages.iter().enumerate() {
        let prepared = plan.prepare(index, context.device)?;
        if index == 0 {
            report_data(&prepared, context.observer);
        }
        if stage.from > 0 {
            let of = plan.stages.len();
            let text = format!("stage {} of {of}: {} steps of {}", index + 1, stage.steps, stage.from);
            context.observer.event(Event::note(text));
        }
        let trained = prepared.train(context.device, context.observer)?;
        if !request.dry_run {
            context.observer.event(Event::Output { file: stage.out.join("model.safetensors") });
        }
        stages.push((stage.clone(), trained));
        if request.dry_run {
            break;
        }
    }
    Ok(DistillOutcome { model: run.join("model.safetensors"), run, stages })
}
