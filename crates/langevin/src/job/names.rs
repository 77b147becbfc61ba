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
}
