//! CIFAR (Krizhevsky 2009). Its binary files are records of 1 label (CIFAR-10) or 2 labels, coarse and fine (CIFAR-100),
//! then 32x32 red, green and blue planes; those for Python are dictionaries with the same planes. Names come from
//! `batches.meta.txt` or `fine_label_names.txt` beside them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use langevin_core::LeftAside;
use langevin_files::text;

use super::pickle::{self, Value};
use super::raw::{Raw, Samples};
use crate::split::{Split, Wanted};
use crate::{Dataset, Error, Result, images};

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;
const NAMES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Whether a file of `length` bytes beginning with `head` may be CIFAR binary.
pub(crate) fn looks_like(head: &[u8], length: u64) -> bool {
    let whole = |record: u64| length > 0 && length.is_multiple_of(record);
    let ten = whole(1 + PIXELS as u64) && head.first().is_some_and(|label| *label < 10);
    let hundred = whole(2 + PIXELS as u64) && head.len() > 1 && head[0] < 20 && head[1] < 100;
    ten || hundred
}

/// The CIFAR files `files`, binary or for Python, that belong to the wanted part.
pub(crate) fn open(
    root: &Path,
    files: &[PathBuf],
    wanted: Wanted<'_>,
    mut aside: LeftAside,
) -> Result<Arc<dyn Dataset>> {
    let name = root.to_string_lossy().trim_end_matches('/').to_owned();
    let part = |path: &PathBuf| path.file_name().and_then(|name| Split::in_name(&name.to_string_lossy()));
    let (chosen, others): (Vec<&PathBuf>, Vec<&PathBuf>) =
        files.iter().partition(|path| files.len() == 1 || wanted.split.takes(part(path)));
    let Some(first) = chosen.first() else {
        return Err(Error::bad_input(format!("{name}: it has no {} part", wanted.split.name())));
    };
    wanted.leave(&mut aside, others.iter().map(|path| (part(path), count(path))));
    let (mut planes, mut labels, mut classes) = (Vec::new(), Vec::new(), 0);
    for path in &chosen {
        wanted.check()?;
        let batch = Batch::of(&images::read_file(path)?).map_err(|what| {
            let error = Error::bad_input(format!("{}: {what}", path.display()));
            error.hint("a record is 3073 bytes in CIFAR-10 and 3074 in CIFAR-100")
        })?;
        if classes != 0 && batch.classes != classes {
            return Err(Error::bad_input(format!("{}: it mixes CIFAR-10 and CIFAR-100", path.display())));
        }
        classes = batch.classes;
        planes.extend(batch.planes);
        labels.extend(batch.labels);
    }
    let names = names_beside(first, classes)?.unwrap_or_else(|| match classes {
        10 => NAMES.iter().map(ToString::to_string).collect(),
        _ => (0..100).map(|k| k.to_string()).collect(),
    });
    let plane = SIDE * SIDE;
    let pixels = planes
        .chunks_exact(PIXELS)
        .flat_map(|image| (0..plane).flat_map(|p| [image[p], image[plane + p], image[2 * plane + p]]))
        .collect();
    let samples = Samples {
        count: labels.len() as u64,
        shape: [SIDE as u64, SIDE as u64, 3],
        pixels,
        labels,
        classes: names,
    };
    Ok(Arc::new(Raw::new(&name, "cifar", samples, aside)?))
}

/// How many images a file of this length holds, about.
pub(crate) fn count(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len() / PIXELS as u64)
}

/// The images of one file.
struct Batch {
    /// Image after image, each in planes.
    planes: Vec<u8>,
    labels: Vec<u32>,
    classes: usize,
}

impl Batch {
    fn of(bytes: &[u8]) -> Result<Self, String> {
        if bytes.first() == Some(&0x80) && record_labels(bytes).is_none() {
            return Self::pickled(bytes);
        }
        let labels = record_labels(bytes).ok_or("it is not whole CIFAR records")?;
        let records = || bytes.chunks_exact(labels + PIXELS);
        Ok(Self {
            planes: records().flat_map(|record| &record[labels..]).copied().collect(),
            labels: records().map(|record| u32::from(record[labels - 1])).collect(),
            classes: if labels == 1 { 10 } else { 100 },
        })
    }

    fn pickled(bytes: &[u8]) -> Result<Self, String> {
        let Value::Dict(mut values) = pickle::read(bytes)? else {
            return Err("a pickle that is no batch of CIFAR".into());
        };
        let Some(Value::Array { shape, bytes: planes }) = values.remove(&b"data"[..]) else {
            return Err("a pickle without the images of CIFAR".into());
        };
        let (labels, classes) = match (values.remove(&b"fine_labels"[..]), values.remove(&b"labels"[..])) {
            (Some(Value::List(labels)), _) => (labels, 100),
            (_, Some(Value::List(labels))) => (labels, 10),
            _ => return Err("a pickle without the labels of CIFAR".into()),
        };
        let label = |label: Value| match label {
            Value::Number(label) => u32::try_from(label).ok().filter(|label| (*label as usize) < classes),
            _ => None,
        };
        let labels: Option<Vec<u32>> = labels.into_iter().map(label).collect();
        let labels = labels.ok_or("its labels are no class numbers")?;
        if shape != [labels.len() as u64, PIXELS as u64] || planes.len() != labels.len() * PIXELS {
            return Err(format!("{} labels for images of shape {shape:?}", labels.len()));
        }
        Ok(Self { planes, labels, classes })
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

fn names_beside(file: &Path, classes: usize) -> Result<Option<Vec<String>>> {
    let name = if classes == 10 { "batches.meta.txt" } else { "fine_label_names.txt" };
    let path = file.with_file_name(name);
    if !path.is_file() {
        return Ok(None);
    }
    let text = text::read(&path, 1 << 16)?;
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    Ok((names.len() == classes).then_some(names))
}
