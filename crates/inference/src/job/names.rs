//! The names of results: a fresh folder, a folder that is named, or one file.

use std::path::{Path, PathBuf};

use langevin_core::{Error, Result};

/// The files that `count` images are written to. No `wanted` means the fresh folder `FRESH-NNN`; a folder, or a path that ends
/// in `/` or has no extension, takes `0000.png`, `0001.png`...; a file takes one image, or `STEM-0000.png`... for several.
pub fn image_files(wanted: Option<&str>, count: usize, fresh: &str) -> Vec<PathBuf> {
    let Some(path) = wanted else { return numbered_files(&fresh_folder(fresh), "", count) };
    if is_folder(path) {
        return numbered_files(Path::new(path), "", count);
    }
    let file = Path::new(path);
    if count == 1 {
        return vec![file.to_owned()];
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    numbered_files(file.parent().unwrap_or(Path::new("")), &format!("{stem}-"), count)
}

/// Whether results that are wanted at `path` go into a folder of that name, rather than a file.
pub fn is_folder(path: &str) -> bool {
    path.ends_with('/') || Path::new(path).is_dir() || Path::new(path).extension().is_none()
}

/// The first of `FRESH-000`, `FRESH-001`... that nobody has.
fn fresh_folder(fresh: &str) -> PathBuf {
    (0..).map(|n| PathBuf::from(format!("{fresh}-{n:03}"))).find(|path| !path.exists()).unwrap_or_default()
}

/// `count` files `STEM0000.png`... in `folder`.
pub fn numbered_files(folder: &Path, stem: &str, count: usize) -> Vec<PathBuf> {
    (0..count).map(|index| folder.join(format!("{stem}{index:04}.png"))).collect()
}

/// Refuses a file whose ending promises another kind of image than `kind`, the one that is written.
///
/// # Errors
/// Usage, naming the file and the kind.
pub fn check_ending(file: &Path, kind: &str) -> Result<()> {
    const IMAGES: &[&str] = &["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif"];
    let ending = file.extension().unwrap_or_default().to_ascii_lowercase();
    let ending = ending.to_string_lossy();
    if ending != kind && IMAGES.contains(&ending.as_ref()) {
        return Err(Error::usage(format!("{}: {kind} is written, not {ending}", file.display()))
            .hint(format!("call it {}", file.with_extension(kind).display())));
    }
    Ok(())
}

/// The names of the results for one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultNames {
    folder: PathBuf,
    stem: String,
    /// The file that was named for it alone.
    file: Option<PathBuf>,
}

impl ResultNames {
    /// The names of the results for each of `inputs`. No `wanted` means the fresh folder `FRESH-NNN`. In a folder results go by the
    /// names of their inputs; a file names the result of one input, or `STEM-0000.png`... for several.
    pub fn of(inputs: &[PathBuf], wanted: Option<&str>, fresh: &str) -> Vec<Self> {
        let folder = match wanted {
            None => fresh_folder(fresh),
            Some(path) if is_folder(path) => PathBuf::from(path),
            Some(path) => return Self::of_file(Path::new(path), inputs.len()),
        };
        let stems = stems(inputs.iter().map(PathBuf::as_path));
        stems.into_iter().map(|stem| Self { folder: folder.clone(), stem, file: None }).collect()
    }

    fn of_file(file: &Path, count: usize) -> Vec<Self> {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if count == 1 {
            return vec![Self { folder, stem, file: Some(file.to_owned()) }];
        }
        (0..count)
            .map(|index| Self { folder: folder.clone(), stem: format!("{stem}-{index:04}"), file: None })
            .collect()
    }

    /// The file of the result, which is a mean where there are `several` images: the file that was named for it, `STEM.png`, or
    /// `STEM-mean.png`.
    pub fn result(&self, several: bool) -> PathBuf {
        match &self.file {
            Some(file) => file.clone(),
            None if several => self.beside("mean"),
            None => self.folder.join(format!("{}.png", self.stem)),
        }
    }

    /// The file of something else about the same input: `STEM-WHAT.png`.
    pub fn beside(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{}-{what}.png", self.stem))
    }
}

/// The names that the results for `inputs` go by: their own without the ending, with the number of the input after it where an
/// earlier one has the same.
pub fn stems<'a>(inputs: impl IntoIterator<Item = &'a Path>) -> Vec<String> {
    let mut stems: Vec<String> = Vec::new();
    for (index, input) in inputs.into_iter().enumerate() {
        let stem = input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        stems.push(if stems.contains(&stem) { format!("{stem}-{index}") } else { stem });
    }
    stems
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
        let files = image_files(Some(wanted), count, "fresh");
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
    }

    #[test]
    fn inputs_of_one_name_are_told_apart() {
        let stems = stems(["a/x.png", "b/x.jpg", "b/y.png"].map(Path::new));
        assert_eq!(stems, ["x", "x-1", "y"]);
    }

    #[test]
    fn results_go_by_their_inputs_or_by_the_file_that_is_named() {
        let inputs = ["a/x.png", "b/x.jpg"].map(PathBuf::from);
        let shown = |names: &ResultNames, several| {
            [names.result(several), names.beside("std")].map(|path| path.display().to_string())
        };
        let names = ResultNames::of(&inputs, Some("out/"), "fresh");
        assert_eq!(shown(&names[0], false), ["out/x.png", "out/x-std.png"]);
        assert_eq!(shown(&names[1], true), ["out/x-1-mean.png", "out/x-1-std.png"]);
        let names = ResultNames::of(&inputs, Some("made/y.png"), "fresh");
        assert_eq!(shown(&names[1], false), ["made/y-0001.png", "made/y-0001-std.png"]);
        let names = ResultNames::of(&inputs[..1], Some("made/y.png"), "fresh");
        assert_eq!(shown(&names[0], true), ["made/y.png", "made/y-std.png"]);
    }
}
