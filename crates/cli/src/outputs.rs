//! Where images go: a fresh folder, a folder that is named, or one file; nothing is overwritten unasked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use langevin::{Error, Result};

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

/// The places of files that are about to be written. Folders that were made for them and stay empty go when it is
/// dropped, so that work that fails leaves nothing behind.
#[derive(Debug, Default)]
pub struct Claim {
    /// The folders that were made, inner ones first.
    made: Vec<PathBuf>,
}

impl Claim {
    /// Makes sure that every one of `files` can be written, before time is spent on what goes into them.
    ///
    /// # Errors
    /// Failed, naming it, when one is there already and `force` is not given. Usage, when its folder cannot be made or
    /// written to.
    pub fn new<'a>(files: impl IntoIterator<Item = &'a Path>, force: bool) -> Result<Self> {
        let mut claim = Self::default();
        let mut seen = BTreeSet::new();
        for file in files {
            if file.is_dir() {
                return Err(
                    Error::usage(format!("{}: is a folder", file.display())).hint("give the name of a file")
                );
            }
            if file.exists() && !force {
                return Err(Error::failed(format!("{}: exists already", file.display()))
                    .hint("give another name, or --force to overwrite"));
            }
            let folder =
                file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if seen.insert(folder) {
                claim.folder(folder)?;
            }
        }
        Ok(claim)
    }

    fn folder(&mut self, folder: &Path) -> Result<()> {
        let missing =
            folder.ancestors().filter(|path| !path.as_os_str().is_empty()).take_while(|path| !path.exists());
        self.made.splice(0..0, missing.map(Path::to_path_buf).collect::<Vec<_>>());
        langevin::files::create_folder(folder)?;
        let probe = folder.join(format!(".langevin-{}.tmp", std::process::id()));
        let tried = std::fs::File::create_new(&probe).and_then(|_| std::fs::remove_file(&probe));
        tried.map_err(|error| {
            Error::usage(format!("{}: nothing can be written there: {error}", folder.display()))
                .hint("choose a place you may write to")
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        for folder in &self.made {
            // Fails, as it should, for one that holds something.
            let _ = std::fs::remove_dir(folder);
        }
    }
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

    #[test]
    fn nothing_is_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.png");
        std::fs::write(&file, "x").unwrap();
        assert!(Claim::new([file.as_path()], false).unwrap_err().to_string().contains("--force"));
        assert!(Claim::new([file.as_path()], true).is_ok());
    }

    #[test]
    fn folders_that_stay_empty_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b/c.png");
        drop(Claim::new([file.as_path()], false).unwrap());
        assert!(!folder.path().join("a").exists());
        let claim = Claim::new([file.as_path()], false).unwrap();
        std::fs::write(&file, "x").unwrap();
        drop(claim);
        assert!(file.exists());
    }
}
