//! NumPy arrays of images: `.npy`, and `.npz` with an array for each part (MedMNIST's `train_images` and `train_labels`,
//! Keras' `x_train` and `y_train`, `arr_0` and `arr_1` of samples). Bytes alone are read; nothing is unpickled.

use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use langevin_core::LeftAside;

use super::raw::{Raw, Samples, is_usable};
use super::unpack::{GROWS, most};
use crate::split::{Split, Wanted};
use crate::{Dataset, Error, Result};

/// Most bytes of one array.
const MAX_BYTES: u64 = 4 << 30;
/// Longest header of an array.
const MAX_HEADER: u64 = 64 << 10;

/// The `.npy` file at `path`.
///
/// # Errors
/// Bad input: broken, or no array of images.
pub(crate) fn open_array(path: &Path, aside: LeftAside) -> Result<Arc<dyn Dataset>> {
    let name = path.to_string_lossy().into_owned();
    let (file, length) = langevin_files::open_ordinary(path)?;
    let array = Array::read(BufReader::new(file), length).map_err(|what| named(&name, &what))?;
    let samples = array.images().map_err(|what| named(&name, &what))?;
    Ok(Arc::new(Raw::new(&name, "npy", samples, aside)?))
}

/// The `.npz` file at `path`, the wanted part of it.
///
/// # Errors
/// Bad input: broken, or without an array of images.
pub(crate) fn open(path: &Path, wanted: Wanted<'_>, mut aside: LeftAside) -> Result<Arc<dyn Dataset>> {
    let name = path.to_string_lossy().into_owned();
    let failed = |e: zip::result::ZipError| named(&name, &format!("broken npz: {e}"));
    let (file, _) = langevin_files::open_ordinary(path)?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(failed)?;
    let mut members: Vec<Member> = Vec::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).map_err(failed)?;
        let (title, size, packed) = (member.name().to_owned(), member.size(), member.compressed_size());
        if size > most(packed) || size > MAX_BYTES {
            return Err(named(&name, &format!("{title}: {GROWS}")));
        }
        match Header::read(&mut member) {
            Ok(header) => members.push(Member { at, title, header }),
            Err(what) => aside.add("members that are no arrays", format!("{title}: {what}")),
        }
    }
    let images: Vec<&Member> = members.iter().filter(|member| member.header.shape().is_ok()).collect();
    if images.is_empty() {
        let there: Vec<String> = members.iter().map(Member::described).collect();
        let what = format!("NumPy arrays, of which none are images: {}", there.join(", "));
        return Err(named(&name, &what)
            .hint("images are bytes (uint8) of n x rows x columns, with or without channels"));
    }
    let any_named = images.iter().any(|member| member.part().is_some());
    let is_wanted =
        |member: &&&Member| wanted.split.takes(member.part()) || (!any_named && wanted.split == Split::Train);
    let (mut chosen, others): (Vec<&Member>, Vec<&Member>) =
        images.iter().copied().partition(|m| is_wanted(&m));
    if chosen.is_empty() {
        return Err(named(&name, &format!("it has no {} part", wanted.split.name())));
    }
    wanted.leave(&mut aside, others.iter().map(|member| (member.part(), member.header.sizes[0])));
    // Without parts the first array is the set: the others are something else, such as masks.
    if !any_named {
        chosen[1..].iter().for_each(|member| aside.add("arrays beside the images", &member.title));
        chosen.truncate(1);
    }
    let mut all = Samples::default();
    let mut labelled = true;
    for member in &chosen {
        let mut read = |at: usize| {
            let mut file = archive.by_index(at).map_err(|e| e.to_string())?;
            let size = file.size();
            Array::read(&mut file, size)
        };
        let explain = |what: String| named(&name, &format!("{}: {what}", member.title));
        let part = read(member.at).and_then(Array::images).map_err(explain)?;
        let labels = members.iter().find(|of| of.is_labels_of(member));
        let labels = labels.map(|of| read(of.at).and_then(Array::labels)).transpose().map_err(explain)?;
        labelled &= labels.is_some();
        if all.count > 0 && part.shape != all.shape {
            return Err(explain("its images have another size".into()));
        }
        all.count += part.count;
        all.shape = part.shape;
        all.pixels.extend(part.pixels);
        all.labels.extend(labels.unwrap_or_default());
    }
    if !labelled {
        all.labels.clear();
    }
    Ok(Arc::new(Raw::new(&name, "npz", all, aside)?))
}

fn named(name: &str, what: &str) -> Error {
    Error::bad_input(format!("{name}: {what}"))
}

/// An array of an archive.
struct Member {
    at: usize,
    title: String,
    header: Header,
}

impl Member {
    fn stem(&self) -> &str {
        self.title.trim_end_matches(".npy")
    }

    fn part(&self) -> Option<Split> {
        Split::in_name(self.stem())
    }

