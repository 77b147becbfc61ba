//! The model file: one safetensors file whose metadata says everything that is needed to sample.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use langevin_core::{Context, Error, NamedTensors, Preconditioned, Result, tensor_file};
use langevin_nn::{Backbone, NetworkConfig};
use langevin_process::{Diffusion, DiffusionSpec, nearest};
use serde::{Deserialize, Serialize};

use crate::adapting::Adapting;
use crate::answers::Answers;
use crate::autoencoding::{self, Codec};
use crate::known::{KNOWN, Known};
use crate::latents::{self, LatentInfo};
use crate::own::Grid;
use crate::restorer::Task;
use crate::settings::SampleSettings;
use crate::shipped::SHIPPED;
use crate::stable_diffusion::Encoders;
use crate::texts::TextInfo;
use crate::tuned::Tuned;

const KEY: &str = "langevin";
/// Longest side in pixels that a model file may claim to draw.
const LARGEST_SIDE: usize = 16_384;

/// What a model file says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelInfo {
    /// Version of this description, 1.
    pub version: u32,
    /// Width and height of its pictures in pixels.
    pub size: (usize, usize),
    /// Channels of its pictures.
    pub channels: usize,
    /// Names of its classes; empty when it is unconditional.
    pub classes: Vec<String>,
    /// What it restores, if it is a restorer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// The autoencoder whose latents it draws, if it draws no pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent: Option<LatentInfo>,
    /// The tokenizer of what it is told in words, if it is told anything so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextInfo>,
    /// The network.
    pub network: NetworkConfig,
    /// The noise and what the network predicts.
    pub diffusion: DiffusionSpec,
    /// How to sample it when nothing else is said.
    pub sample: SampleSettings,
    /// The data it was trained on, as the user named it.
    pub data: String,
    /// The preset it was trained with.
    pub preset: String,
    /// Pictures seen in training.
    pub images: u64,
    /// Seed of the training.
    pub seed: u64,
}

/// A model ready to sample.
#[derive(Debug, Clone)]
pub struct Model {
    /// What it says of itself.
    pub info: ModelInfo,
    /// The denoiser, of latents where there is a codec.
    pub denoiser: Answers,
    /// What makes pictures of latents, where the model draws those.
    pub codec: Option<Codec>,
    /// What encodes texts, where that is no part of the network.
    pub encoders: Option<Encoders>,
    /// First 16 hexadecimal digits of the BLAKE3 sum of the file, or of the name of a model without one.
    pub hash: String,
    /// Where it was read from, or `builtin:NAME`.
    pub name: String,
    /// What was left out or is done in another way than its folder says, in words.
    pub notes: Vec<String>,
}

impl ModelInfo {
    /// The metadata of a model file.
    pub fn to_metadata(&self) -> BTreeMap<String, String> {
        let text = serde_json::to_string(self).expect("a description is plain values");
        BTreeMap::from([
            (KEY.to_owned(), text),
            ("format".to_owned(), "pt".to_owned()),
            ("modelspec.architecture".to_owned(), "langevin/unet".to_owned()),
            ("modelspec.resolution".to_owned(), format!("{}x{}", self.size.0, self.size.1)),
        ])
    }

    /// `[channels, height, width]` of what the network denoises: its pictures, or their latents.
    pub fn shape(&self) -> [usize; 3] {
        let (width, height) = self.size;
        match &self.latent {
            None => [self.channels, height, width],
            Some(latent) => {
                let factor = latent.network.factor();
                [latent.network.code_dim(), height / factor, width / factor]
            }
        }
    }

    /// How many times its pictures are magnified on sheets, so that small ones can be seen: 1 to 4.
    pub fn magnification(&self) -> usize {
        (64 / self.size.0).clamp(1, 4)
    }

