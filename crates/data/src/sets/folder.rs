//! Files of a folder on disk, all levels. Links are followed within bounds; what is hidden, discarded, a thumbnail or a
//! run of this program is left aside.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use langevin_core::{LeftAside, Stop};
use rayon::prelude::*;
use walkdir::{DirEntry, WalkDir};

use super::files::{Entry, Files, is_document, mark, not_data};
use crate::sniff::{HEAD, Kind, kind};
use crate::split::OPENING;
use crate::{Error, Result, images};

/// Most files and folders that links may lead to.
const MAX_LINKED: u64 = 1_000_000;
const DEAD: &str = "links that lead nowhere";
const BACK: &str = "links that lead back";
const TWICE: &str = "links to what is there already";

/// Files of a folder, or one file.
#[derive(Debug)]
pub(crate) struct DiskFiles {
    name: String,
    entries: Vec<Entry>,
    paths: Vec<PathBuf>,
    looks: Vec<Look>,
    aside: LeftAside,
    single: bool,
}

/// What is known of a file from its first bytes.
#[derive(Debug, Clone, Copy)]
struct Look {
    kind: Kind,
    mark: [u8; 16],
    /// Which file it is, whatever it is called.
    id: (u64, u64),
    own: bool,
}

/// A file on the way.
struct Found {
    path: String,
    full: PathBuf,
    linked: bool,
    problem: Option<String>,
}

impl DiskFiles {
    /// All files below `root` that may be data.
    ///
    /// # Errors
    /// Bad input, naming the folder: it cannot be read, or its links lead to too much. Interrupted.
    pub fn walk(root: &Path, stop: &Stop) -> Result<Self> {
        let mut walk = Walk::new(root, stop);
        let mut found = walk.all()?;
        found.sort_by(|a, b| (&a.path, &a.full).cmp(&(&b.path, &b.full)));
        let looks: Vec<(Entry, Look)> = found
            .par_iter()
            .map(|found| {
                stop.check(OPENING)?;
                Ok(look(found))
            })
            .collect::<Result<_>>()?;
        let keep = walk.kept(&found, &looks);
        let mut files = Self {
            name: root.to_string_lossy().trim_end_matches('/').to_owned(),
            entries: Vec::with_capacity(found.len()),
            paths: Vec::with_capacity(found.len()),
            looks: Vec::with_capacity(found.len()),
            aside: walk.aside,
            single: false,
        };
        if files.name.is_empty() {
            files.name.push('/');
        }
        for ((found, (entry, look)), _) in found.into_iter().zip(looks).zip(keep).filter(|(_, keep)| *keep) {
            files.entries.push(entry);
            files.paths.push(found.full);
            files.looks.push(look);
        }
        Ok(files)
    }

    /// The one file at `path`.
    pub fn one(path: &Path) -> Result<Self> {
        let file_name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let found = Found { path: file_name, full: path.to_path_buf(), linked: false, problem: None };
        let (entry, look) = look(&found);
        let name = path.to_string_lossy().into_owned();
        let aside = LeftAside::default();
        Ok(Self {
            name,
            entries: vec![entry],
            paths: vec![found.full],
            looks: vec![look],
            aside,
            single: true,
        })
    }

    /// Where file `at` is.
    pub fn full_path(&self, at: usize) -> &Path {
        &self.paths[at]
    }

    /// The numbers of the files of `kind`.
    pub fn of(&self, kind: Kind) -> Vec<usize> {
        (0..self.looks.len()).filter(|at| self.looks[*at].kind == kind).collect()
    }

    /// The same with what was left aside in all.
    pub fn with_aside(self, aside: LeftAside) -> Self {
        Self { aside, ..self }
    }

