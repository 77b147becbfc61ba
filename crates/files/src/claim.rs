//! A name that is taken in one step, before there is anything to write, and given back where nothing comes of it.
//!
//! What will be the file `NAME` is written to the hidden file `.NAME.part` beside it, and gets its name when it is whole. The
//! hidden file is there from the beginning and locked as long as somebody works on it: so two commands never work on one name, and
//! what a killed one left is known as nobody's, taken over and written over.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use langevin_process::{Error, Result};

use crate::disk::{self, Output};
use crate::room::{too_long, write_error};

/// Most bytes of a part of a path, that of the hidden file included.
const LONGEST: usize = 255;
/// A hidden file may go away between being opened and being locked this many times.
const TRIES: usize = 100;

/// The claim on a name; the name is free again when it is dropped.
#[derive(Debug)]
pub struct Claim {
    target: PathBuf,
    scratch: PathBuf,
    /// The hidden file, until it has its name.
    output: Option<Output>,
    replace: bool,
}

impl Claim {
    /// Claims the name `target`, whose folder is there; with `replace` one that a file has.
    ///
    /// # Errors
    /// Failed: something has the name, another command works on it, the disk is full. Usage: a folder or a device of that name, a
    /// name that is too long, a place that nothing can be written to.
    pub fn new(target: &Path, replace: bool) -> Result<Self> {
        check(target, replace)?;
        let scratch = hidden(target)?;
        let output = open_locked(&scratch, false).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => busy(target),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::InvalidFilename => {
                write_error(target, 0, &error)
            }
            _ => nowhere(target, &error),
        })?;
        let claim = Self { target: target.to_owned(), scratch, output: Some(output), replace };
        // Somebody may have finished between the first look and the lock.
        check(target, replace)?;
        Ok(claim)
    }

    /// As [`Claim::new`] with `replace`, but waits for another command that works on the name.
    pub(crate) fn wait(target: &Path) -> io::Result<Self> {
        let scratch = hidden(target).map_err(|_| io::ErrorKind::InvalidFilename)?;
        let output = open_locked(&scratch, true)?;
        Ok(Self { target: target.to_owned(), scratch, output: Some(output), replace: true })
    }

    /// The name.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Writes the file whole, and gives it its name.
    ///
    /// # Errors
    /// Failed, naming need and free space, or that something has got the name meanwhile; what was there stays as it was.
    pub fn write(self, bytes: &[u8]) -> Result<()> {
        let target = self.target.clone();
        self.put(bytes, false).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(&target),
            _ => write_error(&target, bytes.len() as u64, &error),
        })
    }

    pub(crate) fn put(mut self, bytes: &[u8], synced: bool) -> io::Result<()> {
        let Some(output) = &mut self.output else { return Ok(()) };
        // Of what a killed command left nothing stays.
        if output.file().metadata()?.len() > 0 {
            output.cut(0)?;
        }
        output.write_all(bytes)?;
        if synced {
            output.sync()?;
        }
        match self.replace {
            true => disk::rename(&self.scratch, &self.target)?,
            false => disk::rename_new(&self.scratch, &self.target)?,
        }
        self.output = None;
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.output.is_some() {
            // Still locked, so it is nobody else's.
            let _ = disk::remove_file(&self.scratch);
        }
    }
}

/// The hidden name beside `target`.
///
/// # Errors
/// Usage: no name, or one that is too long.
pub(crate) fn hidden(target: &Path) -> Result<PathBuf> {
    let Some(name) = target.file_name() else {
        return Err(Error::usage(format!("{:?}: is no name of a file", target.display().to_string()))
            .hint("give the name of a file"));
    };
    let mut scratch = OsString::from(".");
    scratch.push(name);
    scratch.push(".part");
    if scratch.as_encoded_bytes().len() > LONGEST {
        return Err(too_long(target));
    }
    Ok(target.with_file_name(scratch))
}

/// Whether `name` is one that [`hidden`] makes.
pub(crate) fn is_hidden(name: &std::ffi::OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    bytes.len() > 6 && bytes.starts_with(b".") && bytes.ends_with(b".part")
}

