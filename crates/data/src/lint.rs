//! A report on a data set before hours are spent on it: what cannot be read, sizes, depths, classes, duplicates.

use std::collections::BTreeMap;

use langevin_core::{LeftAside, Stop};
use rayon::prelude::*;

use crate::{DataInfo, Dataset, Error};

/// What [`lint`] found.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LintReport {
    /// What is known of the set.
    pub info: DataInfo,
    /// Images looked at: all, or the first of an unlimited set.
    pub looked_at: u64,
    /// Name and reason of each that cannot be read.
    pub unreadable: Vec<String>,
    /// Images by width and height, most frequent first.
    pub sizes: Vec<((usize, usize), u64)>,
    /// Images by number of channels.
    pub channels: BTreeMap<usize, u64>,
    /// Images by bits a sample.
    pub bits: BTreeMap<u32, u64>,
    /// Images by class, in the order of the classes.
    pub classes: Vec<(String, u64)>,
    /// Images without a class, where others have one.
    pub unlabelled: u64,
    /// Images with a caption.
    pub captioned: u64,
    /// Names of images whose pixels are the same, group by group.
    pub duplicates: Vec<Vec<String>>,
    /// What to do about it, one sentence each.
    pub advice: Vec<String>,
}

/// Images looked at of an unlimited set.
const SAMPLE: u64 = 1000;

struct Look {
    size: (usize, usize),
    channels: usize,
    bits: u32,
    label: Option<u32>,
    captioned: bool,
    digest: [u8; 32],
}

/// Decodes every image of `dataset` (the first 1000 of an unlimited one) and reports.
///
/// # Errors
/// Interrupted, where `stop` asks for it.
pub fn lint(dataset: &dyn Dataset, stop: &Stop) -> Result<LintReport, Error> {
    // What was left aside is told once, by the set itself.
    let info = DataInfo { left_aside: LeftAside::default(), ..dataset.info().clone() };
    let looked_at = info.len.unwrap_or(SAMPLE);
    let looks: Vec<Result<Look, String>> = (0..looked_at)
        .into_par_iter()
        .map(|index| {
            stop.check("looking at the data")?;
            Ok::<_, Error>(look(dataset, index))
        })
        .collect::<Result<_, Error>>()?;
    let mut report = LintReport {
        looked_at,
        unreadable: looks.iter().filter_map(|look| look.as_ref().err().cloned()).collect(),
        sizes: Vec::new(),
        channels: BTreeMap::new(),
        bits: BTreeMap::new(),
        classes: info.classes.iter().map(|name| (name.clone(), 0)).collect(),
        unlabelled: 0,
        captioned: 0,
        duplicates: Vec::new(),
        advice: Vec::new(),
        info,
    };
    let mut sizes: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    let mut same: BTreeMap<[u8; 32], Vec<u64>> = BTreeMap::new();
    for (index, look) in (0..).zip(&looks) {
        let Ok(look) = look else { continue };
        *sizes.entry(look.size).or_default() += 1;
        *report.channels.entry(look.channels).or_default() += 1;
        *report.bits.entry(look.bits).or_default() += 1;
        report.captioned += u64::from(look.captioned);
        match look.label.and_then(|label| report.classes.get_mut(label as usize)) {
            Some((_, count)) => *count += 1,
            None => report.unlabelled += 1,
        }
        same.entry(look.digest).or_default().push(index);
    }
    report.sizes = sizes.into_iter().collect();
    report.sizes.sort_by_key(|(size, count)| (std::cmp::Reverse(*count), *size));
    let mut groups: Vec<Vec<u64>> = same.into_values().filter(|group| group.len() > 1).collect();
    groups.sort();
    let named = |group: Vec<u64>| group.into_iter().map(|index| dataset.item_name(index)).collect();
    report.duplicates = groups.into_iter().map(named).collect();
    report.advice = advice(&report);
    Ok(report)
}

fn look(dataset: &dyn Dataset, index: u64) -> Result<Look, String> {
    let item = dataset.item(index).map_err(|error| error.to_string())?;
    let image = &item.image;
    let mut hasher = blake3::Hasher::new();
    let shape = [image.width, image.height, image.channels].map(|n| (n as u64).to_le_bytes());
    hasher.update(shape.as_flattened());
    hasher.update(&image.samples.to_le_bytes());
    Ok(Look {
        size: (image.width, image.height),
        channels: image.channels,
        bits: image.samples.bits(),
        label: item.label,
        captioned: item.caption.is_some(),
        digest: *hasher.finalize().as_bytes(),
    })
}

fn advice(report: &LintReport) -> Vec<String> {
    let mut lines = Vec::new();
    let readable = report.looked_at - report.unreadable.len() as u64;
    if !report.unreadable.is_empty() {
        lines.push(format!("{} images cannot be read: mend or remove them", report.unreadable.len()));
    }
    if readable > 0 && readable < 100 && report.info.len.is_some() {
        lines.push(format!(
            "{readable} images are few: a model will learn them by heart; mirror them, or find more"
        ));
    }
    let doubled: usize = report.duplicates.iter().map(|group| group.len() - 1).sum();
    if doubled > 0 {
        lines.push(format!("{doubled} images are copies of others: they are seen, and learned, more often"));
    }
    if report.channels.len() > 1 {
        let kinds: Vec<_> =
            report.channels.iter().map(|(channels, n)| format!("{n} with {channels}")).collect();
        lines.push(format!("channels differ ({}): set them when training", kinds.join(", ")));
    }
    if report.channels.keys().any(|channels| channels % 2 == 0) {
        lines.push(
            "some images are transparent: what shows through becomes white unless alpha is kept".into(),
        );
    }
    if report.sizes.len() > 1 {
        let least = report.sizes.iter().map(|(size, _)| size.0.min(size.1)).min().unwrap_or(0);
        lines.push(format!("sizes differ: each image is scaled and cropped; the shortest side is {least}"));
    }
    let long = |size: &(usize, usize)| size.0.max(size.1) > 3 * size.0.min(size.1);
    let strips: u64 = report.sizes.iter().filter(|(size, _)| long(size)).map(|(_, count)| count).sum();
    if strips > 0 {
        lines.push(format!(
            "{strips} images are over three times as long as wide: most of each is cropped away"
        ));
    }
    let counts = report.classes.iter().map(|(_, count)| *count);
    if let (Some(least), Some(most)) = (counts.clone().min(), counts.max())
        && most > 10 * least.max(1)
    {
        lines.push(format!("classes are uneven, {least} to {most} images: rare ones will be learned badly"));
    }
    if report.unlabelled > 0 && !report.classes.is_empty() {
        lines.push(format!("{} images have no class", report.unlabelled));
    }
    if report.captioned > 0 && report.captioned < readable {
        lines.push(format!("{} images have no caption", readable - report.captioned));
    }
    lines
}
