//! Images among named files, in a folder, a zip or a tar: class = first sub-folder, `train`/`test`/`validation`
//! folders, labels and captions from `metadata.jsonl`, `metadata.csv`, EDM's `dataset.json`, or a file beside the
//! image (`x.txt`, WebDataset's `x.cls`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use super::files::{Entry, Files, is_hidden};
use super::metadata::{Notes, read_notes};
use crate::dataset::past_end;
use crate::split::Split;
use crate::{DataInfo, Dataset, Error, Item, Result, Size, images};

/// Longest caption, in bytes.
const MAX_CAPTION: usize = 64 << 10;
/// Endings that announce an image; a file with one of them whose content is none is reported.
const ENDINGS: &[&str] = &[
    "png", "apng", "jpg", "jpeg", "jfif", "webp", "bmp", "dib", "tif", "tiff", "gif", "avif", "heic", "heif",
    "jxl", "psd", "svg", "jp2",
];

/// The images of a tree of files.
#[derive(Debug)]
pub(crate) struct Tree {
    info: DataInfo,
    files: Box<dyn Files>,
    members: Vec<Member>,
    encoded_bytes: u64,
}

#[derive(Debug)]
struct Member {
    file: usize,
    label: Option<u32>,
    caption: Option<Caption>,
}

#[derive(Debug)]
enum Caption {
    Text(String),
    File(usize),
}

impl Tree {
    /// Finds the images among `files`.
    ///
    /// # Errors
    /// Bad input, naming the tree, when there is no image, metadata is broken, or none of them can be read.
    pub fn new(files: Box<dyn Files>, kind: &'static str, split: Split) -> Result<Self> {
        let all: Vec<usize> = (0..files.entries().len())
            .into_par_iter()
            .filter(|&at| is_candidate(files.as_ref(), at))
            .collect();
        let (chosen, base) = choose_split(files.as_ref(), all, split)?;
        if chosen.is_empty() {
            let error = Error::bad_input(format!("{}: there is no image in it", files.name()));
            return Err(error.hint("png, jpeg, webp, bmp, tiff and gif are read"));
        }
        let notes = read_notes(files.as_ref())?;
        let (labels, classes) = label(files.as_ref(), &chosen, &base, &notes)?;
        let beside = texts_beside(files.as_ref());
        let members: Vec<Member> = chosen
            .iter()
            .zip(labels)
            .map(|(&file, label)| {
                let path = &files.entries()[file].path;
                let noted = notes.captions.get(path).cloned().map(Caption::Text);
                let found = || stems(path).find_map(|stem| beside.get(stem)).map(|&at| Caption::File(at));
                Member { file, label, caption: noted.or_else(found) }
            })
            .collect();
        let encoded_bytes = members.iter().map(|m| files.entries()[m.file].size).sum();
        let info = DataInfo {
            name: files.name().to_owned(),
            kind,
            len: Some(members.len() as u64),
            channels: 3,
            classes,
            size: Size::default(),
            captions: members.iter().any(|member| member.caption.is_some()),
        };
        let mut tree = Self { info, files, members, encoded_bytes };
        let survey = survey(&tree)?;
        (tree.info.channels, tree.info.size) = survey;
        Ok(tree)
    }

    fn caption(&self, caption: &Caption) -> Option<String> {
        let text = match caption {
            Caption::Text(text) => text.clone(),
            Caption::File(at) => {
                let bytes = self.files.read(*at).ok()?;
                String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_CAPTION)]).into_owned()
            }
        };
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl Dataset for Tree {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn item(&self, index: u64) -> Result<Item> {
        let member = usize::try_from(index).ok().and_then(|at| self.members.get(at));
        let member = member.ok_or_else(|| past_end(&self.info, index))?;
        let name = self.files.full_name(member.file);
        let image = images::decode(&self.files.read(member.file)?, &name)?;
        let caption = member.caption.as_ref().and_then(|caption| self.caption(caption));
        Ok(Item { image, label: member.label, caption, name })
    }

    fn item_name(&self, index: u64) -> String {
        let member = usize::try_from(index).ok().and_then(|at| self.members.get(at));
        member.map_or_else(|| format!("{}#{index}", self.info.name), |m| self.files.full_name(m.file))
    }

    fn encoded_bytes(&self) -> Option<u64> {
        Some(self.encoded_bytes)
    }
}

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

fn is_candidate(files: &dyn Files, at: usize) -> bool {
    let Entry { path, problem, size } = &files.entries()[at];
    if path.split('/').any(is_hidden) {
        return false;
    }
    let ending =
        path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, e)| e.to_ascii_lowercase());
    if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
        return true;
    }
    // A folder that may not be entered might hold images, so it is reported; other unreadable files are not.
    match problem {
        Some(_) => *size == 0 && !path.contains('.'),
        None => files.head(at).is_ok_and(|head| images::sniff(&head).is_some()),
    }
}

