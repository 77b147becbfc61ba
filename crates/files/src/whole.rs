//! Files that are written whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use langevin_process::{Error, Result};

use crate::claim::{Claim, check, hidden, is_hidden, is_still};
use crate::disk::{self, Output};
use crate::room::write_error;

/// Creates `folder` and everything above it.
///
/// # Errors
/// Usage, naming the folder, when it cannot be made there; failed, when the disk is full.
pub fn create_folder(folder: &Path) -> Result<()> {
    disk::make_folders(folder).map(drop).map_err(|error| folder_error(folder, &error))
}

/// The error for a folder that cannot be made.
pub(crate) fn folder_error(folder: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::InvalidFilename => {
            write_error(folder, 4096, error)
        }
        _ if error.raw_os_error() == Some(5) => write_error(folder, 4096, error),
        _ => Error::usage(format!("{}: the folder cannot be made: {error}", folder.display()))
            .hint("choose another --out folder, one you may write to"),
    }
}

/// Writes the file `path` whole: to the hidden file `.NAME.part` first, then one rename. Waits for another command that writes it.
///
/// # Errors
/// Failed, naming path, need and free space; what was at `path` before stays as it was.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = Claim::wait(path).and_then(|claim| claim.put(bytes, false));
    written.map_err(|error| write_error(path, bytes.len() as u64, &error))
}

/// As [`write_file`], for a file of a run: on the disk before it is seen.
///
/// # Errors
/// As [`write_file`].
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = Claim::wait(path).and_then(|claim| claim.put(bytes, true));
    written.map_err(|error| write_error(path, bytes.len() as u64, &error))
}

/// Puts what `change` makes of the bytes of the file `path` in their place, as [`replace_file`]; of commands that do so at once each
/// sees what the one before wrote.
///
/// # Errors
/// As [`replace_file`] and `change`; bad input, where there is no such file.
pub fn change_file(path: &Path, change: impl FnOnce(Vec<u8>) -> Result<Vec<u8>>) -> Result<()> {
    // A link is followed, so that it stays one.
    let path = &std::fs::canonicalize(path).unwrap_or(path.to_owned());
    let claim = Claim::wait(path).map_err(|error| write_error(path, 0, &error))?;
    let bytes =
        std::fs::read(path).map_err(|error| Error::bad_input(format!("{}: {error}", path.display())))?;
    let changed = change(bytes)?;
    claim.put(&changed, true).map_err(|error| write_error(path, changed.len() as u64, &error))
}

/// Writes a file and waits until it is on the disk.
///
/// # Errors
/// The system's, where it cannot be written.
pub fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = Output::create(path)?;
    file.write_all(bytes)?;
    file.sync()
}

/// Removes the hidden files that killed commands left in `folder`; those that somebody works on stay.
pub fn sweep(folder: &Path) {
    for path in leftovers(folder) {
        let _ = disk::remove_file(&path);
    }
}

/// Removes what killed commands left of the file `path`, unless somebody works on it.
pub fn sweep_file(path: &Path) {
    if let Ok(scratch) = hidden(path)
        && is_left(&scratch)
    {
        let _ = disk::remove_file(&scratch);
    }
}

/// The hidden files in `folder` that nobody works on.
fn leftovers(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| is_hidden(&entry.file_name()))
        .map(|entry| entry.path())
        .filter(|path| is_left(path))
}

/// Whether `path` is a hidden file that nobody works on.
fn is_left(path: &Path) -> bool {
    std::fs::File::open(path).is_ok_and(|file| {
        // Where there are no locks, nobody can tell.
        file.metadata().is_ok_and(|found| found.is_file()) && file.try_lock().is_ok() && is_still(&file, path)
    })
}

/// Whether all that is in `folder` are hidden files that killed commands left.
pub(crate) fn is_abandoned(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let names = entries.map_while(|entry| entry.ok()).take_while(|entry| is_hidden(&entry.file_name()));
    let hidden = names.count();
    std::fs::read_dir(folder).is_ok_and(|entries| entries.count() == hidden)
        && leftovers(folder).count() == hidden
}

/// Whether a file can be called `path`, whose hidden name is longer.
///
/// # Errors
/// Usage, where it is too long, or no name of a file.
pub fn check_name(path: &Path) -> Result<()> {
    hidden(path).map(drop)
}

/// Makes sure that the name `path` is free, or with `replace` that of a file.
///
/// # Errors
/// Failed, where something has it. Usage: a folder or a device of that name.
pub fn check_free(path: &Path, replace: bool) -> Result<()> {
    check(path, replace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_go_and_what_is_worked_on_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(is_abandoned(folder.path()));
        std::fs::write(at(".old.png.part"), "x").unwrap();
        assert!(is_abandoned(folder.path()));
        let claim = Claim::new(&at("new.png"), false).unwrap();
        assert!(!is_abandoned(folder.path()));
        std::fs::write(at("kept"), "x").unwrap();
        sweep(folder.path());
        assert!(!at(".old.png.part").exists() && at(".new.png.part").exists() && at("kept").exists());
        claim.write(b"x").unwrap();
        assert!(!is_abandoned(folder.path()));
    }

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_file(&path, b"one").unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = write_file(&folder.path().join("n".repeat(250)), b"x").unwrap_err();
        assert!(error.message().contains("too long"), "{error}");
    }
}
