//! The lock of a run's folder: its model and checkpoints have one writer at a time.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use langevin_process::{Error, Result};

use crate::claim::{is_still, lock};
use crate::disk::{self, Output};
use crate::room::write_error;

const NAME: &str = ".lock";
/// The file of the lock may go away between being opened and being locked this many times.
const TRIES: usize = 100;

/// A run's folder, held for as long as this lives.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    _file: Output,
    /// Whether the file of the lock goes with it.
    passing: bool,
}

impl RunLock {
    /// Locks the run in `folder`, which is there.
    ///
    /// # Errors
    /// Failed, when another command works on the run, or the disk is full. Usage, where nothing can be written.
    pub fn of(folder: &Path) -> Result<Self> {
        Self::take(folder, false)
    }

    /// As [`RunLock::of`], for work that leaves no file of the lock in a folder that had none.
    ///
    /// # Errors
    /// As [`RunLock::of`].
    pub fn passing(folder: &Path) -> Result<Self> {
        Self::take(folder, true)
    }

    /// The lock of the run whose model the file `path` is; none where it is no run's.
    ///
    /// # Errors
    /// As [`RunLock::of`].
    pub fn of_model(path: &Path) -> Result<Option<Self>> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_model = path.file_name().is_some_and(|name| name == "model.safetensors");
        let is_run = ["run.toml", NAME, "checkpoints"].iter().any(|name| folder.join(name).exists());
        (is_model && is_run).then(|| Self::passing(folder)).transpose()
    }

    fn take(folder: &Path, passing: bool) -> Result<Self> {
        let path = folder.join(NAME);
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::WouldBlock => Error::failed(format!(
                "{}: another training runs here, or a command that changes its model",
                folder.display()
            ))
            .hint("wait for it, stop it, or choose another folder"),
            _ => write_error(&path, 0, &error),
        };
        let passing = passing && !path.exists();
        for _ in 0..TRIES {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false);
            let file = Output::open(&path, &options).map_err(failed)?;
            lock(file.file(), false).map_err(failed)?;
            // Who had it before may have taken the file away.
            if is_still(file.file(), &path) {
                return Ok(Self { path, _file: file, passing });
            }
        }
        Err(failed(io::ErrorKind::WouldBlock.into()))
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        if self.passing {
            let _ = disk::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let held = RunLock::of(folder.path()).unwrap();
        let error = RunLock::passing(folder.path()).unwrap_err().to_string();
        assert!(error.contains("another training runs here"), "{error}");
        drop(held);
        drop(RunLock::passing(folder.path()).unwrap());
        assert!(folder.path().join(NAME).exists(), "the lock of a training stays");
    }

    #[test]
    fn passing_work_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(RunLock::passing(folder.path()).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let model = folder.path().join("model.safetensors");
        assert!(RunLock::of_model(&model).unwrap().is_none());
        std::fs::write(folder.path().join("run.toml"), "").unwrap();
        let held = RunLock::of_model(&model).unwrap();
        assert!(held.is_some() && RunLock::of(folder.path()).is_err());
    }
}
