//! What a user asks of sampling, as plain data, and how the rest is filled in by the model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use langevin_core::{Error, Result, Size, Stop};
use langevin_figures::npy;
use langevin_kernels::Arithmetic;
use langevin_model::resolve::{Asked, resolve};
use langevin_model::{Adaptation, GuidanceConfig, Model, Prompts};
use langevin_process::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SamplePlan;
use super::recipe::{SampleOptions, read_recipe};
use crate::job::recipe::Recipe;
use crate::job::{Event, Observer};
use crate::job::{check_syntax, tell_cut, tell_idle};

/// Most bytes of a file with start noise.
const MOST_NOISE: u64 = 4 << 30;

/// Numbers that convolutions multiply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, of which 8 are significant, at about the speed of 32.
    Bf16,
}

/// Images to sample. What is absent is the model's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SampleRequest {
    /// A run folder, a model.safetensors, a diffusers folder, a checkpoint of Stable Diffusion, or builtin:NAME; empty only
    /// with `from`.
    pub model: String,
    /// How many images. Absent: 16; one of a pipeline from texts through latents.
    #[schemars(range(min = 1, max = limits::COUNT))]
    pub count: Option<usize>,
    /// The number of the first image within the seed: image I of seed S is the same bytes in every request.
    #[schemars(range(max = 9_007_199_254_740_992_u64))]
    pub first: u64,
    /// The seed; absent: a random one, which is reported.
    pub seed: Option<u64>,
    /// Steps.
    #[schemars(range(min = 1, max = limits::STEPS))]
    pub steps: Option<usize>,
    /// Network evaluations in place of steps: as many steps as fit.
    #[serde(alias = "calls")]
    #[schemars(range(min = 1, max = 20_000))]
    pub nfe: Option<usize>,
    /// The sampler with its options, as in `langevin list samplers`.
    pub sampler: Option<String>,
    /// The spacing of noise levels, as in `langevin list spacings`; `own` takes the levels optimised for the model.
    pub spacing: Option<String>,
    /// Columns of the images, for a model that takes them of any size: one of photographs, or of latents. Absent: the model's, or
    /// `height`.
    #[schemars(range(min = 1, max = limits::SIDE))]
    pub width: Option<usize>,
    /// Rows of the images. Absent: the model's, or `width`.
    #[schemars(range(min = 1, max = limits::SIDE))]
    pub height: Option<usize>,
    /// A class by name or number, several with commas, `all` for one after the other, or `none`. Absent: all in turn.
    pub class: Option<String>,
    /// The prompt of every image.
    pub prompt: Option<String>,
    /// Prompts that the images take in turn, in place of `prompt`.
    pub prompts: Vec<String>,
    /// The negative prompt, which guidance leads away from.
    pub negative: Option<String>,
    /// The strength of guidance; 1 is none.
    pub cfg_scale: Option<f64>,
    /// The guidance with its options, as in `langevin list guidances`.
    pub guidance: Option<String>,
    /// A worse model of the same images to guide away from.
    pub guide: Option<String>,
    /// LoRA files, each `FILE` or `FILE:STRENGTH`.
    pub lora: Vec<String>,
    /// Blocks at the end of CLIP's text encoder to skip.
    #[schemars(range(max = 64))]
    pub clip_skip: Option<usize>,
    /// Keep denoised images in the model's range, where the model says so.
    pub clip: bool,
    /// Numbers that convolutions multiply.
    pub dtype: Option<Dtype>,
    /// Compute convolutions without transforms: slower, and a digit closer to the real numbers.
    pub exact: bool,
    /// Images at once; changes speed and memory alone.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: usize,
    /// A folder, or a file of a kind that is written, by its name: png, jpg, webp or tiff (several images: NAME-0000.png...). Absent: a fresh folder, or none with `grid` or `trajectory`.
    pub output: Option<String>,
    /// The kind of the files in a folder: png, jpg, webp or tiff. Absent: png.
    pub format: Option<String>,
    /// The quality of JPEG files. Absent: 95.
    #[schemars(range(min = 1, max = 100))]
    pub quality: Option<u8>,
    /// A file for all images as one contact sheet.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub grid: Option<PathBuf>,
    /// A .gif file for the reverse process.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub trajectory: Option<PathBuf>,
    /// A tiny decoder (TAESD) that the latents in `trajectory` are seen through: the folder of a diffusers AutoencoderTiny.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub preview_decoder: Option<PathBuf>,
    /// Start noise: a float32 NumPy file of shape n,c,h,w with variance 1.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub init_noise: Option<PathBuf>,
    /// A PNG of this program, whose recipe fills in what is absent here.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub from: Option<PathBuf>,
    /// Store the recipe in the images.
    pub metadata: bool,
}

