//! Named files that can be read by number: what a folder and an archive have in common.

use std::fmt::Debug;

use langevin_core::LeftAside;

use crate::Result;
use crate::sniff::{Kind, kind};

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
    /// What tells the content of file `at` from that of another file of its length, as far as is known without reading
    /// it whole.
    fn mark(&self, at: usize) -> [u8; 16];
    /// What file `at` is.
    fn kind(&self, at: usize) -> Kind {
        kind(&self.head(at).unwrap_or_default(), self.entries()[at].size, false)
    }
    /// The name of file `at` in messages.
    fn full_name(&self, at: usize) -> String {
        format!("{}/{}", self.name(), self.entries()[at].path)
    }
    /// The path of file `at` within the archive that holds it.
    fn inner(&self, at: usize) -> &str {
        &self.entries()[at].path
    }
    /// What was left aside before there were entries.
    fn left_aside(&self) -> LeftAside {
        LeftAside::default()
    }
}

/// The mark of a file that begins with `head`.
pub(crate) fn mark(head: &[u8]) -> [u8; 16] {
    let mut mark = [0; 16];
    mark.copy_from_slice(&blake3::hash(head).as_bytes()[..16]);
    mark
}

/// What a file or folder of this name is, where it is not meant as data.
pub(crate) fn not_data(name: &str) -> Option<&'static str> {
    match name {
        ".thumbnails" | "@eaDir" | ".@__thumb" | "Thumbs.db" | "__MACOSX" => Some("thumbnails"),
        "#recycle" | "@Recycle" | "$RECYCLE.BIN" | "lost+found" | "System Volume Information" => {
            Some("discarded files")
        }
        "desktop.ini" => Some("hidden files"),
        _ if name.starts_with('.') => Some("hidden files"),
        _ => None,
    }
}

/// Whether a file of this name is there for people, or belongs to the set without being a part of it: nobody misses it.
pub(crate) fn is_document(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    const NAMES: [&str; 6] = [
        "batches.meta.txt",
        "batches.meta",
        "meta",
        "coarse_label_names.txt",
        "fine_label_names.txt",
        "dataset_infos.json",
    ];
    let begins = ["readme", "license", "licence", "citation", "changelog", ".gitattributes", ".gitignore"];
    NAMES.contains(&name.as_str())
        || begins.iter().any(|begin| name.starts_with(begin))
        || name.ends_with(".md")
        || name.ends_with("_stats.json")
}
