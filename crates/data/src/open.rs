//! From what a user types to a data set. What a file is, its content says; its name never does.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::sets::{archive, builtin, cifar, files::DiskFiles, idx, parquet, tree::Tree};
use crate::{Dataset, Error, Result, pictures};

/// Which part of a set is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Split {
    /// The part to train on, or all of a set that has no parts.
    #[default]
    Train,
    /// The test part.
    Test,
    /// The validation part.
    Validation,
    /// Every part together.
    All,
}

impl Split {
    /// The split that a folder or file name stands for, if any.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "test" | "testing" => Some(Self::Test),
            "validation" | "valid" | "val" | "dev" => Some(Self::Validation),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    /// The split that a file belongs to by a word in its name: `train-images...`, `t10k-...`, `test_batch.bin`.
    pub(crate) fn in_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if has(&["train", "data_batch"]) => Some(Self::Train),
            () if has(&["t10k", "test"]) => Some(Self::Test),
            () if has(&["valid", "-val", "_val"]) => Some(Self::Validation),
            () => None,
        }
    }

    /// Whether a part that belongs to `other` (`None`: to no split) is wanted.
    pub(crate) fn takes(self, other: Option<Self>) -> bool {
        self == Self::All || other.is_none_or(|other| other == self)
    }

    /// The name to show.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Validation => "validation",
            Self::All => "all",
        }
    }
}

/// How a set is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Which part, where a set has parts. A `#test`, `#train`, `#validation` or `#all` at the end of the spec
    /// says so too, and wins.
    pub split: Split,
}

/// Opens a data set: `builtin:NAME`, or the path of a folder of pictures, a folder or file of IDX, CIFAR binary or
/// Hugging Face parquet, a zip or tar (also gzipped) of pictures, or one picture.
///
/// # Errors
/// Bad input, beginning with the path: missing, empty, broken, or of no known kind. Usage: an unknown built-in.
pub fn open(spec: &str, options: &OpenOptions) -> Result<Arc<dyn Dataset>> {
    if let Some(rest) = spec.strip_prefix("builtin:") {
        return builtin::open(rest);
    }
    let (path, split) = match spec.rsplit_once('#') {
        Some((path, split)) if !Path::new(spec).exists() => match Split::named(split) {
            Some(split) => (path, split),
            None => (spec, options.split),
        },
        _ => (spec, options.split),
    };
    let root = Path::new(path);
    let metadata = std::fs::metadata(root).map_err(|e| {
        let error = Error::bad_input(format!("{path}: {}", missing(&e)));
        error.hint("give a folder, a file, or builtin:shapes")
    })?;
    if metadata.is_dir() { open_folder(root, split) } else { open_file(root, split) }
}

fn missing(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".into(),
        _ => error.to_string(),
    }
}

fn open_folder(root: &Path, split: Split) -> Result<Arc<dyn Dataset>> {
    let files = DiskFiles::walk(root)?;
    let kinds = files.kinds();
    let having = |kind: Kind| -> Vec<_> {
        let of_kind = kinds.iter().enumerate().filter(|(_, k)| **k == kind);
        of_kind.filter_map(|(at, _)| files.full_path(at).map(Path::to_path_buf)).collect()
    };
    let parquet = having(Kind::Parquet);
    if !parquet.is_empty() {
        return parquet::open(root, &parquet, split);
    }
    if !kinds.contains(&Kind::Picture) {
        let idx = having(Kind::Idx);
        if !idx.is_empty() {
            return idx::open_folder(root, &idx, split);
        }
        let cifar = having(Kind::Cifar);
        if !cifar.is_empty() {
            return cifar::open(root, &cifar, split);
        }
        // Nothing but a name says IDX: reading it tells what is wrong with it.
        if let Some(path) = (0..kinds.len()).filter_map(|at| files.full_path(at)).find(|path| named_idx(path))
        {
            return idx::open_file(path);
        }
    }
    Ok(Arc::new(Tree::new(Box::new(files), "folder", split)?))
}

fn open_file(path: &Path, split: Split) -> Result<Arc<dyn Dataset>> {
    let named = |e: std::io::Error| Error::bad_input(format!("{}: {e}", path.display()));
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(named)?;
    let length = file.metadata().map_err(named)?.len();
    file.take(512).read_to_end(&mut head).map_err(named)?;
    match kind(&head, length, true) {
        Kind::Parquet => parquet::open(path, &[path.to_path_buf()], split),
        Kind::Idx => idx::open_file(path),
        Kind::Zip => Ok(Arc::new(Tree::new(Box::new(archive::ZipFiles::open(path)?), "zip", split)?)),
        Kind::Tar => Ok(Arc::new(Tree::new(Box::new(archive::TarFiles::open(path)?), "tar", split)?)),
        Kind::GzipOther | Kind::Other if named_idx(path) => idx::open_file(path),
        Kind::GzipOther => {
            let error =
                Error::bad_input(format!("{}: inside the gzip is neither IDX nor tar", path.display()));
            Err(error.hint("a damaged gzip also looks like this"))
        }
        Kind::Picture => Ok(Arc::new(Tree::new(Box::new(DiskFiles::one(path)?), "picture", split)?)),
        Kind::Cifar => cifar::open(path, &[path.to_path_buf()], split),
        Kind::Empty => Err(Error::bad_input(format!("{}: the file is empty", path.display()))),
        Kind::Other => {
            let error =
                Error::bad_input(format!("{}: not a data set or picture of a known kind", path.display()));
            Err(error
                .hint("known are png, jpeg, webp, bmp, tiff, gif, IDX, CIFAR binary, parquet, zip and tar"))
        }
    }
}

/// Whether a file's name says it is IDX, for better messages about one that is not.
fn named_idx(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains("idx3") || name.contains("idx1")
}

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Parquet,
    Idx,
    Cifar,
    Zip,
    Tar,
    GzipOther,
    Picture,
    Empty,
    Other,
}

/// The kind of a file of `length` bytes that begins with `head` (up to 512 bytes). CIFAR files have no mark: they
/// count only when `weak` signs, a fitting length and a possible label, will do.
pub(crate) fn kind(head: &[u8], length: u64, weak: bool) -> Kind {
    match head {
        [] => Kind::Empty,
        [b'P', b'A', b'R', b'1', ..] => Kind::Parquet,
        [0, 0, 8, 1 | 3 | 4, ..] => Kind::Idx,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        [0x1f, 0x8b, ..] => {
            let mut inner = Vec::new();
            // A gzip that breaks off within the first block still yields what it held.
            let _ = flate2::read::GzDecoder::new(head).take(512).read_to_end(&mut inner);
            match inner.as_slice() {
                [0, 0, 8, 1 | 3 | 4, ..] => Kind::Idx,
                inner if is_tar(inner) || is_tar_name(inner) => Kind::Tar,
                _ => Kind::GzipOther,
            }
        }
        head if is_tar(head) => Kind::Tar,
        head if pictures::sniff(head).is_some() => Kind::Picture,
        head if weak && cifar::looks_like(head, length) => Kind::Cifar,
        _ => Kind::Other,
    }
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// A tar header whose first 512 bytes did not fit into the compressed head: a name, then zeros.
fn is_tar_name(inner: &[u8]) -> bool {
    let name = inner.iter().take(100).take_while(|b| (0x20..0x7f).contains(*b)).count();
    name > 0 && inner.len() > 100 && inner.len() < 262 && inner[name..100].iter().all(|b| *b == 0)
}