impl Default for SampleRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            count: None,
            first: 0,
            seed: None,
            steps: None,
            nfe: None,
            sampler: None,
            spacing: None,
            width: None,
            height: None,
            class: None,
            prompt: None,
            prompts: Vec::new(),
            negative: None,
            cfg_scale: None,
            guidance: None,
            guide: None,
            lora: Vec::new(),
            clip_skip: None,
            clip: true,
            dtype: None,
            exact: false,
            batch_size: 16,
            output: None,
            format: None,
            quality: None,
            grid: None,
            trajectory: None,
            preview_decoder: None,
            init_noise: None,
            from: None,
            metadata: true,
        }
    }
}

/// A request with its models open and every choice made.
pub(super) struct Resolved {
    pub(super) model: Model,
    pub(super) plan: SamplePlan,
    /// The budget at which the sampler was measured to be best, where that decided.
    pub(super) measured_at: Option<usize>,
}

impl SampleRequest {
    /// `count` images of `model`, in the model's own way.
    pub fn new(model: impl Into<String>, count: usize) -> Self {
        Self { model: model.into(), count: Some(count), ..Self::default() }
    }

    /// Fills in what the recipe says and the request does not.
    fn take(&mut self, recipe: &Recipe<SampleOptions>) {
        let Recipe { header, options: recipe } = recipe;
        self.count = Some(1);
        self.first = header.image.unwrap_or_default();
        self.seed = self.seed.or(Some(header.seed));
        if self.nfe.is_none() {
            self.steps = self.steps.or(Some(recipe.steps));
        }
        let or = |asked: &mut Option<String>, recorded: &Option<String>| {
            *asked = asked.take().or_else(|| recorded.clone());
        };
        or(&mut self.sampler, &Some(recipe.sampler.clone()));
        or(&mut self.spacing, &Some(recipe.spacing.clone()));
        or(&mut self.guidance, &recipe.guidance);
        or(&mut self.guide, &recipe.guide);
        self.cfg_scale = self.cfg_scale.or(Some(recipe.cfg_scale));
        self.clip &= recipe.clip;
        self.exact |= recipe.exact;
        let recorded = if recipe.dtype == "bf16" { Dtype::Bf16 } else { Dtype::F32 };
        self.dtype = self.dtype.or(Some(recorded));
        if self.prompts.is_empty() {
            or(&mut self.prompt, &recipe.prompt);
            or(&mut self.negative, &recipe.negative);
        }
        if self.lora.is_empty() {
            self.lora.clone_from(&recipe.lora);
        }
        self.clip_skip = self.clip_skip.or(Some(recipe.clip_skip));
        self.class = Some(recipe.class.clone().unwrap_or_else(|| "none".to_owned()));
        if self.model.is_empty() {
            self.model.clone_from(&header.model);
        }
    }

