//! From what a user types to a data set. What a file is, its content says; its name never does.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use langevin_core::path_of;

use crate::sets::{archive, builtin, cifar, files::DiskFiles, idx, parquet, tree::Tree};
use crate::sniff::{Kind, kind};
use crate::split::Split;
use crate::{Dataset, Error, Result};

/// How a set is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Which part, where a set has parts. A `#test`, `#train`, `#validation` or `#all` at the end of the spec
    /// says so too, and wins.
    pub split: Split,
}

/// Opens a data set: `builtin:NAME`, or the path of a folder of images, a folder or file of IDX, CIFAR binary or
/// Hugging Face parquet, a zip or tar (also gzipped) of images, or one image.
///
/// # Errors
/// Bad input, beginning with the path: missing, empty, broken, or of no known kind. Usage: an unknown built-in.
pub fn open(spec: &str, options: &OpenOptions) -> Result<Arc<dyn Dataset>> {
    if let Some(rest) = spec.strip_prefix("builtin:") {
        return builtin::open(rest);
    }
    let (path, split) = match spec.rsplit_once('#') {
        Some((path, split)) if !path_of(spec).exists() => match Split::named(split) {
            Some(split) => (path, split),
            None => (spec, options.split),
        },
        _ => (spec, options.split),
    };
    let root = &*path_of(path);
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
    if !kinds.contains(&Kind::Image) {
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
        Kind::Image => Ok(Arc::new(Tree::new(Box::new(DiskFiles::one(path)?), "image", split)?)),
        Kind::Cifar => cifar::open(path, &[path.to_path_buf()], split),
        Kind::Empty => Err(Error::bad_input(format!("{}: the file is empty", path.display()))),
        Kind::Other => {
            let error =
                Error::bad_input(format!("{}: not a data set or image of a known kind", path.display()));
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