    /// What the metadata of a model file say.
    ///
    /// # Errors
    /// Bad input, where they say nothing, or not in this way.
    pub(crate) fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self> {
        let text = metadata.get(KEY).ok_or_else(|| {
            if metadata.contains_key(autoencoding::KEY) {
                return Error::bad_input("an autoencoder, which draws nothing by itself")
                    .hint("train a model of its latents with `langevin train DATA --latent` and this file");
            }
            Error::bad_input(
                "a safetensors file, but not a model of this program: its metadata has no \"langevin\"",
            )
            .hint("use a model.safetensors that `langevin train` wrote")
        })?;
        serde_json::from_str(text).map_err(|error| {
            Error::bad_input(format!("its description cannot be read: {error}"))
                .hint("it may come from a newer version, or be damaged")
        })
    }
}

impl Model {
    /// Reads the model that `spec` names: a run folder, a `.safetensors` file, a diffusers folder, a checkpoint of Stable Diffusion or
    /// `builtin:NAME`; one that draws pictures by itself.
    ///
    /// # Errors
    /// Bad input, beginning with the file's name, when it is missing, damaged or something else (saying what). Usage: a
    /// restorer, which [`Model::open_any`] opens.
    pub fn open(spec: &str, device: &Device) -> Result<Self> {
        Self::open_any(spec, device)?.that_draws()
    }

    /// The model, where it draws pictures by itself.
    ///
    /// # Errors
    /// Usage: a restorer, a network that fills in holes.
    pub fn that_draws(self) -> Result<Self> {
        match &self.info.task {
            Some(task) => Err(task.refusal(&self.name, "and draws nothing by itself")),
            None if self.fills_holes() => Err(Error::usage(format!(
                "{}: was trained to fill in holes of pictures, and draws nothing by itself",
                self.name
            ))
            .hint("give it a picture and its hole with `langevin inpaint`")),
            None => Ok(self),
        }
    }

    /// Whether its network of latents is told of the hole of a picture and of the rest, as those of Stable Diffusion for inpainting.
    pub fn fills_holes(&self) -> bool {
        self.codec.is_some() && self.info.network.condition_channels > 0
    }

