//! Files that belong to an image because they share its name: captions, classes and facts.

use std::collections::{HashMap, HashSet};

use langevin_core::{LeftAside, Stop};
use langevin_files::text;
use serde_json::Value;

use super::files::Files;
use super::metadata::{CAPTION_KEYS, LABEL_KEYS, LONG, MAX_CAPTION, plain};
use crate::split::OPENING;
use crate::{Error, Result};

/// Longest name of a class in a file of its own, in bytes.
const MAX_CLASS: u64 = 256;
/// Longest file of facts of an image, in bytes.
const MAX_FACTS: u64 = 1 << 20;

/// Where a caption is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caption {
    Text(String),
    /// The number of a file that holds nothing else.
    File(usize),
    /// The number of a file of facts.
    Json(usize),
}

/// What lies beside images, by the part of the path that both share.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    texts: HashMap<String, usize>,
    classes: HashMap<String, usize>,
    facts: HashMap<String, usize>,
    used: HashSet<usize>,
    /// Whether the first file of facts that was looked at has a caption, and a class: the others are like it.
    captioned: Option<bool>,
    classed: Option<bool>,
}

impl Beside {
    /// Looks for them among `files`.
    pub fn new(files: &dyn Files) -> Self {
        let mut beside = Self::default();
        for (at, entry) in files.entries().iter().enumerate().filter(|(_, entry)| entry.problem.is_none()) {
            let name = entry.path.rfind('/').map_or(0, |slash| slash + 1);
            let Some(dot) = entry.path[name..].rfind('.').map(|dot| name + dot) else { continue };
            let stem = || entry.path[..dot].to_owned();
            match entry.path[dot + 1..].to_ascii_lowercase().as_str() {
                "txt" | "caption" => drop(beside.texts.insert(stem(), at)),
                "cls" => drop(beside.classes.insert(stem(), at)),
                "json" => drop(beside.facts.insert(stem(), at)),
                _ => {}
            }
        }
        beside
    }

    /// Whether file `at` belongs to an image.
    pub fn uses(&self, at: usize) -> bool {
        self.used.contains(&at)
    }

    /// The caption of the image at `path`; one that is too long is left aside.
    pub fn caption(&mut self, files: &dyn Files, path: &str, aside: &mut LeftAside) -> Option<Caption> {
        let of = |all: &HashMap<String, usize>| stems(path).find_map(|stem| all.get(stem).copied());
        let facts = of(&self.facts);
        self.used.extend(facts);
        if let Some(at) = of(&self.texts) {
            self.used.insert(at);
            let entry = &files.entries()[at];
            if entry.size > MAX_CAPTION {
                aside.add(LONG, format!("{}, {} bytes", entry.path, entry.size));
                return None;
            }
            return Some(Caption::File(at));
        }
        let at = facts.filter(|at| files.entries()[*at].size <= MAX_FACTS)?;
        let has = |at| facts_in(files, at).is_ok_and(|facts| first(&facts, CAPTION_KEYS).is_some());
        self.captioned.get_or_insert_with(|| has(at)).then_some(Caption::Json(at))
    }

    /// The classes of the images at `paths` as files beside them name them; none where there are no such files.
    ///
    /// # Errors
    /// Bad input, naming the file, when one is no text.
    pub fn classes(&mut self, files: &dyn Files, paths: &[&str], stop: &Stop) -> Result<Vec<Option<String>>> {
        let mut classes = vec![None; paths.len()];
        if self.classes.is_empty() && self.facts.is_empty() {
            return Ok(classes);
        }
        for (class, path) in classes.iter_mut().zip(paths) {
            stop.check(OPENING)?;
            let of = |all: &HashMap<String, usize>| stems(path).find_map(|stem| all.get(stem).copied());
            if let Some(at) = of(&self.classes).filter(|at| files.entries()[*at].size < MAX_CLASS) {
                self.used.insert(at);
                *class = Some(text::decode(&files.full_name(at), &files.read(at)?)?.trim().to_owned());
            } else if self.classed != Some(false)
                && let Some(at) = of(&self.facts).filter(|at| files.entries()[*at].size <= MAX_FACTS)
            {
                *class = facts_in(files, at).ok().and_then(|facts| first(&facts, LABEL_KEYS));
                self.classed.get_or_insert(class.is_some());
            }
        }
        Ok(classes)
    }
}

impl Caption {
    /// The text; none where it is empty.
    ///
    /// # Errors
    /// Bad input, naming the file, the line and the byte where it is no text.
    pub fn read(&self, files: &dyn Files) -> Result<Option<String>> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::File(at) => text::decode(&files.full_name(*at), &files.read(*at)?)?,
            Self::Json(at) => first(&facts_in(files, *at)?, CAPTION_KEYS).unwrap_or_default(),
        };
        let text = text.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }
}

/// The first of `keys` that `facts` have a text for.
fn first(facts: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| plain(facts.get(*key)?))
}

fn facts_in(files: &dyn Files, at: usize) -> Result<Value> {
    let text = text::decode(&files.full_name(at), &files.read(at)?)?;
    serde_json::from_str(&text).map_err(|e| Error::bad_input(format!("{}: {e}", files.full_name(at))))
}

/// What an image shares with the files beside it: its path without the last ending, and without all of them.
fn stems(path: &str) -> impl Iterator<Item = &str> {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    let last = path[start..].rfind('.').map_or(path, |dot| &path[..start + dot]);
    let first = path[start..].find('.').map_or(path, |dot| &path[..start + dot]);
    [last, first].into_iter()
}
