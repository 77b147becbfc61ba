//! The flags that `restore`, `inpaint`, `upscale`, `deblur` and `edit` share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use langevin::Result;
use langevin::denoising::Mode;
use langevin::job::model_and_images;
use langevin::process::limits;
use langevin::restoration::{RestoreKind, RestoreRequest};

use super::restored::Showing;
use crate::adapt::AdaptFlags;
use crate::headings::{ADVANCED, COMMON, GUIDANCE, OUTPUT};
use crate::image_flags::{BatchFlags, ImageFlags};
use crate::shell;

/// The flags of every command that restores.
#[derive(Args)]
pub struct RestoreFlags {
    /// A model (a run folder, a model.safetensors, a diffusers folder, a checkpoint of Stable Diffusion, or builtin:NAME), then
    /// images (png, jpeg, webp, bmp, tiff or gif) or folders of them [default model: builtin:photo, for gray images
    /// builtin:photo-gray; edit needs one].
    #[arg(required = true, value_name = "[MODEL] IMAGE|FOLDER", value_parser = shell::spec())]
    images: Vec<String>,
    /// Steps [default: 50, or those of a model that was trained to restore].
    #[arg(long, alias = "num-inference-steps", value_name = "N", value_parser = shell::from_1_to::<{ limits::STEPS }>())]
    steps: Option<usize>,
    /// Samples per image; with several, their mean and standard deviation are written too.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = shell::from_1_to::<100_000>(), short = 'n')]
    samples: usize,
    /// Seed [default: random, and printed].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = shell::seed())]
    seed: Option<u64>,
    /// The class of the images, by name or number.
    #[arg(long, value_name = "NAME", help_heading = GUIDANCE)]
    class: Option<String>,
    /// Prompt, for a text-conditioned model.
    #[arg(short, long, value_name = "TEXT", help_heading = GUIDANCE)]
    prompt: Option<String>,
    /// Negative prompt; guidance leads away from it.
    #[arg(long, alias = "negative-prompt", value_name = "TEXT", requires = "prompt", help_heading = GUIDANCE)]
    negative: Option<String>,
    /// Guidance scale, towards class or prompt; 1 is no guidance [default: with --prompt the model's, else 1].
    #[arg(long, aliases = ["cfg", "guidance-scale"], value_name = "SCALE", allow_negative_numbers = true, help_heading = GUIDANCE)]
    cfg_scale: Option<f64>,
    #[command(flatten)]
    adapt: AdaptFlags,
    /// A folder, or for one image a file; other results are named after it [default: a fresh folder].
    #[arg(short, long = "out", alias = "output", value_name = "DIR|FILE", help_heading = OUTPUT)]
    #[arg(value_parser = shell::spec())]
    output: Option<String>,
    #[command(flatten)]
    batch: BatchFlags,
    #[command(flatten)]
    files: ImageFlags,
    /// Start from a restoration without a model plus noise of this standard deviation, in units of 0 to 255, instead of from pure
    /// noise: fewer steps, and closer to the measurement [default: pure noise; 50 for a model of image patches, such as
    /// builtin:photo-gray, without --spacing].
    #[arg(long, value_name = "SIGMA", help_heading = ADVANCED)]
    start_sigma: Option<f64>,
    /// Spacing of noise levels, as in `langevin list spacings` [default: the model's].
    #[arg(long, aliases = ["scheduler", "schedule-type"], value_name = "NAME", help_heading = ADVANCED)]
    spacing: Option<String>,
    /// Start from this noise: a float32 NumPy file of shape n,c,h,w with variance 1, where n is --samples and c,h,w is the shape
    /// that the model denoises.
    #[arg(long, value_name = "FILE.npy", help_heading = ADVANCED)]
    init_noise: Option<PathBuf>,
    /// Do not clamp denoised images to the range of images.
    #[arg(long, help_heading = ADVANCED)]
    no_clip: bool,
    /// Slower convolutions with slightly less rounding error.
    #[arg(long, help_heading = ADVANCED)]
    exact: bool,
    /// Images per batch; changes speed and memory only.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<{ limits::BATCH_SIZE }>(), help_heading = ADVANCED)]
    batch_size: usize,
    /// Memory for the tiles of an image larger than the model's, in MiB.
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = shell::from_1_to::<1_048_576>(), help_heading = ADVANCED)]
    memory: usize,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