    /// As [`Model::open`], for work on the pixels themselves.
    ///
    /// # Errors
    /// As [`Model::open`]; usage, for a model of latents.
    pub fn open_pixels(spec: &str, device: &Device) -> Result<Self> {
        let model = Self::open(spec, device)?;
        model.check_pixels()?;
        Ok(model)
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
            "{}: denoises latents, which an autoencoder turns into pictures, and this works on the pixels themselves",
            self.name
        ))
        .hint("take a model of pixels; latents can be drawn with `langevin sample` and judged with `langevin eval`"))
    }

    /// As [`Model::open`], restorers among them.
    ///
    /// # Errors
    /// Bad input, as [`Model::open`].
    pub fn open_any(spec: &str, device: &Device) -> Result<Self> {
        if let Some(name) = spec.strip_prefix("builtin:") {
            if let Some(known) = KNOWN.iter().find(|known| known.name == name) {
                return Self::known(known);
            }
            let shipped = SHIPPED.iter().find(|shipped| shipped.name == name).ok_or_else(|| {
                let known = || KNOWN.iter().map(|known| known.name);
                let names = || SHIPPED.iter().map(|shipped| shipped.name).chain(known());
                let error = Error::usage(format!("no shipped model is called \"{name}\""));
                let near = nearest(name, names()).or(names().next()).unwrap_or_default();
                error.hint(format!("there is builtin:{near}; see `langevin list models`"))
            })?;
            return Self::from_bytes(shipped.bytes, spec, device);
        }
        if crate::folder::is_folder(Path::new(spec)) {
            return crate::folder::read(Path::new(spec), device);
        }
        if langevin_hub::is_single_file(Path::new(spec)) {
            return crate::stable_diffusion::read(Path::new(spec), &Adapting::default(), device);
        }
        let bytes = read_model_bytes(Path::new(spec))?;
        Self::from_bytes(&bytes, spec, device).map_err(|error| error.within(spec))
    }

    /// Whether `spec` names a model, not data: a run, a folder of diffusers, a safetensors file, or one that comes with the
    /// binary.
    pub fn is_named(spec: &str) -> bool {
        if let Some(name) = spec.strip_prefix("builtin:") {
            let known = KNOWN.iter().map(|known| known.name);
            return SHIPPED.iter().map(|shipped| shipped.name).chain(known).any(|own| own == name);
        }
        let path = Path::new(spec);
        if path.is_dir() {
            let is_run = ["model.safetensors", "run.toml"].iter().any(|name| path.join(name).exists());
            return is_run || crate::folder::is_folder(path);
        }
        let mut head = [0_u8; 9];
        let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
        // The length of a safetensors header, and its brace.
        read.is_ok() && head[8] == b'{' && head[5..8] == [0; 3]
    }

    /// A model that is known in closed form.
    fn known(known: &Known) -> Result<Self> {
        let info = known.info();
        let diffusion = Diffusion::new(&info.diffusion)?;
        let name = format!("builtin:{}", known.name);
        let hash = blake3::hash(name.as_bytes()).to_hex()[..16].to_owned();
        Ok(Self {
            denoiser: Answers::Known((known.distribution)(), diffusion),
            codec: None,
            encoders: None,
            info,
            hash,
            name,
            notes: Vec::new(),
        })
    }

    /// Reads a model from the bytes of its file; `name` is what to call it.
    ///
    /// # Errors
    /// Bad input, when they are not a whole model file.
    pub fn from_bytes(bytes: &[u8], name: &str, device: &Device) -> Result<Self> {
        refuse_strangers(bytes)?;
        let (mut tensors, metadata) = tensor_file::decode(bytes)?;
        let info = ModelInfo::from_metadata(&metadata)?;
        let take = |latent| latents::take_codec(latent, info.size, &mut tensors, device);
        let codec = info.latent.as_ref().map(take).transpose()?;
        Ok(Self {
            denoiser: Answers::Network(Box::new(build(&info, tensors, device)?)),
            codec,
            encoders: None,
            info,
            hash: blake3::hash(bytes).to_hex()[..16].to_owned(),
            name: name.to_owned(),
            notes: Vec::new(),
        })
    }

    /// `[channels, height, width]` of what it denoises: its pictures, or their latents.
    pub fn shape(&self) -> [usize; 3] {
        self.info.shape()
    }

    /// `[channels, height, width]` of its pictures.
    pub fn picture_shape(&self) -> [usize; 3] {
        [self.info.channels, self.info.size.1, self.info.size.0]
    }

    /// The pictures of what was drawn, both in `[count, channels, height, width]`: the same, or decoded latents.
    ///
    /// # Errors
    /// Failed, when the system gives no threads.
    pub fn pictures(&self, drawn: Tensor<4>) -> Result<Tensor<4>> {
        match &self.codec {
            Some(codec) => codec.decode(drawn),
            None => Ok(drawn),
        }
    }

    /// About what [`Model::pictures`] gives, at almost no cost: for watching a drawing.
    pub fn glimpses(&self, drawn: Tensor<4>) -> Tensor<4> {
        match &self.codec {
            Some(codec) => codec.glimpses(drawn),
            None => drawn,
        }
    }

    /// The same, its latents watched through the tiny decoder in `folder`.
    ///
    /// # Errors
    /// Usage: a model of pixels, or a decoder for other latents. Bad input, as [`Codec::watched_through`].
    pub fn watched_through(mut self, folder: &Path, device: &Device) -> Result<Self> {
        let codec = self.codec.take().ok_or_else(|| {
            Error::usage(format!("{}: draws pixels, which need no decoder to be watched", self.name))
        })?;
        self.codec = Some(codec.watched_through(folder, device)?);
        Ok(self)
    }

    /// The strength of guidance when nothing else is said: 1, which is none, for a model without classes.
    pub fn cfg_scale(&self) -> f64 {
        if self.is_conditional() { self.info.sample.cfg_scale } else { 1.0 }
    }

    /// Whether it can be told what to draw: a class, or words.
    pub fn is_conditional(&self) -> bool {
        !self.info.classes.is_empty() || self.is_told_texts()
    }

    /// Whether it is told texts.
    pub fn is_told_texts(&self) -> bool {
        self.info.text.is_some() || self.encoders.is_some()
    }

    /// What the model is told by the text that says nothing, for `count` pictures.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub fn read_nothing(&self, count: usize) -> Result<Context> {
        match &self.encoders {
            Some(encoders) => encoders.nothing(count),
            None => self.read(&vec![""; count]),
        }
    }

    /// Tokens at the end of `text` that find no room, most of all that the model's tokenizers make of it; none without a tokenizer.
    ///
    /// # Errors
    /// Bad input, where the tokenizer is damaged.
    pub fn cut_off(&self, text: &str) -> Result<usize> {
        let own = self.info.text.as_ref().map(TextInfo::tokenizer).transpose()?;
        let all = self.encoders.iter().flat_map(Encoders::tokenizers).chain(&own);
        Ok(all.map(|tokenizer| tokenizer.encode(text).cut).max().unwrap_or(0))
    }

    /// What the model is told by `texts`, one for each picture.
    ///
    /// # Errors
    /// Usage, for a model that is not told of texts.
    pub fn read(&self, texts: &[&str]) -> Result<Context> {
        if let Some(encoders) = &self.encoders {
            return encoders.read(texts);
        }
        match (&self.info.text, self.denoiser.network()) {
            (Some(info), Some(network)) => info.read(network, texts),
            _ => Err(Error::usage(format!(
                "{}: was trained without texts, so it cannot be told one",
                self.name
            ))
            .hint("leave the prompt out, or train with --captions")),
        }
    }

    /// As [`Model::read`], of what is not wanted.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub(crate) fn read_unwanted(&self, texts: &[&str]) -> Result<Context> {
        match &self.encoders {
            Some(encoders) => encoders.read_unwanted(texts),
            None => self.read(texts),
        }
    }

    /// What changed it as it was opened.
    pub fn adapting(&self) -> Adapting {
        self.encoders.as_ref().map(|encoders| encoders.adapting().clone()).unwrap_or_default()
    }

    /// The number of the class that `name` names: its name, or its number.
    ///
    /// # Errors
    /// Usage, for a model without classes or an unknown class, with the nearest name.
    pub fn class(&self, name: &str) -> Result<u32> {
        let classes = &self.info.classes;
        if classes.is_empty() {
            return Err(Error::usage(format!(
                "{}: was trained without classes, so class \"{name}\" cannot be asked for",
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

/// Writes what was measured to serve best, and the levels of its own if some were found, into the file of the model `spec`, a run folder or a `.safetensors` file, and gives
/// the file's path. The weights stay as they are, byte for byte.
///
/// # Errors
/// Usage, for a model that comes with the binary. Bad input, when the file is not a model. Failed, when it cannot be written.
pub fn write_tuned(spec: &str, tuned: &[Tuned], grids: Option<&[Grid]>) -> Result<PathBuf> {
    if spec.starts_with("builtin:") {
        return Err(Error::usage(format!(
            "{spec}: comes with the binary, so nothing can be written into it"
        )));
    }
    let path = Path::new(spec);
    let path = if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() };
    let bytes = read_model_bytes(&path)?;
    let change = || {
        let (_, mut metadata) = tensor_file::decode(&bytes)?;
        let mut info = ModelInfo::from_metadata(&metadata)?;
        info.sample.tuned = tuned.to_vec();
        if let Some(grids) = grids {
            info.sample.grids = grids.to_vec();
        }
        metadata.extend(info.to_metadata());
        tensor_file::with_metadata(&bytes, &metadata)
    };
    let changed = change().map_err(|error| error.within(path.display()))?;
    langevin_files::replace_file(&path, &changed)?;
    Ok(path)
}

/// The bytes of the model at `path`, a file or a run folder.
pub(crate) fn read_model_bytes(path: &Path) -> Result<Vec<u8>> {
    let bad = |what: String| Error::bad_input(format!("{}: {what}", path.display()));
    if path.is_dir() {
        let inner = path.join("model.safetensors");
        if inner.is_file() {
            return read_model_bytes(&inner);
        }
        let error = bad("a folder without a model.safetensors".to_owned());
        return Err(if path.join("run.toml").exists() {
            error.hint("it is a run that has not saved anything yet: let it train on")
        } else {
            error.hint("give a run folder, a model.safetensors, a diffusers folder, or builtin:shapes")
        });
    }
    std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => bad("there is no such file or folder".to_owned())
            .hint("give a run folder, a model.safetensors, or builtin:shapes"),
        _ => bad(error.to_string()),
    })
}

pub(crate) fn refuse_strangers(bytes: &[u8]) -> Result<()> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let what = if bytes.is_empty() {
        "an empty file"
    } else if starts(b"PK\x03\x04") || is_pickle(bytes) {
        let what = "a pickle checkpoint (.ckpt, .pt), which can run code when Python opens it, and says nothing of its network";
        return Err(Error::bad_input(what).hint(
            "put it into a diffusers folder beside its config.json, or take its tensors out with `langevin convert`",
        ));
    } else if starts(b"\x89PNG") || starts(b"\xff\xd8\xff") || starts(b"GIF8") {
        "a picture, not a model"
    } else if starts(b"GGUF") {
        "a GGUF file, which holds no model of this program"
    } else {
        return Ok(());
    };
    Err(Error::bad_input(what).hint("give a model.safetensors that `langevin train` wrote"))
}

/// Pickle begins with its protocol, 2 to 5. The length of a safetensors header may read the same; its brace tells.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..]) && bytes.get(8) != Some(&b'{')
}

