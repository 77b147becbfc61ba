//! Which images of a tree are taken: those of the part that is wanted, where folders are parts.

use std::collections::BTreeSet;

use langevin_core::LeftAside;

use super::files::Files;
use crate::split::{Split, Wanted};
use crate::{Error, Result};

/// The images that are taken, and where in their paths the folders of classes begin.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// Their numbers among the files.
    pub files: Vec<usize>,
    /// For each the number of bytes of its path within its archive that are no class.
    pub below: Vec<usize>,
}

/// Keeps the images of the wanted part among `all` when folders are parts: when all top folders that hold images are
/// named after parts, or two of them are named train and test (or validation). Images beside these are left aside.
///
/// # Errors
/// Bad input: there is no such part.
pub(crate) fn choose(
    files: &dyn Files,
    all: &[usize],
    wanted: Wanted<'_>,
    aside: &mut LeftAside,
) -> Result<Chosen> {
    let around = around(files, all);
    let top = |at: usize| files.inner(at)[around..].split_once('/').map(|(top, _)| top);
    let tops: BTreeSet<Option<&str>> = all.iter().map(|&at| top(at)).collect();
    let folders: Vec<&str> = tops.iter().flatten().copied().collect();
    let parts: Vec<(&str, Split)> =
        folders.iter().filter_map(|name| Split::named(name).map(|split| (*name, split))).collect();
    let has = |split: Split| parts.iter().any(|(_, part)| *part == split);
    let divided = has(Split::Train) && (has(Split::Test) || has(Split::Validation));
    if parts.is_empty() || !(parts.len() == folders.len() || divided) {
        if !matches!(wanted.split, Split::Train | Split::All) {
            let what = format!("{}: it has no {} part", files.name(), wanted.split.name());
            return Err(Error::bad_input(what).hint("parts are folders called train, test and validation"));
        }
        return Ok(Chosen { files: all.to_vec(), below: vec![around; all.len()] });
    }
    // A folder with a single part is that part, whatever was asked for by default.
    let only = parts.len() == 1 && wanted.split == Split::Train;
    let part = |at: usize| parts.iter().find(|(name, _)| top(at) == Some(*name)).copied();
    let is_wanted = |split: Split| only || wanted.split.takes(Some(split));
    if !parts.iter().any(|(_, split)| is_wanted(*split)) {
        let there: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
        return Err(Error::bad_input(format!("{}: it has no {} part", files.name(), wanted.split.name()))
            .hint(format!("there is: {}", there.join(", "))));
    }
    let mut chosen = Chosen { files: Vec::new(), below: Vec::new() };
    let mut others = Vec::new();
    for &at in all {
        match part(at) {
            Some((name, split)) if is_wanted(split) => {
                chosen.files.push(at);
                chosen.below.push(around + name.len() + 1);
            }
            Some((_, split)) => others.push((Some(split), 1)),
            None => aside.add("images outside of the parts", &files.entries()[at].path),
        }
    }
    wanted.leave(aside, others);
    Ok(chosen)
}

/// How many bytes of the paths of all images are folders around all of them, which are no parts.
fn around(files: &dyn Files, all: &[usize]) -> usize {
    let mut length = 0;
    while let Some(first) = all.first() {
        let Some((top, _)) = files.inner(*first)[length..].split_once('/') else { break };
        let with_sign = length + top.len() + 1;
        let prefix = &files.inner(*first)[..with_sign];
        if Split::named(top).is_some() || !all.iter().all(|&at| files.inner(at).starts_with(prefix)) {
            break;
        }
        length = with_sign;
    }
    length
}
