//! From what a user types to a data set. What a file is, its content says; its name never does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use langevin_core::{LeftAside, Stop, path_of};
use langevin_files::read_head;

use crate::sets::files::{Files, is_document};
use crate::sets::folder::DiskFiles;
use crate::sets::shards::Shards;
use crate::sets::tree::Tree;
use crate::sets::{archive, builtin, cifar, idx, npy, parquet};
use crate::sniff::{HEAD, Kind, kind};
use crate::split::{Split, Wanted};
use crate::{Dataset, Error, Result};

/// How a set is opened.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Which part, where a set has parts. A `#test`, `#train`, `#validation` or `#all` at the end of the spec
    /// says so too, and wins.
    pub split: Split,
    /// Ends the opening, of which tens of thousands of files may be a part.
    pub stop: Stop,
}

impl OpenOptions {
    /// The defaults, ended by `stop`.
    pub fn stopped_by(stop: &Stop) -> Self {
        Self { stop: stop.clone(), ..Self::default() }
    }
}

/// Opens a data set: `builtin:NAME`, or the path of a folder of images, a folder or file of IDX, CIFAR, NumPy arrays or
/// Hugging Face parquet, a zip or tar (also gzipped) of images or a folder of these, or one image.
///
/// What lies there and is not used stands in [`crate::DataInfo::left_aside`].
///
/// # Errors
/// Bad input, beginning with the path: missing, empty, broken, or of no known kind. Usage: an unknown built-in.
pub fn open(spec: &str, options: &OpenOptions) -> Result<Arc<dyn Dataset>> {
    if let Some(rest) = spec.strip_prefix("builtin:") {
        return builtin::open(rest);
    }
    let stop = &options.stop;
    let plain = Wanted { split: options.split, asked: options.split != Split::Train, stop };
    let (path, wanted) = match spec.rsplit_once('#') {
        Some((path, split)) if !path_of(spec).exists() => match Split::named(split) {
            Some(split) => (path, Wanted { split, asked: true, stop }),
            None => (spec, plain),
        },
        _ => (spec, plain),
    };
    let root = &*path_of(path);
    let metadata = std::fs::metadata(root).map_err(|e| {
        let error = Error::bad_input(format!("{path}: {}", missing(&e)));
        error.hint("give a folder, a file, or builtin:shapes")
    })?;
    match metadata.is_dir() {
        true => match snapshot(root) {
            Some((snapshot, others)) => open_folder(&snapshot, wanted, others),
            None => open_folder(root, wanted, LeftAside::default()),
        },
        false => open_file(root, wanted),
    }
}

fn missing(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".into(),
        _ => error.to_string(),
    }
}

/// The snapshot that counts where `root` is a repository in the cache of Hugging Face: that of `main`, or the newest.
fn snapshot(root: &Path) -> Option<(PathBuf, LeftAside)> {
    let folder = root.join("snapshots");
    if !(folder.is_dir() && root.join("blobs").is_dir()) {
        return None;
    }
    let mut all: Vec<(std::time::SystemTime, PathBuf)> = std::fs::read_dir(&folder)
        .ok()?
        .filter_map(|entry| {
            Some((entry.as_ref().ok()?.metadata().ok()?.modified().ok()?, entry.ok()?.path()))
        })
        .collect();
    all.sort();
    let main = std::fs::read_to_string(root.join("refs/main")).ok().map(|main| folder.join(main.trim()));
    let chosen = main.filter(|path| path.is_dir()).or_else(|| all.last().map(|(_, path)| path.clone()))?;
    let mut aside = LeftAside::default();
    for (_, path) in all.iter().filter(|(_, path)| *path != chosen) {
        aside.add("other snapshots", path.file_name().unwrap_or_default().to_string_lossy());
    }
    Some((chosen, aside))
}

/// The kinds that a folder's data may be of, each with the files of it and how many images they hold, about.
struct Candidate {
    kind: Kind,
    files: Vec<usize>,
    images: u64,
}

