//! The files a check looks at, and what it finds. Checks are pure functions of a [`Tree`], so their tests make
//! small trees in memory.

use std::fmt;
use std::path::Path;
use std::process::Command;

/// One file of the repository.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path from the root, with `/` between the parts.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// The text, when it is UTF-8.
    pub text: Option<String>,
}

impl SourceFile {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The text of a Rust file; nothing for any other file.
    pub fn rust(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.path.ends_with(".rs"))
    }

    /// The crate's folder name when the path lies in `crates/NAME/src`.
    pub fn crate_folder(&self) -> Option<&str> {
        let (folder, rest) = self.path.strip_prefix("crates/")?.split_once('/')?;
        rest.starts_with("src/").then_some(folder)
    }
}

/// The files of the repository: those that are tracked, and new ones that are not ignored.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The files, sorted by path.
    pub files: Vec<SourceFile>,
}

impl Tree {
    /// Reads the files that git knows or would add under `root`.
    pub fn read(root: &Path) -> Result<Self, String> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("git ls-files: {error}"))?;
        if !output.status.success() {
            return Err(format!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let listing = String::from_utf8(output.stdout).map_err(|_| "a file name is not UTF-8".to_owned())?;
        let mut files = Vec::new();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            // A tracked file that was deleted but not yet committed is not there to be checked.
            let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
            let size = bytes.len() as u64;
            files.push(SourceFile { path: path.to_owned(), size, text: String::from_utf8(bytes).ok() });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(Self { files })
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust files and their texts.
    pub fn rust(&self) -> impl Iterator<Item = (&SourceFile, &str)> {
        self.files.iter().filter_map(|file| file.rust().map(|text| (file, text)))
    }

    /// A tree made up from paths and texts.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: (*path).to_owned(),
            size: text.len() as u64,
            text: Some((*text).to_owned()),
        };
        Self { files: files.iter().map(file).collect() }
    }
}

/// Something a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
    /// Whether it only deserves a look.
    pub warning: bool,
}

impl Finding {
    /// A finding about a whole file.
    pub fn file(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: 0, message: message.into(), warning: false }
    }

    /// A finding about one line.
    pub fn line(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { line, ..Self::file(path, message) }
    }

    /// The same finding as a warning, which does not fail the check.
    pub fn into_warning(self) -> Self {
        Self { warning: true, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sort = if self.warning { "warning" } else { "error" };
        match self.line {
            0 => write!(f, "{sort}: {}: {}", self.path, self.message),
            line => write!(f, "{sort}: {}:{line}: {}", self.path, self.message),
        }
    }
}
