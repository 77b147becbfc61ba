//! Drawing pictures with a model, and the recipe that redraws one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::{Device, Tensor};
use langevin_core::clipping::{Clipped, Thresholded};
use langevin_core::{Clock, Context, Denoiser, Error, Picture, Result, SideBySide, batch_to_pictures};
use langevin_kernels::Arithmetic;
use langevin_process::{Diffusion, Level, SPACINGS};
use langevin_sample::{BatchProgress, SAMPLERS, SampleRequest, Sampler, sample_all};
use serde::{Deserialize, Serialize};

use crate::adapting::{self, Adapting};
use crate::guiding::Guiding;
use crate::memory;
use crate::model::Model;
use crate::own::placed;
use crate::settings::SampleSettings;

/// How to draw.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// How many pictures.
    pub count: usize,
    /// The number of the first.
    pub first: u64,
    /// The seed.
    pub seed: u64,
    /// Steps.
    pub steps: usize,
    /// The sampler.
    pub sampler: String,
    /// The spacing; `own` for the levels in the model's file.
    pub spacing: String,
    /// Strength of guidance; 1 is none.
    pub cfg_scale: f64,
    /// What guides.
    pub guiding: Guiding,
    /// Clamp denoised pictures to the range of pictures.
    pub clip: bool,
    /// The class of each picture; `None` draws without one.
    pub labels: Option<Vec<Option<u32>>>,
    /// What each picture shows, in words, for a model that is told of texts.
    pub prompts: Option<Prompts>,
    /// How convolutions compute.
    pub arithmetic: Arithmetic,
    /// Pictures at once.
    pub batch_size: usize,
    /// Unit-variance start noise instead of the seed's, `[count, channels, height, width]`.
    pub start: Option<Tensor<4>>,
    /// Stops the work when it becomes true.
    pub cancel: Arc<AtomicBool>,
}

/// What is wanted of pictures, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompts {
    /// The text of each picture.
    pub each: Vec<String>,
    /// What guidance leads away from, for all: the empty text, or what is not wanted.
    pub negative: String,
}

impl Prompts {
    /// Texts that leave open what is drawn, where `model` is told of texts.
    pub fn open(model: &Model, count: usize) -> Option<Self> {
        model.is_told_texts().then(|| Self { each: vec![String::new(); count], negative: String::new() })
    }

    /// Those of pictures `first..first + count`.
    #[must_use]
    pub fn part(&self, first: usize, count: usize) -> Self {
        Self { each: self.each[first..first + count].to_vec(), negative: self.negative.clone() }
    }

    /// Whether `model` is told texts where there are some, and none where there are none.
    ///
    /// # Errors
    /// Usage, where it is not so.
    pub fn check(prompts: Option<&Self>, model: &Model) -> Result<()> {
        match (prompts, model.is_told_texts()) {
            (Some(_), false) => model.read(&[]).map(drop),
            (None, true) => Err(Error::usage(format!(
                "{}: draws what it is told in words, and is told nothing",
                model.name
            ))
            .hint("say what to draw with --prompt; --prompt \"\" leaves it open")),
            _ => Ok(()),
        }
    }

    /// What `model` is told of each picture, and of what is not wanted; a text that comes again is encoded once.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub(crate) fn read(&self, model: &Model) -> Result<(Context, Context)> {
        let mut texts: Vec<&str> = Vec::new();
        let place = |text| {
            texts.iter().position(|known| *known == text).unwrap_or_else(|| {
                texts.push(text);
                texts.len() - 1
            })
        };
        let places: Vec<usize> = self.each.iter().map(String::as_str).map(place).collect();
        let negative = match self.negative.as_str() {
            "" => model.read_nothing(1)?,
            negative => model.read_unwanted(&[negative])?,
        };
        Ok((model.read(&texts)?.of(&places), negative.of(&vec![0; places.len()])))
    }
}

/// What redraws one picture; stored in it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The command, `sample`.
    pub command: String,
    /// Version of the program.
    pub version: String,
    /// The model as it was named.
    pub model: String,
    /// First 16 hexadecimal digits of the BLAKE3 sum of its file.
    pub model_hash: String,
    /// The seed.
    pub seed: u64,
    /// The number of the picture within the seed.
    pub image: u64,
    /// Steps.
    pub steps: usize,
    /// The sampler.
    pub sampler: String,
    /// The spacing.
    pub spacing: String,
    /// Strength of guidance.
    pub cfg_scale: f64,
    /// The guidance, where it is not plain classifier-free guidance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guidance: Option<String>,
    /// The worse model that guided, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<String>,
    /// As `model_hash`, of the guide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_hash: Option<String>,
    /// The text, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// What was not wanted, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<String>,
    /// LoRA files that were added to the model, each with its strength.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lora: Vec<String>,
    /// Blocks of the encoders of texts that were skipped.
    #[serde(default, skip_serializing_if = "adapting::is_zero")]
    pub clip_skip: usize,
    /// Whether denoised pictures were clamped.
    pub clip: bool,
    /// The class, if any.
    pub class: Option<String>,
    /// Width and height in pixels.
    pub size: (usize, usize),
    /// The type of the numbers that convolutions multiply, `f32` or `bf16`.
    #[serde(default = "f32_name", skip_serializing_if = "is_f32")]
    pub dtype: String,
    /// Whether convolutions used no transforms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
    /// Whether it began from noise in a file, which the recipe does not hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init_noise: bool,
}

