//! Several archives that are one set: the shards of WebDataset, or the parts of a large download.

use std::path::{Path, PathBuf};

use langevin_core::{LeftAside, Stop};

use super::archive::{TarFiles, ZipFiles};
use super::files::{Entry, Files};
use crate::Result;
use crate::sniff::Kind;

/// The members of all archives.
#[derive(Debug)]
pub(crate) struct Shards {
    name: String,
    entries: Vec<Entry>,
    /// For each member the number of its archive, and its number there.
    places: Vec<(usize, usize)>,
    parts: Vec<Box<dyn Files>>,
    /// How many bytes of a path are the path of the archive.
    prefixes: Vec<usize>,
    aside: LeftAside,
}

impl Shards {
    /// Opens the archives at `paths`, whose paths below `root` stand before those of their members.
    ///
    /// # Errors
    /// Bad input, as for each of them.
    pub fn open(root: &Path, paths: &[(PathBuf, Kind)], aside: LeftAside, stop: &Stop) -> Result<Self> {
        let mut shards = Self {
            name: root.to_string_lossy().trim_end_matches('/').to_owned(),
            entries: Vec::new(),
            places: Vec::new(),
            parts: Vec::new(),
            prefixes: Vec::new(),
            aside,
        };
        for (path, kind) in paths {
            let part: Box<dyn Files> = match kind {
                Kind::Zip => Box::new(ZipFiles::open(path, stop)?),
                _ => Box::new(TarFiles::open(path, stop)?),
            };
            let below = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
            for (at, entry) in part.entries().iter().enumerate() {
                let path = format!("{below}/{}", entry.path);
                shards.entries.push(Entry { path, ..entry.clone() });
                shards.places.push((shards.parts.len(), at));
            }
            shards.aside.extend(part.left_aside());
            shards.prefixes.push(below.len() + 1);
            shards.parts.push(part);
        }
        Ok(shards)
    }

    fn part(&self, at: usize) -> (&dyn Files, usize) {
        let (part, at) = self.places[at];
        (self.parts[part].as_ref(), at)
    }
}

impl Files for Shards {
    fn name(&self) -> &str {
        &self.name
    }

    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, at: usize) -> Result<Vec<u8>> {
        let (part, at) = self.part(at);
        part.read(at)
    }

    fn head(&self, at: usize) -> Result<Vec<u8>> {
        let (part, at) = self.part(at);
        part.head(at)
    }

    fn mark(&self, at: usize) -> [u8; 16] {
        let (part, at) = self.part(at);
        part.mark(at)
    }

    fn inner(&self, at: usize) -> &str {
        &self.entries[at].path[self.prefixes[self.places[at].0]..]
    }

    fn left_aside(&self) -> LeftAside {
        self.aside.clone()
    }
}
