//! A model ready to sample, and what can be asked of it.

use std::path::Path;
use std::sync::OnceLock;

use burn::tensor::{Device, Tensor};
use langevin_core::{Context, Error, Result};
use langevin_process::nearest;

use crate::adaptation::Adaptation;
use crate::codec::Codec;
use crate::denoiser::ModelDenoiser;
use crate::description::ModelInfo;
use crate::text::TextConditioner;

/// A model ready to sample.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its description.
    pub info: ModelInfo,
    /// The denoiser, of latents where there is a codec.
    pub denoiser: ModelDenoiser,
    /// The autoencoder that decodes its latents, for a latent model.
    pub codec: Option<Codec>,
    /// What encodes prompts.
    pub text: TextConditioner,
    /// Where it was read from, or `builtin:NAME`.
    pub name: String,
    /// What was left out or is done in another way than its folder says, in words.
    pub notes: Vec<String>,
    /// See [`Model::hash`]; known at once where the file's bytes were at hand.
    pub(crate) hash: OnceLock<String>,
}

impl Model {
    /// A model of its parts, called `name`.
    pub fn new(
        info: ModelInfo,
        denoiser: ModelDenoiser,
        codec: Option<Codec>,
        text: TextConditioner,
        name: impl Into<String>,
    ) -> Self {
        Self { info, denoiser, codec, text, name: name.into(), notes: Vec::new(), hash: OnceLock::new() }
    }

    /// The same with a hash that is known already.
    #[must_use]
    pub(crate) fn hashed(self, hash: String) -> Self {
        Self { hash: OnceLock::from(hash), ..self }
    }

    /// The model, where it draws images by itself.
    ///
    /// # Errors
    /// Usage: a restorer, a network that fills in holes.
    pub fn require_generator(self) -> Result<Self> {
        match &self.info.task {
            Some(task) => Err(task.refusal(&self.name, "and generates nothing by itself")),
            None if self.is_inpainting_model() => Err(Error::usage(format!(
                "{}: was trained to inpaint and generates nothing by itself",
                self.name
            ))
            .hint("give it an image and its hole with `langevin inpaint`")),
            None => Ok(self),
        }
    }

    /// Whether its network of latents is told of the hole of an image and of the rest, as those of Stable Diffusion for inpainting.
    pub fn is_inpainting_model(&self) -> bool {
        self.codec.is_some() && self.info.network.condition_channels > 0
    }

    /// Whether it denoises pixels.
    ///
    /// # Errors
    /// Usage, for a model of latents.
    pub fn check_pixels(&self) -> Result<()> {
        if self.codec.is_none() {
            return Ok(());
        }
        Err(Error::usage(format!(
            "{}: denoises latents, which an autoencoder turns into images, and this works on the pixels themselves",
            self.name
        ))
        .hint("take a pixel model; latent models work with `langevin sample` and `langevin eval`"))
    }

    /// The lowest and highest noise `sigma / alpha` that it was trained for.
    pub fn sigma_range(&self) -> (f64, f64) {
        let diffusion = self.denoiser.diffusion();
        (diffusion.lowest().ratio(), diffusion.highest().ratio())
    }

    /// `[channels, height, width]` of what it denoises: its images, or their latents.
    pub fn shape(&self) -> [usize; 3] {
        self.info.shape()
    }

    /// `[channels, height, width]` of its images.
    pub fn image_shape(&self) -> [usize; 3] {
        [self.info.channels, self.info.size.1, self.info.size.0]
    }

    /// The images of what was drawn, both in `[count, channels, height, width]`: the same, or decoded latents.
    ///
    /// # Errors
    /// Failed, when the system gives no threads.
    pub fn decode(&self, drawn: Tensor<4>) -> Result<Tensor<4>> {
        match &self.codec {
            Some(codec) => codec.decode(drawn),
            None => Ok(drawn),
        }
    }

    /// About what [`Model::decode`] gives, at almost no cost: for watching a drawing.
    pub fn previews(&self, drawn: Tensor<4>) -> Tensor<4> {
        match &self.codec {
            Some(codec) => codec.previews(drawn),
            None => drawn,
        }
    }