fn f32_name() -> String {
    "f32".to_owned()
}

fn is_f32(name: &String) -> bool {
    name == "f32"
}

/// Draws pictures and calls `progress` after each step of each batch.
///
/// # Errors
/// Usage: an unknown sampler, spacing or guidance, a guide that does not fit, classes for a model without, a model that has
/// no answer at the first level.
/// Failed, when the memory that is free does not suffice. Interrupted, when cancelled.
pub fn draw(
    model: &Model,
    drawing: &Drawing,
    device: &Device,
    progress: impl FnMut(&BatchProgress<'_>),
) -> Result<Vec<Picture>> {
    draw_tensor(model, drawing, device, progress).map(batch_to_pictures)
}

/// As [`draw`], before the numbers become pixels: `[count, channels, height, width]`, pictures in [-1, 1].
///
/// # Errors
/// As [`draw`].
pub fn draw_tensor(
    model: &Model,
    drawing: &Drawing,
    device: &Device,
    progress: impl FnMut(&BatchProgress<'_>),
) -> Result<Tensor<4>> {
    let (path, sampler) = drawing.method(model)?;
    model.pictures(draw_along(model, drawing, sampler.as_ref(), &path, device, progress)?)
}

/// As [`draw_tensor`], with `sampler` and `path` in place of those that `drawing` names, and without making pictures of latents.
pub(crate) fn draw_along(
    model: &Model,
    drawing: &Drawing,
    sampler: &dyn Sampler,
    path: &[Level],
    device: &Device,
    progress: impl FnMut(&BatchProgress<'_>),
) -> Result<Tensor<4>> {
    let at_once = drawing.batch_size.min(drawing.count);
    if model.denoiser.network().is_some() {
        let [_, height, width] = model.shape();
        memory::check_sampling(&model.info.network, (height, width), at_once)?;
    }
    let computed = model.denoiser.with_arithmetic(drawing.arithmetic);
    let model_denoiser = SideBySide::new(&computed, drawing.batch_size)?;
    let (scale, arithmetic) = (drawing.cfg_scale, drawing.arithmetic);
    let guided = drawing.guiding.apply(model, model_denoiser, scale, at_once, arithmetic)?;
    let settings = &model.info.sample;
    let denoiser = within_range(&SampleSettings { clip: drawing.clip, ..settings.clone() }, guided);
    let request = SampleRequest {
        count: drawing.count,
        first: drawing.first,
        seed: drawing.seed,
        shape: model.shape(),
        batch_size: drawing.batch_size,
        labels: drawing.labels.clone(),
        texts: drawing.prompts.as_ref().map(|prompts| prompts.read(model)).transpose()?,
        start: drawing.start.clone(),
        unit_start: settings.unit_start,
        clock: Clock::of(model.denoiser.diffusion().clone()),
        cancel: Some(Arc::clone(&drawing.cancel)),
    };
    sample_all(denoiser.as_ref(), sampler, path, &request, device, progress)
}

/// `inner` with its pictures kept in their range, as `settings` say.
pub(crate) fn within_range<'a>(
    settings: &SampleSettings,
    inner: impl Denoiser + 'a,
) -> Box<dyn Denoiser + 'a> {
    match settings.threshold {
        _ if !settings.clip => Box::new(inner),
        Some([ratio, max]) => Box::new(Thresholded::new(inner, ratio, max)),
        None => Box::new(Clipped::new(inner, settings.clip_range)),
    }
}

/// As [`draw_tensor`]. `progress` is told the share that is done; its error stops the work.
///
/// # Errors
/// As [`draw`], and what `progress` says.
pub fn draw_watched(
    model: &Model,
    drawing: &Drawing,
    device: &Device,
    mut progress: impl FnMut(f64) -> Result<()>,
) -> Result<Tensor<4>> {
    let mut stopped = None;
    let drawn = draw_tensor(model, drawing, device, |at| {
        if let Err(error) = progress(at.fraction()) {
            drawing.cancel.store(true, Ordering::Relaxed);
            stopped = Some(error);
        }
    });
    stopped.map_or(drawn, Err)
}

impl Drawing {
    /// Whether `model` can be sampled so, as far as is known without drawing.
    ///
    /// # Errors
    /// Usage: an unknown sampler or spacing, steps out of range, guidance for a model without classes.
    pub fn check(&self, model: &Model) -> Result<()> {
        self.method(model).map(drop)
    }

    pub(crate) fn method(&self, model: &Model) -> Result<(Vec<Level>, Box<dyn Sampler>)> {
        let spacing = placed(&model.info.sample, &self.sampler, &self.spacing, self.steps)?;
        let path = path(model.denoiser.diffusion(), &spacing, self.steps)?;
        let sampler = SAMPLERS.build(&self.sampler)?;
        self.guiding.rule(model, self.cfg_scale)?;
        Prompts::check(self.prompts.as_ref(), model)?;
        Ok((path, sampler))
    }
}

/// The noise levels of `steps` steps of `spacing`.
///
/// # Errors
/// Usage: an unknown spacing, or steps outside 1 to 10000.
pub fn path(diffusion: &Diffusion, spacing: &str, steps: usize) -> Result<Vec<Level>> {
    if !(1..=10_000).contains(&steps) {
        return Err(Error::usage(format!("{steps} steps must lie in 1 to 10000")));
    }
    SPACINGS.build(spacing)?.path(diffusion, steps)
}

/// Labels for `count` pictures that take the classes in turn.
pub fn even_labels(classes: usize, count: usize) -> Vec<Option<u32>> {
    (0..count).map(|index| Some((index % classes.max(1)) as u32)).collect()
}

impl Recipe {
    /// The recipe of picture number `index` (from 0) of `drawing`.
    pub fn of(model: &Model, drawing: &Drawing, index: usize) -> Self {
        let label = drawing.labels.as_ref().and_then(|labels| labels[index]);
        let Adapting { lora, clip_skip } = model.adapting();
        Self {
            lora,
            clip_skip,
            command: "sample".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: model.name.clone(),
            model_hash: model.hash.clone(),
            seed: drawing.seed,
            image: drawing.first + index as u64,
            steps: drawing.steps,
            sampler: drawing.sampler.clone(),
            spacing: drawing.spacing.clone(),
            cfg_scale: drawing.cfg_scale,
            guidance: drawing.guiding.named().map(str::to_owned),
            guide: drawing.guiding.guide.as_ref().map(|guide| guide.name.clone()),
            guide_hash: drawing.guiding.guide.as_ref().map(|guide| guide.hash.clone()),
            prompt: drawing.prompts.as_ref().map(|prompts| prompts.each[index].clone()),
            negative: drawing
                .prompts
                .as_ref()
                .map(|prompts| prompts.negative.clone())
                .filter(|negative| !negative.is_empty()),
            clip: drawing.clip,
            class: label.map(|label| model.info.classes[label as usize].clone()),
            size: model.info.size,
            dtype: if drawing.arithmetic == Arithmetic::Bf16 { "bf16" } else { "f32" }.to_owned(),
            exact: drawing.arithmetic == Arithmetic::Exact,
            init_noise: drawing.start.is_some(),
        }
    }

    /// What the picture shows, in the words of who asked for it, and what it should not.
    fn says(&self) -> String {
        let shown = self.prompt.as_deref().or(self.class.as_deref()).unwrap_or_default();
        match &self.negative {
            Some(negative) => format!("{shown}\nNegative prompt: {negative}"),
            None => shown.to_owned(),
        }
    }

    /// The text chunks of the picture: `parameters` in the grammar of A1111, and `langevin` as JSON.
    pub fn to_text(&self) -> Vec<(&'static str, String)> {
        // A value with commas stands in quotation marks.
        let guidance =
            self.guidance.as_ref().map_or(String::new(), |guidance| format!(" Guidance: {guidance:?},"));
        let adapted = Adapting { lora: self.lora.clone(), clip_skip: self.clip_skip }.says();
        let parameters = format!(
            "{}\nSteps: {}, Sampler: {}, Schedule type: {}, CFG scale: {},{guidance} Seed: {}, Image: {}, Size: {}x{}, Model hash: {}, Model: {}{adapted}, Version: langevin {}",
            self.says(),
            self.steps,
            self.sampler,
            self.spacing,
            self.cfg_scale,
            self.seed,
            self.image,
            self.size.0,
            self.size.1,
            self.model_hash,
            self.model,
            self.version,
        );
        let json = serde_json::to_string(self).expect("a recipe is plain values");
        vec![("parameters", parameters), ("langevin", json)]
    }

    /// The recipe in the PNG file `bytes`.
    ///
    /// # Errors
    /// Bad input, when the file is not a PNG or carries no recipe of this program.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let text = langevin_figures::png::text(bytes)?;
        let (_, json) = text.iter().find(|(keyword, _)| keyword == "langevin").ok_or_else(|| {
            Error::bad_input("carries no recipe of this program")
                .hint("only pictures from `langevin sample` without --no-metadata carry one")
        })?;
        serde_json::from_str(json)
            .map_err(|error| Error::bad_input(format!("its recipe cannot be read: {error}")))
    }
}
