//! Where pictures go: a fresh folder, a folder that is named, or one file; nothing is overwritten unasked.

use std::path::{Path, PathBuf};

use langevin::{Error, Result};

/// The files that `count` pictures are written to. No `-o` makes a fresh folder; a folder, or a path ending in `/`,
/// takes `0000.png`, `0001.png`...; a file takes one picture, or `STEM-0000.png`... for several.
///
/// # Errors
/// Failed, when something is there already and `force` is not given, or the folder cannot be made.
pub fn picture_files(wanted: Option<&str>, count: usize, fresh: &str, force: bool) -> Result<Vec<PathBuf>> {
    let files = match wanted {
        None => {
            let folder = (0..).map(|n| PathBuf::from(format!("{fresh}-{n:03}"))).find(|path| !path.exists());
            numbered(&folder.unwrap_or_default(), "", count)
        }
        Some(path) if path.ends_with('/') || Path::new(path).is_dir() || !has_extension(path) => {
            numbered(Path::new(path), "", count)
        }
        Some(path) if count == 1 => vec![PathBuf::from(path)],
        Some(path) => {
            let path = Path::new(path);
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            numbered(path.parent().unwrap_or(Path::new("")), &format!("{stem}-"), count)
        }
    };
    for file in &files {
        free(file, force)?;
    }
    if let Some(folder) = files.first().and_then(|file| file.parent()).filter(|f| !f.as_os_str().is_empty()) {
        langevin::train::create_folder(folder)?;
    }
    Ok(files)
}

fn has_extension(path: &str) -> bool {
    Path::new(path).extension().is_some()
}

fn numbered(folder: &Path, stem: &str, count: usize) -> Vec<PathBuf> {
    (0..count).map(|index| folder.join(format!("{stem}{index:04}.png"))).collect()
}

/// Refuses a file that exists.
///
/// # Errors
/// Failed, naming it, unless `force`.
pub fn free(file: &Path, force: bool) -> Result<()> {
    if file.exists() && !force {
        return Err(Error::failed(format!("{}: exists already", file.display()))
            .hint("give another name, or --force to overwrite"));
    }
    Ok(())
}

/// Writes a whole file under another name and then renames it, so that no half of it is ever seen.
///
/// # Errors
/// Failed, naming the file.
pub fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let scratch = file.with_extension(format!("{}.tmp", std::process::id()));
    let done = std::fs::write(&scratch, bytes).and_then(|()| std::fs::rename(&scratch, file));
    done.map_err(|error| {
        let _ = std::fs::remove_file(&scratch);
        Error::failed(format!("{}: cannot be written: {error}", file.display()))
            .hint("choose a place you may write to, on a disk with room")
    })
}

/// Prints one line of result on stdout.
///
/// # Errors
/// Failed, when stdout is closed or full.
pub fn result(line: &str) -> Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}") {
        // Whoever reads, like `head`, has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Error::failed(format!("stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &str, count: usize) -> Vec<String> {
        let files = picture_files(Some(wanted), count, "fresh", false).unwrap();
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
    fn nothing_is_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.png");
        std::fs::write(&file, "x").unwrap();
        let path = file.display().to_string();
        assert!(picture_files(Some(&path), 1, "fresh", false).unwrap_err().to_string().contains("--force"));
        assert!(picture_files(Some(&path), 1, "fresh", true).is_ok());
    }
}