    /// The same, its latents watched through the tiny decoder in `folder`.
    ///
    /// # Errors
    /// Usage: a model of pixels, or a decoder for other latents. Bad input, as [`Codec::with_preview_decoder`].
    pub fn with_preview_decoder(mut self, folder: &Path, device: &Device) -> Result<Self> {
        let codec = self.codec.take().ok_or_else(|| {
            Error::usage(format!("{}: is a pixel model, whose trajectory needs no decoder", self.name))
        })?;
        self.codec = Some(codec.with_preview_decoder(folder, device)?);
        Ok(self)
    }

    /// The strength of guidance when nothing else is said: 1, which is none, for a model without classes.
    pub fn cfg_scale(&self) -> f64 {
        if self.is_conditional() { self.info.sample.cfg_scale } else { 1.0 }
    }

    /// Whether it can be told what to draw: a class, or words.
    pub fn is_conditional(&self) -> bool {
        !self.info.classes.is_empty() || self.is_text_conditioned()
    }

    /// Whether it takes prompts.
    pub fn is_text_conditioned(&self) -> bool {
        self.text.is_some()
    }

    /// The context of the empty prompt, for `count` images.
    ///
    /// # Errors
    /// As [`Model::encode_prompts`].
    pub fn encode_empty(&self, count: usize) -> Result<Context> {
        match &self.text {
            TextConditioner::Clip(encoders) => encoders.encode_empty(count),
            _ => self.encode_prompts(&vec![""; count]),
        }
    }

    /// Most tokens at the end of `text` that find no room, over all of the model's tokenizers; 0 without one.
    pub fn truncated_tokens(&self, text: &str) -> usize {
        self.text.truncated_tokens(text)
    }

    /// The contexts of `prompts`, one for each image.
    ///
    /// # Errors
    /// Usage, for a model that is not text-conditioned.
    pub fn encode_prompts(&self, prompts: &[&str]) -> Result<Context> {
        match (&self.text, self.denoiser.network()) {
            (TextConditioner::Clip(encoders), _) => encoders.encode(prompts),
            (TextConditioner::Learned(tokenizer), Some(network)) => {
                let ids: Vec<Vec<u32>> = prompts.iter().map(|text| tokenizer.encode(text).ids).collect();
                network.read(&ids)
            }
            _ => Err(Error::usage(format!("{}: was trained without texts and takes no prompt", self.name))
                .hint("leave the prompt out, or train with --captions")),
        }
    }

    /// As [`Model::encode_prompts`], of negative prompts.
    ///
    /// # Errors
    /// As [`Model::encode_prompts`].
    pub fn encode_negative(&self, prompts: &[&str]) -> Result<Context> {
        match &self.text {
            TextConditioner::Clip(encoders) => encoders.encode_negative(prompts),
            _ => self.encode_prompts(prompts),
        }
    }

    /// What changed it as it was opened.
    pub fn adaptation(&self) -> Adaptation {
        self.text.clip().map(|encoders| encoders.adaptation().clone()).unwrap_or_default()
    }

    /// The number of the class that `name` names: its name, or its number.
    ///
    /// # Errors
    /// Usage, for a model without classes or an unknown class, with the nearest name.
    pub fn class(&self, name: &str) -> Result<u32> {
        let classes = &self.info.classes;
        if classes.is_empty() {
            return Err(Error::usage(format!(
                "{}: was trained without classes, so it has no class \"{name}\"",
                self.name
            ))
            .hint("leave --class out, or train with --class-conditional"));
        }
        if let Some(at) = classes.iter().position(|class| class.eq_ignore_ascii_case(name)) {
            return Ok(at as u32);
        }
        if let Ok(number) = name.parse::<u32>()
            && (number as usize) < classes.len()
        {
            return Ok(number);
        }
        let error = Error::usage(format!("{}: has no class \"{name}\"", self.name));
        Err(match nearest(name, classes.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean \"{near}\"?")),
            None => error.hint(format!("it has: {}", classes.join(", "))),
        })
    }
}
