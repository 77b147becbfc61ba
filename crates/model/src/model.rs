//! A model ready to sample, and what can be asked of it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use burn::tensor::{Device, Tensor};
use langevin_core::{Context, Denoiser, Error, Preconditioned, Result, Size};
use langevin_nn::Backbone;
use langevin_process::{Diffusion, nearest};

use crate::adaptation::Adaptation;
use crate::codec::Codec;
use crate::denoiser::ModelDenoiser;
use crate::description::ModelInfo;
use crate::text::TextConditioner;

/// A model ready to sample.
///
/// It is opened from whatever a path or a name is, or made of a denoiser of one's own ([`Model::custom`]). It is data, with its
/// [`ModelDenoiser`]; a [`Pipeline`](crate::Pipeline) evaluates it.
///
/// # Examples
/// ```
/// use burn::tensor::Device;
/// use langevin_model::Model;
///
/// let model = Model::open("builtin:ring8", &Device::flex())?;
/// assert_eq!(model.shape(), [2, 1, 1]);
/// assert_eq!(model.info.sample.sampler, "heun");
/// assert!(!model.is_conditional());
/// # Ok::<(), langevin_core::Error>(())
/// ```
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

    /// A model of images of `size`, width and height, with `channels`, whose denoiser is the caller's own, under the noise of
    /// `diffusion`. It is sampled and restores as every model does; it has no weights to store or to train on, no derivative,
    /// and its hash is that of its name. Classes and settings are set in its `info`.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use langevin_core::{Cond, Denoiser, Levels, Result};
    /// use langevin_model::Model;
    /// use langevin_process::{Diffusion, DiffusionSpec};
    ///
    /// /// The exact denoiser of standard normal noise: `E[x0 | x] = alpha x / (alpha^2 + sigma^2)`.
    /// struct Normal;
    ///
    /// impl Denoiser for Normal {
    ///     fn denoise(&self, x: Tensor<4>, at: &Levels, _: &Cond) -> Result<Tensor<4>> {
    ///         let device = x.device();
    ///         Ok(x * at.map(&device, |level| level.alpha / level.magnitude().powi(2)))
    ///     }
    /// }
    ///
    /// let model = Model::custom("normal", (8, 8), 3, Diffusion::new(&DiffusionSpec::default())?, Normal);
    /// assert_eq!(model.shape(), [3, 8, 8]);
    /// # Ok::<(), langevin_core::Error>(())
    /// ```
    pub fn custom(
        name: impl Into<String>,
        size: impl Into<Size>,
        channels: usize,
        diffusion: Diffusion,
        denoiser: impl Denoiser + 'static,
    ) -> Self {
        let info = ModelInfo::plain(size.into(), channels, diffusion.spec().clone());
        let denoiser = ModelDenoiser::Custom(Arc::new(denoiser), diffusion);
        Self::new(info, denoiser, None, TextConditioner::None, name)
    }

    /// A model of pixels, of images of `size`, width and height, whose network is in memory: one with weights of the caller's own.
    /// It can be stored and converted as every model. The classes of the network go by their numbers; `info` may name them.
    ///
    /// # Errors
    /// Usage: a size that the network does not take, other channels out than in, a network that is conditioned on an image or on texts.
    pub fn of_network(
        name: impl Into<String>,
        size: impl Into<Size>,
        network: Preconditioned<Backbone>,
    ) -> Result<Self> {
        let config = network.network.config().clone();
        let size = size.into();
        config.check_size(size.height, size.width)?;
        let plain = config.condition_channels == 0 && config.text.is_none();
        if !plain || config.in_channels != config.out_channels {
            return Err(Error::usage(
                "only a network from noisy images alone to images is a model by itself",
            ));
        }
        let info = ModelInfo {
            classes: (0..config.classes).map(|class| class.to_string()).collect(),
            network: config.clone(),
            ..ModelInfo::plain(size, config.in_channels, network.diffusion.spec().clone())
        };
        Ok(Self::new(info, ModelDenoiser::Network(Box::new(network)), None, TextConditioner::None, name))
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

    /// Whether its network of latents is conditioned on the hole of an image and on the rest, as those of Stable Diffusion for inpainting.
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

    /// Whether all of its weights are finite, which opening a model does not look at.
    ///
    /// # Errors
    /// Bad input, naming the first tensor with a value that is not.
    pub fn check_weights(&self) -> Result<()> {
        let tensors = self.denoiser.network().map(langevin_nn::export).unwrap_or_default();
        let broken = tensors.iter().find(|(_, (_, values))| values.iter().any(|value| !value.is_finite()));
        let Some((tensor, _)) = broken else { return Ok(()) };
        let adapted = !self.adaptation().lora.is_empty();
        let error = Error::bad_input(format!(
            "{}: its tensor {tensor} holds values that are not finite, and so does what it answers",
            self.name
        ));
        Err(error.hint(match adapted {
            true => {
                "one of the LoRA files is damaged or too strong, or the model is: leave --lora out to see"
            }
            false => "the training that wrote it diverged, or the file is damaged: take an earlier one",
        }))
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
        [self.info.channels, self.info.size.height, self.info.size.width]
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

    /// The same, generating images of `size`.
    ///
    /// # Errors
    /// Usage, where its images have one size alone, or their sides must be multiples of another number.
    pub fn resized(mut self, size: Size) -> Result<Self> {
        if size == self.info.size {
            return Ok(self);
        }
        let network = &self.info.network;
        let by_network = self.denoiser.network().is_some() && network.transformer.is_none();
        if !by_network || (self.codec.is_none() && !network.takes_any_size()) {
            return Err(Error::usage(format!(
                "{}: generates images of {} alone, not {size}",
                self.name, self.info.size
            ))
            .hint("leave --width, --height and --size out; `langevin upscale` enlarges images"));
        }
        let multiple = self.codec.as_ref().map_or(1, Codec::factor) * network.size_multiple();
        if !size.width.is_multiple_of(multiple) || !size.height.is_multiple_of(multiple) {
            let near = |side: usize| (side + multiple / 2) / multiple * multiple;
            let [width, height] = [size.width, size.height].map(|side| near(side).max(multiple));
            return Err(Error::usage(format!(
                "{}: the sides of its images are multiples of {multiple}, not {size}",
                self.name
            ))
            .hint(format!("the nearest is --width {width} --height {height}")));
        }
        self.info.size = size;
        Ok(self)
    }

    /// Images that are sampled where nothing else is said: one of a pipeline from texts through latents, whose images are large.
    pub fn default_count(&self) -> usize {
        if self.codec.is_some() && self.is_text_conditioned() { 1 } else { 16 }
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

    /// Whether it is conditional: on a class, or on words.
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

    /// The number of the class that `name` names: its name as it stands, its name in other letters where no other class has that, or its
    /// number.
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
        if let Some(at) = classes.iter().position(|class| class == name) {
            return Ok(at as u32);
        }
        let alike: Vec<usize> =
            (0..classes.len()).filter(|at| classes[*at].eq_ignore_ascii_case(name)).collect();
        match alike[..] {
            [] => {}
            [at] => return Ok(at as u32),
            _ => {
                let names: Vec<&str> = alike.iter().map(|at| classes[*at].as_str()).collect();
                return Err(Error::usage(format!(
                    "{}: \"{name}\" may be any of the classes {}",
                    self.name,
                    names.join(", ")
                ))
                .hint("write its name as it stands there"));
            }
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
