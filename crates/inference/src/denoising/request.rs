//! What a user asks of denoising, as plain data.

use std::path::PathBuf;

use langevin_core::{Error, Result};
use langevin_process::limits::{self, shown};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::{Event, Mode, Observer};

/// Images to denoise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DenoiseRequest {
    /// A run folder, a model.safetensors, a diffusers folder, or builtin:NAME; empty: builtin:photo for images in colour, and
    /// builtin:photo-gray for gray ones.
    pub model: String,
    /// The noisy images, png, jpeg, webp, bmp, tiff or gif, and folders of them.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Vec<PathBuf>")]
    pub images: Vec<PathBuf>,
    /// The standard deviation of the noise in units of 0 to 255; absent: estimated from each image.
    #[schemars(range(max = 255))]
    pub sigma: Option<f64>,
    /// What is made of each image. Absent: the mean, or samples where `samples` says how many.
    pub mode: Option<Mode>,
    /// Posterior samples of each image; several give their mean and standard deviation too.
    #[schemars(range(min = 1, max = 10_000))]
    pub samples: Option<usize>,
    /// Steps of each sample.
    #[schemars(range(min = 1, max = limits::STEPS))]
    pub steps: usize,
    /// The sampler, as in `langevin list samplers`; one that adds noise.
    pub sampler: String,
    /// Average the model's denoised images over the eight turns and reflections of the image.
    pub ensemble: bool,
    /// The images are clean: first add noise of this standard deviation in units of 0 to 255, and compare with them.
    #[schemars(range(max = 255))]
    pub simulate: Option<f64>,
    /// The clean image, or a folder of clean images of the same names, to compare with.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub reference: Option<PathBuf>,
    /// The seed of samples and of simulated noise.
    pub seed: u64,
    /// The number of the first image within the seed.
    #[schemars(range(max = 9_007_199_254_740_992_u64))]
    pub first: u64,
    /// Memory for the windows that an image is divided into, in MiB.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub memory: usize,
    /// A folder, or a file of a kind that is written, by its name: png, jpg, webp or tiff for one image; other results are named after it. Absent: a fresh folder.
    pub output: Option<String>,
    /// The kind of the files in a folder: png, jpg, webp or tiff. Absent: png.
    pub format: Option<String>,
    /// The quality of JPEG files. Absent: 95.
    #[schemars(range(min = 1, max = 100))]
    pub quality: Option<u8>,
    /// Write the images before and after side by side too: `NAME-compare.png`.
    pub compare: bool,
    /// Leave out the images whose results are there already, and whole: a batch goes on where it stopped.
    pub skip_existing: bool,
    /// Store the recipe in the images.
    pub metadata: bool,
}

impl Default for DenoiseRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            images: Vec::new(),
            sigma: None,
            mode: None,
            samples: None,
            steps: 20,
            sampler: "ddpm".to_owned(),
            ensemble: false,
            simulate: None,
            reference: None,
            seed: 0,
            first: 0,
            memory: 256,
            output: None,
            format: None,
            quality: None,
            compare: false,
            skip_existing: false,
            metadata: true,
        }
    }
}

impl DenoiseRequest {
    /// The mean of the clean images that fit `image`, whose noise is estimated.
    pub fn new(model: impl Into<String>, image: impl Into<PathBuf>) -> Self {
        Self { model: model.into(), images: vec![image.into()], ..Self::default() }
    }

    /// How many samples of each image; 0 for its mean in one evaluation.
    ///
    /// # Errors
    /// Usage: samples of a mean.
    pub(super) fn draws(&self) -> Result<usize> {
        match (self.mode, self.samples) {
            (Some(Mode::Mean), Some(_)) => Err(Error::usage("--mode mean makes one image, and no samples")
                .hint("leave --samples out, or --mode: several samples come with their mean")),
            (_, Some(count)) => Ok(count),
            (Some(Mode::Sample), None) => Ok(1),
            (_, None) => Ok(0),
        }
    }

    /// Whether the noise levels are levels; says so of those that are likely in another unit.
    ///
    /// # Errors
    /// Usage: a level that is not in (0, 255].
    pub(super) fn check_noise(&self, observer: &mut dyn Observer) -> Result<()> {
        self.sigma.map_or(Ok(()), |sigma| check(sigma, "--sigma", observer))?;
        self.simulate.map_or(Ok(()), |sigma| check(sigma, "--simulate", observer))
    }
}

fn check(sigma: f64, flag: &str, observer: &mut dyn Observer) -> Result<()> {
    if !(sigma > 0.0 && sigma <= 255.0) {
        let error = Error::usage(format!("{flag} {}: must be more than 0 and at most 255", shown(&sigma)));
        return Err(error.hint("it is a standard deviation in units of 0 to 255: 25 is strong noise"));
    }
    if sigma < 1.0 {
        observer.event(Event::warning(format!(
            "{flag} {sigma} is less than one step of 255; if it was meant for pixels from 0 to 1, it is {:.4}",
            sigma * 255.0
        )));
    }
    Ok(())
}
