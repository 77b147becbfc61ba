//! IDX, the format of MNIST (Yann LeCun's page): big-endian magic `00 00 08 D` (unsigned bytes, D dimensions), the
//! D sizes, then the values. Images are (n, rows, columns) or (n, rows, columns, channels), labels are (n).

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use langevin_core::LeftAside;

use super::raw::{Raw, Samples, is_usable};
use super::unpack::{GROWS, Unpacked, most, reason};
use crate::split::{Split, Wanted};
use crate::{Dataset, Error, Result};

/// Most bytes of values in one file.
const MAX_BYTES: u64 = 4 << 30;
/// Values that are compared to find out whether two files are the same.
const COMPARED: u64 = 1 << 16;

/// One IDX file of images; its labels are looked for beside it.
pub(crate) fn open_file(path: &Path) -> Result<Arc<dyn Dataset>> {
    let images = Header::of(path)?;
    if images.sizes.len() == 1 {
        let error = Error::bad_input(format!("{}: it holds labels, not images", path.display()));
        return Err(error.hint("give the file of images, or the folder"));
    }
    let labels = label_names(path).into_iter().find(|beside| beside.is_file());
    let labels = labels.map(|beside| Header::of(&beside)).transpose()?;
    build(path, vec![(images, labels)], LeftAside::default())
}

/// How many images the IDX files at `paths` hold; files that are read when they are opened may still be refused.
pub(crate) fn count(paths: &[PathBuf]) -> u64 {
    let images = |path: &PathBuf| Header::of(path).ok().filter(|header| header.sizes.len() > 1);
    paths.iter().filter_map(images).map(|header| header.sizes[0]).sum()
}

/// The IDX files of a folder, those of the wanted part: each once, whether it lies there packed, unpacked, or in a folder
/// of its own as well.
pub(crate) fn open_folder(
    root: &Path,
    files: &[PathBuf],
    wanted: Wanted<'_>,
    mut aside: LeftAside,
) -> Result<Arc<dyn Dataset>> {
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    let mut headers = files.iter().map(|path| Header::of(path)).collect::<Result<Vec<_>>>()?;
    // What is unpacked and nearest to the top is read rather than its twins.
    headers.sort_by_cached_key(|h| (h.path.components().count(), h.packed, h.path.clone()));
    let mut once: Vec<Header> = Vec::new();
    for header in headers {
        let twin = once.iter().any(|other| header.is_twin(other));
        if twin {
            aside.add("twins of other files", below(&header.path));
        } else {
            once.push(header);
        }
    }
    once.sort_by_cached_key(|header| below(&header.path));
    let (mut labels, images): (Vec<Header>, Vec<Header>) =
        once.into_iter().partition(|header| header.sizes.len() == 1);
    if images.is_empty() {
        return Err(Error::bad_input(format!("{}: it holds labels only", root.display())));
    }
    let part = |header: &Header| Split::in_name(&file_name(&header.path));
    let (chosen, others): (Vec<Header>, Vec<Header>) =
        images.into_iter().partition(|header| wanted.split.takes(part(header)));
    if chosen.is_empty() {
        return Err(Error::bad_input(format!("{}: it has no {} part", root.display(), wanted.split.name())));
    }
    wanted.leave(&mut aside, others.iter().map(|header| (part(header), header.sizes[0])));
    let mut pairs = Vec::new();
    for header in chosen {
        let of = header.labels_among(&labels).map(|at| labels.remove(at));
        pairs.push((header, of));
    }
    for other in &others {
        if let Some(at) = other.labels_among(&labels) {
            labels.remove(at);
        }
    }
    labels.iter().for_each(|header| aside.add("labels without images", below(&header.path)));
    build(root, pairs, aside)
}

fn build(root: &Path, parts: Vec<(Header, Option<Header>)>, aside: LeftAside) -> Result<Arc<dyn Dataset>> {
    let shape = parts[0].0.sizes[1..].to_vec();
    let name = root.to_string_lossy().trim_end_matches('/').to_owned();
    let mut all =
        Samples { shape: [shape[0], shape[1], shape.get(2).copied().unwrap_or(1)], ..Samples::default() };
    for (images, of) in &parts {
        if images.sizes[1..] != shape {
            return Err(Error::bad_input(format!("{}: its images have another size", images.path.display())));
        }
        if let Some(labels) = of.as_ref().filter(|labels| labels.sizes != images.sizes[..1]) {
            let (n, of) = (images.sizes[0], &labels.sizes);
            let what = format!("{}: it holds labels of size {of:?} for {n} images", labels.path.display());
            return Err(Error::bad_input(what));
        }
        all.count += images.sizes[0];
    }
    if !is_usable(all.count, all.shape) {
        let what =
            format!("{name}: its header claims {} images of {shape:?}, which are not usable", all.count);
        return Err(Error::bad_input(what));
    }
    let labelled = parts.iter().all(|(_, labels)| labels.is_some());
    for (images, of) in parts {
        let pixels = images.read()?;
        if all.pixels.is_empty() {
            all.pixels = pixels;
        } else {
            all.pixels.extend(pixels);
        }
        if let Some(labels) = of.filter(|_| labelled) {
            all.labels.extend(labels.read()?.into_iter().map(u32::from));
        }
    }
    Ok(Arc::new(Raw::new(&name, "idx", all, aside)?))
}

