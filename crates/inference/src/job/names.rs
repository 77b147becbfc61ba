//! The names of results: a fresh folder, a folder that is named, or one file.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use langevin_core::{Error, Result, path_of};

/// Endings of kinds of file that somebody may expect to be written.
const KNOWN: &[&str] = &[
    "png",
    "apng",
    "jpg",
    "jpeg",
    "jpe",
    "jfif",
    "webp",
    "gif",
    "bmp",
    "tif",
    "tiff",
    "avif",
    "heic",
    "heif",
    "jxl",
    "jp2",
    "j2k",
    "ppm",
    "pgm",
    "pbm",
    "pnm",
    "pam",
    "pfm",
    "tga",
    "dds",
    "exr",
    "hdr",
    "ico",
    "svg",
    "qoi",
    "psd",
    "eps",
    "mp4",
    "m4v",
    "mov",
    "mkv",
    "webm",
    "avi",
    "mpg",
    "mpeg",
    "wmv",
    "ogv",
    "npy",
    "npz",
    "pt",
    "pth",
    "ckpt",
    "bin",
    "safetensors",
    "gguf",
    "onnx",
    "pkl",
    "pickle",
    "h5",
    "hdf5",
    "mat",
    "msgpack",
    "json",
    "jsonl",
    "csv",
    "tsv",
    "txt",
    "md",
    "toml",
    "yaml",
    "yml",
    "html",
    "xml",
    "pdf",
    "parquet",
    "arrow",
    "zip",
    "tar",
    "gz",
    "tgz",
    "bz2",
    "xz",
    "zst",
    "7z",
    "rar",
];

/// Where results are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a folder, by names of their own.
    Folder(PathBuf),
    /// As one file, or as files that are named after it.
    File(PathBuf),
}

impl Place {
    /// What `path` stands for: a folder where it ends in `/`, is one, or has no ending that is a kind of file; else a file.
    ///
    /// # Errors
    /// Usage, where it is empty.
    pub fn of(path: &str) -> Result<Self> {
        match path {
            "" => Err(Error::usage("-o \"\": is no name").hint("give a folder, or a file")),
            _ if is_folder(path) => Ok(Self::Folder(path_of(path))),
            _ => Ok(Self::File(path_of(path))),
        }
    }
}

/// The files that `count` images are written to, ending in `ending`: `0000.png`, `0001.png`... in a folder; a file takes one image,
/// or `STEM-0000.png`... for several.
pub fn image_files(place: &Place, ending: &str, count: usize) -> Vec<PathBuf> {
    match place {
        Place::Folder(folder) => numbered_files(folder, "", ending, count),
        Place::File(file) if count == 1 => vec![file.clone()],
        Place::File(file) => {
            let stem = with(file.file_stem().unwrap_or_default(), "-");
            numbered_files(file.parent().unwrap_or(Path::new("")), &stem, ending, count)
        }
    }
}

/// Whether results that are wanted at `path` go into a folder of that name, rather than a file.
pub fn is_folder(path: &str) -> bool {
    let file = path_of(path);
    path.ends_with('/')
        || file.is_dir()
        || !ending(&file).is_some_and(|ending| KNOWN.contains(&ending.as_str()))
}

/// The ending of `file` in lower case.
pub(super) fn ending(file: &Path) -> Option<String> {
    Some(file.extension()?.to_ascii_lowercase().to_string_lossy().into_owned())
}

/// `stem` followed by `rest`.
fn with(stem: &OsStr, rest: &str) -> OsString {
    let mut name = stem.to_owned();
    name.push(rest);
    name
}

/// `count` files `STEM0000.ENDING`... in `folder`.
fn numbered_files(folder: &Path, stem: impl AsRef<OsStr>, ending: &str, count: usize) -> Vec<PathBuf> {
    (0..count).map(|index| folder.join(with(stem.as_ref(), &format!("{index:04}.{ending}")))).collect()
}

