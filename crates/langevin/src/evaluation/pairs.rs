//! Two sets whose images belong together one by one: by file name, or by number where they have no names.

use std::collections::BTreeMap;

use langevin_core::{Error, LeftAside, Result, Stop};
use langevin_data::{Dataset, OpenOptions, with_channels};
use langevin_eval::Sample;

/// Images of two sets that belong together.
pub(super) struct Pairs {
    /// Those of the judged set.
    pub(super) judged: Sample,
    /// As many of the other, in the same order.
    pub(super) reference: Sample,
    /// What of each set was not used, by the name of the set.
    pub(super) left_aside: [(String, LeftAside); 2],
    /// How many images of the judged set have no partner.
    pub(super) alone: u64,
}

/// What images are called in [`LeftAside`] that none of the other set belongs to.
const ALONE: &str = "images without a partner";

/// The images of `judged` and of `reference` that belong together, up to `count` pairs, as they are stored.
///
/// # Errors
/// Bad input, when a set cannot be read; usage, when no names are shared, or sets without names differ in number.
pub(super) fn pairs(judged: &str, reference: &str, count: usize, stop: &Stop) -> Result<Pairs> {
    let open = |spec: &str| langevin_data::open(spec, &OpenOptions::stopped_by(stop));
    let (left, right) = (open(judged)?, open(reference)?);
    let (left_names, right_names) = (names(left.as_ref()), names(right.as_ref()));
    let mut aside = [left.left_aside(), right.left_aside()];
    let mut alone = 0;
    if let (Some(a), Some(b)) = (&left_names, &right_names) {
        let lonely = |these: &Names, those: &Names| -> Vec<String> {
            these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
        };
        for (aside, lonely) in aside.iter_mut().zip([lonely(a, b), lonely(b, a)]) {
            aside.add_all(ALONE, lonely.len() as u64, lonely);
        }
        alone = a.keys().filter(|name| !b.contains_key(*name)).count() as u64;
    }
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
    let [a, b] = aside;
    let left_aside = [(judged.to_owned(), a), (reference.to_owned(), b)];
    Ok(Pairs { judged: first, reference: second, left_aside, alone })
}

/// The number of each image by its name.
type Names = BTreeMap<String, u64>;

/// Each image's path without the folder and the ending; `None` for a set without files.
fn names(data: &dyn Dataset) -> Option<Names> {
    let info = data.info();
    if !matches!(info.kind, "folder" | "zip" | "tar" | "shards") {
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
