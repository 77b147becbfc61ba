//! A run's folder beside its checkpoints and logs: the lock that one training holds, and the finished model.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use langevin_core::tensor_file::{self, Storage};
use langevin_core::{Error, Result};

use crate::hooks::ModelFile;

/// The run's folder, held for as long as the file lives.
///
/// # Errors
/// Failed, when another training runs there.
pub fn lock(out: &Path) -> Result<File> {
    let path = out.join(".lock");
    let failed = |error: &io::Error| langevin_files::write_error(&path, 0, error);
    let file = File::create(&path).map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Error::failed(format!("{}: another training runs here", out.display()))
                .hint("wait for it, stop it, or choose another --out folder"))
        }
        Err(fs::TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// Writes `model.safetensors`, whole or not at all.
pub fn write_model(out: &Path, half: bool, file: &ModelFile) -> Result<()> {
    let storage = if half { Storage::F16 } else { Storage::F32 };
    let bytes = tensor_file::encode(&file.tensors, &file.metadata, storage);
    langevin_files::replace_file(&out.join("model.safetensors"), &bytes)
}

/// The most memory this process has held, from `/proc` where there is one.
pub fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
