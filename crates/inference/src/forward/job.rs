//! The job `noise`: an image at growing noise, and plots of the levels and the schedules.

use std::path::{Path, PathBuf};

use langevin_core::{Image, Result};
use langevin_figures::plot::Plot;
use langevin_figures::png;
use langevin_process::{Diffusion, DiffusionSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{comparison, comparison_plot, diffusions, levels_plot, schedules_plot, strip};
use crate::job::check_ranges;
use crate::job::recipe::{Header, Recipe, changed, of_input, options};
use crate::job::{Context, Event, Text};

/// An image to show the forward process of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ForwardRequest {
    /// The image: png, jpeg, webp, bmp, tiff or gif.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "PathBuf")]
    pub image: PathBuf,
    /// The noise schedule, as in `langevin list schedules`.
    pub schedule: String,
    /// Schedules to compare on the image, a row each; `SCHEDULE@PROCESS` for another process than `process`. Empty: `schedule` alone.
    pub schedules: Vec<String>,
    /// The process, as in `langevin list processes`.
    pub process: String,
    /// Times to show, from 0 (clean) to 1 (noise).
    pub at: Vec<f64>,
    /// Height of the image in the strip in pixels; larger images are scaled down.
    #[schemars(range(min = 1, max = 4096))]
    pub height: usize,
    /// The seed of the noise.
    pub seed: u64,
    /// The folder for STEM-noise.png, STEM-levels.png and .svg, STEM-schedules.png and .svg; with `schedules` for
    /// STEM-comparison.png, STEM-schedules.png and .svg.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "PathBuf")]
    pub output: PathBuf,
    /// Store the recipe in the images.
    pub metadata: bool,
}

impl Default for ForwardRequest {
    fn default() -> Self {
        Self {
            image: PathBuf::new(),
            schedule: "cosine".to_owned(),
            schedules: Vec::new(),
            process: "vp".to_owned(),
            at: vec![0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0],
            height: 192,
            seed: 0,
            output: PathBuf::from("."),
            metadata: true,
        }
    }
}

impl ForwardRequest {
    /// The forward process of `image`.
    pub fn new(image: impl Into<PathBuf>) -> Self {
        Self { image: image.into(), ..Self::default() }
    }
}

/// Shows what `request` asks for, and gives the files that were written.
///
/// # Errors
/// Usage: an unknown schedule or process, times outside 0 to 1, a name that is taken. Bad input: an image that cannot be read.
pub fn run(request: &ForwardRequest, context: &mut Context<'_>) -> Result<Vec<PathBuf>> {
    check_ranges(request)?;
    let image = || smaller(langevin_data::read_image(&request.image)?, request.height);
    let (what, results) = match request.schedules.is_empty() {
        true => one(request, image)?,
        false => several(request, image)?,
    };
    let stem = request.image.file_stem().unwrap_or_default();
    let named = |name: &str| {
        let mut file = stem.to_owned();
        file.push(format!("-{name}"));
        request.output.join(file)
    };
    let results: Vec<(PathBuf, Vec<u8>)> =
        results.into_iter().map(|(name, bytes)| (named(name), bytes)).collect();
    let names: Vec<&Path> = results.iter().map(|(file, _)| file.as_path()).collect();
    context.sink.claim(&names)?;
    context.observer.event(Event::Started { seed: request.seed, what });
    context.tell_later_frames([&request.image]);
    let mut files = Vec::new();
    for (file, bytes) in results {
        context.write(&file, bytes)?;
        files.push(file);
    }
    Ok(files)
}

/// What is shown, and the ends of the names of the results with their contents.
type Results = (String, Vec<(&'static str, Vec<u8>)>);

/// An image at growing noise under one schedule.
fn one(request: &ForwardRequest, image: impl FnOnce() -> Result<Image>) -> Result<Results> {
    let ForwardRequest { schedule, process, .. } = request;
    let spec =
        DiffusionSpec { schedule: schedule.clone(), process: process.clone(), ..DiffusionSpec::default() };
    let diffusion = Diffusion::new(&spec)?;
    let strip = strip(&image()?, &diffusion, &request.at, request.seed)?;
    let (levels, schedules) = (levels_plot(&diffusion), schedules_plot());
    let results = vec![
        ("noise.png", png::encode(&strip, &text(request, "strip"))?),
        ("levels.png", plot_png(&levels, request, "levels")?),
        ("levels.svg", levels.to_svg().into_bytes()),
        ("schedules.png", plot_png(&schedules, request, "schedules")?),
        ("schedules.svg", schedules.to_svg().into_bytes()),
    ];
    Ok((format!("schedule {schedule}, process {process}"), results))
}

/// An image at growing noise under several schedules.
fn several(request: &ForwardRequest, image: impl FnOnce() -> Result<Image>) -> Result<Results> {
    let rows = diffusions(&request.schedules, &request.process)?;
    let sheet = comparison(&image()?, &rows, &request.at, request.seed)?;
    let plot = comparison_plot(&rows);
    let results = vec![
        ("comparison.png", png::encode(&sheet, &text(request, "comparison"))?),
        ("schedules.png", plot_png(&plot, request, "schedules")?),
        ("schedules.svg", plot.to_svg().into_bytes()),
    ];
    Ok((format!("{} schedules compared", rows.len()), results))
}

fn plot_png(plot: &Plot, request: &ForwardRequest, made: &str) -> Result<Vec<u8>> {
    png::encode(&plot.to_image(1.0), &text(request, made))
}

/// The recipe of an image that is `made`.
fn text(request: &ForwardRequest, made: &str) -> Text {
    if !request.metadata {
        return Text::new();
    }
    let ForwardRequest { schedule, schedules, process, at, height, .. } = request;
    let (schedule, schedules) = match schedules.is_empty() {
        true => (Some(schedule), None),
        false => (None, Some(schedules)),
    };
    let all = json!({
        "made": made, "schedule": schedule, "schedules": schedules, "process": process, "at": at, "height": height,
    });
    let again = ForwardRequest { output: ForwardRequest::default().output, ..request.clone() };
    let options = options([of_input(&request.image), all, json!({ "request": changed(&again) })]);
    Recipe { header: Header::plain("noise", request.seed), options }.to_text_alone()
}

fn smaller(image: Image, height: usize) -> Result<Image> {
    if image.height <= height {
        return Ok(image);
    }
    let width = (image.width * height).div_ceil(image.height).max(1);
    let channels = if image.channels < 3 { 1 } else { 3 };
    langevin_data::fit(&image, &langevin_data::Prepare::new(width, height, channels))
}