/// Makes the network that `info` describes and fills in its tensors.
pub(crate) fn build(
    info: &ModelInfo,
    tensors: NamedTensors,
    device: &Device,
) -> Result<Preconditioned<Backbone>> {
    if info.version != 1 {
        return Err(Error::bad_input(format!(
            "is described in version {}, this program reads 1",
            info.version
        ))
        .hint("use a newer langevin"));
    }
    let damaged = |error: Error| {
        Error::bad_input(error.message().to_owned()).hint("the file is damaged, or was changed by hand")
    };
    info.network.check().map_err(damaged)?;
    let mut told = info.task.as_ref().map_or(0, |task| task.condition_channels(info.channels));
    if let Some(latent) = &info.latent {
        latent.check(info).map_err(damaged)?;
        // The hole, and the latents of the rest.
        let filling = 1 + latent.network.code_dim();
        if info.network.condition_channels == filling {
            told = filling;
        }
    }
    let encoder = info.network.text.as_ref().and_then(|text| text.encoder.as_ref());
    let words = info.text.as_ref().map(|text| (text.tokens.len(), text.length));
    if encoder.map(|encoder| (encoder.vocabulary, encoder.positions)) != words {
        return Err(damaged(Error::bad_input("its encoder of texts does not fit its tokenizer")));
    }
    let [channels, rows, columns] = info.shape();
    let fits = info.network.classes == info.classes.len() && info.network.in_channels == channels;
    if !fits || info.network.out_channels != channels || info.network.condition_channels != told {
        return Err(damaged(Error::bad_input("its network does not fit its channels, classes and task")));
    }
    let (width, height) = info.size;
    info.network.check_size(rows, columns).map_err(damaged)?;
    if width.max(height) > LARGEST_SIDE {
        return Err(damaged(Error::bad_input(format!("it claims pictures of {width}x{height}"))));
    }
    // A description may claim a network that no memory holds; its file cannot.
    let stored: u64 = tensors.values().map(|(_, values)| values.len() as u64).sum();
    let side = info.network.size_multiple();
    let claimed = info.network.estimate(side, side).parameters;
    if claimed > stored {
        let message = format!("it holds {stored} numbers, where the network it describes has {claimed}");
        return Err(damaged(Error::bad_input(message)));
    }
    let network = info.network.blank_backbone(device).map_err(damaged)?;
    let network = langevin_nn::load_whole(network, tensors)?;
    Ok(Preconditioned::new(network, Diffusion::new(&info.diffusion).map_err(damaged)?))
}
