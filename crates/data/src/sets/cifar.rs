//! CIFAR binary files (Krizhevsky 2009): records of 1 label (CIFAR-10) or 2 labels, coarse and fine (CIFAR-100), then
//! 32x32 red, green and blue planes. Names come from `batches.meta.txt` or `fine_label_names.txt` beside them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::past_end;
use crate::split::Split;
use crate::{DataInfo, Dataset, Error, Image, Item, Result, images};

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;
const NAMES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// CIFAR records, whole in memory.
#[derive(Debug)]
struct Cifar {
    info: DataInfo,
    records: Vec<u8>,
    labels: usize,
}

/// Whether a file of `length` bytes beginning with `head` may be CIFAR binary.
pub(crate) fn looks_like(head: &[u8], length: u64) -> bool {
    let whole = |record: u64| length > 0 && length.is_multiple_of(record);
    let ten = whole(1 + PIXELS as u64) && head.first().is_some_and(|label| *label < 10);
    let hundred = whole(2 + PIXELS as u64) && head.len() > 1 && head[0] < 20 && head[1] < 100;
    ten || hundred
}

/// The CIFAR files among `files` that belong to `split`.
pub(crate) fn open(root: &Path, files: &[PathBuf], split: Split) -> Result<Arc<dyn Dataset>> {
    let name = root.to_string_lossy().trim_end_matches('/').to_owned();
    let part = |path: &PathBuf| path.file_name().and_then(|name| Split::in_name(&name.to_string_lossy()));
    let chosen: Vec<_> = files.iter().filter(|path| files.len() == 1 || split.takes(part(path))).collect();
    let Some(first) = chosen.first() else {
        return Err(Error::bad_input(format!("{name}: it has no {} part", split.name())));
    };
    let (mut records, mut labels) = (Vec::new(), 0);
    for path in &chosen {
        let bytes = images::read_file(path)?;
        let these = record_labels(&bytes).ok_or_else(|| {
            let error = Error::bad_input(format!("{}: it is not whole CIFAR records", path.display()));
            error.hint("a record is 3073 bytes in CIFAR-10 and 3074 in CIFAR-100")
        })?;
        if labels != 0 && these != labels {
            return Err(Error::bad_input(format!("{}: it mixes CIFAR-10 and CIFAR-100", path.display())));
        }
        labels = these;
        records.extend(bytes);
    }
    let n = (records.len() / (labels + PIXELS)) as u64;
    let classes = names_beside(first, labels).unwrap_or_else(|| match labels {
        1 => NAMES.iter().map(ToString::to_string).collect(),
        _ => (0..100).map(|k| k.to_string()).collect(),
    });
    let (size, channels) = ((SIDE, SIDE), 3);
    let info =
        DataInfo { name, kind: "cifar", len: Some(n), channels, classes, size: size.into(), captions: false };
    Ok(Arc::new(Cifar { info, records, labels }))
}

impl Dataset for Cifar {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn item(&self, index: u64) -> Result<Item> {
        let bytes = self.labels + PIXELS;
        let at = usize::try_from(index).ok().and_then(|at| at.checked_mul(bytes));
        let record = at.and_then(|at| self.records.get(at..at.checked_add(bytes)?));
        let (labels, planes) = record.ok_or_else(|| past_end(&self.info, index))?.split_at(self.labels);
        let plane = SIDE * SIDE;
        let samples =
            (0..plane).flat_map(|p| [planes[p], planes[plane + p], planes[2 * plane + p]]).collect();
        let image = Image::from_u8(SIDE, SIDE, 3, samples);
        let label = labels.last().map(|label| u32::from(*label));
        Ok(Item { image, label, caption: None, name: self.item_name(index) })
    }
}

/// How many labels a record has, if the bytes are whole records whose labels are all possible.
fn record_labels(bytes: &[u8]) -> Option<usize> {
    let fits = |labels: usize, most: &[u8]| {
        let record = labels + PIXELS;
        let possible = |record: &[u8]| record.iter().zip(most).all(|(label, most)| label < most);
        !bytes.is_empty() && bytes.len().is_multiple_of(record) && bytes.chunks(record).all(possible)
    };
    if fits(1, &[10]) {
        Some(1)
    } else if fits(2, &[20, 100]) {
        Some(2)
    } else {
        None
    }
}

fn names_beside(file: &Path, labels: usize) -> Option<Vec<String>> {
    let (name, count) = if labels == 1 { ("batches.meta.txt", 10) } else { ("fine_label_names.txt", 100) };
    let path = file.with_file_name(name);
    let text = std::fs::metadata(&path)
        .ok()
        .filter(|m| m.len() < 65_536)
        .and(std::fs::read_to_string(&path).ok())?;
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    (names.len() == count).then_some(names)
}
