//! The bytes of a model file, and the refusal of files that hold something else.

use std::path::Path;

use langevin_core::{Error, Result, tensor_file};

/// The bytes of the model at `path`, a file or a run folder.
pub fn read_model_bytes(path: &Path) -> Result<Vec<u8>> {
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
    if !path.exists() {
        return Err(missing(path));
    }
    langevin_files::read_bounded(path, u64::MAX)
}

/// The error for a model that is not there.
pub fn missing(path: &Path) -> Error {
    Error::bad_input(format!("{}: there is no such file or folder", path.display()))
        .hint("give a run folder, a model.safetensors, or builtin:shapes")
}

/// Refuses bytes that are known to be something else than safetensors, saying what they are.
///
/// # Errors
/// Bad input, where they are.
pub fn refuse_strangers(bytes: &[u8]) -> Result<()> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if let Some(error) = tensor_file::placeholder(bytes) {
        return Err(error);
    }
    let what = if bytes.is_empty() {
        "an empty file"
    } else if starts(b"PK\x03\x04") && !holds_pickle(bytes) {
        let what = match first_member(bytes) {
            Some(name) if name.ends_with(".npy") => "a NumPy archive (.npz), not a model",
            _ => "a zip archive without a pickle checkpoint in it, not a model",
        };
        return Err(Error::bad_input(what).hint(
            "a zip of images is data: train on it with `langevin train`, or judge by it with `langevin eval`",
        ));
    } else if starts(b"PK\x03\x04") || is_pickle(bytes) {
        let what = "a pickle checkpoint (.ckpt, .pt), which can run code when Python opens it, and says nothing of its network";
        return Err(Error::bad_input(what).hint(
            "put it into a diffusers folder next to its config.json, or take its tensors out with `langevin convert`",
        ));
    } else if starts(b"\x89PNG") || starts(b"\xff\xd8\xff") || starts(b"GIF8") {
        "an image, not a model"
    } else if starts(b"GGUF") {
        "a GGUF file, which holds no model of this program"
    } else {
        return Ok(());
    };
    Err(Error::bad_input(what).hint("give a model.safetensors that `langevin train` wrote"))
}

/// Whether the file at `path` is a zip that names the pickle of a PyTorch checkpoint, whole or not.
pub fn is_meant_as_checkpoint(path: &Path) -> bool {
    langevin_files::read_head(path, 1 << 18).is_ok_and(|head| head.starts_with(b"PK") && holds_pickle(&head))
}

/// The name of the first file in a zip.
fn first_member(bytes: &[u8]) -> Option<&str> {
    let length = u16::from_le_bytes([*bytes.get(26)?, *bytes.get(27)?]);
    std::str::from_utf8(bytes.get(30..30 + usize::from(length))?).ok()
}

/// Whether a zip names the pickle of a PyTorch checkpoint, at its beginning or in the list at its end.
fn holds_pickle(bytes: &[u8]) -> bool {
    const PART: usize = 1 << 18;
    let named = |part: &[u8]| part.windows(8).any(|name| name == b"data.pkl");
    named(&bytes[..bytes.len().min(PART)]) || named(&bytes[bytes.len().saturating_sub(PART)..])
}

/// Pickle begins with its protocol, 2 to 5. The length of a safetensors header may read the same; its brace tells.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..]) && bytes.get(8) != Some(&b'{')
}
