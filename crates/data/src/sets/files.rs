//! Named files that can be read by number: what a folder and an archive have in common.

use std::fmt::Debug;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use walkdir::WalkDir;

use crate::sniff::{Kind, kind};
use crate::{Error, Result, images};

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Path below the root, parts separated by `/`; for showing and sorting.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Why it cannot be read, if that is known already.
    pub problem: Option<String>,
}

/// Files in the order of their paths.
pub(crate) trait Files: Debug + Send + Sync {
    /// What to call the whole in messages.
    fn name(&self) -> &str;
    /// The files, sorted.
    fn entries(&self) -> &[Entry];
    /// All of file `at`. The error begins with its full name.
    fn read(&self, at: usize) -> Result<Vec<u8>>;
    /// The first bytes of file `at`, at least 32 if it has them.
    fn head(&self, at: usize) -> Result<Vec<u8>>;
    /// The name of file `at` in messages.
    fn full_name(&self, at: usize) -> String {
        format!("{}/{}", self.name(), self.entries()[at].path)
    }
}

/// Files of a folder on disk, all levels, links not followed.
#[derive(Debug)]
pub(crate) struct DiskFiles {
    name: String,
    entries: Vec<Entry>,
    paths: Vec<PathBuf>,
    single: bool,
}

impl DiskFiles {
    /// All files below `root`, except hidden ones.
    pub fn walk(root: &Path) -> Result<Self> {
        let mut found = Vec::new();
        let visible = |e: &walkdir::DirEntry| e.depth() == 0 || !is_hidden(&e.file_name().to_string_lossy());
        for entry in WalkDir::new(root).follow_links(false).into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    let path = below(root, entry.path());
                    let problem =
                        (!entry.file_type().is_file()).then_some("a link or special file is not followed");
                    let size = entry.metadata().map_or(0, |m| m.len());
                    let entry_problem = problem.map(str::to_owned);
                    found.push((Entry { path, size, problem: entry_problem }, entry.into_path()));
                }
                Err(error) if error.depth() == 0 => {
                    return Err(Error::bad_input(format!("{}: {error}", root.display())));
                }
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_path_buf();
                    let what = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    found.push((Entry { path: below(root, &path), size: 0, problem: Some(what) }, path));
                }
            }
        }
        found.sort_by(|a, b| (&a.0.path, &a.1).cmp(&(&b.0.path, &b.1)));
        let (entries, paths) = found.into_iter().unzip();
        let name = root.to_string_lossy().trim_end_matches('/').to_owned();
        Ok(Self { name, entries, paths, single: false })
    }

    /// The one file at `path`.
    pub fn one(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path);
        let size = metadata.map_err(|e| Error::bad_input(format!("{}: {e}", path.display())))?.len();
        let file_name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let entries = vec![Entry { path: file_name, size, problem: None }];
        let name = path.to_string_lossy().into_owned();
        Ok(Self { name, entries, paths: vec![path.to_path_buf()], single: true })
    }

    /// Where file `at` is.
    pub fn full_path(&self, at: usize) -> Option<&Path> {
        self.paths.get(at).map(PathBuf::as_path)
    }

    /// What each file is. CIFAR files, which carry no mark, count when their name ends in `.bin`.
    pub fn kinds(&self) -> Vec<Kind> {
        let one = |(at, entry): (usize, &Entry)| {
            let head = self.head(at).unwrap_or_default();
            kind(&head, entry.size, entry.path.ends_with(".bin"))
        };
        self.entries.par_iter().enumerate().map(one).collect()
    }
}

impl Files for DiskFiles {
    fn name(&self) -> &str {
        &self.name
    }

    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, at: usize) -> Result<Vec<u8>> {
        if let Some(problem) = &self.entries[at].problem {
            return Err(Error::bad_input(format!("{}: {problem}", self.full_name(at))));
        }
        images::read_file(&self.paths[at])
    }

    fn head(&self, at: usize) -> Result<Vec<u8>> {
        let failed = |e| Error::bad_input(format!("{}: {e}", self.full_name(at)));
        if let Some(problem) = &self.entries[at].problem {
            return Err(Error::bad_input(format!("{}: {problem}", self.full_name(at))));
        }
        let mut head = Vec::new();
        File::open(&self.paths[at]).and_then(|file| file.take(512).read_to_end(&mut head)).map_err(failed)?;
        Ok(head)
    }

    fn full_name(&self, at: usize) -> String {
        if self.single { self.name.clone() } else { format!("{}/{}", self.name, self.entries[at].path) }
    }
}

/// Whether a file or folder of this name is not meant as data.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX" || name == "Thumbs.db"
}

fn below(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