    /// Leaves aside what is of none of `kinds`, for a set that is made of files of these alone.
    pub fn leave_all_but(&self, kinds: &[Kind], aside: &mut LeftAside) {
        for (entry, Look { kind, .. }) in self.entries.iter().zip(&self.looks) {
            if !kinds.contains(kind) && !is_document(&entry.path) {
                aside.add(kind.left_aside(), &entry.path);
            }
        }
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
        langevin_files::read_head(&self.paths[at], HEAD)
    }

    fn mark(&self, at: usize) -> [u8; 16] {
        self.looks[at].mark
    }

    fn kind(&self, at: usize) -> Kind {
        self.looks[at].kind
    }

    fn full_name(&self, at: usize) -> String {
        if self.single { self.name.clone() } else { format!("{}/{}", self.name, self.entries[at].path) }
    }

    fn left_aside(&self) -> LeftAside {
        self.aside.clone()
    }
}

/// A walk through a folder.
struct Walk<'a> {
    root: &'a Path,
    stop: &'a Stop,
    real: PathBuf,
    aside: LeftAside,
    /// Folders outside that links have led to.
    visited: HashSet<PathBuf>,
    linked: u64,
    /// The depth of the link to a folder that the walk is in.
    within: Option<usize>,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path, stop: &'a Stop) -> Self {
        let real = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
        let (aside, visited) = Default::default();
        Self { root, stop, real, aside, visited, linked: 0, within: None }
    }

    fn all(&mut self) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        let mut walk = WalkDir::new(self.root).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            self.stop.check(OPENING)?;
            match entry {
                Ok(entry) => match self.entry(&entry)? {
                    Step::Take(file) => found.push(file),
                    Step::Pass if entry.file_type().is_dir() => walk.skip_current_dir(),
                    Step::Pass | Step::Enter => {}
                },
                Err(error) if error.depth() == 0 => {
                    return Err(Error::bad_input(format!("{}: {error}", self.root.display())));
                }
                Err(error) => {
                    let full = error.path().unwrap_or(self.root).to_path_buf();
                    let path = below(self.root, &full);
                    let name = full.file_name().unwrap_or_default().to_string_lossy();
                    let dead = error.io_error().is_some_and(|e| e.kind() == std::io::ErrorKind::NotFound);
                    if let Some(what) = not_data(&name) {
                        self.aside.add(what, path);
                    } else if error.loop_ancestor().is_some() || is_loop(&error) {
                        self.aside.add(BACK, path);
                    } else if dead {
                        self.aside.add(DEAD, path);
                    } else {
                        let what = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                        found.push(Found { path, full, linked: false, problem: Some(what) });
                    }
                }
            }
        }
        Ok(found)
    }

    fn entry(&mut self, entry: &DirEntry) -> Result<Step> {
        if entry.depth() == 0 {
            return Ok(Step::Enter);
        }
        let name = entry.file_name().to_string_lossy();
        let path = || below(self.root, entry.path());
        if let Some(what) = not_data(&name) {
            if !is_document(&name) {
                self.aside.add(what, path());
            }
            return Ok(Step::Pass);
        }
        self.within = self.within.filter(|depth| entry.depth() > *depth);
        let kind = entry.file_type();
        if entry.path_is_symlink() && kind.is_dir() {
            if let Some(what) = self.passed_over(entry.path()) {
                self.aside.add(what, path());
                return Ok(Step::Pass);
            }
            self.within = self.within.or(Some(entry.depth()));
        }
        let linked = self.within.is_some() || entry.path_is_symlink();
        self.linked += u64::from(linked);
        if self.linked > MAX_LINKED {
            let what = format!("{}: its links lead to over {MAX_LINKED} files", self.root.display());
            return Err(Error::bad_input(what).hint("remove the link that leads out of the data"));
        }
        if kind.is_dir() {
            let own = entry.path().join("run.toml").is_file() || entry.path().join("checkpoints").is_dir();
            if own {
                self.aside.add("runs of this program", path());
            }
            return Ok(if own { Step::Pass } else { Step::Enter });
        }
        if !kind.is_file() {
            self.aside.add("pipes, sockets and devices", path());
            return Ok(Step::Pass);
        }
        Ok(Step::Take(Found { path: path(), full: entry.path().to_path_buf(), linked, problem: None }))
    }

    /// Why the link to a folder at `path` is not followed, if it is not.
    fn passed_over(&mut self, path: &Path) -> Option<&'static str> {
        let Ok(target) = path.canonicalize() else { return Some(DEAD) };
        if self.real.starts_with(&target) {
            return Some(BACK);
        }
        let inside = target.strip_prefix(&self.real).is_ok_and(|rest| {
            !rest.components().any(|part| not_data(&part.as_os_str().to_string_lossy()).is_some())
        });
        (inside || !self.visited.insert(target)).then_some(TWICE)
    }

    /// Which of the files are kept: each real file once, and no results of this program beside other images.
    fn kept(&mut self, found: &[Found], looks: &[(Entry, Look)]) -> Vec<bool> {
        let mut keep = vec![true; found.len()];
        if self.linked > 0 {
            let is_data = |look: &Look| !matches!(look.kind, Kind::Other | Kind::Empty);
            let mut seen: HashSet<(u64, u64)> = HashSet::new();
            for linked in [false, true] {
                for (at, file) in found.iter().enumerate().filter(|(_, file)| file.linked == linked) {
                    let look = &looks[at].1;
                    let new = !is_data(look) || file.problem.is_some() || seen.insert(look.id);
                    if linked && !new {
                        keep[at] = false;
                        self.aside.add(TWICE, &file.path);
                    }
                }
            }
        }
        let image = |look: &Look| look.kind == Kind::Image;
        let own = |at: usize| looks[at].1.own && in_fresh_folder(&found[at].path);
        if (0..found.len()).any(own) && (0..found.len()).any(|at| image(&looks[at].1) && !own(at)) {
            for at in (0..found.len()).filter(|at| own(*at)) {
                keep[at] = false;
                self.aside.add("results of this program", &found[at].path);
            }
        }
        keep
    }
}

