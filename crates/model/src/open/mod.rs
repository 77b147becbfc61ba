//! What a path or a name is, decided in one place by content, and how a model is opened.

mod diffusers;
mod native;
mod stable_diffusion;

use std::fs::File;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use langevin_core::{Error, Result, path_of, tensor_file};
use langevin_process::{folded, nearest};

use crate::adaptation::{Adaptation, Lora};
use crate::closed_form::{CLOSED_FORM, ClosedFormModel};
use crate::codec;
use crate::description;
use crate::file::{missing, read_model_bytes};
use crate::model::Model;
use crate::shipped::{SHIPPED, Shipped};

/// What a path, or a name that begins with `builtin:`, is.
#[derive(Debug, Clone)]
pub enum Source {
    /// A model that ships with the program.
    Shipped(&'static Shipped),
    /// A closed-form model.
    ClosedForm(&'static ClosedFormModel),
    /// A run folder of this program; it may not have saved a model yet.
    Run(PathBuf),
    /// A model file of this program.
    Native(PathBuf),
    /// An autoencoder of this program: its file, or its run folder.
    Autoencoder(PathBuf),
    /// A folder of diffusers whose network denoises pixels.
    Diffusers(PathBuf),
    /// A folder of diffusers with an autoencoder: Stable Diffusion.
    LatentPipeline(PathBuf),
    /// Stable Diffusion in one file.
    SingleFile(PathBuf),
    /// A PyTorch checkpoint: Stable Diffusion as `.ckpt`, or the tensors of something else.
    Checkpoint(PathBuf),
    /// A safetensors file without a description of this program: a LoRA, or the tensors of another one.
    Tensors(PathBuf),
    /// A GGUF file.
    Gguf(PathBuf),
    /// An image file.
    Image(PathBuf),
    /// Anything else that is there: data, perhaps.
    Other(PathBuf),
}

impl Source {
    /// Decides what `spec` is: for a path by the content of the file or folder, never by its name.
    ///
    /// # Errors
    /// Usage: a `builtin:` name that no model has. Bad input: nothing is there, or it cannot be read.
    pub fn of(spec: &str) -> Result<Self> {
        if let Some(name) = spec.strip_prefix("builtin:") {
            return Self::builtin(name);
        }
        let path = path_of(spec);
        if path.is_dir() {
            return Ok(Self::folder(&path));
        }
        Self::file(&path)
    }

    fn builtin(name: &str) -> Result<Self> {
        if let Some(known) = CLOSED_FORM.iter().find(|known| folded(known.name) == folded(name)) {
            return Ok(Self::ClosedForm(known));
        }
        if let Some(shipped) = SHIPPED.iter().find(|shipped| folded(shipped.name) == folded(name)) {
            return Ok(Self::Shipped(shipped));
        }
        let names =
            || SHIPPED.iter().map(|shipped| shipped.name).chain(CLOSED_FORM.iter().map(|known| known.name));
        let near = nearest(name, names()).or(names().next()).unwrap_or_default();
        Err(Error::usage(format!("no shipped model is called \"{name}\""))
            .hint(format!("there is builtin:{near}; see `langevin list models`")))
    }

    fn folder(path: &Path) -> Self {
        let has = |name: &str| path.join(name).is_file();
        let owned = path.to_owned();
        let model = path.join("model.safetensors");
        if has("run.toml") || (model.is_file() && !has("model_index.json")) {
            return match described_as(&model) {
                Some(Described::Autoencoder) => Self::Autoencoder(owned),
                _ => Self::Run(owned),
            };
        }
        if !langevin_hub::is_folder(path) {
            return if path.join("checkpoints").is_dir() { Self::Run(owned) } else { Self::Other(owned) };
        }
        if langevin_hub::is_latent_folder(path) {
            Self::LatentPipeline(owned)
        } else {
            Self::Diffusers(owned)
        }
    }

    fn file(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(missing(path));
        }
        let head = langevin_files::read_head(path, 64)?;
        if let Some(error) = tensor_file::placeholder(&head) {
            return Err(error.within(path.display()));
        }
        let owned = path.to_owned();
        let starts = |magic: &[u8]| head.starts_with(magic);
        // The length of a safetensors header, and its brace.
        if head.get(8) == Some(&b'{') && head[5..8] == [0; 3] {
            return Ok(match described_as(path) {
                Some(Described::Model) => Self::Native(owned),
                Some(Described::Autoencoder) => Self::Autoencoder(owned),
                None if langevin_hub::is_single_file(path) => Self::SingleFile(owned),
                None => Self::Tensors(owned),
            });
        }
        if starts(b"PK") || langevin_hub::is_checkpoint(&head) {
            // A zip may hold images too.
            let pickle = langevin_hub::is_checkpoint_file(path);
            return Ok(if pickle { Self::Checkpoint(owned) } else { Self::Other(owned) });
        }
        Ok(if starts(b"GGUF") {
            Self::Gguf(owned)
        } else if is_image(&head) {
            Self::Image(owned)
        } else {
            Self::Other(owned)
        })
    }

    /// Whether it is a model, or was meant as one: not data.
    pub fn is_model(&self) -> bool {
        !matches!(self, Self::Image(_) | Self::Other(_))
    }

    /// Whether it is Stable Diffusion, which LoRA files and skipped encoder blocks apply to.
    pub fn is_latent_pipeline(&self) -> bool {
        matches!(self, Self::LatentPipeline(_) | Self::SingleFile(_) | Self::Checkpoint(_))
    }

    /// Opens the model, restorers among them, changed by `adaptation`; `spec` is what to call it.
    ///
    /// # Errors
    /// Bad input, beginning with the file's name, when it is missing, damaged or something else (saying what). Usage: a change
    /// of what is no pipeline of Stable Diffusion, more encoder blocks to skip than there are.
    pub fn open(&self, spec: &str, adaptation: &Adaptation, device: &Device) -> Result<Model> {
        for lora in &adaptation.lora {
            Lora::parse(lora)?;
        }
        if let Self::LatentPipeline(path) | Self::SingleFile(path) | Self::Checkpoint(path) = self {
            return stable_diffusion::read(path, adaptation, device);
        }
        // What cannot be opened says so itself, before what it cannot be changed by.
        let model = match self {
            Self::Shipped(shipped) => native::from_bytes(&shipped.read()?, spec, device)?,
            Self::ClosedForm(known) => native::closed_form(known)?,
            Self::Diffusers(path) => diffusers::read(path, device)?,
            _ => {
                let bytes = read_model_bytes(&path_of(spec))?;
                native::from_bytes(&bytes, spec, device).map_err(|error| error.within(spec))?
            }
        };
        if adaptation.is_plain() {
            return Ok(model);
        }
        let flag = if adaptation.lora.is_empty() { "--clip-skip" } else { "--lora" };
        let what = match (model.is_text_conditioned(), &model.codec) {
            (true, _) => "its text encoder is a part of its network, and not CLIP",
            (false, Some(_)) => "is a latent model that takes no prompt",
            (false, None) => "is a pixel model that takes no prompt",
        };
        Err(Error::usage(format!("{spec}: {what}, so {flag} has nothing to change"))
            .hint("these flags are for Stable Diffusion: a folder of diffusers, or its single file"))
    }
}

/// Whether a file that begins with `head` is an image.
fn is_image(head: &[u8]) -> bool {
    let starts = |magic: &[u8]| head.starts_with(magic);
    [b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*"].iter().any(|magic| starts(*magic))
        || starts(b"\xff\xd8\xff")
        || (starts(b"RIFF") && head.get(8..12) == Some(b"WEBP"))
}

/// What the metadata of a safetensors file describe.
enum Described {
    Model,
    Autoencoder,
}

fn described_as(path: &Path) -> Option<Described> {
    let metadata = tensor_file::metadata_of(&mut File::open(path).ok()?).ok()?;
    if metadata.contains_key(description::KEY) {
        return Some(Described::Model);
    }
    metadata.contains_key(codec::KEY).then_some(Described::Autoencoder)
}

impl Model {
    /// Opens the model that `spec` names: a run folder, a `.safetensors` file, a diffusers folder, a checkpoint of Stable
    /// Diffusion or `builtin:NAME`; one that generates images by itself.
    ///
    /// # Errors
    /// Bad input, beginning with the file's name, when it is missing, damaged or something else (saying what). Usage: a
    /// restorer, which [`Model::open_any`] opens.
    pub fn open(spec: &str, device: &Device) -> Result<Self> {
        Self::open_any(spec, device)?.require_generator()
    }

    /// As [`Model::open`], for work on the pixels themselves.
    ///
    /// # Errors
    /// As [`Model::open`]; usage, for a latent model.
    pub fn open_pixels(spec: &str, device: &Device) -> Result<Self> {
        let model = Self::open(spec, device)?;
        model.check_pixels()?;
        Ok(model)
    }

    /// As [`Model::open`], restorers among them.
    ///
    /// # Errors
    /// Bad input, as [`Model::open`].
    pub fn open_any(spec: &str, device: &Device) -> Result<Self> {
        Self::open_adapted(spec, &Adaptation::default(), device)
    }

    /// As [`Model::open_any`], changed by `adaptation`.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn open_adapted(spec: &str, adaptation: &Adaptation, device: &Device) -> Result<Self> {
        Source::of(spec)?.open(spec, adaptation, device)
    }

    /// Opens a model from the bytes of its file; `name` is what to call it.
    ///
    /// # Errors
    /// Bad input, when they are not a whole model file.
    pub fn from_bytes(bytes: &[u8], name: &str, device: &Device) -> Result<Self> {
        native::from_bytes(bytes, name, device)
    }

    /// Whether `spec` names a model, not data.
    pub fn is_named(spec: &str) -> bool {
        Source::of(spec).is_ok_and(|source| source.is_model())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_its_content_says() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let header = |json: &str| {
            let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
            bytes.extend(json.as_bytes());
            bytes
        };
        let files: [(&str, Vec<u8>); 7] = [
            ("ours", header(r#"{"__metadata__":{"langevin":"{}"}}"#)),
            ("autoencoder", header(r#"{"__metadata__":{"langevin_autoencoder":"{}"}}"#)),
            ("lora.ckpt", header("{}")),
            ("old.safetensors", vec![0x80, 2, b'}', b'q', 0]),
            ("image.safetensors", b"\x89PNG\r\n\x1a\n".to_vec()),
            ("quantised", b"GGUF....".to_vec()),
            ("images.zip", b"PK\x05\x06".iter().copied().chain([0; 18]).collect()),
        ];
        for (name, bytes) in &files {
            std::fs::write(at(name), bytes).unwrap();
        }
        let of = |name: &str| Source::of(&at(name)).unwrap();
        assert!(matches!(of("ours"), Source::Native(_)));
        assert!(matches!(of("autoencoder"), Source::Autoencoder(_)));
        assert!(matches!(of("lora.ckpt"), Source::Tensors(_)));
        assert!(matches!(of("old.safetensors"), Source::Checkpoint(_)));
        assert!(matches!(of("image.safetensors"), Source::Image(_)));
        assert!(matches!(of("quantised"), Source::Gguf(_)));
        assert!(matches!(of("images.zip"), Source::Other(_)) && !Model::is_named(&at("images.zip")));
        assert!(matches!(Source::of("builtin:shapes").unwrap(), Source::Shipped(_)));
        assert!(matches!(Source::of("builtin:ring8").unwrap(), Source::ClosedForm(_)));
        assert!(Source::of("builtin:shape").unwrap_err().to_string().contains("builtin:shapes"));
        assert!(Source::of(&at("nowhere")).unwrap_err().to_string().contains("no such file"));
    }
}
