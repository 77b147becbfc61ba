//! The tensors of one part of a diffusers folder, in whichever of its files they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use langevin_core::{Error, NamedTensors, Result, tensor_file};
use serde_json::Value;

use crate::pickle;

/// The stems of the files with the weights of diffusers' models, safetensors and pickles.
const DIFFUSERS: [&str; 2] = ["diffusion_pytorch_model", "diffusion_pytorch_model"];
/// Those of transformers'.
const TRANSFORMERS: [&str; 2] = ["model", "pytorch_model"];
/// Shards an index may name.
const MOST_SHARDS: usize = 4096;

/// Bytes of a safetensors file from which on it is mapped rather than read: large networks then begin at once, and their weights are no
/// second copy of what the system keeps of the file.
const MAPPED: u64 = 16 << 20;

/// Tensors by name, and the metadata of their file (empty where it has none or there are several).
pub type Weights = (NamedTensors, BTreeMap<String, String>);

/// The weights in `folder`: safetensors before pickles, full precision before variants, shards where an index says so.
///
/// # Errors
/// Bad input: no file with weights, a file that is cut short or no weights, an index that points outside the folder or to
/// a tensor that its shard lacks.
pub fn read_weights(folder: &Path) -> Result<Weights> {
    read_stem(folder, DIFFUSERS)
}

/// The same for a model of transformers.
///
/// # Errors
/// As [`read_weights`].
pub fn read_transformers(folder: &Path) -> Result<Weights> {
    read_stem(folder, TRANSFORMERS)
}

fn read_stem(folder: &Path, [stem, pickled]: [&str; 2]) -> Result<Weights> {
    for name in [
        format!("{stem}.safetensors"),
        format!("{stem}.safetensors.index.json"),
        format!("{stem}.fp16.safetensors"),
        format!("{stem}.fp16.safetensors.index.json"),
        format!("{pickled}.bin"),
        format!("{pickled}.bin.index.json"),
        format!("{pickled}.fp16.bin"),
    ] {
        let path = folder.join(&name);
        if path.is_file() {
            return if name.ends_with(".json") { read_sharded(folder, &path) } else { read_file(&path) };
        }
    }
    Err(Error::bad_input(format!("{}: holds no {stem}.safetensors or {pickled}.bin", folder.display()))
        .hint("the download may be incomplete"))
}

/// The tensors in one file, by its content: safetensors, or a PyTorch checkpoint, of which nothing is run.
///
/// # Errors
/// Bad input, beginning with the file's name.
pub fn read_file(path: &Path) -> Result<Weights> {
    // The numbers of positions, 0, 1, 2..., are no weights, and in some files they are whole numbers.
    read_some(path, |name| !name.ends_with("position_ids"))
}

/// As [`read_file`], for the tensors that are `wanted` by their name. A safetensors file is read one tensor after another.
///
/// # Errors
/// As [`read_file`].
pub fn read_some(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Weights> {
    read_unnamed(path, wanted).map_err(|error| error.within(path.display()))
}

/// As [`read_some`], with errors that do not name the file.
pub fn read_unnamed(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Weights> {
    refuse_endless(path)?;
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut head = Vec::new();
    file.by_ref().take(64).read_to_end(&mut head).map_err(|error| unreadable(&error))?;
    if let Some(error) = tensor_file::placeholder(&head) {
        return Err(error);
    }
    if pickle::is_checkpoint(&head) {
        let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
        return pickle::read_where(&bytes, wanted).map(|tensors| (tensors, BTreeMap::new()));
    }
    let large = file.metadata().is_ok_and(|data| data.len() >= MAPPED);
    match large.then(|| langevin_files::map_file(&file)) {
        Some(Ok(bytes)) => tensor_file::share_where(&bytes, wanted),
        _ => tensor_file::read_where(&mut file, wanted),
    }
}

fn read_sharded(folder: &Path, index: &Path) -> Result<Weights> {
    let bad = |what: String| Error::bad_input(format!("{}: {what}", index.display()));
    let json: Value =
        serde_json::from_slice(&read_bytes(index)?).map_err(|error| bad(format!("is no JSON: {error}")))?;
    let map = json["weight_map"].as_object().ok_or_else(|| bad("has no weight_map".to_owned()))?;
    let mut shards: BTreeMap<PathBuf, BTreeSet<&str>> = BTreeMap::new();
    for (tensor, shard) in map {
        let shard = shard.as_str().ok_or_else(|| bad(format!("names no file for {tensor}")))?;
        shards
            .entry(inside(folder, shard).map_err(|error| error.within(index.display()))?)
            .or_default()
            .insert(tensor);
    }
    if shards.len() > MOST_SHARDS {
        return Err(bad(format!("names {} files", shards.len())));
    }
    let mut tensors = NamedTensors::new();
    for (path, wanted) in shards {
        let (mut shard, _) = read_file(&path)?;
        for name in wanted {
            let tensor = shard
                .remove(name)
                .ok_or_else(|| bad(format!("says that {name} is in {}, which lacks it", path.display())))?;
            tensors.insert(name.to_owned(), tensor);
        }
    }
    Ok((tensors, BTreeMap::new()))
}

/// The file called `name` in `folder`; a name may not lead elsewhere.
fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    let mut parts = Path::new(name).components();
    let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
        && !name.contains(['/', '\\', '\0']);
    if !plain {
        return Err(Error::bad_input(format!("names the file {name:?}, which is not in its folder"))
            .hint("nothing outside the folder is read"));
    }
    Ok(folder.join(name))
}

/// The bytes of `path`.
///
/// # Errors
/// Bad input, beginning with the file's name.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    refuse_endless(path).map_err(|error| error.within(path.display()))?;
    std::fs::read(path).map_err(|error| unreadable(&error).within(path.display()))
}

/// Refuses what is there and is no ordinary file: it might never end.
fn refuse_endless(path: &Path) -> Result<()> {
    let what = std::fs::metadata(path).ok().and_then(|metadata| langevin_files::not_ordinary(&metadata));
    what.map_or(Ok(()), |what| Err(Error::bad_input(format!("{what}, not a file"))))
}

fn unreadable(error: &std::io::Error) -> Error {
    let what = match error.kind() {
        std::io::ErrorKind::NotFound => "is missing".to_owned(),
        _ => error.to_string(),
    };
    Error::bad_input(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let folder = Path::new("unet");
        assert!(inside(folder, "model-00001-of-00002.safetensors").is_ok());
        for name in
            ["", ".", "..", "../x", "/etc/passwd", "a/b", "a/../../b", "..\\x", "C:\\x", "./x", "a\0b", "x/"]
        {
            assert!(inside(folder, name).is_err(), "{name:?}");
        }
    }
}