    /// Opens the models, and makes every choice that the request leaves open.
    ///
    /// # Errors
    /// As [`Model::open_adapted`], [`SamplePlan::check`]. Usage: classes or prompts that the model has not. Bad input: files that
    /// cannot be read.
    pub(super) fn resolve(
        mut self,
        device: &Device,
        observer: &mut dyn Observer,
        stop: &Stop,
    ) -> Result<(Self, Resolved)> {
        let recipe = self.from.as_deref().map(read_recipe).transpose()?;
        if let Some(recipe) = &recipe {
            self.take(recipe);
        }
        let adaptation =
            Adaptation { lora: self.lora.clone(), clip_skip: self.clip_skip.unwrap_or_default() };
        let mut model = Model::open_adapted(&self.model, &adaptation, device)?.require_generator()?;
        if let Some(size) = self.size(&model, recipe.as_ref()) {
            model = model.resized(size)?;
        }
        if let Some(folder) = &self.preview_decoder {
            model = model.with_preview_decoder(folder, device)?;
        }
        for note in &model.notes {
            observer.event(Event::warning(format!("{}: {note}", self.model)));
        }
        if let Some(recipe) = recipe.as_ref().filter(|recipe| recipe.header.model_hash != model.hash()) {
            observer.event(Event::warning(format!(
                "{} is not the model the image was sampled with (its hash is {}, the recipe's {}): the image will differ",
                self.model,
                model.hash(),
                recipe.header.model_hash
            )));
        }
        let guide_hash = recipe.as_ref().and_then(|recipe| recipe.options.guide_hash.as_deref());
        let guidance = self.open_guide(guide_hash, device, observer)?;
        let (plan, measured_at) = self.plan(&model, guidance, device, observer, stop)?;
        Ok((self, Resolved { model, plan, measured_at }))
    }

    /// The size of the images, where it is not left to the model. A recipe's is taken where its model is.
    fn size(&self, model: &Model, recipe: Option<&Recipe<SampleOptions>>) -> Option<Size> {
        let recorded = recipe.filter(|recipe| recipe.header.model_hash == model.hash());
        match (self.width, self.height) {
            (None, None) => recorded.map(|recipe| recipe.options.size),
            (Some(width), Some(height)) => Some(Size { width, height }),
            (Some(side), None) | (None, Some(side)) => Some(Size::square(side)),
        }
    }