/// Refuses a file whose ending promises another kind of file than `kind`, the one that is written.
///
/// # Errors
/// Usage, naming the file and the kind.
pub fn check_ending(file: &Path, kind: &str) -> Result<()> {
    let ending = ending(file).unwrap_or_default();
    if ending != kind && KNOWN.contains(&ending.as_str()) {
        return Err(Error::usage(format!("{}: {kind} is written, not {ending}", file.display()))
            .hint(format!("call it {}", file.with_extension(kind).display())));
    }
    Ok(())
}

/// The names of the results for one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultNames {
    folder: PathBuf,
    stem: OsString,
    /// What names end in.
    ending: String,
    /// The file that was named for it alone.
    file: Option<PathBuf>,
}

impl ResultNames {
    /// The names of the results for each of `inputs`, which are paths below where they come from ([`super::Inputs::names`]). In a
    /// folder results go by these paths; a file names the result of one input, or `STEM-0000.png`... for several.
    pub fn of(inputs: &[PathBuf], place: &Place, ending: &str) -> Vec<Self> {
        let (folder, file) = match place {
            Place::Folder(folder) => (folder.clone(), None),
            Place::File(file) => (file.parent().unwrap_or(Path::new("")).to_owned(), Some(file)),
        };
        let named = |stem| Self { folder: folder.clone(), stem, ending: ending.to_owned(), file: None };
        let Some(file) = file else {
            let own = |input: &PathBuf| match input.parent() {
                Some(parent) => parent.join(input.file_stem().unwrap_or_default()).into_os_string(),
                None => OsString::new(),
            };
            let stems = distinct(&inputs.iter().map(own).collect::<Vec<_>>());
            return stems.into_iter().map(named).collect();
        };
        let stem = file.file_stem().unwrap_or_default();
        if inputs.len() == 1 {
            return vec![Self { file: Some(file.clone()), ..named(stem.to_owned()) }];
        }
        (0..inputs.len()).map(|index| named(with(stem, &format!("-{index:04}")))).collect()
    }

    /// The file of the result, which is a mean where there are `several` images: the file that was named for it, `STEM.png`, or
    /// `STEM-mean.png`.
    pub fn result(&self, several: bool) -> PathBuf {
        match &self.file {
            Some(file) => file.clone(),
            None if several => self.beside("mean"),
            None => self.folder.join(with(&self.stem, &format!(".{}", self.ending))),
        }
    }

    /// The file of something else about the same input: `STEM-WHAT.png`.
    pub fn beside(&self, what: &str) -> PathBuf {
        self.folder.join(with(&self.stem, &format!("-{what}.{}", self.ending)))
    }
}

/// The names that the results for `inputs` go by, each another: their own without the ending, with a number after it where another
/// input has the same, that of the input where no input has such a name.
pub fn stems<'a>(inputs: impl IntoIterator<Item = &'a Path>) -> Vec<OsString> {
    let own = inputs.into_iter().map(|input| input.file_stem().unwrap_or_default().to_owned());
    distinct(&own.collect::<Vec<_>>())
}

/// `stems`, each another.
fn distinct(stems: &[OsString]) -> Vec<OsString> {
    let mut taken: BTreeSet<OsString> = stems.iter().cloned().collect();
    let mut seen = BTreeSet::new();
    let name = |(index, stem): (usize, &OsString)| {
        if seen.insert(stem.clone()) {
            return stem.clone();
        }
        let mut numbered = (index..).map(|number| with(stem, &format!("-{number}")));
        numbered.find(|name| taken.insert(name.clone())).unwrap_or_default()
    };
    stems.iter().enumerate().map(name).collect()
}

