//! The job `bench-restore`: methods of restoration compared, with a table and sheets.

use std::path::{Path, PathBuf};

use langevin_core::Result;
use langevin_figures::png;
use langevin_model::Model;

use super::request::CompareRestorersRequest;
use super::{RestorationComparison, compare};
use langevin_inference::job::check_ranges;
use langevin_inference::job::{Context, Event};

/// Compares what `request` names.
///
/// # Errors
/// As [`compare`]. Usage and bad input: what the request names is not there or does not fit; a name that is taken.
pub fn run(request: &CompareRestorersRequest, context: &mut Context<'_>) -> Result<RestorationComparison> {
    check_ranges(request)?;
    let plan = request.plan()?;
    let model = Model::open_pixels(&request.model, context.device)?;
    let sheets = plan.tasks.iter().map(|task| format!("{}.png", task.name));
    let names = ["table.md".to_owned(), "table.json".to_owned()].into_iter().chain(sheets);
    let files: Vec<PathBuf> = match &request.output {
        Some(folder) => names.map(|name| folder.join(name)).collect(),
        None => Vec::new(),
    };
    let claimed: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    context.sink.claim(&claimed)?;
    let what = format!("{}, {} images of {}", request.model, request.count, request.data);
    context.observer.event(Event::Started { seed: request.seed, what });
    let device = context.device;
    let found = compare(&model, &plan, device, &mut context.reporter("the comparison"))?;
    if let Some(folder) = &request.output {
        context.write(&folder.join("table.md"), found.markdown().into_bytes())?;
        context.write(&folder.join("table.json"), found.json().into_bytes())?;
        for (name, sheet, _) in &found.sheets {
            context.write(&folder.join(format!("{name}.png")), png::encode(sheet, &[])?)?;
        }
    }
    Ok(found)
}