fn open_folder(root: &Path, wanted: Wanted<'_>, mut aside: LeftAside) -> Result<Arc<dyn Dataset>> {
    let files = DiskFiles::walk(root, wanted.stop)?;
    aside.extend(files.left_aside());
    let paths = |of: &[usize]| of.iter().map(|&at| files.full_path(at).to_path_buf()).collect::<Vec<_>>();
    let bytes = |of: &[usize]| of.iter().map(|&at| files.entries()[at].size).sum::<u64>();
    // Parquet files of facts lie beside images; where there is nothing else they say themselves why they are no data.
    let rows: Vec<(usize, Option<u64>)> =
        files.of(Kind::Parquet).into_iter().map(|at| (at, parquet::rows(files.full_path(at)))).collect();
    let with_images: Vec<usize> = rows.iter().filter(|(_, rows)| rows.is_some()).map(|(at, _)| *at).collect();
    let mut candidates = Vec::new();
    let mut add = |kind: Kind, files: Vec<usize>, images: u64| {
        if !files.is_empty() {
            candidates.push(Candidate { kind, files, images });
        }
    };
    let images = files.of(Kind::Image);
    add(Kind::Image, images.clone(), images.len() as u64);
    let count = rows.iter().filter_map(|(_, rows)| *rows).sum();
    let facts_alone = with_images.is_empty() && images.is_empty();
    add(Kind::Parquet, if facts_alone { files.of(Kind::Parquet) } else { with_images }, count);
    let of_idx = files.of(Kind::Idx);
    let count = idx::count(&paths(&of_idx));
    add(Kind::Idx, of_idx, count);
    for kind in [Kind::Cifar, Kind::Pickle] {
        let of_kind: Vec<usize> =
            files.of(kind).into_iter().filter(|at| kind == Kind::Cifar || is_batch(&files, *at)).collect();
        let count = paths(&of_kind).iter().map(|path| cifar::count(path)).sum();
        add(kind, of_kind, count);
    }
    for kind in [Kind::Npz, Kind::Npy] {
        let of_kind = files.of(kind);
        let count = bytes(&of_kind) / 1024;
        add(kind, of_kind, count);
    }
    let archives: Vec<usize> = [files.of(Kind::Zip), files.of(Kind::Tar)].concat();
    let loose: u64 = candidates.iter().map(|candidate| bytes(&candidate.files)).sum();
    // Archives beside loose data are copies of it, unless they are far larger.
    if !archives.is_empty() && (candidates.is_empty() || bytes(&archives) / 4 > loose) {
        files.leave_all_but(&[Kind::Zip, Kind::Tar], &mut aside);
        return open_shards(root, &files, archives, wanted, aside);
    }
    // Of as many images the kind that stands first.
    let best = candidates.into_iter().rev().max_by_key(|candidate| candidate.images);
    let Some(Candidate { kind, files: chosen, .. }) = best else {
        // Nothing but a name says IDX: reading it tells what is wrong with it.
        let named = (0..files.entries().len()).map(|at| files.full_path(at)).find(|path| named_idx(path));
        return match named {
            Some(path) => idx::open_file(path),
            None => Ok(Arc::new(Tree::new(Box::new(files), "folder", wanted)?)),
        };
    };
    if kind == Kind::Image {
        return Ok(Arc::new(Tree::new(Box::new(files.with_aside(aside)), "folder", wanted)?));
    }
    files.leave_all_but(&[kind], &mut aside);
    let unused = files.of(kind).into_iter().filter(|at| !chosen.contains(at));
    let what =
        if kind == Kind::Parquet { "parquet files without images" } else { "pickles that are no CIFAR" };
    let unused = unused.map(|at| &files.entries()[at].path).filter(|path| !is_document(path));
    unused.for_each(|path| aside.add(what, path));
    let chosen = paths(&chosen);
    match kind {
        Kind::Parquet => parquet::open(root, &chosen, wanted, aside),
        Kind::Idx => idx::open_folder(root, &chosen, wanted, aside),
        Kind::Npz | Kind::Npy => {
            let [first, rest @ ..] = chosen.as_slice() else { return Err(unknown(root)) };
            rest.iter()
                .for_each(|path| aside.add("NumPy files beside the first", path.display().to_string()));
            if kind == Kind::Npz { npy::open(first, wanted, aside) } else { npy::open_array(first, aside) }
        }
        _ => cifar::open(root, &chosen, wanted, aside),
    }
}