/// What a file says of itself in its first bytes.
#[derive(Debug)]
struct Header {
    path: PathBuf,
    sizes: Vec<u64>,
    /// The length of the file.
    length: u64,
    packed: bool,
}

impl Header {
    fn of(path: &Path) -> Result<Self> {
        let (header, _) = Self::and_values(path)?;
        Ok(header)
    }

    /// The header, and a reader of the values.
    fn and_values(path: &Path) -> Result<(Self, Box<dyn Read>)> {
        let failed = |e: std::io::Error| Error::bad_input(format!("{}: {}", path.display(), reason(&e)));
        let mut magic = [0; 2];
        let (mut file, length) = langevin_files::open_ordinary(path)?;
        file.read_exact(&mut magic).map_err(failed)?;
        let packed = magic == [0x1f, 0x8b];
        let file = File::open(path).map_err(failed)?;
        let mut reader: Box<dyn Read> = match packed {
            true => Box::new(Unpacked::new(file, length, MAX_BYTES + 64)),
            false => Box::new(BufReader::new(file)),
        };
        let mut magic = [0; 4];
        reader.read_exact(&mut magic).map_err(failed)?;
        let [0, 0, 8, dimensions @ (1 | 3 | 4)] = magic else {
            let magic = u32::from_be_bytes(magic);
            let error = Error::bad_input(format!("{}: IDX magic {magic:#010x} is not known", path.display()));
            return Err(error.hint("0x00000803 is images and 0x00000801 labels"));
        };
        let mut sizes = Vec::new();
        for _ in 0..dimensions {
            let mut size = [0; 4];
            reader.read_exact(&mut size).map_err(failed)?;
            sizes.push(u64::from(u32::from_be_bytes(size)));
        }
        Ok((Self { path: path.to_path_buf(), sizes, length, packed }, reader))
    }

    /// All values, after what is claimed of them was compared with what is there.
    fn read(&self) -> Result<Vec<u8>> {
        let bad = |what: String| Error::bad_input(format!("{}: {what}", self.path.display()));
        let sizes = &self.sizes;
        let total = sizes.iter().try_fold(1u64, |product, size| product.checked_mul(*size));
        let total = total
            .filter(|total| *total <= MAX_BYTES)
            .ok_or_else(|| bad(format!("its header claims sizes {sizes:?}, over 4 GiB")))?;
        let differs = |more: bool| {
            let more = if more { "more" } else { "fewer" };
            bad(format!("it holds {more} values than the {total} its header claims"))
        };
        let before = 4 + 4 * sizes.len() as u64;
        if !self.packed && self.length != before + total {
            return Err(differs(self.length > before + total));
        }
        if self.packed && total > most(self.length) {
            return Err(bad(format!("its header claims {total} values: {GROWS}")).hint("no images do that"));
        }
        let (_, reader) = Self::and_values(&self.path)?;
        let mut bytes = Vec::new();
        // Grows with what is there, not with what the header claims.
        reader.take(total + 1).read_to_end(&mut bytes).map_err(|e| bad(reason(&e)))?;
        match bytes.len() as u64 {
            have if have == total => Ok(bytes),
            have => Err(differs(have > total)),
        }
    }

    /// Whether it is the same file as `other`, packed or in another folder.
    fn is_twin(&self, other: &Self) -> bool {
        let start = |of: &Self| {
            let (_, reader) = Self::and_values(&of.path).ok()?;
            let mut bytes = Vec::new();
            reader.take(COMPARED).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        };
        self.sizes == other.sizes && plain_name(&self.path) == plain_name(&other.path) && {
            let mine = start(self);
            mine.is_some() && mine == start(other)
        }
    }

    /// Which of `labels` are those of these images: beside them, or the only ones of their name that are as many.
    fn labels_among(&self, labels: &[Self]) -> Option<usize> {
        let name = label_name(&plain_name(&self.path))?;
        let fits = |of: &Self| plain_name(&of.path) == name;
        let beside = |of: &Self| of.path.parent() == self.path.parent();
        labels.iter().position(|of| fits(of) && beside(of)).or_else(|| {
            let mut found =
                labels.iter().enumerate().filter(|(_, of)| fits(of) && of.sizes[0] == self.sizes[0]);
            found.next().filter(|_| found.next().is_none()).map(|(at, _)| at)
        })
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The name under which MNIST's files go everywhere: `train-images-idx3-ubyte` for `train-images.idx3-ubyte.gz` too.
fn plain_name(path: &Path) -> String {
    file_name(path).to_ascii_lowercase().trim_end_matches(".gz").replace(['.', '_'], "-")
}

/// What the labels of the images `name` are called.
fn label_name(name: &str) -> Option<String> {
    let other = name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1");
    (other != name).then_some(other)
}

fn label_names(images: &Path) -> Vec<PathBuf> {
    let Some(other) = images.file_name().and_then(|name| label_name(name.to_str()?)) else {
        return Vec::new();
    };
    let candidates = [other.clone(), format!("{other}.gz"), other.trim_end_matches(".gz").to_owned()];
    candidates.into_iter().map(|name| images.with_file_name(name)).collect()
}
