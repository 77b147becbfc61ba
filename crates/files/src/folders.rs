//! Folders that appear whole: fresh ones with a number of their own, and ones that take the place of another in one step.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use langevin_process::{Error, Result};

use crate::claim::{busy, hidden, is_still, lock, nowhere};
use crate::disk;
use crate::room::write_error;
use crate::whole::{folder_error, is_abandoned, sweep, write_synced};

/// A hidden folder may go away between being made and being locked this many times.
const TRIES: usize = 100;
/// Folders of earlier commands that are looked at for what killed ones left.
const SWEPT: usize = 8;

/// Folders that were made for results; those that stay empty go when it is dropped.
#[derive(Debug, Default)]
pub struct Made(Vec<PathBuf>);

impl Made {
    /// Makes `folder` and everything above it.
    ///
    /// # Errors
    /// As [`crate::create_folder`].
    pub fn make(&mut self, folder: &Path) -> Result<()> {
        let made = disk::make_folders(folder).map_err(|error| folder_error(folder, &error))?;
        self.0.splice(0..0, made);
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for folder in &self.0 {
            // Fails, as it should, for one that holds something.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A folder that nobody else writes to, as long as this lives.
#[derive(Debug)]
pub struct Fresh {
    path: PathBuf,
    _lock: File,
}

impl Fresh {
    /// The first of `STEM-000`, `STEM-001`... that nobody has, made, or left by a killed command without a result; `made` takes it
    /// away where it stays empty.
    ///
    /// # Errors
    /// As [`crate::create_folder`].
    pub fn claim(stem: &Path, made: &mut Made) -> Result<Self> {
        if let Some(above) = stem.parent() {
            made.make(above)?;
        }
        let mut before: Vec<PathBuf> = Vec::new();
        for number in 0_u64.. {
            let mut name = stem.as_os_str().to_owned();
            name.push(format!("-{number:03}"));
            let path = PathBuf::from(name);
            let failed = |error: &io::Error| match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => nowhere(&path, error),
                _ => folder_error(&path, error),
            };
            let own = match disk::make_folder(&path) {
                Ok(own) => own,
                // A file has the name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(failed(&error)),
            };
            if own {
                made.0.insert(0, path.clone());
            } else if !is_abandoned(&path) {
                before.push(path);
                continue;
            }
            // Another command may take the folder before it is locked, or away.
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if own => return Err(failed(&error)),
                Err(_) => continue,
            };
            // Where there are no locks, a folder that is there may be one that was just made.
            let locked = if own { lock(&file, false).is_ok() } else { file.try_lock().is_ok() };
            if locked && is_still(&file, &path) && is_abandoned(&path) {
                if !own {
                    sweep(&path);
                    made.0.insert(0, path.clone());
                }
                // What the last commands left beside their results goes, if they were killed.
                for folder in before.iter().rev().take(SWEPT) {
                    if File::open(folder).is_ok_and(|file| file.try_lock().is_ok()) {
                        sweep(folder);
                    }
                }
                return Ok(Self { path, _lock: file });
            }
        }
        unreachable!("a number is always free")
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A folder that is written beside its place, under the hidden name `.NAME.part`, and put there when it is whole.
#[derive(Debug)]
pub struct FolderClaim {
    target: PathBuf,
    staged: PathBuf,
    _lock: File,
    published: bool,
    /// Last, so that what was made for it is empty by then.
    _made: Made,
}

impl FolderClaim {
    /// Claims the place `target`. What is there is looked at when the folder is put in its place; a link is followed.
    ///
    /// # Errors
    /// Failed: another command writes it, the disk is full. Usage: no name of a folder, one that is too long, a place that nothing
    /// can be written to.
    pub fn new(target: &Path) -> Result<Self> {
        let target = if target.is_symlink() {
            fs::canonicalize(target).unwrap_or(target.to_owned())
        } else {
            target.to_owned()
        };
        if target.file_name().is_none() {
            return Err(Error::usage(format!(
                "{}: is no name that a folder can be put under",
                target.display()
            ))
            .hint("name the folder from outside of it"));
        }
        let staged = hidden(&target)?;
        restore(&target)?;
        let mut made = Made::default();
        if let Some(above) = target.parent() {
            made.make(above)?;
        }
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::WouldBlock => busy(&target),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotFound => {
                nowhere(&target, &error)
            }
            _ => write_error(&target, 4096, &error),
        };
        for _ in 0..TRIES {
            disk::make_folder(&staged).map_err(failed)?;
            let Ok(file) = File::open(&staged) else { continue };
            lock(&file, false).map_err(failed)?;
            if is_still(&file, &staged) {
                empty(&staged).map_err(failed)?;
                return Ok(Self { target, staged, _lock: file, published: false, _made: made });
            }
        }
        Err(busy(&target))
    }

    /// Writes the file `name` into it, on the disk before the folder is seen.
    ///
    /// # Errors
    /// Failed, naming need and free space.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.staged.join(name);
        let made = path.parent().map_or(Ok(Vec::new()), disk::make_folders);
        made.and_then(|_| write_synced(&path, bytes))
            .map_err(|error| write_error(&self.target.join(name), bytes.len() as u64, &error))
    }

    /// Puts the folder in its place: where nothing is or an empty folder, or with `replace` any folder, which goes once the new one
    /// stands.
    ///
    /// # Errors
    /// Failed; what was there stays.
    pub fn publish(mut self, replace: bool) -> Result<()> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
                Error::failed(format!("{}: is there already", self.target.display()))
                    .hint("name another folder, or give --force")
            }
            _ => write_error(&self.target, 4096, &error),
        };
        sync_all(&self.staged).map_err(failed)?;
        if !self.target.exists() {
            disk::rename_new(&self.staged, &self.target).map_err(failed)?;
        } else if !replace {
            // Takes the place of an empty folder, and fails for another.
            disk::rename(&self.staged, &self.target).map_err(failed)?;
        } else {
            // The old one gets the hidden name, under which nobody else may take it for a leftover before it is gone.
            let old = File::open(&self.target).map_err(failed)?;
            lock(&old, false).map_err(|_| busy(&self.target))?;
            match disk::exchange(&self.staged, &self.target) {
                Ok(()) => {
                    self.published = true;
                    let _ = disk::remove_folder(&self.staged);
                }
                Err(error) if error.kind() == io::ErrorKind::Unsupported => self.swap().map_err(failed)?,
                Err(error) => return Err(failed(error)),
            }
        }
        self.published = true;
        // The folder stands; that its name is not yet on the disk is no reason to say otherwise.
        let _ = self.target.parent().map(|above| {
            disk::sync_folder(if above.as_os_str().is_empty() { Path::new(".") } else { above })
        });
        Ok(())
    }

    /// As an exchange, in two steps: between them the old folder is found under its hidden name, from which the next command puts it
    /// back.
    fn swap(&self) -> io::Result<()> {
        let old = self.target.with_file_name(old_name(&self.target));
        disk::rename(&self.target, &old)?;
        if let Err(error) = disk::rename(&self.staged, &self.target) {
            let _ = disk::rename(&old, &self.target);
            return Err(error);
        }
        let _ = disk::remove_folder(&old);
        Ok(())
    }
}

