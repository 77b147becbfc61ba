//! What a user asks of restoration, as plain data.

use std::path::PathBuf;

use langevin_core::{Error, Result};
use langevin_model::resolve::canonical;
use langevin_process::limits;
use langevin_restore::METHODS;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::Mode;

/// What happened to the images, and so what is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum RestoreKind {
    /// Undo an operator.
    Restore {
        /// What happened to the images, as in `langevin list operators`; several are joined with `+`, the first one first.
        operator: String,
    },
    /// Fill in masked and transparent pixels, and leave the others to the byte.
    Inpaint {
        /// An image of the same size: what is white in it is filled in.
        #[serde(default)]
        #[serde(with = "langevin_core::as_text")]
        #[schemars(with = "Option<PathBuf>")]
        mask: Option<PathBuf>,
        /// Fill in what is black in the mask.
        #[serde(default)]
        invert: bool,
    },
    /// Enlarge.
    Upscale {
        /// How many times; absent: 4, or what the model was trained for.
        #[serde(default)]
        #[schemars(range(min = 1, max = 64))]
        scale: Option<usize>,
        /// How the images were made small: `bicubic`, `lanczos` or `average`; absent: bicubic, or what the model was trained for.
        #[serde(default)]
        kernel: Option<String>,
    },
    /// Sharpen.
    Deblur {
        /// The kernel: `gaussian`, `motion` or `disk` with options as in `langevin list operators`, or the file of an image of it.
        /// Without options they are estimated from each image, and with `auto` the kind too.
        kernel: String,
    },
    /// Make variations (SDEdit): put the images under noise, and sample from there.
    Edit {
        /// The share of the steps that are taken: near 0 changes nothing, 1 generates anew.
        strength: f64,
    },
}

impl RestoreKind {
    /// The command that does it.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Restore { .. } => "restore",
            Self::Inpaint { .. } => "inpaint",
            Self::Upscale { .. } => "upscale",
            Self::Deblur { .. } => "deblur",
            Self::Edit { .. } => "edit",
        }
    }
}

/// Images to restore. What is absent is the model's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestoreRequest {
    /// A run folder, a model.safetensors, a diffusers folder, a checkpoint of Stable Diffusion, or builtin:NAME; empty:
    /// builtin:photo for images in colour, and builtin:photo-gray for gray ones.
    pub model: String,
    /// The images, png, jpeg, webp, bmp, tiff or gif, and folders of them.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Vec<PathBuf>")]
    pub images: Vec<PathBuf>,
    /// What happened to them.
    pub kind: RestoreKind,
    /// The method, as in `langevin list methods`. Absent: by operator and noise exact, diffpir, ddnm or dps.
    pub method: Option<String>,
    /// The sampler, as in `langevin list samplers`, of `edit` (absent: ddpm) and of models that were trained for the task.
    pub sampler: Option<String>,
    /// What a model that was trained for the task makes of an image. Absent: a sample.
    pub mode: Option<Mode>,
    /// Steps. Absent: 50; of a model that was trained to restore, its own.
    #[schemars(range(min = 1, max = limits::STEPS))]
    pub steps: Option<usize>,
    /// Begin at this noise, in units of 0 to 255, around the image as it is restored without a model. Absent: with noise alone, or
    /// for a model of parts of images at 50 where no spacing is named.
    pub start_sigma: Option<f64>,
    /// The spacing of noise levels, as in `langevin list spacings`.
    pub spacing: Option<String>,
    /// Samples of each image; several give their mean and standard deviation too.
    #[schemars(range(min = 1, max = 100_000))]
    pub samples: usize,
    /// The seed; absent: a random one, which is reported.
    pub seed: Option<u64>,
    /// The number of the first image within the seed.
    #[schemars(range(max = 9_007_199_254_740_992_u64))]
    pub first: u64,
    /// The number of the first sample of each image.
    #[schemars(range(max = 100_000))]
    pub first_sample: usize,
    /// Start noise of one image: a float32 NumPy file of shape n,c,h,w with variance 1, n for `samples`, the others those of what
    /// the model denoises.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub init_noise: Option<PathBuf>,
    /// The class of the images, by name or number.
    pub class: Option<String>,
    /// The prompt.
    pub prompt: Option<String>,
    /// The negative prompt, which guidance leads away from.
    pub negative: Option<String>,
    /// The strength of guidance towards class or prompt; 1 is none. Absent: with a prompt the model's, else 1.
    pub cfg_scale: Option<f64>,
    /// LoRA files, each `FILE` or `FILE:STRENGTH`.
    pub lora: Vec<String>,
    /// Blocks at the end of CLIP's text encoder to skip.
    #[schemars(range(max = 64))]
    pub clip_skip: Option<usize>,
    /// Keep denoised images in the model's range, where the model says so.
    pub clip: bool,
    /// Compute convolutions without transforms: slower, and a digit closer to the real numbers.
    pub exact: bool,
    /// Images at once; changes speed and memory alone.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: usize,
    /// Memory for the windows that an image of another size than the model's is divided into, in MiB.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub memory: usize,
    /// The noise of the images: a standard deviation in units of 0 to 255, or one of `langevin list noises`. Absent: 0, and for a
    /// blurred image that of its rounding.
    pub noise: Option<String>,
    /// The images are clean: degrade them first, and compare with them.
    pub simulate: bool,
    /// The true image, to compare with.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub reference: Option<PathBuf>,
    /// Restore and write also what does not reproduce its image, with a warning.
    pub accept: bool,
    /// A folder, or for one image a file of a kind that is written, by its name: png, jpg, webp or tiff; other results are named after it. Absent: a fresh folder.
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

