//! What a set's images are like, from a sample of them.

use rayon::prelude::*;

use crate::{Dataset, Error, Item, Result, Size};

/// Typical channels (1 or 3: most in a sample, alpha not counted) and size (the median) of a set.
///
/// # Errors
/// Bad input, naming the set, when all of a small set cannot be read.
pub(crate) fn survey(set: &dyn Dataset) -> Result<(usize, Size)> {
    let n = set.info().len.unwrap_or(0);
    let step = n.div_ceil(16).max(1);
    let looked: Vec<Result<Item>> =
        (0..n.div_ceil(step)).into_par_iter().map(|k| set.item(k * step)).collect();
    let mut seen: Vec<[usize; 3]> = Vec::new();
    let mut failure = None;
    for result in looked {
        match result {
            Ok(Item { image, .. }) => seen.push([image.channels, image.width, image.height]),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let (true, Some(error)) = (seen.is_empty() && step == 1, failure) {
        if n == 1 {
            return Err(error);
        }
        let what = format!("{}: none of its {n} images can be read; the first: {error}", set.info().name);
        return Err(Error::bad_input(what));
    }
    let channels = if seen.iter().any(|[channels, ..]| *channels >= 3) || seen.is_empty() { 3 } else { 1 };
    let median = |side: usize| {
        let mut sides: Vec<usize> = seen.iter().map(|shape| shape[side]).collect();
        sides.sort_unstable();
        sides.get(sides.len() / 2).copied().unwrap_or(0)
    };
    Ok((channels, Size { width: median(1), height: median(2) }))
}
