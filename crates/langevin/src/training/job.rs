//! The job `train`: a run folder from a request, begun or taken up again.

use std::fs::File;
use std::path::{Path, PathBuf};

use langevin_core::{Error, Result};
use langevin_files::{Fresh, Made};
use langevin_train::{Outcome, checkpoints};

use super::prepare::{Prepared, TrainPlan, prepare};
use super::request::{Resolved, TrainRequest};
use super::settings::Settings;
use langevin_inference::job::{Context, Event, Observer};

/// What came of a request.
#[derive(Debug, Clone)]
pub struct TrainOutcome {
    /// The run's folder.
    pub run: PathBuf,
    /// The model's file.
    pub model: PathBuf,
    /// The settings with what the data decided.
    pub settings: Settings,
    /// How the training ended.
    pub trained: Outcome,
}

impl TrainOutcome {
    /// What can be done with the model: a command.
    pub fn advice(&self) -> String {
        let run = self.run.display();
        match &self.settings.task {
            _ if self.settings.autoencoder.is_some() => {
                format!("go on with: langevin train DATA --latent {run}")
            }
            None => format!("generate with: langevin sample {run}"),
            Some(task) => format!("restore with: {} {run} IMAGE", task.command()),
        }
    }
}

/// Trains what `request` asks for. The results are in its run folder; the sink takes none. Where the forecast alone is wanted,
/// nothing is left behind.
///
/// # Errors
/// Usage and bad input: what the request names is not there or does not fit; `resume` without a run. As [`Prepared::train`].
pub fn run(request: &TrainRequest, context: &mut Context<'_>) -> Result<TrainOutcome> {
    let Resolved { data, half, preset, settings, weights, dataset } = request.resolve(context.stop)?;
    let run = request.run_folder();
    check_resume(request.resume, &run, [run.as_path()])?;
    let scratch = request.dry_run.then(Scratch::new).transpose()?;
    let prepared = prepare(TrainPlan {
        data,
        dataset,
        settings,
        preset,
        out: scratch.as_ref().map_or(run.clone(), |scratch| scratch.folder.clone()),
        strict: request.strict,
        dry_run: request.dry_run,
        half,
        stop: context.stop.clone(),
        weights,
        lesson: None,
    })?;
    context.observer.event(Event::Started { seed: prepared.info.seed, what: String::new() });
    context.observer.event(Event::note(format!("the run is written into {}", run.display())));
    report_data(&prepared, context.observer);
    let settings = prepared.settings.clone();
    let trained = prepared.train(context.device, context.observer)?;
    let model = run.join("model.safetensors");
    if !request.dry_run {
        context.observer.event(Event::Output { file: model.clone() });
    }
    Ok(TrainOutcome { run, model, settings, trained })
}

/// Refuses to `resume` where none of the folders `runs` of the run `out` holds a checkpoint.
///
/// # Errors
/// Usage, naming it.
pub(super) fn check_resume<'a>(
    resume: bool,
    out: &Path,
    runs: impl IntoIterator<Item = &'a Path>,
) -> Result<()> {
    let begun = |run: &Path| !checkpoints(&run.join("checkpoints")).is_empty();
    if !resume || runs.into_iter().any(begun) {
        return Ok(());
    }
    Err(Error::usage(format!("{}: there is no run to go on with", out.display()))
        .hint("leave --resume out to begin one"))
}

/// Reports what is trained on, and what of it is passed over.
pub(super) fn report_data(prepared: &Prepared, observer: &mut dyn Observer) {
    let info = &prepared.info;
    let count = prepared.images.map_or("unlimited".to_owned(), |n| n.to_string());
    observer.event(Event::note(format!(
        "data {}: {count} images, {}, {} channels{}",
        prepared.data.name,
        info.size,
        info.channels,
        if info.classes.is_empty() { String::new() } else { format!(", {} classes", info.classes.len()) }
    )));
    if let Some(event) = Event::left_aside(&prepared.data.name, prepared.left_aside.clone()) {
        observer.event(event);
    }
    let cut = Event::left_aside("captions", prepared.cut_captions.clone());
    cut.into_iter().for_each(|event| observer.event(event));
    for skipped in &prepared.skipped {
        observer.event(Event::warning(format!("passed over {}", skipped.reason)));
    }
}

/// What the folders of forecasts begin with.
const NAME: &str = "langevin-dry-run";

/// A folder for a forecast that leaves nothing behind.
pub(super) struct Scratch {
    pub(super) folder: PathBuf,
    _fresh: Fresh,
    _made: Made,
}

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        let above = std::env::temp_dir();
        let mut made = Made::default();
        let fresh = Fresh::claim(&above.join(NAME), &mut made)?;
        // What killed forecasts left; the folders of those at work are locked.
        for entry in std::fs::read_dir(&above).into_iter().flatten().flatten() {
            let left = entry.file_name().to_string_lossy().starts_with(NAME)
                && entry.path() != fresh.path()
                && File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok());
            if left {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        Ok(Self { folder: fresh.path().to_owned(), _fresh: fresh, _made: made })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