impl Default for RestoreRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            images: Vec::new(),
            kind: RestoreKind::Restore { operator: "identity".to_owned() },
            method: None,
            sampler: None,
            mode: None,
            steps: None,
            start_sigma: None,
            spacing: None,
            samples: 1,
            seed: None,
            first: 0,
            first_sample: 0,
            init_noise: None,
            class: None,
            prompt: None,
            negative: None,
            cfg_scale: None,
            lora: Vec::new(),
            clip_skip: None,
            clip: true,
            exact: false,
            batch_size: 16,
            memory: 256,
            noise: None,
            simulate: false,
            reference: None,
            accept: false,
            output: None,
            format: None,
            quality: None,
            compare: false,
            skip_existing: false,
            metadata: true,
        }
    }
}

impl RestoreRequest {
    fn new(model: impl Into<String>, image: impl Into<PathBuf>, kind: RestoreKind) -> Self {
        Self { model: model.into(), images: vec![image.into()], kind, ..Self::default() }
    }

    /// `image`, to which `operator` happened.
    pub fn restore(model: impl Into<String>, image: impl Into<PathBuf>, operator: impl Into<String>) -> Self {
        Self::new(model, image, RestoreKind::Restore { operator: operator.into() })
    }

    /// `image`, to be filled in where `mask` is white.
    pub fn inpaint(model: impl Into<String>, image: impl Into<PathBuf>, mask: impl Into<PathBuf>) -> Self {
        Self::new(model, image, RestoreKind::Inpaint { mask: Some(mask.into()), invert: false })
    }

    /// `image`, to be enlarged `scale` times.
    pub fn upscale(model: impl Into<String>, image: impl Into<PathBuf>, scale: usize) -> Self {
        Self::new(model, image, RestoreKind::Upscale { scale: Some(scale), kernel: None })
    }

    /// `image`, which `kernel` blurred.
    pub fn deblur(model: impl Into<String>, image: impl Into<PathBuf>, kernel: impl Into<String>) -> Self {
        Self::new(model, image, RestoreKind::Deblur { kernel: kernel.into() })
    }

    /// `image`, to be varied.
    pub fn edit(model: impl Into<String>, image: impl Into<PathBuf>, strength: f64) -> Self {
        Self::new(model, image, RestoreKind::Edit { strength })
    }

