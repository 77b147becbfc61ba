//! The models that ship with the program: small ones in the binary, further ones as files beside it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use langevin_core::{Error, Result};

/// Bytes of weights that the binary holds at most.
pub const MOST_EMBEDDED: usize = 32 << 20;

/// Where the weights of a shipped model are.
#[derive(Debug, Clone, Copy)]
enum Weights {
    /// In the binary.
    Embedded(&'static [u8]),
    /// In a file of this name in one of [`folders`].
    #[expect(dead_code, reason = "all models fit into the binary as yet")]
    File(&'static str),
}

/// A model that ships with the program.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// `builtin:NAME` without the `builtin:`.
    pub name: &'static str,
    /// What it draws.
    pub summary: &'static str,
    weights: Weights,
}

/// The models that ship with the program.
pub static SHIPPED: &[Shipped] = &[
    Shipped {
        name: "shapes",
        summary: "32x32 colour images of ten things, by class; trained on the generated data set builtin:shapes",
        weights: Weights::Embedded(include_bytes!("../../../models/shapes.safetensors")),
    },
    Shipped {
        name: "mnist",
        summary: "28x28 handwritten digits, by class; trained on MNIST with the preset mnist",
        weights: Weights::Embedded(include_bytes!("../../../models/mnist.safetensors")),
    },
    Shipped {
        name: "cifar10",
        summary: "32x32 colour photographs without classes; a prior for restoration, trained on CIFAR-10 from the weights of builtin:photo",
        weights: Weights::Embedded(include_bytes!("../../../models/cifar10.safetensors")),
    },
    Shipped {
        name: "photo-gray",
        summary: "gray photographs of any size; a denoiser and prior for restoration, trained on BSDS500 with the preset photo-gray",
        weights: Weights::Embedded(include_bytes!("../../../models/photo-gray.safetensors")),
    },
    Shipped {
        name: "photo",
        summary: "colour photographs of any size; a denoiser and prior for restoration, trained on BSDS500 with the preset photo",
        weights: Weights::Embedded(include_bytes!("../../../models/photo.safetensors")),
    },
];

impl Shipped {
    /// The size of its file in bytes; `None` where the file is not installed.
    pub fn size(&self) -> Option<u64> {
        match self.weights {
            Weights::Embedded(bytes) => Some(bytes.len() as u64),
            Weights::File(name) => found(&folders(), name)?.metadata().ok().map(|file| file.len()),
        }
    }

    /// Whether the binary itself holds its weights.
    pub fn is_embedded(&self) -> bool {
        matches!(self.weights, Weights::Embedded(_))
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// Bad input: a model that is not in the binary and whose file is in none of the folders, or cannot be read.
    pub fn read(&self) -> Result<Cow<'static, [u8]>> {
        match self.weights {
            Weights::Embedded(bytes) => Ok(Cow::Borrowed(bytes)),
            Weights::File(name) => read_from(&folders(), self.name, name).map(Cow::Owned),
        }
    }
}

/// The folders in which the files of shipped models are looked for: `models/` of the repository that the program was built in,
/// `share/langevin/models` next to the folder of the installed binary, and the user's data folder.
pub fn folders() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")];
    if let Ok(binary) = std::env::current_exe()
        && let Some(prefix) = binary.parent().and_then(Path::parent)
    {
        folders.push(prefix.join("share/langevin/models"));
    }
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share"));
    if let Some(data) = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(home) {
        folders.push(data.join("langevin/models"));
    }
    folders
}

fn found(folders: &[PathBuf], file: &str) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file())
}

fn read_from(folders: &[PathBuf], name: &str, file: &str) -> Result<Vec<u8>> {
    let path = found(folders, file).ok_or_else(|| {
        let places: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        Error::bad_input(format!("builtin:{name}: its file {file} is not installed"))
            .hint(format!("put it into one of: {}", places.join(", ")))
    })?;
    std::fs::read(&path).map_err(|error| Error::bad_input(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_holds_no_more_than_it_may() {
        let embedded = SHIPPED.iter().filter(|model| model.is_embedded());
        let bytes: u64 = embedded.filter_map(Shipped::size).sum();
        assert!(bytes <= MOST_EMBEDDED as u64, "{bytes}");
    }

    #[test]
    fn the_file_of_a_model_is_found_in_the_first_folder_that_has_it() {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let folders = [first.path().to_owned(), second.path().to_owned()];
        let error = read_from(&folders, "large", "large.safetensors").unwrap_err().to_string();
        assert!(
            error.contains("builtin:large") && error.contains(&first.path().display().to_string()),
            "{error}"
        );
        std::fs::write(second.path().join("large.safetensors"), b"2").unwrap();
        assert_eq!(read_from(&folders, "large", "large.safetensors").unwrap(), b"2");
        std::fs::write(first.path().join("large.safetensors"), b"1").unwrap();
        assert_eq!(read_from(&folders, "large", "large.safetensors").unwrap(), b"1");
    }
}
