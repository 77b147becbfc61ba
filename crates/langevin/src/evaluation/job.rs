//! The job `eval`: images judged by a data set.

use std::path::{Path, PathBuf};

use langevin_core::Result;
use langevin_eval::{Bound, Report};
use langevin_figures::png;

use super::request::EvalRequest;
use super::{Evaluation, evaluate};
use langevin_inference::job::check_ranges;
use langevin_inference::job::{Context, Event, check_ending};

/// What came of a request.
#[derive(Debug)]
pub struct EvalOutcome {
    /// The numbers.
    pub report: Report,
    /// The bounds that were missed.
    pub missed: Vec<Bound>,
    /// The file of the images nearest to training images, where it was written.
    pub sheet: Option<PathBuf>,
}

/// Judges what `request` names.
///
/// # Errors
/// As [`evaluate`]. Usage and bad input: what the request names is not there or is not understood; a name that is taken.
pub fn run(request: &EvalRequest, context: &mut Context<'_>) -> Result<EvalOutcome> {
    check_ranges(request)?;
    let plan = request.plan(context.device, context.observer, context.stop)?;
    request.sheet.as_deref().map_or(Ok(()), |file| check_ending(file, "png"))?;
    let names: Vec<&Path> = request.sheet.iter().map(PathBuf::as_path).collect();
    context.sink.claim(&names)?;
    let what = format!("{} by {}", request.judged, request.data);
    context.observer.event(Event::Started { seed: request.seed, what });
    let device = context.device;
    let Evaluation { report, sheet, missed, alone } =
        evaluate(&plan, device, &mut context.reporter("the evaluation"))?;
    for line in &report.metrics {
        context.observer.event(Event::Metric { name: line.name.to_owned(), value: line.value });
    }
    if let Some(n) = report.metrics.iter().map(|line| line.n).max().filter(|n| *n < request.count) {
        let why = match alone {
            0 => "there are no more".to_owned(),
            _ => format!("{alone} have no partner"),
        };
        let text = format!("{n} images of each set, not {}: {why}", request.count);
        context.observer.event(Event::warning(text));
    }
    let written = match (&request.sheet, sheet) {
        (Some(file), Some(sheet)) => {
            context.write(file, png::encode(&sheet, &[])?)?;
            Some(file.clone())
        }
        (Some(file), None) => {
            let text = format!("{}: is not written; only memorisation makes it", file.display());
            context.observer.event(Event::warning(text));
            None
        }
        (None, _) => None,
    };
    Ok(EvalOutcome { report, missed, sheet: written })
}
