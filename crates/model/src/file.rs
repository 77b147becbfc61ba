//! The bytes of a model file, and the refusal of files that hold something else.

use std::path::Path;

use langevin_core::{Error, Result};

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
    std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => bad("there is no such file or folder".to_owned())
            .hint("give a run folder, a model.safetensors, or builtin:shapes"),
        _ => bad(error.to_string()),
    })
}

/// Refuses bytes that are known to be something else than safetensors, saying what they are.
///
/// # Errors
/// Bad input, where they are.
pub fn refuse_strangers(bytes: &[u8]) -> Result<()> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let what = if bytes.is_empty() {
        "an empty file"
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

/// Pickle begins with its protocol, 2 to 5. The length of a safetensors header may read the same; its brace tells.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..]) && bytes.get(8) != Some(&b'{')
}
