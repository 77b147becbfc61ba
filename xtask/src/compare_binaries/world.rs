//! A folder with everything that the compared commands use, made by one binary, for whoever runs other commands on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Case, MAKE, SCHEDULER, Side, cases};

/// The folder, and the binary that runs in it.
pub struct World(Side);

impl World {
    /// A new one in the folder `world`, with images and texts alone.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn new(binary: PathBuf, world: PathBuf, root: &Path) -> Result<Self, String> {
        Side::new(binary, world, root).map(Self)
    }

    /// The commands that are compared.
    ///
    /// # Errors
    /// Where the list is misspelt, or the binary lists nothing.
    pub fn cases(&self) -> Result<Vec<Case>, String> {
        cases::all(&mut |kind| self.0.names(kind))
    }

    /// Runs the commands that make what others use.
    ///
    /// # Errors
    /// Where one cannot be started, or the first fails.
    pub fn make(&self, cases: &[Case]) -> Result<(), String> {
        for case in cases.iter().filter(|case| MAKE.contains(&case.words[0].as_str())) {
            if let [SCHEDULER, from, to, config] =
                case.words.iter().map(String::as_str).collect::<Vec<_>>()[..]
            {
                self.0.with_scheduler(from, to, config)?;
                continue;
            }
            let output = self.0.command(&case.words).output();
            output.map_err(|error| format!("{}: {error}", self.0.binary.display()))?;
        }
        if self.path().join("run/model.safetensors").exists() {
            Ok(())
        } else {
            Err("no run was made".to_owned())
        }
    }

    /// The same in another folder.
    ///
    /// # Errors
    /// Where a file cannot be copied.
    pub fn copied(&self, to: PathBuf) -> Result<Self, String> {
        self.copy(self.path(), &to).map_err(|error| format!("{}: {error}", to.display()))?;
        Ok(Self(Side { binary: self.0.binary.clone(), world: to }))
    }

    /// Copies a file or a folder.
    ///
    /// # Errors
    /// As the system says.
    pub fn copy(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        if !from.is_dir() {
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            return fs::copy(from, to).map(drop);
        }
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            // A copy that lies inside what is copied has no end.
            if !to.starts_with(entry.path()) {
                self.copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
        Ok(())
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0.world
    }

    /// The binary.
    pub fn binary(&self) -> &Path {
        &self.0.binary
    }

    /// Gives a command the folder and the surroundings that all commands have there.
    pub fn dress(&self, command: &mut Command) {
        self.0.dress(command);
    }
}
