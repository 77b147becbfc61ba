//! Where the results of a job go: to files, whose names are claimed as a set before the work begins, or into memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use langevin_core::{Error, Result};
use langevin_files::{create_folder, write_file};

/// Takes the results of a job.
pub trait Sink {
    /// Makes sure that every one of `names` can be written, before time is spent on what goes into them.
    ///
    /// # Errors
    /// Where one cannot, or is taken.
    fn claim(&mut self, names: &[&Path]) -> Result<()>;

    /// Writes one result whole.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn write(&mut self, name: &Path, bytes: Vec<u8>) -> Result<()>;
}

/// Results as files; nothing is overwritten unasked. Folders that were made for them and stay empty go when it is dropped, so
/// that work that fails leaves nothing behind.
#[derive(Debug, Default)]
pub struct Files {
    force: bool,
    /// The folders that were made, inner ones first.
    made: Vec<PathBuf>,
}

impl Files {
    /// Files that overwrite others if `force`.
    pub fn new(force: bool) -> Self {
        Self { force, made: Vec::new() }
    }

    fn folder(&mut self, folder: &Path) -> Result<()> {
        let missing =
            folder.ancestors().filter(|path| !path.as_os_str().is_empty()).take_while(|path| !path.exists());
        self.made.splice(0..0, missing.map(Path::to_path_buf).collect::<Vec<_>>());
        create_folder(folder)?;
        let probe = folder.join(format!(".langevin-{}.tmp", std::process::id()));
        let tried = std::fs::File::create_new(&probe).and_then(|_| std::fs::remove_file(&probe));
        tried.map_err(|error| {
            Error::usage(format!("{}: nothing can be written there: {error}", folder.display()))
                .hint("choose a place you may write to")
        })
    }
}

impl Sink for Files {
    /// # Errors
    /// Failed, naming it, when one is there already and nothing may be overwritten. Usage: two of one name, a folder of that
    /// name, or one whose folder cannot be made or written to.
    fn claim(&mut self, names: &[&Path]) -> Result<()> {
        let (mut folders, mut files) = (BTreeSet::new(), BTreeSet::new());
        for file in names {
            if file.is_dir() {
                return Err(
                    Error::usage(format!("{}: is a folder", file.display())).hint("give the name of a file")
                );
            }
            if file.exists() && !self.force {
                return Err(Error::failed(format!("{}: exists already", file.display()))
                    .hint("give another name, or --force to overwrite"));
            }
            if !files.insert(*file) {
                return Err(Error::usage(format!("{}: is the name of two results", file.display()))
                    .hint("give another name to one of them"));
            }
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            if folders.insert(folder) {
                self.folder(folder)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, name: &Path, bytes: Vec<u8>) -> Result<()> {
        write_file(name, &bytes)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for folder in &self.made {
            // Fails, as it should, for one that holds something.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Results in memory, by name.
#[derive(Debug, Default)]
pub struct Memory {
    /// What was written.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Sink for Memory {
    fn claim(&mut self, _names: &[&Path]) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, name: &Path, bytes: Vec<u8>) -> Result<()> {
        self.files.insert(name.to_owned(), bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_unasked_and_no_name_is_used_twice() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a.png", "b.png"].map(|name| folder.path().join(name));
        std::fs::write(&a, "x").unwrap();
        assert!(Files::new(false).claim(&[&a]).unwrap_err().to_string().contains("--force"));
        assert!(Files::new(true).claim(&[&a]).is_ok());
        assert!(Files::new(false).claim(&[&b, &b]).unwrap_err().to_string().contains("two results"));
    }

    #[test]
    fn folders_that_stay_empty_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b/c.png");
        let claimed = || {
            let mut files = Files::new(false);
            files.claim(&[&file]).unwrap();
            files
        };
        drop(claimed());
        assert!(!folder.path().join("a").exists());
        let mut files = claimed();
        files.write(&file, b"x".to_vec()).unwrap();
        drop(files);
        assert!(file.exists());
    }
}
