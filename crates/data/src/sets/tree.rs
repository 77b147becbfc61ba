//! Images among named files, in a folder, a zip or a tar: class = first sub-folder, `train`/`test`/`validation`
//! folders, labels and captions from `metadata.jsonl`, `metadata.csv`, EDM's `dataset.json`, or a file beside the
//! image (`x.txt`, WebDataset's `x.cls` and `x.json`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use langevin_core::LeftAside;
use rayon::prelude::*;

use super::beside::{Beside, Caption};
use super::files::{Entry, Files, is_document, not_data};
use super::labels::label;
use super::metadata::{Notes, read_notes};
use super::parts::choose;
use super::survey::survey;
use crate::dataset::past_end;
use crate::sniff::Kind;
use crate::split::Wanted;
use crate::{DataInfo, Dataset, Error, Item, Result, Size, images};

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
    /// What is found out when images are read, by their number.
    later: Mutex<BTreeMap<u64, Later>>,
}

#[derive(Debug)]
struct Member {
    file: usize,
    label: Option<u32>,
    caption: Option<Caption>,
}

/// What was not used of one image.
#[derive(Debug, Default, Clone, PartialEq)]
struct Later {
    frames: u64,
    caption: Option<String>,
}

impl Tree {
    /// Finds the images among `files`.
    ///
    /// # Errors
    /// Bad input, naming the tree, when there is no image, metadata is broken, or none of them can be read.
    pub fn new(files: Box<dyn Files>, kind: &'static str, wanted: Wanted<'_>) -> Result<Self> {
        let all: Vec<usize> = (0..files.entries().len())
            .into_par_iter()
            .filter(|&at| !wanted.stop.is_requested() && is_candidate(files.as_ref(), at))
            .collect();
        wanted.check()?;
        let mut aside = files.left_aside();
        let chosen = choose(files.as_ref(), &all, wanted, &mut aside)?;
        if chosen.files.is_empty() {
            let error = Error::bad_input(format!("{}: there is no image in it", files.name()));
            let hint = "png, jpeg, webp, bmp, tiff and gif are read";
            return Err(error.hint(match aside.is_empty() {
                true => hint.to_owned(),
                false => format!("{hint}; left aside: {aside}"),
            }));
        }
        let mut notes = read_notes(files.as_ref())?;
        let mut beside = Beside::new(files.as_ref());
        let (labels, classes) = label(files.as_ref(), &chosen, &notes, &mut beside, wanted.stop)?;
        aside.extend(std::mem::take(&mut notes.aside));
        unmatched(files.as_ref(), &chosen.files, &notes, &mut aside);
        let members: Vec<Member> = chosen
            .files
            .iter()
            .zip(labels)
            .map(|(&file, label)| {
                let path = &files.entries()[file].path;
                let noted = notes.captions.remove(path).map(Caption::Text);
                let caption = noted.or_else(|| beside.caption(files.as_ref(), path, &mut aside));
                wanted.check()?;
                Ok(Member { file, label, caption })
            })
            .collect::<Result<_>>()?;
        let mut is_image = vec![false; files.entries().len()];
        all.iter().for_each(|&at| is_image[at] = true);
        for (at, entry) in files.entries().iter().enumerate() {
            if !is_image[at] && !notes.files.contains(&at) && !beside.uses(at) && !is_document(&entry.path) {
                let hidden = entry.path.split('/').find_map(not_data);
                aside.add(hidden.unwrap_or_else(|| files.kind(at).left_aside()), &entry.path);
            }
        }
        let encoded_bytes = members.iter().map(|m| files.entries()[m.file].size).sum();
        let identity = identity(files.as_ref(), &members, &notes);
        wanted.check()?;
        let info = DataInfo {
            name: files.name().to_owned(),
            kind,
            len: Some(members.len() as u64),
            channels: 3,
            classes,
            size: Size::default(),
            captions: members.iter().any(|member| member.caption.is_some()),
            identity,
            left_aside: aside,
        };
        let mut tree = Self { info, files, members, encoded_bytes, later: Mutex::default() };
        let survey = survey(&tree)?;
        (tree.info.channels, tree.info.size) = survey;
        Ok(tree)
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
        let bytes = self.files.read(member.file)?;
        let image = images::decode(&bytes, &name)?;
        let mut later = Later { frames: images::later_frames(&bytes), caption: None };
        let caption = member.caption.as_ref().and_then(|caption| {
            caption.read(self.files.as_ref()).unwrap_or_else(|error| {
                later.caption = Some(error.to_string());
                None
            })
        });
        if later != Later::default()
            && let Ok(mut all) = self.later.lock()
        {
            all.insert(index, later);
        }
        Ok(Item { image, label: member.label, caption, name })
    }

    fn item_name(&self, index: u64) -> String {
        let member = usize::try_from(index).ok().and_then(|at| self.members.get(at));
        member.map_or_else(|| format!("{}#{index}", self.info.name), |m| self.files.full_name(m.file))
    }

    fn encoded_bytes(&self) -> Option<u64> {
        Some(self.encoded_bytes)
    }

    fn left_aside(&self) -> LeftAside {
        let mut aside = self.info.left_aside.clone();
        for (index, Later { frames, caption }) in self.later.lock().iter().flat_map(|all| all.iter()) {
            let path = &self.files.entries()[self.members[*index as usize].file].path;
            let named = (*frames > 0).then(|| format!("{path}, {frames} more"));
            aside.add_all(images::LATER_FRAMES, named.is_some().into(), named);
            aside.add_all("captions that cannot be read", caption.is_some().into(), caption.clone());
        }
        aside
    }
}

/// Whether file `at` is an image, or is meant as one.
fn is_candidate(files: &dyn Files, at: usize) -> bool {
    let Entry { path, problem, size } = &files.entries()[at];
    if path.split('/').any(|part| not_data(part).is_some()) {
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
        None => files.kind(at) == Kind::Image,
    }
}

/// Leaves aside the rows of metadata whose file is not there, and says which images have no row.
fn unmatched(files: &dyn Files, chosen: &[usize], notes: &Notes, aside: &mut LeftAside) {
    if notes.rows.is_empty() {
        return;
    }
    let there: HashMap<&str, usize> =
        files.entries().iter().enumerate().map(|(at, entry)| (entry.path.as_str(), at)).collect();
    for (path, place) in &notes.rows {
        if !there.contains_key(path.as_str()) {
            aside.add("rows without a file", format!("{place}: {path}"));
        }
    }
    let rows: std::collections::HashSet<&str> = notes.rows.iter().map(|(path, _)| path.as_str()).collect();
    for &at in chosen {
        let path = files.entries()[at].path.as_str();
        if !rows.contains(path) {
            aside.add("images without a row of metadata", path);
        }
    }
}

/// What tells this set from another: the names, lengths and first bytes of all that it is made of.
fn identity(files: &dyn Files, members: &[Member], notes: &Notes) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |at: usize| {
        let Entry { path, size, .. } = &files.entries()[at];
        hasher.update(&(path.len() as u64).to_le_bytes());
        hasher.update(path.as_bytes());
        hasher.update(&size.to_le_bytes());
        hasher.update(&files.mark(at));
    };
    for member in members {
        add(member.file);
        if let Some(Caption::File(at) | Caption::Json(at)) = member.caption {
            add(at);
        }
    }
    for member in members {
        hasher.update(&member.label.map_or(u64::MAX, u64::from).to_le_bytes());
    }
    hasher.update(&notes.digest);
    crate::dataset::identity(&hasher)
}
