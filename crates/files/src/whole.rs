//! Files that are written whole or not at all, and the errors where a disk is full.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use langevin_process::{Error, Result};

/// The hint of an error where a disk is full.
pub const MAKE_ROOM: &str = "whatever was saved before is whole; make room and run the same command again";

/// Creates `folder` and everything above it.
///
/// # Errors
/// Usage, naming the folder, when it cannot be made there; failed, when the disk is full.
pub fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| {
        let message = format!("{}: the folder cannot be made: {error}", folder.display());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => write_error(folder, 4096, &error),
            _ => Error::usage(message).hint("choose another --out folder, one you may write to"),
        }
    })
}

/// Writes the file `path` whole: under another name first, then one rename.
///
/// # Errors
/// Failed, naming path, need and free space; what was at `path` before stays as it was.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let scratch = path.with_added_extension(format!("{}.tmp", std::process::id()));
    through(&scratch, path, bytes, fs::write(&scratch, bytes))
}

/// As [`write_file`], for a file of a run: on the disk before it is seen. The run is locked, so one other name serves
/// every start, and what a killed one left there is written over.
///
/// # Errors
/// As [`write_file`].
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let scratch = path.with_added_extension("tmp");
    through(&scratch, path, bytes, write_synced(&scratch, bytes))
}

fn through(scratch: &Path, path: &Path, bytes: &[u8], written: io::Result<()>) -> Result<()> {
    written.and_then(|()| fs::rename(scratch, path)).map_err(|error| {
        let _ = fs::remove_file(scratch);
        write_error(path, bytes.len() as u64, &error)
    })
}

/// The error for a failed write of `need` bytes to `path`, telling the free space; usage, where nobody may write.
pub fn write_error(path: &Path, need: u64, error: &io::Error) -> Error {
    let free = path.ancestors().find_map(free_bytes);
    let free = free.map_or(String::new(), |free| format!("; {free} bytes are free there"));
    let message = format!("{}: writing {need} bytes failed: {error}{free}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory => Error::usage(message).hint("choose a place you may write to"),
        _ => Error::failed(message).hint(MAKE_ROOM),
    }
}

/// Whether `need` bytes fit on the disk that holds `folder`, as far as the system says.
///
/// # Errors
/// Failed, with both numbers, where they do not.
pub fn check_space(folder: &Path, need: u64) -> Result<()> {
    match free_bytes(folder) {
        Some(free) if free < need => Err(Error::failed(format!(
            "{}: the disk is full: {need} bytes are needed, {free} are free",
            folder.display()
        ))
        .hint(MAKE_ROOM)),
        _ => Ok(()),
    }
}

/// Bytes that are free on the disk that holds `folder`; `None` where the system does not say.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}

/// Writes a file and waits until it is on the disk.
///
/// # Errors
/// The system's, where it cannot be written.
pub fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