impl Drop for FolderClaim {
    fn drop(&mut self) {
        if !self.published {
            let _ = disk::remove_folder(&self.staged);
        }
    }
}

fn old_name(target: &Path) -> std::ffi::OsString {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".old");
    name
}

/// Puts back what a command that was killed between the two steps of a swap left, or removes it where the new one stands.
fn restore(target: &Path) -> Result<()> {
    let old = target.with_file_name(old_name(target));
    if !old.is_dir() {
        return Ok(());
    }
    let done = if target.exists() { disk::remove_folder(&old) } else { disk::rename(&old, target) };
    done.map_err(|error| write_error(target, 0, &error))
}

/// Removes all that is in `folder`.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() && !path.is_symlink() {
            true => disk::remove_folder(&path)?,
            false => disk::remove_file(&path)?,
        }
    }
    Ok(())
}

/// Waits until the names in `folder` and the folders in it are on the disk.
fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_all(&path)?;
        }
    }
    disk::sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn fresh_folders_have_numbers_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("samples");
        let mut made = Made::default();
        let claims: Vec<Fresh> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let mut made = Made::default();
                        let fresh = Fresh::claim(&stem, &mut made).unwrap();
                        fs::write(fresh.path().join("0000.png"), "x").unwrap();
                        fresh
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        drop(claims);
        assert_eq!(names(folder.path()).len(), 8);
        let next = Fresh::claim(&stem, &mut made).unwrap();
        assert!(next.path().ends_with("samples-008"));
        drop((next, made));
        assert_eq!(names(folder.path()).len(), 8);
    }

    #[test]
    fn a_folder_that_a_killed_command_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("samples-000");
        fs::create_dir(&left).unwrap();
        fs::write(left.join(".0000.png.part"), "half").unwrap();
        fs::write(folder.path().join("samples-001"), "a file").unwrap();
        let mut made = Made::default();
        let one = Fresh::claim(&folder.path().join("samples"), &mut made).unwrap();
        let two = Fresh::claim(&folder.path().join("samples"), &mut made).unwrap();
        assert!(one.path().ends_with("samples-000") && two.path().ends_with("samples-002"));
        assert!(names(&left).is_empty());
    }

    #[test]
    fn a_folder_takes_the_place_of_another_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a/model");
        let claim = FolderClaim::new(&target).unwrap();
        assert!(FolderClaim::new(&target).unwrap_err().message().contains("another command"));
        claim.write("unet/config.json", b"1").unwrap();
        claim.publish(false).unwrap();
        assert_eq!(names(&folder.path().join("a")), ["model"]);

        let claim = FolderClaim::new(&target).unwrap();
        claim.write("other.json", b"2").unwrap();
        assert!(claim.publish(false).unwrap_err().message().contains("is there already"));
        assert_eq!(
            (names(&folder.path().join("a")), names(&target)),
            (vec!["model".to_owned()], vec!["unet".to_owned()])
        );

        let claim = FolderClaim::new(&target).unwrap();
        claim.write("other.json", b"2").unwrap();
        claim.publish(true).unwrap();
        assert_eq!(
            (names(&folder.path().join("a")), names(&target)),
            (vec!["model".to_owned()], vec!["other.json".to_owned()])
        );
    }

    #[test]
    fn nothing_is_left_of_a_folder_that_comes_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let claim = FolderClaim::new(&folder.path().join("a/b/model")).unwrap();
        claim.write("x", b"1").unwrap();
        drop(claim);
        assert!(names(folder.path()).is_empty());
        assert_eq!(FolderClaim::new(Path::new("..")).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn what_was_there_is_put_back_where_it_could_not_be_exchanged() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("model");
        // As a command leaves it that is killed between the two steps.
        fs::create_dir(folder.path().join(".model.old")).unwrap();
        fs::write(folder.path().join(".model.old/x"), "old").unwrap();
        fs::create_dir(folder.path().join(".model.part")).unwrap();
        fs::write(folder.path().join(".model.part/y"), "half").unwrap();
        let claim = FolderClaim::new(&target).unwrap();
        assert_eq!(fs::read(target.join("x")).unwrap(), b"old");
        claim.swap().unwrap();
        assert!(names(&target).is_empty());
        fs::create_dir(folder.path().join(".model.part")).unwrap();
        drop(claim);
        assert_eq!(names(folder.path()), ["model"]);
    }
}