/// What is done with an entry.
enum Step {
    Take(Found),
    Enter,
    Pass,
}

/// Reads the first bytes of a file.
fn look(found: &Found) -> (Entry, Look) {
    let mut head = Vec::with_capacity(HEAD as usize);
    let mut facts = (0, (0, 0));
    let mut problem = found.problem.clone();
    if problem.is_none() {
        let read = std::fs::File::open(&found.full).and_then(|mut file| {
            let metadata = file.metadata()?;
            facts = (metadata.len(), id(&metadata));
            file.by_ref().take(HEAD).read_to_end(&mut head)
        });
        problem = read.err().map(|error| error.to_string());
    }
    let (size, id) = facts;
    let kind = kind(&head, size, found.path.ends_with(".bin"));
    let has = |word: &[u8]| head.windows(word.len()).any(|part| part == word);
    let own = kind == Kind::Image && has(b"iTXt") && has(b"langevin");
    let entry = Entry { path: found.path.clone(), size, problem };
    (entry, Look { kind, mark: mark(&head), id, own })
}

/// Whether links lead to each other and nowhere else.
fn is_loop(error: &walkdir::Error) -> bool {
    const ELOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };
    cfg!(unix) && error.io_error().and_then(std::io::Error::raw_os_error) == Some(ELOOP)
}

#[cfg(unix)]
fn id(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn id(_: &std::fs::Metadata) -> (u64, u64) {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    (0, NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

/// Whether a file lies in a folder as commands name theirs when they are given no name: `samples-000`.
fn in_fresh_folder(path: &str) -> bool {
    let numbered = |part: &str| {
        let (word, number) = part.rsplit_once('-').unwrap_or_default();
        !word.is_empty() && number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    path.rsplit_once('/').is_some_and(|(folders, _)| folders.split('/').any(numbered))
}

fn below(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