    /// Refuses what the kind of the request cannot use.
    ///
    /// # Errors
    /// Usage, naming the option.
    pub(super) fn check(&self) -> Result<()> {
        if self.model.is_empty() && matches!(self.kind, RestoreKind::Edit { .. }) {
            return Err(Error::usage("edit needs a model, and none is named")
                .hint("name one that generates such images before them: langevin edit MODEL IMAGE"));
        }
        if self.negative.is_some() && self.prompt.is_none() {
            return Err(Error::usage("--negative is a negative prompt, next to a --prompt")
                .hint("give --prompt too; \"\" leaves it open"));
        }
        if self.reference.is_some() && (self.simulate || self.images.len() > 1) {
            return Err(Error::usage(match self.simulate {
                true => "with --simulate the images are their own references, and none is needed".to_owned(),
                false => format!("one --reference cannot go with {} images", self.images.len()),
            })
            .hint("restore them one by one, or degrade clean ones with --simulate"));
        }
        if self.init_noise.is_some() && self.images.len() > 1 {
            return Err(Error::usage("--init-noise is for one image")
                .hint("restore the images one by one, or leave it out"));
        }
        let measures = [
            ("--method", self.method.is_some()),
            ("--noise", self.noise.is_some()),
            ("--simulate", self.simulate),
            ("--reference", self.reference.is_some()),
            ("--mode", self.mode.is_some()),
        ];
        match measures.iter().find(|(_, given)| *given) {
            Some((flag, _)) if matches!(self.kind, RestoreKind::Edit { .. }) => {
                Err(Error::usage(format!("edit takes images as they are, so {flag} means nothing to it"))
                    .hint("leave it out, or take `langevin restore`"))
            }
            _ => Ok(()),
        }
    }

    /// The same with names as the registries list them.
    ///
    /// # Errors
    /// Usage: an unknown sampler, spacing or method.
    pub(super) fn canonical(&self) -> Result<Self> {
        let (sampler, spacing) = canonical(self.sampler.as_deref(), self.spacing.as_deref())?;
        let method = self.method.as_deref().map(|method| METHODS.canonical(method)).transpose()?;
        Ok(Self { sampler, spacing, method, ..self.clone() })
    }

    /// Whether its images have noise, as far as the request says.
    pub(super) fn is_noisy(&self) -> bool {
        match &self.noise {
            Some(noise) => noise.trim().parse() != Ok(0.0),
            None => matches!(self.kind, RestoreKind::Deblur { .. }) && !self.simulate,
        }
    }

    /// The method that is asked for: `edit` has its own.
    pub(super) fn named_method(&self) -> Option<String> {
        match &self.kind {
            RestoreKind::Edit { strength } => {
                let sampler = self.sampler.as_deref().unwrap_or("ddpm");
                Some(format!("sdedit:strength={strength},sampler={sampler}"))
            }
            _ => self.method.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_plain_data() {
        let request = RestoreRequest::inpaint("m", "a.png", "b.png");
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<RestoreRequest>(&json).unwrap(), request);
        let short = r#"{"model": "m", "images": ["a.png"], "kind": {"inpaint": {"mask": "b.png"}}}"#;
        assert_eq!(serde_json::from_str::<RestoreRequest>(short).unwrap(), request);
        for wrong in [r#"{"kind": {"inpaint": {"masks": "b.png"}}}"#, r#"{"modell": "m"}"#] {
            assert!(serde_json::from_str::<RestoreRequest>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_that_mean_nothing_are_refused() {
        let edit = RestoreRequest::edit("m", "a.png", 0.3);
        assert_eq!(edit.named_method().as_deref(), Some("sdedit:strength=0.3,sampler=ddpm"));
        assert!(edit.check().is_ok());
        let error = RestoreRequest { simulate: true, ..edit }.check().unwrap_err();
        assert!(error.to_string().contains("--simulate"), "{error}");
        let negative = Some("x".to_owned());
        assert!(RestoreRequest { negative, ..RestoreRequest::deblur("m", "a", "disk") }.check().is_err());
    }
}
