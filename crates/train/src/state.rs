//! Checkpoints that are either whole or not there.
//!
//! A checkpoint is a folder `checkpoints/images-000000012800`. It is written under another name, every file is flushed
//! to disk, a manifest with each file's size and BLAKE3 sum is written last, and one rename publishes it. The previous
//! ones are kept, so a torn newest (a crash of the machine, a damaged disk) falls back to the one before.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use langevin_core::tensor_file::{self, NamedTensors, Storage};
use langevin_core::{Error, Result};
use langevin_files::{check_space, create_folder, disk, write_error, write_synced};
use serde::{Deserialize, Serialize};

const MANIFEST: &str = "manifest.json";
const TRACKED: &str = "tracked.safetensors";
const PREFIX: &str = "images-";
const STAGED: &str = ".staged-";

/// Where a run stands, beside its tensors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingState {
    /// Images seen.
    pub images: u64,
    /// Updates of the weights made.
    pub step: u64,
    /// Seconds of training so far, over all starts.
    pub seconds: f64,
    /// Length of `metrics.jsonl` in bytes at this point.
    pub metrics_bytes: u64,
    /// The settings that decide the result, as JSON; a resumed run must have the same.
    pub settings: String,
    /// Whether a signal cut the validation at this point short, which is made when the run goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub validation_due: bool,
}

/// Everything that is needed to go on as if nothing had happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Where the run stands.
    pub standing: TrainingState,
    /// The weights.
    pub weights: NamedTensors,
    /// Their moving average.
    pub average: NamedTensors,
    /// The optimiser's moments.
    pub moments: NamedTensors,
    /// Further averages of the weights, by name; often none.
    pub tracked: NamedTensors,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    version: u32,
    files: BTreeMap<String, ManifestEntry>,
}

#[derive(Serialize, Deserialize)]
struct ManifestEntry {
    bytes: u64,
    blake3: String,
}

impl Checkpoint {
    /// Writes the checkpoint under `folder` (the run's `checkpoints`), then forgets all but the newest `keep`.
    ///
    /// # Errors
    /// Failed, naming path, need and free space when the disk is full; what was there before stays as it was.
    pub fn save(&self, folder: &Path, keep: usize) -> Result<PathBuf> {
        let standing = serde_json::to_vec_pretty(&self.standing).expect("numbers and text serialise");
        let none = BTreeMap::new();
        let mut files = vec![
            ("state.json", standing),
            ("weights.safetensors", tensor_file::encode(&self.weights, &none, Storage::F32)),
            ("average.safetensors", tensor_file::encode(&self.average, &none, Storage::F32)),
            ("moments.safetensors", tensor_file::encode(&self.moments, &none, Storage::F32)),
        ];
        if !self.tracked.is_empty() {
            files.push((TRACKED, tensor_file::encode(&self.tracked, &none, Storage::F32)));
        }
        let need = files.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>() + 4096;
        create_folder(folder)?;
        check_space(folder, need)?;
        let staged = folder.join(format!("{STAGED}{}", self.standing.images));
        let target = folder.join(format!("{PREFIX}{:012}", self.standing.images));
        let result = publish(&files, self.standing.validation_due, [&staged, &target, folder]);
        if let Err(error) = result {
            let _ = disk::remove_folder(&staged);
            return Err(write_error(folder, need, &error));
        }
        forget_older(folder, keep);
        Ok(target)
    }

    /// The newest checkpoint under `folder` that is whole, with a sentence for each torn one that was passed over.
    ///
    /// # Errors
    /// Bad input, when there are checkpoints and every one is torn.
    pub fn newest(folder: &Path) -> Result<(Option<Checkpoint>, Vec<String>)> {
        let mut torn = Vec::new();
        for path in list(folder).into_iter().rev() {
            match Self::load(&path) {
                Ok(checkpoint) => return Ok((Some(checkpoint), torn)),
                Err(error) => torn.push(error.to_string()),
            }
        }
        if torn.is_empty() {
            return Ok((None, torn));
        }
        Err(Error::bad_input(format!("{}: no checkpoint is whole: {}", folder.display(), torn.join("; ")))
            .hint("remove the run folder to start again"))
    }

    /// Reads one checkpoint folder.
    ///
    /// # Errors
    /// Bad input, naming the file, when anything in it is missing, cut short or changed.
    pub fn load(path: &Path) -> Result<Checkpoint> {
        let manifest = read(&path.join(MANIFEST))?;
        let manifest: Manifest = parse(&path.join(MANIFEST), &manifest)?;
        let file = |name: &str| {
            let at = path.join(name);
            let bytes = read(&at)?;
            let broken = |why: &str| Error::bad_input(format!("{}: {why}", at.display()));
            let entry = manifest.files.get(name).ok_or_else(|| broken("not in the manifest"))?;
            if entry.bytes != bytes.len() as u64 {
                return Err(broken(&format!(
                    "{} bytes long, its manifest says {}",
                    bytes.len(),
                    entry.bytes
                )));
            }
            if blake3::hash(&bytes).to_hex().as_str() != entry.blake3 {
                return Err(broken("its contents do not match its checksum"));
            }
            Ok(bytes)
        };
        let tensors = |name: &str| {
            let (tensors, _) =
                tensor_file::decode(&file(name)?).map_err(|e| e.within(path.join(name).display()))?;
            Ok::<_, Error>(tensors)
        };
        Ok(Checkpoint {
            standing: parse(&path.join("state.json"), &file("state.json")?)?,
            weights: tensors("weights.safetensors")?,
            average: tensors("average.safetensors")?,
            moments: tensors("moments.safetensors")?,
            tracked: match manifest.files.contains_key(TRACKED) {
                true => tensors(TRACKED)?,
                false => NamedTensors::new(),
            },
        })
    }
}

