//! The classes of the images of a tree: from metadata, from files beside them, or from folders.

use std::collections::{BTreeMap, BTreeSet};

use langevin_core::Stop;

use super::beside::Beside;
use super::files::Files;
use super::metadata::Notes;
use super::parts::Chosen;
use crate::{Error, Result};

/// Highest class number.
pub(crate) const MOST_CLASSES: u32 = 100_000;

/// The class of each image, and the names of the classes.
pub(crate) type Labels = (Vec<Option<u32>>, Vec<String>);

/// Finds the classes of the `chosen` images.
///
/// # Errors
/// Bad input: a class number over the limit, a file that is no text.
pub(crate) fn label(
    files: &dyn Files,
    chosen: &Chosen,
    notes: &Notes,
    beside: &mut Beside,
    stop: &Stop,
) -> Result<Labels> {
    let paths: Vec<&str> = chosen.files.iter().map(|&at| files.entries()[at].path.as_str()).collect();
    let mut texts: Vec<Option<String>> = paths.iter().map(|path| notes.labels.get(*path).cloned()).collect();
    if texts.iter().all(Option::is_none) {
        texts = beside.classes(files, &paths, stop)?;
    }
    if texts.iter().all(Option::is_none) && !notes.is_edm {
        let below: Vec<&str> =
            chosen.files.iter().zip(&chosen.below).map(|(&at, below)| &files.inner(at)[*below..]).collect();
        // Folder names stay names, in the order of names, even when they are numbers.
        return Ok(named(&folders(below)));
    }
    let numbers: Option<Vec<u32>> = texts.iter().flatten().map(|text| text.trim().parse().ok()).collect();
    match numbers {
        Some(numbers) if !numbers.is_empty() => {
            let most = numbers.iter().copied().max().unwrap_or(0);
            if most > MOST_CLASSES {
                let what = format!("{}: label {most} is over {MOST_CLASSES}", files.name());
                return Err(Error::bad_input(what));
            }
            let labels = texts.iter().map(|text| text.as_ref().and_then(|t| t.trim().parse().ok())).collect();
            Ok((labels, (0..=most).map(|n| n.to_string()).collect()))
        }
        _ => Ok(named(&texts)),
    }
}

/// Classes by name, in the order of the names.
pub(crate) fn named<T: Ord + AsRef<str>>(texts: &[Option<T>]) -> Labels {
    let names: BTreeSet<&T> = texts.iter().flatten().collect();
    let index: BTreeMap<&T, u32> = names.iter().zip(0..).map(|(name, k)| (*name, k)).collect();
    let labels = texts.iter().map(|text| text.as_ref().and_then(|t| index.get(t).copied())).collect();
    (labels, names.into_iter().map(|name| name.as_ref().to_owned()).collect())
}

/// The first folders of `paths` that are not the same for all; none where there are no such folders.
fn folders(mut paths: Vec<&str>) -> Vec<Option<&str>> {
    loop {
        let folders: Vec<Option<&str>> =
            paths.iter().map(|path| path.split_once('/').map(|(folder, _)| folder)).collect();
        match folders.iter().collect::<BTreeSet<_>>().len() {
            // One folder around everything says nothing.
            1 if folders[0].is_some() => {
                paths = paths.iter().filter_map(|path| path.split_once('/')).map(|(_, rest)| rest).collect();
            }
            _ if folders.iter().flatten().collect::<BTreeSet<_>>().len() < 2 => {
                return vec![None; paths.len()];
            }
            _ => return folders,
        }
    }
}
