//! Two sets whose images belong together one by one: by file name, or by number where they have no names.

use std::collections::BTreeMap;

use langevin_core::{Error, Result};
use langevin_data::{Dataset, OpenOptions, with_channels};
use langevin_eval::Sample;

/// The images of `judged` and of `reference` that belong together, up to `count` pairs, as they are stored.
///
/// # Errors
/// Bad input, when a set cannot be read; usage, when no names are shared, or sets without names differ in number.
pub(super) fn pairs(judged: &str, reference: &str, count: usize) -> Result<(Sample, Sample)> {
    let open = |spec: &str| langevin_data::open(spec, &OpenOptions::default());
    let (left, right) = (open(judged)?, open(reference)?);
    let (left_names, right_names) = (names(left.as_ref()), names(right.as_ref()));
    let shared: Vec<(u64, u64)> = match (&left_names, &right_names) {
        (Some(left), Some(right)) => {
            left.iter().filter_map(|(name, at)| Some((*at, *right.get(name)?))).take(count).collect()
        }
        _ if left.info().len.is_some() && left.info().len == right.info().len => {
            (0..left.info().len.unwrap_or(0)).take(count).map(|at| (at, at)).collect()
        }
        _ => Vec::new(),
    };
    if shared.is_empty() {
        return Err(Error::usage(format!("{judged} and {reference} share no image by name"))
            .hint("give two folders in which images that belong together have the same names"));
    }
    let (mut first, mut second) = (Sample::new(judged), Sample::new(reference));
    for (a, b) in shared {
        let (a, b) = (left.item(a)?.image, right.item(b)?.image);
        let channels = if a.channels.max(b.channels) < 3 { 1 } else { 3 };
        first.images.push(with_channels(&a, channels, [255; 3])?);
        second.images.push(with_channels(&b, channels, [255; 3])?);
    }
    Ok((first, second))
}

/// Each image's path without the folder and the ending; `None` for a set without files.
fn names(data: &dyn Dataset) -> Option<BTreeMap<String, u64>> {
    let info = data.info();
    if !matches!(info.kind, "folder" | "zip" | "tar") {
        return None;
    }
    let name = |index: u64| {
        let full = data.item_name(index);
        let inner = full.strip_prefix(&info.name).unwrap_or(&full).trim_start_matches(['/', '!', ':']);
        let (stem, _) = inner.rsplit_once('.').unwrap_or((inner, ""));
        (stem.to_owned(), index)
    };
    Some((0..info.len?).map(name).collect())
}