/// Refuses results that would overwrite one of `inputs`.
///
/// # Errors
/// Usage, naming the input.
pub fn check_inputs_stay(files: &[&Path], inputs: &[PathBuf]) -> Result<()> {
    let same = |a: &Path, b: &Path| a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    match inputs.iter().find(|input| files.iter().any(|file| same(file, input))) {
        None => Ok(()),
        Some(input) => Err(Error::usage(format!("{}: would be overwritten by its result", input.display()))
            .hint("give another folder or file with -o")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &str, count: usize) -> Vec<String> {
        let files = image_files(&Place::of(wanted).unwrap(), "png", count);
        files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn names_follow_what_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| format!("{}/{name}", folder.path().display());
        assert_eq!(names(&at("one.png"), 1), ["one.png"]);
        assert_eq!(names(&at("one.png"), 2), ["one-0000.png", "one-0001.png"]);
        assert_eq!(names(&at("many/"), 2), ["0000.png", "0001.png"]);
        assert_eq!(names(&at(""), 1), ["0000.png"]);
        assert_eq!(Place::of("").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_folder_may_have_dots_in_its_name() {
        let folders = ["run.v2", "2026.11.30", "a.b.c", "model.x", "lr-1e-3.5", "out", "a/", "x.png/"];
        for name in folders {
            assert_eq!(Place::of(name).unwrap(), Place::Folder(PathBuf::from(name)));
        }
        for name in ["out.png", "a.b.PNG", "film.mp4", "x.heic", "a.npy", "run.v2.tif"] {
            assert_eq!(Place::of(name).unwrap(), Place::File(PathBuf::from(name)));
        }
    }

    #[test]
    fn what_is_not_written_is_not_promised() {
        for name in ["film.mp4", "x.HEIC", "a.npy", "x.jpg", "x.svg", "all.zip", "x.pt", "x.txt"] {
            let error = check_ending(Path::new(name), "png").unwrap_err();
            assert!(error.exit_code() == 2 && error.message().contains("png is written"), "{error}");
        }
        for name in ["x.png", "x.PNG", "sheet", "sheet.v2"] {
            check_ending(Path::new(name), "png").unwrap();
        }
    }

    #[test]
    fn inputs_of_one_name_are_told_apart() {
        let of = |inputs: &[&'static str]| stems(inputs.iter().map(Path::new));
        assert_eq!(of(&["a/x.png", "b/x.jpg", "b/y.png"]), ["x", "x-1", "y"]);
        // The number may be a part of a name too.
        assert_eq!(of(&["x-2.png", "a/x.png", "b/x.png"]), ["x-2", "x", "x-3"]);
        assert_eq!(of(&["a/x.png", "b/x.png", "x-1.png"]), ["x", "x-2", "x-1"]);
        let many: BTreeSet<OsString> =
            of(&["x", "x", "x-1", "x-1", "x-1-1", "x", "x-5"]).into_iter().collect();
        assert_eq!(many.len(), 7);
    }

    #[test]
    fn results_go_by_their_inputs_or_by_the_file_that_is_named() {
        let inputs = ["x.png", "x.jpg"].map(PathBuf::from);
        let shown = |names: &ResultNames, several| {
            [names.result(several), names.beside("std")].map(|path| path.display().to_string())
        };
        let names = ResultNames::of(&inputs, &Place::of("out/").unwrap(), "png");
        assert_eq!(shown(&names[0], false), ["out/x.png", "out/x-std.png"]);
        assert_eq!(shown(&names[1], true), ["out/x-1-mean.png", "out/x-1-std.png"]);
        let names = ResultNames::of(&inputs, &Place::of("made/y.png").unwrap(), "png");
        assert_eq!(shown(&names[1], false), ["made/y-0001.png", "made/y-0001-std.png"]);
        let names = ResultNames::of(&inputs[..1], &Place::of("made/y.png").unwrap(), "png");
        assert_eq!(shown(&names[0], true), ["made/y.png", "made/y-std.png"]);
        let inputs = ["a/x.png", "b/x.jpg", "a/x.jpg"].map(PathBuf::from);
        let names = ResultNames::of(&inputs, &Place::of("out/").unwrap(), "png");
        assert_eq!(shown(&names[1], false), ["out/b/x.png", "out/b/x-std.png"]);
        assert_eq!(shown(&names[2], false), ["out/a/x-2.png", "out/a/x-2-std.png"]);
    }
}