/// The flags of commands that undo a known degradation.
#[derive(Args)]
pub struct MeasureFlags {
    /// Restoration method, as in `langevin list methods` [default: by operator and noise exact, diffpir, ddnm or dps].
    #[arg(long, value_name = "NAME:key=value")]
    method: Option<String>,
    /// Noise of the images: a standard deviation in units of 0 to 255, or one of `langevin list noises` [default: 0, and for a
    /// blurred image that of its rounding].
    #[arg(long, value_name = "S|NAME:key=value", allow_negative_numbers = true)]
    noise: Option<String>,
    /// The images are clean: degrade them first, and compare with them.
    #[arg(long)]
    simulate: bool,
    /// The true image, to compare with.
    #[arg(long, value_name = "IMAGE", conflicts_with = "simulate")]
    reference: Option<PathBuf>,
    /// Write also a result that does not reproduce its image, with a warning; otherwise it is refused.
    #[arg(long)]
    accept: bool,
}

/// The flags for models that were trained for the command.
#[derive(Args)]
#[command(next_help_heading = "For models trained for the task")]
pub struct TrainedFlags {
    /// A posterior sample, or the posterior mean in one network evaluation [default: sample].
    #[arg(long, value_enum)]
    mode: Option<ModeFlag>,
    /// Sampler, as in `langevin list samplers` [default: the model's].
    #[arg(long, aliases = ["sampler-name", "sampling-method"], value_name = "NAME")]
    sampler: Option<String>,
}

/// What is made of an image that several fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeFlag {
    Mean,
    Sample,
}

impl From<ModeFlag> for Mode {
    fn from(flag: ModeFlag) -> Self {
        match flag {
            ModeFlag::Mean => Self::Mean,
            ModeFlag::Sample => Self::Sample,
        }
    }
}

impl RestoreFlags {
    /// How results are written and shown.
    pub fn showing(&self) -> Showing {
        Showing { force: self.files.force, json: self.json }
    }

    /// The request that the flags make, of one `kind`.
    ///
    /// # Errors
    /// Usage: a model without an image.
    pub fn request(self, kind: RestoreKind) -> Result<RestoreRequest> {
        let (model, images) = model_and_images(&self.images)?;
        Ok(RestoreRequest {
            model,
            images,
            kind,
            steps: self.steps,
            start_sigma: self.start_sigma,
            spacing: self.spacing,
            samples: self.samples,
            seed: self.seed,
            init_noise: self.init_noise,
            class: self.class,
            prompt: self.prompt,
            negative: self.negative,
            cfg_scale: self.cfg_scale,
            lora: self.adapt.lora,
            clip_skip: self.adapt.clip_skip,
            clip: !self.no_clip,
            exact: self.exact,
            batch_size: self.batch_size,
            memory: self.memory,
            output: self.output,
            format: self.files.format,
            quality: self.files.quality,
            compare: self.batch.compare,
            skip_existing: self.batch.skip_existing,
            metadata: !self.files.no_metadata,
            ..RestoreRequest::default()
        })
    }
}

impl MeasureFlags {
    /// `request` with these flags.
    pub fn on(self, request: RestoreRequest) -> RestoreRequest {
        let Self { method, noise, simulate, reference, accept } = self;
        RestoreRequest { method, noise, simulate, reference, accept, ..request }
    }
}

impl TrainedFlags {
    /// `request` with these flags.
    pub fn on(self, request: RestoreRequest) -> RestoreRequest {
        RestoreRequest { mode: self.mode.map(Into::into), sampler: self.sampler, ..request }
    }
}
