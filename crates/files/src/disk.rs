//! The one place where the disk is changed: files and folders are created, written, cut, flushed, renamed and removed here,
//! so that a test can let any of it fail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::fault::{Change, fate, point};

/// A file that is written.
#[derive(Debug)]
pub struct Output {
    file: File,
    path: PathBuf,
}

impl Output {
    /// Creates the file `path`, or empties the one that is there.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::open(path, OpenOptions::new().write(true).create(true).truncate(true))
    }

    /// Opens the file `path` as `options` say.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path, options: &OpenOptions) -> io::Result<Self> {
        point(Change::Create, path)?;
        Ok(Self { file: options.open(path)?, path: path.to_owned() })
    }

    /// Makes the file `length` bytes long.
    ///
    /// # Errors
    /// The system's.
    pub fn cut(&self, length: u64) -> io::Result<()> {
        point(Change::Cut, &self.path)?;
        self.file.set_len(length)
    }

    /// Waits until the file is on the disk.
    ///
    /// # Errors
    /// The system's.
    pub fn sync(&self) -> io::Result<()> {
        point(Change::Sync, &self.path)?;
        self.file.sync_all()
    }

    /// The file itself, for what changes nothing.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(fate) = fate(Change::Write, &self.path) {
            // A disk that is full, or a program that is killed, has often written a part.
            let _ = self.file.write_all(&bytes[..bytes.len() / 2]);
            return Err(fate.meet());
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Makes the folder `path`, and says whether it was made: false where there is one.
///
/// # Errors
/// The system's: nothing above it, a file of that name.
pub fn make_folder(path: &Path) -> io::Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    point(Change::Folder, path)?;
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the folder `path` and those above it; those that were made, inner ones first.
///
/// # Errors
/// The system's; what was made by then stays.
pub fn make_folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    let above: Vec<&Path> = path.ancestors().filter(|path| !path.as_os_str().is_empty()).collect();
    let missing = above.iter().take_while(|path| !path.is_dir()).count();
    for path in above[..missing].iter().rev() {
        // `a/..` is there as soon as `a` is.
        if make_folder(path)? {
            made.insert(0, path.to_path_buf());
        }
    }
    Ok(made)
}

/// Gives `from` the name `to`, in the place of a file of that name.
///
/// # Errors
/// The system's.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    point(Change::Rename, to)?;
    fs::rename(from, to)
}

/// Gives `from` the name `to`, which nothing may have; in one step where the file system knows how.
///
/// # Errors
/// `AlreadyExists`; the system's.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    point(Change::Rename, to)?;
    match flagged(from, to, Flag::New) {
        Err(error) if unknown(&error) => {}
        done => return done,
    }
    // A second name fails where one is there, for files on most file systems.
    if from.is_file() {
        match fs::hard_link(from, to) {
            Ok(()) => return fs::remove_file(from),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => {}
        }
    }
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Exchanges the names of `one` and `other`, in one step.
///
/// # Errors
/// `Unsupported`, where the file system does not know how; the system's.
pub fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    point(Change::Exchange, other)?;
    flagged(one, other, Flag::Exchange).map_err(|error| match unknown(&error) {
        true => io::ErrorKind::Unsupported.into(),
        false => error,
    })
}

enum Flag {
    New,
    Exchange,
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn flagged(from: &Path, to: &Path, flag: Flag) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let flag = match flag {
        Flag::New => RenameFlags::NOREPLACE,
        Flag::Exchange => RenameFlags::EXCHANGE,
    };
    Ok(renameat_with(CWD, from, CWD, to, flag)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn flagged(_from: &Path, _to: &Path, _flag: Flag) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether a file system, or a kernel, does not know what it was asked for.
fn unknown(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

/// Removes the file `path`.
///
/// # Errors
/// The system's.
pub fn remove_file(path: &Path) -> io::Result<()> {
    point(Change::Remove, path)?;
    fs::remove_file(path)
}

/// Removes the folder `path` with what is in it.
///
/// # Errors
/// The system's.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    point(Change::Remove, path)?;
    fs::remove_dir_all(path)
}

/// Waits until the names in the folder `path` are on the disk.
///
/// # Errors
/// The system's.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    point(Change::Sync, path)?;
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_never_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&a, "a").unwrap();
        fs::write(&b, "b").unwrap();
        assert_eq!(rename_new(&a, &b).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&b).unwrap(), b"b");
        fs::remove_file(&b).unwrap();
        rename_new(&a, &b).unwrap();
        assert_eq!((fs::read(&b).unwrap(), a.exists()), (b"a".to_vec(), false));
    }

    #[test]
    fn folders_exchange_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        fs::create_dir(&a).unwrap();
        fs::create_dir(&b).unwrap();
        fs::write(a.join("in"), "a").unwrap();
        match exchange(&a, &b) {
            Ok(()) => assert!(b.join("in").is_file() && !a.join("in").exists()),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Unsupported),
        }
    }

    #[test]
    fn folders_that_were_made_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        assert_eq!(make_folders(&inner).unwrap(), [inner.clone(), folder.path().join("a")]);
        assert_eq!(make_folders(&inner).unwrap(), [""; 0].map(PathBuf::from));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(make_folders(&folder.path().join("file/below")).is_err());
    }
}
