//! Which files a command wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// The files below a folder: path, with `/` between the parts, to size and time.
#[derive(Default)]
pub struct Snapshot(BTreeMap<String, (u64, Option<SystemTime>)>);

impl Snapshot {
    /// What lies in `folder` now.
    pub fn of(folder: &Path) -> Self {
        let mut found = BTreeMap::new();
        walk(folder, "", &mut found);
        Self(found)
    }

    /// All paths.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What was made, changed or removed since `before`.
    pub fn changed_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a str> {
        let other = |path: &&String| before.0.get(*path) != self.0.get(*path);
        let gone = before.0.keys().filter(|path| !self.0.contains_key(*path));
        self.0.keys().filter(other).chain(gone).map(String::as_str)
    }
}

fn walk(folder: &Path, at: &str, found: &mut BTreeMap<String, (u64, Option<SystemTime>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        match entry.metadata() {
            Ok(data) if data.is_dir() => walk(&entry.path(), &path, found),
            Ok(data) => drop(found.insert(path, (data.len(), data.modified().ok()))),
            Err(_) => {}
        }
    }
}
