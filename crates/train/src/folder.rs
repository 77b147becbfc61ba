//! A run's folder beside its checkpoints and logs: what killed trainings left there, and the finished model.

use std::fs;
use std::path::Path;

use langevin_core::Result;
use langevin_core::tensor_file::{self, Storage};

use crate::hooks::ModelFile;

/// Removes the hidden files that a killed training left in the run's folder `out`, which is locked.
pub fn sweep(out: &Path) {
    langevin_files::sweep(out);
    for entry in fs::read_dir(out).into_iter().flatten().flatten() {
        let path = entry.path();
        // Checkpoints have their own order of things, and no hidden files.
        if path.is_dir() && !path.is_symlink() && entry.file_name() != "checkpoints" {
            langevin_files::sweep(&path);
        }
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