/// Keeps the files of the wanted split when all top folders that hold images are named after splits; also what
/// precedes the class folder in their paths.
fn choose_split(files: &dyn Files, all: Vec<usize>, split: Split) -> Result<(Vec<usize>, Vec<String>)> {
    let top = |at: usize| files.entries()[at].path.split_once('/').map(|(top, _)| top);
    let tops: BTreeSet<Option<&str>> = all.iter().map(|&at| top(at)).collect();
    let named: Vec<(&str, Split)> =
        tops.iter().flatten().filter_map(|name| Split::named(name).map(|s| (*name, s))).collect();
    let all_named =
        !tops.is_empty() && tops.iter().all(|t| t.is_some_and(|name| Split::named(name).is_some()));
    if !all_named {
        if !matches!(split, Split::Train | Split::All) {
            let error = Error::bad_input(format!("{}: it has no {} part", files.name(), split.name()));
            return Err(error.hint("parts are folders called train, test and validation"));
        }
        return Ok((all, vec![String::new()]));
    }
    // A folder with a single part is that part, whatever was asked for by default.
    let only = named.len() == 1 && split == Split::Train;
    let wanted: Vec<&str> =
        named.iter().filter(|(_, s)| only || split.takes(Some(*s))).map(|(name, _)| *name).collect();
    if wanted.is_empty() {
        let error = Error::bad_input(format!("{}: it has no {} part", files.name(), split.name()));
        return Err(
            error.hint(format!("there is: {}", named.iter().map(|n| n.0).collect::<Vec<_>>().join(", ")))
        );
    }
    let kept = all.iter().copied().filter(|&at| top(at).is_some_and(|t| wanted.contains(&t))).collect();
    Ok((kept, wanted.iter().map(|name| format!("{name}/")).collect()))
}

type Labels = (Vec<Option<u32>>, Vec<String>);

fn label(files: &dyn Files, chosen: &[usize], base: &[String], notes: &Notes) -> Result<Labels> {
    let path = |at: usize| files.entries()[at].path.as_str();
    let mut texts: Vec<Option<String>> =
        chosen.iter().map(|&at| notes.labels.get(path(at)).cloned()).collect();
    if texts.iter().all(Option::is_none) {
        let classes = classes_beside(files);
        texts =
            chosen.iter().map(|&at| stems(path(at)).find_map(|stem| classes.get(stem).cloned())).collect();
    }
    // Folder names stay names, in the order of names, even when they are numbers.
    let from_folders = texts.iter().all(Option::is_none) && !notes.is_edm;
    if from_folders {
        let folder = |at: usize| {
            let below = base.iter().find_map(|base| path(at).strip_prefix(base.as_str()))?;
            below.split_once('/').map(|(folder, _)| folder.to_owned())
        };
        texts = chosen.iter().map(|&at| folder(at)).collect();
        // One folder around everything says nothing.
        if texts.iter().flatten().collect::<BTreeSet<_>>().len() < 2 {
            return Ok((vec![None; chosen.len()], Vec::new()));
        }
    }
    let numbers: Option<Vec<u32>> = texts.iter().flatten().map(|text| text.trim().parse().ok()).collect();
    match numbers {
        Some(numbers) if !from_folders && !numbers.is_empty() => {
            let most = numbers.iter().copied().max().unwrap_or(0);
            if most > 100_000 {
                return Err(Error::bad_input(format!("{}: label {most} is over 100000", files.name())));
            }
            let labels = texts.iter().map(|text| text.as_ref().and_then(|t| t.trim().parse().ok())).collect();
            Ok((labels, (0..=most).map(|n| n.to_string()).collect()))
        }
        _ => {
            let names: BTreeSet<&String> = texts.iter().flatten().collect();
            let index: BTreeMap<&String, u32> = names.iter().zip(0..).map(|(name, k)| (*name, k)).collect();
            let labels = texts.iter().map(|text| text.as_ref().and_then(|t| index.get(t).copied())).collect();
            Ok((labels, names.into_iter().cloned().collect()))
        }
    }
}

/// What an image shares with the files beside it: its path without the last ending, and without all of them.
fn stems(path: &str) -> impl Iterator<Item = &str> {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    let last = path[start..].rfind('.').map_or(path, |dot| &path[..start + dot]);
    let first = path[start..].find('.').map_or(path, |dot| &path[..start + dot]);
    [last, first].into_iter()
}

fn texts_beside(files: &dyn Files) -> HashMap<String, usize> {
    let mut found = HashMap::new();
    for (at, entry) in files.entries().iter().enumerate() {
        let stem = entry.path.strip_suffix(".txt").or_else(|| entry.path.strip_suffix(".caption"));
        if let (Some(stem), None) = (stem, &entry.problem) {
            found.insert(stem.to_owned(), at);
        }
    }
    found
}

fn classes_beside(files: &dyn Files) -> HashMap<String, String> {
    let of = |(at, entry): (usize, &Entry)| {
        let stem = entry.path.strip_suffix(".cls")?;
        let text = files.read(at).ok().filter(|bytes| bytes.len() < 256)?;
        Some((stem.to_owned(), String::from_utf8_lossy(&text).trim().to_owned()))
    };
    files.entries().iter().enumerate().filter_map(of).collect()
}
