//! IDX, the format of MNIST (Yann LeCun's page): big-endian magic `00 00 08 D` (unsigned bytes, D dimensions), the
//! D sizes, then the values. Images are (n, rows, columns) or (n, rows, columns, channels), labels are (n).

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::past_end;
use crate::split::Split;
use crate::{DataInfo, Dataset, Error, Image, Item, Result, Size};

/// Most bytes of values in one file.
const MAX_BYTES: u64 = 4 << 30;

/// Images of one or several IDX files, whole in memory.
#[derive(Debug)]
struct Idx {
    info: DataInfo,
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

/// One IDX file of images; its labels are looked for beside it.
pub(crate) fn open_file(path: &Path) -> Result<Arc<dyn Dataset>> {
    let images = read(path)?;
    if images.sizes.len() == 1 {
        let error = Error::bad_input(format!("{}: it holds labels, not images", path.display()));
        return Err(error.hint("give the file of images, or the folder"));
    }
    let labels = label_name(path).filter(|beside| beside.is_file());
    let labels = labels.map(|beside| read_labels(&beside, images.sizes[0])).transpose()?;
    build(path, vec![(images, labels)])
}

/// The IDX files of a folder, those of `split`.
pub(crate) fn open_folder(root: &Path, files: &[PathBuf], split: Split) -> Result<Arc<dyn Dataset>> {
    let mut chosen = Vec::new();
    let mut seen = false;
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (sizes, _) = header(path)?;
        if sizes.len() == 1 {
            continue;
        }
        seen = true;
        if split.takes(Split::in_name(&name)) {
            let images = read(path)?;
            let labels = label_name(path).filter(|beside| beside.is_file());
            let labels = labels.map(|beside| read_labels(&beside, images.sizes[0])).transpose()?;
            chosen.push((images, labels));
        }
    }
    if chosen.is_empty() {
        let what =
            if seen { format!("it has no {} part", split.name()) } else { "it holds labels only".into() };
        return Err(Error::bad_input(format!("{}: {what}", root.display())));
    }
    build(root, chosen)
}

struct Values {
    sizes: Vec<u64>,
    bytes: Vec<u8>,
    path: PathBuf,
}

fn build(root: &Path, parts: Vec<(Values, Option<Values>)>) -> Result<Arc<dyn Dataset>> {
    let shape = parts[0].0.sizes[1..].to_vec();
    let (mut pixels, mut labels, mut n) = (Vec::new(), Vec::new(), 0);
    let labelled = parts.iter().all(|(_, labels)| labels.is_some());
    for (images, of) in parts {
        if images.sizes[1..] != shape {
            return Err(Error::bad_input(format!("{}: its images have another size", images.path.display())));
        }
        n += images.sizes[0];
        if pixels.is_empty() {
            pixels = images.bytes;
        } else {
            pixels.extend(images.bytes);
        }
        labels.extend(of.filter(|_| labelled).map(|of| of.bytes).unwrap_or_default());
    }
    let channels = shape.get(2).map_or(1, |c| *c as usize);
    let name = root.to_string_lossy().trim_end_matches('/').to_owned();
    if n == 0 || shape.contains(&0) || shape[0] > 16_384 || shape[1] > 16_384 || !(1..=4).contains(&channels)
    {
        return Err(Error::bad_input(format!("{name}: its sizes, {n} images of {shape:?}, are not usable")));
    }
    let classes = labels.iter().max().map_or(0, |most| usize::from(*most) + 1);
    let info = DataInfo {
        name,
        kind: "idx",
        len: Some(n),
        channels,
        classes: (0..classes).map(|k| k.to_string()).collect(),
        size: Size { width: shape[1] as usize, height: shape[0] as usize },
        captions: false,
    };
    Ok(Arc::new(Idx { info, pixels, labels }))
}

impl Dataset for Idx {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn item(&self, index: u64) -> Result<Item> {
        let Size { width, height } = self.info.size;
        let bytes = width * height * self.info.channels;
        let at = usize::try_from(index).ok().and_then(|at| at.checked_mul(bytes));
        let pixels = at.and_then(|at| self.pixels.get(at..at.checked_add(bytes)?));
        let pixels = pixels.ok_or_else(|| past_end(&self.info, index))?.to_vec();
        let image = Image::from_u8(width, height, self.info.channels, pixels);
        let label = self.labels.get(index as usize).map(|label| u32::from(*label));
        Ok(Item { image, label, caption: None, name: self.item_name(index) })
    }
}

fn label_name(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let other = name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1");
    if other == name {
        return None;
    }
    let candidates = [other.clone(), format!("{other}.gz"), other.trim_end_matches(".gz").to_owned()];
    candidates.into_iter().map(|c| images.with_file_name(c)).find(|path| path.is_file())
}

fn read_labels(path: &Path, n: u64) -> Result<Values> {
    let labels = read(path)?;
    if labels.sizes.len() != 1 || labels.sizes[0] != n {
        let what = format!("{}: it holds labels of size {:?} for {n} images", path.display(), labels.sizes);
        return Err(Error::bad_input(what));
    }
    Ok(labels)
}

fn header(path: &Path) -> Result<(Vec<u64>, Box<dyn Read>)> {
    let failed = |e: std::io::Error| Error::bad_input(format!("{}: {}", path.display(), cut_short(&e)));
    let mut magic = [0; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).map_err(failed)?;
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let mut reader: Box<dyn Read> = if magic == [0x1f, 0x8b] {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
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
    Ok((sizes, reader))
}

fn read(path: &Path) -> Result<Values> {
    let (sizes, reader) = header(path)?;
    let total = sizes.iter().try_fold(1u64, |product, size| product.checked_mul(*size));
    let total = total.filter(|total| *total <= MAX_BYTES).ok_or_else(|| {
        Error::bad_input(format!("{}: its header claims sizes {sizes:?}, over 4 GiB", path.display()))
    })?;
    let mut bytes = Vec::new();
    // Grows with what is there, not with what the header claims.
    let read = reader.take(total + 1).read_to_end(&mut bytes);
    read.map_err(|e| Error::bad_input(format!("{}: {}", path.display(), cut_short(&e))))?;
    if bytes.len() as u64 != total {
        let more = if bytes.len() as u64 > total { "more" } else { "fewer" };
        let what = format!("{}: it holds {more} values than the {total} its header claims", path.display());
        return Err(Error::bad_input(what));
    }
    Ok(Values { sizes, bytes, path: path.to_path_buf() })
}

fn cut_short(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the file is cut short".into(),
        _ => error.to_string(),
    }
}