/// The archives of a folder as one set: those of the wanted part, where their names or folders name parts.
fn open_shards(
    root: &Path,
    files: &DiskFiles,
    mut archives: Vec<usize>,
    wanted: Wanted<'_>,
    mut aside: LeftAside,
) -> Result<Arc<dyn Dataset>> {
    archives.sort_unstable();
    let part = |at: usize| {
        let path = &files.entries()[at].path;
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        Split::in_name(name).or_else(|| folders.split('/').find_map(Split::named))
    };
    let (chosen, others): (Vec<usize>, Vec<usize>) = archives.iter().partition(|at| {
        let part = part(**at);
        part.is_none() || wanted.split.takes(part)
    });
    // Only where some are left are the names of archives those of parts.
    let (chosen, others) = if chosen.is_empty() && wanted.split == Split::Train {
        (archives.clone(), Vec::new())
    } else {
        (chosen, others)
    };
    if chosen.is_empty() {
        return Err(Error::bad_input(format!("{}: it has no {} part", root.display(), wanted.split.name())));
    }
    for at in others.into_iter().filter(|_| !wanted.asked) {
        aside.add("archives of other parts", &files.entries()[at].path);
    }
    let paths: Vec<(PathBuf, Kind)> =
        chosen.iter().map(|&at| (files.full_path(at).to_path_buf(), files.kind(at))).collect();
    // Where the parts are archives, what is asked for is all of those that were chosen.
    let divided = archives.iter().any(|at| part(*at).is_some());
    let inside = if divided { Wanted { split: Split::Train, ..wanted } } else { wanted };
    Ok(Arc::new(Tree::new(Box::new(Shards::open(root, &paths, aside, wanted.stop)?), "shards", inside)?))
}

fn open_file(path: &Path, wanted: Wanted<'_>) -> Result<Arc<dyn Dataset>> {
    let head = read_head(path, HEAD)?;
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let (all, aside) = ([path.to_path_buf()], LeftAside::default());
    match kind(&head, length, true) {
        Kind::Parquet => parquet::open(path, &all, wanted, aside),
        Kind::Idx => idx::open_file(path),
        Kind::Zip => {
            Ok(Arc::new(Tree::new(Box::new(archive::ZipFiles::open(path, wanted.stop)?), "zip", wanted)?))
        }
        Kind::Tar => {
            Ok(Arc::new(Tree::new(Box::new(archive::TarFiles::open(path, wanted.stop)?), "tar", wanted)?))
        }
        Kind::Npz => npy::open(path, wanted, aside),
        Kind::Npy => npy::open_array(path, aside),
        Kind::GzipOther | Kind::Other if named_idx(path) => idx::open_file(path),
        Kind::GzipOther => {
            let error =
                Error::bad_input(format!("{}: inside the gzip is neither IDX nor tar", path.display()));
            Err(error.hint("a damaged gzip also looks like this"))
        }
        Kind::Image => Ok(Arc::new(Tree::new(Box::new(DiskFiles::one(path)?), "image", wanted)?)),
        Kind::Cifar | Kind::Pickle => cifar::open(path, &all, wanted, aside),
        Kind::Empty => Err(Error::bad_input(format!("{}: the file is empty", path.display()))),
        Kind::Other => Err(unknown(path)),
    }
}

fn unknown(path: &Path) -> Error {
    let error = Error::bad_input(format!("{}: not a data set or image of a known kind", path.display()));
    error.hint("known are png, jpeg, webp, bmp, tiff, gif, IDX, CIFAR, NumPy arrays, parquet, zip and tar")
}

/// Whether a dictionary that Python pickled may be images of CIFAR: its other dictionaries are small.
fn is_batch(files: &DiskFiles, at: usize) -> bool {
    files.entries()[at].size > 3072
}

/// Whether a file's name says it is IDX, for better messages about one that is not.
fn named_idx(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains("idx3") || name.contains("idx1")
}