/// Refuses a name that cannot be written to.
pub(crate) fn check(target: &Path, replace: bool) -> Result<()> {
    let usage = |what: &str| {
        Err(Error::usage(format!("{}: {what}", target.display())).hint("give the name of a file"))
    };
    match fs::metadata(target) {
        Ok(found) if found.is_dir() => usage("is a folder"),
        Ok(found) if !found.is_file() => usage("is a device or a pipe, not a file"),
        Ok(_) if !replace => Err(taken(target)),
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => Err(too_long(target)),
        // A link to nowhere is something too.
        Err(_) if !replace && target.is_symlink() => Err(taken(target)),
        _ => Ok(()),
    }
}

pub(crate) fn taken(target: &Path) -> Error {
    Error::failed(format!("{}: exists already", target.display()))
        .hint("give another name, or --force to overwrite")
}

pub(crate) fn busy(target: &Path) -> Error {
    Error::failed(format!("{}: another command is writing it", target.display()))
        .hint("wait for it, or give another name")
}

/// The error where the folder of `target` takes no file.
pub(crate) fn nowhere(target: &Path, error: &io::Error) -> Error {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match error.raw_os_error() {
        Some(5) => write_error(target, 0, error),
        _ => Error::usage(format!("{}: nothing can be written there: {error}", folder.display()))
            .hint("choose a place you may write to"),
    }
}

/// The file `path`, made where there is none, and locked; `WouldBlock`, where somebody else has the lock and it is not to `wait`.
pub(crate) fn open_locked(path: &Path, wait: bool) -> io::Result<Output> {
    for _ in 0..TRIES {
        let output = Output::open(path, OpenOptions::new().write(true).create(true).truncate(false))?;
        lock(output.file(), wait)?;
        if is_still(output.file(), path) {
            return Ok(output);
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// Locks `file`. A file system without locks is taken as it is.
pub(crate) fn lock(file: &File, wait: bool) -> io::Result<()> {
    let locked = match wait {
        true => file.lock().map_err(TryLockError::Error),
        false => file.try_lock(),
    };
    match locked {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) if is_unknown(&error) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_unknown(error: &io::Error) -> bool {
    // ENOLCK of network file systems has no kind of its own.
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(37)
}

/// Whether `path` is still the name of the open `file`: who had the lock before may have renamed or removed it.
#[cfg(unix)]
pub(crate) fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |found: fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => id(open) == id(named),
        _ => false,
    }
}

#[cfg(not(unix))]
pub(crate) fn is_still(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_claim_and_is_free_again_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.png");
        let first = Claim::new(&target, false).unwrap();
        for replace in [false, true] {
            let error = Claim::new(&target, replace).unwrap_err().to_string();
            assert!(error.contains("another command"), "{error}");
        }
        drop(first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        Claim::new(&target, false).unwrap().write(b"one").unwrap();
        assert!(Claim::new(&target, false).unwrap_err().to_string().contains("exists already"));
        Claim::new(&target, true).unwrap().write(b"2").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"2");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_command_left_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.png");
        fs::write(folder.path().join(".a.png.part"), "something longer").unwrap();
        Claim::new(&target, false).unwrap().write(b"one").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.png");
        let claim = Claim::new(&target, false).unwrap();
        fs::write(&target, "another's").unwrap();
        assert!(claim.write(b"one").unwrap_err().to_string().contains("exists already"));
        assert_eq!(fs::read(&target).unwrap(), b"another's");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_that_cannot_be_are_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let error = |name: &str| Claim::new(&folder.path().join(name), true).unwrap_err();
        for length in [250, 255, 256, 5000] {
            let error = error(&"n".repeat(length));
            assert!(error.exit_code() == 2 && error.message().contains("too long"), "{error}");
        }
        assert!(Claim::new(&folder.path().join("n".repeat(249)), true).is_ok());
        assert!(error("").message().contains("is a folder"));
        let device = Claim::new(Path::new("/dev/null"), true).unwrap_err().to_string();
        assert!(device.contains("a device"), "{device}");
        let missing = error("nowhere/a.png");
        assert!(
            missing.exit_code() == 2 && missing.message().contains("nothing can be written"),
            "{missing}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nowhere_is_something() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("a.png");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(Claim::new(&link, false).unwrap_err().to_string().contains("exists already"));
    }
}
