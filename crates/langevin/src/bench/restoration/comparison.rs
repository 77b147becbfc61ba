//! What a comparison of restoration methods tries, and what it found.

use langevin_core::{Error, Image, Result};
use serde::Serialize;

/// One thing to undo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestorationTask {
    /// What to call it.
    pub name: String,
    /// The operator, as in `langevin list operators`.
    pub operator: String,
    /// The standard deviation of the noise, of 255.
    pub noise: f64,
}

impl RestorationTask {
    /// Reads `name=operator@noise`.
    ///
    /// # Errors
    /// Usage, when it is not of that form.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!("\"{text}\" is no task"))
                .hint("write NAME=OPERATOR@NOISE, such as deblur=gaussian_blur:sigma=1.5@5")
        };
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (operator, noise) = rest.rsplit_once('@').ok_or_else(wrong)?;
        let noise = noise.parse().map_err(|_| wrong())?;
        Ok(Self { name: name.trim().to_owned(), operator: operator.trim().to_owned(), noise })
    }

    /// The four that are compared when nothing else is said.
    pub fn usual() -> Vec<Self> {
        let task = |name: &str, operator: &str, noise| Self {
            name: name.to_owned(),
            operator: operator.to_owned(),
            noise,
        };
        vec![
            task("inpaint", "mask:box=0.5", 0.0),
            task("upscale", "average:scale=4", 0.0),
            task("deblur", "gaussian_blur:sigma=1.5", 5.0),
            task("denoise", "identity", 64.0),
        ]
    }
}

/// One method with one budget on one task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestorationRow {
    /// The task.
    pub task: String,
    /// The method with the constants that were best; `least squares` for what is known without a model.
    pub method: String,
    /// Calls that were allowed.
    pub budget: usize,
    /// Steps taken.
    pub steps: usize,
    /// Calls they took.
    pub calls: usize,
    /// The mean PSNR in decibels, and its standard error.
    pub psnr: (f64, f64),
    /// The mean SSIM.
    pub ssim: f64,
    /// The mean distance of features from the clean image's, in units of that between different clean images.
    pub distance: f64,
    /// Seconds for each image.
    pub seconds: f64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestorationComparison {
    /// The model.
    pub model: String,
    /// The data.
    pub data: String,
    /// Images restored.
    pub n: usize,
    /// Training images that constants were chosen on.
    pub tune: usize,
    /// The seed.
    pub seed: u64,
    /// What distinguished the images.
    pub features: String,
    /// The tasks.
    pub tasks: Vec<RestorationTask>,
    /// The measurements.
    pub rows: Vec<RestorationRow>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// For each task a sheet, and what its rows are.
    #[serde(skip)]
    pub sheets: Vec<(String, Image, Vec<String>)>,
}
