//! The job `explain`: the tutorial's figures as files, and all of them on one page.

use std::path::{Path, PathBuf};

use langevin_core::Result;
use langevin_figures::{png, sheet};
use langevin_inference::job::{Context, Event, check_ranges};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::figure::{Check, Entry, Figure};
use super::figures::{FIGURES, figure};
use super::page;

/// Figures to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExplainRequest {
    /// The numbers of the figures, such as `3.2`. Empty: all of them.
    pub figures: Vec<String>,
    /// The seed of their random numbers.
    pub seed: u64,
    /// The folder for index.html and for figure-N.svg and figure-N.png of each figure.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "PathBuf")]
    pub output: PathBuf,
    /// One .html file with everything in place of the folder.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub single_file: Option<PathBuf>,
}

impl Default for ExplainRequest {
    fn default() -> Self {
        Self { figures: Vec::new(), seed: 0, output: PathBuf::from("book"), single_file: None }
    }
}

impl ExplainRequest {
    /// All figures, into `output`.
    pub fn new(output: impl Into<PathBuf>) -> Self {
        Self { output: output.into(), ..Self::default() }
    }
}

/// What was made.
#[derive(Debug)]
pub struct ExplainOutcome {
    /// The files.
    pub files: Vec<PathBuf>,
    /// The checks of each figure, by its number.
    pub checks: Vec<(&'static str, Vec<Check>)>,
}

/// Makes what `request` asks for.
///
/// # Errors
/// Usage: a figure that there is not, a name of a result that is taken. Interrupted, when stopped; nothing is written then.
pub fn run(request: &ExplainRequest, context: &mut Context<'_>) -> Result<ExplainOutcome> {
    check_ranges(request)?;
    let entries: Vec<&'static Entry> = match request.figures.is_empty() {
        true => FIGURES.iter().collect(),
        false => request.figures.iter().map(|number| figure(number)).collect::<Result<_>>()?,
    };
    let named = |name: String| request.output.join(name);
    let files: Vec<PathBuf> = match &request.single_file {
        Some(file) => vec![file.clone()],
        None => {
            let each = entries.iter().flat_map(|entry| {
                ["svg", "png"].map(|ending| named(format!("figure-{}.{ending}", entry.number)))
            });
            [named("index.html".to_owned())].into_iter().chain(each).collect()
        }
    };
    let names: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    context.sink.claim(&names)?;
    let what = format!("{} figures of the tutorial", entries.len());
    context.observer.event(Event::Started { seed: request.seed, what });
    let mut made: Vec<(&Entry, Figure)> = Vec::new();
    for (done, entry) in entries.iter().enumerate() {
        context.stop.check("the figures")?;
        context.observer.event(Event::done(done as f64 / entries.len() as f64));
        made.push((entry, (entry.make)(request.seed)?));
    }
    for (entry, figure) in &made {
        for check in figure.checks.iter().filter(|check| !check.holds()) {
            let Check { what, value, below } = check;
            let text = format!("figure {}: {what} is {value:.3}, not below {below}", entry.number);
            context.observer.event(Event::Warning { text });
        }
    }
    let page = page::page(&made, request.seed).into_bytes();
    let mut contents = vec![page];
    if request.single_file.is_none() {
        for (_, figure) in &made {
            contents.extend([stacked(figure).into_bytes(), image(figure)?]);
        }
    }
    for (file, bytes) in files.iter().zip(contents) {
        context.write(file, bytes)?;
    }
    let checks = made.into_iter().map(|(entry, figure)| (entry.number, figure.checks)).collect();
    Ok(ExplainOutcome { files, checks })
}

/// The plots of a figure, one below the other.
fn image(figure: &Figure) -> Result<Vec<u8>> {
    let plots: Vec<_> = figure.plots.iter().map(|plot| plot.to_image(1.0)).collect();
    png::encode(&sheet::sheet(&plots, 1, 12, 1), &[])
}

/// The same as SVG: a drawing inside of a drawing for each plot.
fn stacked(figure: &Figure) -> String {
    let (width, height) = (760, 480);
    let total = height * figure.plots.len();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{total}\" viewBox=\"0 0 {width} {total}\">\n"
    );
    for (row, plot) in figure.plots.iter().enumerate() {
        text += &plot.to_svg().replacen("<svg", &format!("<svg y=\"{}\"", row * height), 1);
    }
    text + "</svg>\n"
}