/// The published checkpoints under `folder`, oldest first.
pub fn list(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)))
        .collect();
    found.sort();
    found
}

fn publish(files: &[(&str, Vec<u8>)], due: bool, [staged, target, folder]: [&Path; 3]) -> io::Result<()> {
    if staged.exists() {
        disk::remove_folder(staged)?;
    }
    disk::make_folder(staged)?;
    let mut manifest = Manifest { version: 1, files: BTreeMap::new() };
    for (name, bytes) in files {
        write_synced(&staged.join(name), bytes)?;
        let entry =
            ManifestEntry { bytes: bytes.len() as u64, blake3: blake3::hash(bytes).to_hex().to_string() };
        manifest.files.insert((*name).to_owned(), entry);
    }
    let manifest = serde_json::to_vec_pretty(&manifest).expect("numbers and text serialise");
    write_synced(&staged.join(MANIFEST), &manifest)?;
    disk::sync_folder(staged)?;
    if let Ok(there) = Checkpoint::load(target) {
        // A stop right after a save: the same state is there already, and replacing it would risk it; but for one whose validation
        // was due and is made, which takes its place in one step.
        if there.standing.validation_due && !due {
            match disk::exchange(staged, target) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                exchanged => exchanged?,
            }
        }
        return disk::remove_folder(staged);
    }
    if target.exists() {
        // A torn one that was passed over when the run was taken up again.
        disk::remove_folder(target)?;
    }
    disk::rename(staged, target)?;
    disk::sync_folder(folder)
}

/// Removes all but the newest `keep` checkpoints under `folder`, and what killed trainings left there.
pub(crate) fn forget_older(folder: &Path, keep: usize) {
    let mut all = list(folder);
    all.truncate(all.len().saturating_sub(keep.max(1)));
    for path in all {
        // Without its manifest a half-removed checkpoint is never mistaken for a whole one.
        let _ = disk::remove_file(&path.join(MANIFEST));
        let _ = disk::remove_folder(&path);
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGED) {
            let _ = disk::remove_folder(&entry.path());
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::bad_input(format!("{}: {error}", path.display())))
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::bad_input(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(images: u64) -> Checkpoint {
        let tensor =
            |v: f32| NamedTensors::from([("w".to_owned(), (vec![2], vec![v, images as f32].into()))]);
        Checkpoint {
            standing: TrainingState {
                images,
                step: 1,
                seconds: 0.5,
                metrics_bytes: 7,
                settings: "{}".into(),
                validation_due: false,
            },
            weights: tensor(1.0),
            average: tensor(2.0),
            moments: tensor(3.0),
            tracked: tensor(4.0),
        }
    }

    #[test]
    fn the_newest_whole_checkpoint_is_found_and_the_older_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        for images in [10, 20, 30] {
            checkpoint(images).save(folder.path(), 2).unwrap();
        }
        assert_eq!(list(folder.path()).len(), 2);
        assert_eq!(Checkpoint::newest(folder.path()).unwrap(), (Some(checkpoint(30)), Vec::new()));
    }

    #[test]
    fn every_torn_or_changed_file_falls_back_to_the_one_before_and_says_so() {
        for name in [
            "state.json",
            "weights.safetensors",
            "average.safetensors",
            "moments.safetensors",
            TRACKED,
            MANIFEST,
        ] {
            for damage in ["cut", "flip", "gone"] {
                let folder = tempfile::tempdir().unwrap();
                checkpoint(10).save(folder.path(), 2).unwrap();
                let path = checkpoint(20).save(folder.path(), 2).unwrap().join(name);
                let mut bytes = fs::read(&path).unwrap();
                match damage {
                    "cut" => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
                    "flip" => {
                        let at = bytes.len() / 2;
                        bytes[at] ^= 1;
                        fs::write(&path, &bytes).unwrap();
                    }
                    _ => fs::remove_file(&path).unwrap(),
                }
                let (found, torn) = Checkpoint::newest(folder.path()).unwrap();
                assert_eq!(found.unwrap().standing.images, 10, "{name} {damage}");
                assert_eq!(torn.len(), 1);
                assert!(torn[0].contains("images-000000000020"), "{torn:?}");
            }
        }
    }

    #[test]
    fn leftovers_of_a_killed_save_are_ignored_and_swept() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".staged-5")).unwrap();
        fs::write(folder.path().join(".staged-5/state.json"), "{").unwrap();
        assert_eq!(Checkpoint::newest(folder.path()).unwrap(), (None, Vec::new()));
        checkpoint(8).save(folder.path(), 2).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = checkpoint(1).save(&file.path().join("checkpoints"), 2).unwrap_err();
        assert!(error.to_string().contains("checkpoints"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}
