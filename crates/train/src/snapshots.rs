//! Snapshots of two averages of the weights, stored during training, of which an average of any length is made afterwards
//! (Karras et al. 2024, "Analyzing and Improving the Training Dynamics of Diffusion Models", arXiv 2312.02696, section 3).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use langevin_core::tensor_file::{self, Storage};
use langevin_core::{Error, NamedTensors, Result};

use crate::averages::{Averages, Forgetting};

/// The averages that are stored, with their relative widths (section 3.2 of the paper).
pub const STORED_WIDTHS: [(&str, f64); 2] = [("narrow", 0.05), ("wide", 0.10)];

const FOLDER: &str = "snapshots";
const PREFIX: &str = "images-";
const SUFFIX: &str = ".safetensors";

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Images seen when it was stored.
    pub images: u64,
    /// The file.
    pub path: PathBuf,
}

/// What a run that stores snapshots keeps for them.
pub(crate) fn wanted() -> impl Iterator<Item = (String, Forgetting)> {
    STORED_WIDTHS.into_iter().map(|(name, width)| (name.to_owned(), Forgetting::PowerFunction { width }))
}

/// Stores the averages in the run's folder `out` after `images` images, whole or not at all.
///
/// # Errors
/// Failed, when the disk is full.
pub(crate) fn store(out: &Path, images: u64, averages: &Averages) -> Result<()> {
    let ours = |path: &String| STORED_WIDTHS.iter().any(|(name, _)| path.starts_with(&format!("{name}.")));
    let mut tensors = averages.export();
    tensors.retain(|path, _| ours(path));
    let metadata = BTreeMap::from([("images".to_owned(), images.to_string())]);
    langevin_files::create_folder(&out.join(FOLDER))?;
    langevin_files::replace_file(&file(out, images), &tensor_file::encode(&tensors, &metadata, Storage::F32))
}

/// Whether the averages after `images` images are stored in the run's folder `out`.
pub(crate) fn is_stored(out: &Path, images: u64) -> bool {
    file(out, images).is_file()
}

fn file(out: &Path, images: u64) -> PathBuf {
    out.join(FOLDER).join(format!("{PREFIX}{images:012}{SUFFIX}"))
}

impl Snapshot {
    /// The snapshots in the run's folder `out`, oldest first.
    pub fn list(out: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(out.join(FOLDER)) else { return Vec::new() };
        let parse = |path: PathBuf| {
            let name = path.file_name()?.to_str()?;
            let images = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()?;
            Some(Self { images, path })
        };
        let mut found: Vec<Self> = entries.filter_map(|entry| parse(entry.ok()?.path())).collect();
        found.sort_by_key(|snapshot| snapshot.images);
        found
    }

    /// The weights of each average of [`STORED_WIDTHS`], in that order.
    ///
    /// # Errors
    /// Bad input, beginning with the file's name, when it is damaged or holds something else.
    pub fn read(&self) -> Result<Vec<NamedTensors>> {
        let within = |error: Error| error.within(self.path.display());
        let bytes = fs::read(&self.path).map_err(|error| within(Error::bad_input(error.to_string())))?;
        let (tensors, _) = tensor_file::decode(&bytes).map_err(within)?;
        let mut parts = vec![NamedTensors::new(); STORED_WIDTHS.len()];
        for (path, tensor) in tensors {
            let place = STORED_WIDTHS.iter().zip(&mut parts).find_map(|((name, _), part)| {
                let rest = path.strip_prefix(name)?.strip_prefix('.')?.to_owned();
                Some((part, rest))
            });
            let Some((part, rest)) = place else {
                return Err(within(Error::bad_input(format!("tensor {path} belongs to no stored average"))));
            };
            part.insert(rest, tensor);
        }
        Ok(parts)
    }
}