    /// The guidance, with its worse model open. Where `hash` is given, another model than that one is warned of.
    fn open_guide(
        &self,
        hash: Option<&str>,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<GuidanceConfig> {
        let guide = match &self.guide {
            None => None,
            Some(name) => Some(Arc::new(open_guide(name, hash, device, observer)?)),
        };
        Ok(GuidanceConfig { rule: self.guidance.clone(), guide })
    }

    fn plan(
        &self,
        model: &Model,
        guidance: GuidanceConfig,
        device: &Device,
        observer: &mut dyn Observer,
        stop: &Stop,
    ) -> Result<(SamplePlan, Option<usize>)> {
        let defaults = &model.info.sample;
        let asked = Asked {
            steps: self.steps,
            calls: self.nfe,
            sampler: self.sampler.as_deref(),
            spacing: self.spacing.as_deref(),
        };
        let resolved = resolve(defaults, model.denoiser.diffusion(), asked)?;
        let count = self.count.unwrap_or_else(|| model.default_count());
        let start = self.init_noise.as_deref().map(|file| noise_for(file, count, model.shape(), device));
        let cfg_scale = self.cfg_scale.unwrap_or_else(|| model.cfg_scale());
        let unguided = cfg_scale == 1.0 && guidance.guide.is_none();
        let idle = unguided && self.negative.is_some();
        tell_idle([(idle, "--negative: the guidance is 1, which is none; give --cfg-scale")], observer);
        let plan = SamplePlan {
            first: self.first,
            steps: resolved.steps,
            sampler: resolved.sampler,
            spacing: resolved.spacing,
            cfg_scale,
            guidance,
            clip: defaults.clip && self.clip,
            labels: self.labels(model, count)?,
            prompts: self.conditioning(model, count, observer)?,
            arithmetic: self.arithmetic()?,
            batch_size: self.batch_size,
            start: start.transpose()?,
            stop: stop.clone(),
            ..SamplePlan::of(model, count, self.seed.unwrap_or_else(random_seed))
        };
        plan.check(model)?;
        Ok((plan, resolved.measured_at))
    }

    fn arithmetic(&self) -> Result<Arithmetic> {
        match self.dtype {
            Some(Dtype::Bf16) if self.exact => {
                Err(Error::usage("--exact computes in f32, so it does not go with --dtype bf16"))
            }
            Some(Dtype::Bf16) => Ok(Arithmetic::Bf16),
            _ if self.exact => Ok(Arithmetic::Exact),
            _ => Ok(Arithmetic::Fast),
        }
    }

    /// The prompt of each image: image I takes the one after that of image I - 1.
    fn conditioning(
        &self,
        model: &Model,
        count: usize,
        observer: &mut dyn Observer,
    ) -> Result<Option<Prompts>> {
        let lines: Vec<&str> = match &self.prompt {
            Some(prompt) => vec![prompt],
            None => self.prompts.iter().map(String::as_str).collect(),
        };
        if lines.is_empty() {
            if self.negative.is_some() {
                return Err(Error::usage("--negative is used only together with --prompt")
                    .hint("give --prompt too; \"\" leaves it open"));
            }
            return Ok(None);
        }
        check_syntax("the prompt", lines.iter().copied(), observer)?;
        check_syntax("the negative prompt", self.negative.as_deref(), observer)?;
        tell_cut(model, "the prompt", lines.iter().copied(), observer);
        tell_cut(model, "the negative prompt", self.negative.as_deref(), observer);
        let line = |index: u64| lines[((self.first + index) % lines.len() as u64) as usize].to_owned();
        let each = (0..count as u64).map(line).collect();
        let prompts = Prompts { each, negative: self.negative.clone().unwrap_or_default() };
        Prompts::check(Some(&prompts), model)?;
        Ok(Some(prompts))
    }

    /// The class of each image: image I takes the class after that of image I - 1.
    fn labels(&self, model: &Model, images: usize) -> Result<Option<Vec<Option<u32>>>> {
        let count = model.info.classes.len();
        let wanted: Vec<u32> = match self.class.as_deref() {
            None | Some("all") if count > 0 => (0..count as u32).collect(),
            None | Some("none") => return Ok(None),
            Some("all") => return model.class("all").map(|_| None),
            Some(names) => classes(model, names)?,
        };
        let of = |index: u64| Some(wanted[(index % wanted.len() as u64) as usize]);
        Ok(Some((0..images as u64).map(|index| of(self.first + index)).collect()))
    }
}

/// The classes that a list of names and numbers with commas between them names.
///
/// # Errors
/// Usage: an unknown class, or a comma with nothing between it and the next.
pub fn classes(model: &Model, names: &str) -> Result<Vec<u32>> {
    let class = |name: &str| match name.trim() {
        "" => Err(Error::usage(format!("--class \"{names}\": names no class between two commas"))
            .hint("write names or numbers with one comma between them, such as 7,8")),
        name => model.class(name),
    };
    names.split(',').map(class).collect()
}

/// Opens a model to guide away from. Where `hash` is given, another model than that one is warned of.
///
/// # Errors
/// As [`Model::open`].
pub fn open_guide(
    name: &str,
    hash: Option<&str>,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Model> {
    let guide = Model::open(name, device)?;
    for note in &guide.notes {
        observer.event(Event::warning(format!("{name}: {note}")));
    }
    if let Some(hash) = hash.filter(|hash| *hash != guide.hash()) {
        observer.event(Event::warning(format!(
            "{name} is not the guide the image was sampled with (its hash is {}, the recipe's {hash}): the image will differ",
            guide.hash()
        )));
    }
    Ok(guide)
}

/// The start noise in the NumPy file `file`.
///
/// # Errors
/// Bad input, naming the file.
pub fn read_noise(file: &Path, device: &Device) -> Result<Tensor<4>> {
    let bytes = langevin_files::read_bounded(file, MOST_NOISE)?;
    npy::decode(&bytes, device).map_err(|error| error.within(file.display()))
}

/// The start noise in `file`, which must be for `count` images of the model's shape.
fn noise_for(file: &Path, count: usize, [c, h, w]: [usize; 3], device: &Device) -> Result<Tensor<4>> {
    let noise = read_noise(file, device)?;
    let (found, wanted) = (noise.dims(), [count, c, h, w]);
    if found == wanted {
        return Ok(noise);
    }
    let error =
        Error::bad_input(format!("{}: noise of shape {found:?}, where {wanted:?} is needed", file.display()));
    Err(if found[1..] == wanted[1..] { error.hint(format!("or sample with -n {}", found[0])) } else { error })
}

/// A seed from the clock, short enough to type.
pub fn random_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = now.map_or(0, |d| d.as_nanos() as u64) ^ u64::from(std::process::id()).rotate_left(32);
    // One round of a mixing function, so that close times give far seeds.
    (nanos.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) & 0xffff_ffff
}
