//! `langevin denoise`: remove the noise from images of any size.

use std::path::PathBuf;

use clap::Args;
use langevin::denoising::{DenoiseOutcome, DenoiseRequest, job};
use langevin::job::{check_failed, model_and_images};
use langevin::process::limits;
use langevin::train::peak_bytes;
use langevin::{Error, Result};
use serde_json::json;

use super::restored;
use super::restoring::ModeFlag;
use crate::headings::{ADVANCED, COMMON, OUTPUT};
use crate::image_flags::{BatchFlags, ImageFlags};
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `denoise`.
#[derive(Args)]
#[command(
    after_help = "Assumes noise that is independent from pixel to pixel and equally strong everywhere. Channels and bit depth are kept, and alpha is copied; a model of gray images denoises each channel separately.

Examples:
  langevin denoise photo.jpg
  langevin denoise scans/ -o clean/ --compare
  langevin denoise photo.jpg --sigma 25 -o clean.jpg
  langevin denoise runs/photo-gray photo.png --sigma 25 --samples 8
  langevin denoise runs/photo-gray set12/*.png --sigma 25 --simulate --json"
)]
pub struct Denoise {
    /// A model (a run folder, a model.safetensors, a diffusers folder, or builtin:NAME), then images (png, jpeg, webp, bmp, tiff
    /// or gif) or folders of them [default model: builtin:photo, for gray images builtin:photo-gray].
    #[arg(required = true, value_name = "[MODEL] IMAGE|FOLDER", value_parser = shell::spec())]
    images: Vec<String>,
    /// Standard deviation of the noise in units of 0 to 255 of the image, or `auto`: estimated from each image.
    #[arg(long, default_value = "auto", value_name = "SIGMA|auto", allow_hyphen_values = true)]
    sigma: String,
    /// The posterior mean, or a posterior sample [default: mean, without --samples].
    #[arg(long, value_enum)]
    mode: Option<ModeFlag>,
    /// Number of posterior samples; their mean and standard deviation are written too.
    #[arg(long, value_name = "K", value_parser = shell::from_1_to::<10_000>(), short = 'n')]
    samples: Option<usize>,
    /// Average over the eight rotations and reflections of the image: slightly more accurate, eight times the work.
    #[arg(long)]
    ensemble: bool,
    /// The images are clean: add noise of this standard deviation first [default: --sigma].
    #[arg(long, value_name = "SIGMA", num_args = 0..=1, require_equals = true, default_missing_value = "sigma")]
    simulate: Option<String>,
    /// The clean image, or a folder of clean images of the same names, to compare with; with --simulate the image itself.
    #[arg(long, value_name = "IMAGE|DIR")]
    reference: Option<PathBuf>,
    /// A folder, or a file for one image (samples: NAME-sample-0000.png...) [default: a fresh folder].
    #[arg(short, long = "out", alias = "output", value_name = "DIR|FILE", help_heading = OUTPUT)]
    #[arg(value_parser = shell::spec())]
    output: Option<String>,
    #[command(flatten)]
    batch: BatchFlags,
    #[command(flatten)]
    files: ImageFlags,
    /// Sampling steps, for samples.
    #[arg(long, alias = "num-inference-steps", value_name = "N", default_value_t = 20, value_parser = shell::from_1_to::<{ limits::STEPS }>(), help_heading = ADVANCED)]
    steps: usize,
    /// Sampler, for samples: one that adds noise, as in `langevin list samplers`.
    #[arg(long, aliases = ["sampler-name", "sampling-method"], value_name = "NAME", default_value = "ddpm", help_heading = ADVANCED)]
    sampler: String,
    /// Seed of samples and of simulated noise.
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = shell::seed(), help_heading = ADVANCED)]
    seed: u64,
    /// Memory for the tiles of a large image, in MiB.
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = shell::from_1_to::<1_048_576>(), help_heading = ADVANCED)]
    memory: usize,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Denoise {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (force, json) = (self.files.force, self.json);
        let request = self.request()?;
        let outcome = shell.run(force, |context| job::run(&request, context))?;
        show(&outcome, shell, json)
    }

    fn request(self) -> Result<DenoiseRequest> {
        let sigma = if self.sigma == "auto" { None } else { Some(number(&self.sigma, "--sigma")?) };
        let simulate = match self.simulate.as_deref() {
            None => None,
            Some("sigma") => Some(sigma.ok_or_else(|| {
                Error::usage("--simulate: the standard deviation of the noise is missing")
                    .hint("give --sigma 25, or --simulate=25")
            })?),
            Some(own) => Some(number(own, "--simulate")?),
        };
        let (model, images) = model_and_images(&self.images)?;
        Ok(DenoiseRequest {
            model,
            images,
            sigma,
            mode: self.mode.map(Into::into),
            samples: self.samples,
            steps: self.steps,
            sampler: self.sampler,
            ensemble: self.ensemble,
            simulate,
            reference: self.reference,
            seed: self.seed,
            memory: self.memory,
            output: self.output,
            format: self.files.format,
            quality: self.files.quality,
            compare: self.batch.compare,
            skip_existing: self.batch.skip_existing,
            metadata: !self.files.no_metadata,
            ..DenoiseRequest::default()
        })
    }
}

/// The number in a flag.
fn number(text: &str, flag: &str) -> Result<f64> {
    let value: Option<f64> = text.trim().parse().ok();
    value.filter(|value| !value.is_nan()).ok_or_else(|| {
        Error::usage(format!("{flag} {text}: is no number"))
            .hint("give the noise in units of 0 to 255, or auto")
    })
}

fn show(outcome: &DenoiseOutcome, shell: &Shell, json: bool) -> Result<()> {
    let DenoiseOutcome { images, mean, failed, skipped, .. } = outcome;
    if let Some(mean) = mean.as_ref().filter(|_| images.len() > 1) {
        shell.say(&format!("mean of {}: {}", images.len(), mean.words()));
    }
    if json {
        let failed = restored::failures(failed);
        let result = json!({ "images": images, "failed": failed, "skipped": skipped, "mean": mean, "peak_bytes": peak_bytes() });
        outputs::result(&result.to_string())?;
    } else {
        let mut files = images.iter().flat_map(|image| &image.files);
        files.try_for_each(|file| outputs::path(file))?;
    }
    check_failed(failed, images.len() + failed.len())
}
