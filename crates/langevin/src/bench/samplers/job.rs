//! The job `bench-samplers`: samplers compared, and the best written into the model's file.

use std::path::{Path, PathBuf};

use langevin_core::Result;
use langevin_figures::png;
use langevin_model::save::{self, write_tuned};
use langevin_model::{Grid, Model};

use super::request::{CompareSamplersRequest, SamplersPlan};
use super::{SamplerComparison, compare};
use crate::bench::levels::{self, GridRequest};
use langevin_inference::job::check_ranges;
use langevin_inference::job::{Context, Event};

/// Compares what `request` names.
///
/// # Errors
/// As [`compare`] and [`levels::optimise`]. Usage and bad input: what the request names is not there or does not fit; a name that is
/// taken.
pub fn run(request: &CompareSamplersRequest, context: &mut Context<'_>) -> Result<SamplerComparison> {
    check_ranges(request)?;
    let mut model = Model::open(&request.model, context.device)?;
    let plan = request.plan(context.device, context.observer)?;
    let files = ["table.md", "table.json", "plot.png", "plot.svg"]
        .map(|name| request.output.as_ref().map(|folder| folder.join(name)));
    let names: Vec<&Path> = files.iter().flatten().map(PathBuf::as_path).collect();
    let held = request.is_stored_with(&model).then(|| save::hold(&request.model)).transpose()?;
    context.sink.claim(&names)?;
    let what = format!("{}, {} images", request.model, request.count);
    context.observer.event(Event::Started { seed: request.seed, what });
    if request.optimise_grid {
        model.info.sample.grids = grids(&model, &plan, context)?;
    }
    let device = context.device;
    let found = compare(&model, &plan, device, &mut context.reporter("the comparison"))?;
    if let [Some(table), Some(values), Some(image), Some(drawing)] = &files {
        let plot = found.plot();
        context.write(table, found.markdown().into_bytes())?;
        context.write(values, found.json().into_bytes())?;
        context.write(image, png::encode(&plot.to_image(1.0), &[])?)?;
        context.write(drawing, plot.to_svg().into_bytes())?;
    }
    store(request, &model, &found, context)?;
    drop(held);
    Ok(found)
}

impl CompareSamplersRequest {
    /// Whether what is found for `model` is to be written into its file.
    fn is_stored_with(&self, model: &Model) -> bool {
        self.write && !self.is_guided_otherwise(model) && !self.model.starts_with("builtin:")
    }
}

/// Levels for the model, found on images that are not among those of the comparison.
fn grids(model: &Model, plan: &SamplersPlan, context: &mut Context<'_>) -> Result<Vec<Grid>> {
    let request = GridRequest {
        steps: plan.calls.clone(),
        cfg_scale: plan.cfg_scale,
        guidance: plan.guidance.clone(),
        count: plan.count,
        first: plan.count as u64,
        seed: plan.seed,
        batch_size: plan.batch_size,
        stop: context.stop.clone(),
    };
    let device = context.device;
    let mut reporter = context.reporter("the measurement of levels");
    let found = levels::optimise(model, &request, device, |done| {
        reporter.progress("levels for this model", done);
    });
    reporter.whole(found)
}

/// Writes the best at each budget into the model's file, where it is to know them.
fn store(
    request: &CompareSamplersRequest,
    model: &Model,
    found: &SamplerComparison,
    context: &mut Context<'_>,
) -> Result<()> {
    let grids = request.optimise_grid.then_some(found.grids.as_slice());
    if !request.write || found.best.is_empty() && grids.is_none() {
        return Ok(());
    }
    let note = if request.is_guided_otherwise(model) {
        "measured with a guidance that is not the model's own, so its file stays as it is: name the sampler and the spacing".to_owned()
    } else if request.model.starts_with("builtin:") {
        "a shipped model is not changed: name the sampler and the spacing when sampling it".to_owned()
    } else {
        let path = write_tuned(&request.model, &found.best, grids)?;
        format!("the best at each number of network evaluations are now in {}", path.display())
    };
    context.observer.event(Event::note(note));
    Ok(())
}