    /// Whether these are the labels of `images`: a name like theirs, and as many.
    fn is_labels_of(&self, images: &Self) -> bool {
        let (mine, theirs) = (self.stem(), images.stem());
        let alike = [
            ("images", "labels"),
            ("images", "label"),
            ("x_", "y_"),
            ("X", "y"),
            ("x", "y"),
            ("arr_0", "arr_1"),
        ];
        let fits = alike.iter().any(|(of, is)| theirs.contains(of) && theirs.replacen(of, is, 1) == mine);
        let flat = self.header.sizes.iter().skip(1).product::<u64>() == 1;
        fits && flat && self.header.sizes.first() == images.header.sizes.first()
    }

    fn described(&self) -> String {
        format!("{} of {} {:?}", self.stem(), self.header.kind, self.header.sizes)
    }
}

/// What an array says of itself.
struct Header {
    /// The type of its numbers, as NumPy writes it.
    kind: String,
    sizes: Vec<u64>,
    fortran: bool,
    length: u64,
}

impl Header {
    fn read(reader: &mut impl Read) -> Result<Self, String> {
        let cut = |_| "cut short".to_owned();
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(cut)?;
        if !start.starts_with(b"\x93NUMPY") {
            return Err("not an array".into());
        }
        let mut length = [0; 4];
        let width = if start[6] == 1 { 2 } else { 4 };
        reader.read_exact(&mut length[..width]).map_err(cut)?;
        let length = u64::from(u32::from_le_bytes(length));
        if length > MAX_HEADER {
            return Err("its header is too long".into());
        }
        let mut text = vec![0; length as usize];
        reader.read_exact(&mut text).map_err(cut)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let after = |key: &str| text.split_once(key).map(|(_, rest)| rest.trim_start_matches([':', ' ']));
        let kind = after("'descr'").and_then(|rest| rest.split('\'').nth(1)).unwrap_or_default().to_owned();
        let sizes = after("'shape'").and_then(|rest| rest.strip_prefix('(')?.split_once(')'));
        let sizes = sizes.ok_or("its header names no shape")?.0;
        let sizes: Option<Vec<u64>> =
            sizes.split(',').map(str::trim).filter(|s| !s.is_empty()).map(|s| s.parse().ok()).collect();
        let fortran = after("'fortran_order'").is_some_and(|rest| rest.starts_with("True"));
        let sizes = sizes.ok_or("its shape cannot be read")?;
        Ok(Self { kind, sizes, fortran, length: length + 8 + width as u64 })
    }

    /// The number of images and their rows, columns and channels, if these are images.
    fn shape(&self) -> Result<(u64, [u64; 3]), String> {
        let shape = match self.sizes[..] {
            [n, rows, columns] => Some((n, [rows, columns, 1])),
            [n, rows, columns, channels] => Some((n, [rows, columns, channels])),
            _ => None,
        };
        match shape.filter(|(n, shape)| is_usable(*n, *shape)) {
            Some(shape) if matches!(self.kind.as_str(), "|u1" | "u1" | "<u1") && !self.fortran => Ok(shape),
            _ => Err(format!("{} {:?} are no images of bytes", self.kind, self.sizes)),
        }
    }
}

/// An array with its numbers.
struct Array {
    header: Header,
    bytes: Vec<u8>,
}

impl Array {
    /// Reads an array from `length` bytes.
    fn read(mut reader: impl Read, length: u64) -> Result<Self, String> {
        let header = Header::read(&mut reader)?;
        let each =
            header.kind.trim_start_matches(['|', '<', '>', '=']).get(1..).and_then(|n| n.parse::<u64>().ok());
        let each = each.ok_or_else(|| format!("numbers of the type {} are not read", header.kind))?;
        let total = header.sizes.iter().try_fold(each, |product, size| product.checked_mul(*size));
        let total =
            total.filter(|total| *total <= MAX_BYTES && header.length.checked_add(*total) == Some(length));
        let total = total.ok_or("its length does not fit its shape")?;
        let mut bytes = Vec::new();
        reader.take(total).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 != total { Err("cut short".into()) } else { Ok(Self { header, bytes }) }
    }

    fn images(self) -> Result<Samples, String> {
        let (count, shape) = self.header.shape()?;
        Ok(Samples { count, shape, pixels: self.bytes, ..Samples::default() })
    }

    /// Classes from whole numbers of any width.
    fn labels(self) -> Result<Vec<u32>, String> {
        let Header { kind, sizes, .. } = &self.header;
        let count = sizes.first().copied().unwrap_or(0) as usize;
        let width = self.bytes.len().checked_div(count).filter(|width| (1..=8).contains(width));
        let (Some(width), true) = (width, kind.contains(['u', 'i'])) else {
            return Err(format!("labels of the type {kind} are not read"));
        };
        let number = |bytes: &[u8]| {
            let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
            let number = match kind.starts_with('>') {
                true => bytes.iter().fold(0, add),
                false => bytes.iter().rev().fold(0, add),
            };
            u32::try_from(number).ok().filter(|n| *n <= super::labels::MOST_CLASSES)
        };
        let all: Option<Vec<u32>> = self.bytes.chunks_exact(width).map(number).collect();
        all.ok_or_else(|| "its labels are no class numbers".into())
    }
}
