//! Kinds of image files, and an image as one of them.

use std::path::Path;

use langevin_core::Error;

/// A kind of image file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Without loss, 8 or 16 bits a sample, alpha.
    #[default]
    Png,
    /// With loss, 8 bits, no alpha.
    Jpeg,
    /// Without loss, 8 bits, alpha.
    WebP,
    /// Without loss, 8 or 16 bits, alpha.
    Tiff,
}

/// An image as a file, and what of it the kind of file cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// What was left out, each in a few words, such as `alpha`.
    pub lost: Vec<&'static str>,
}

impl Kind {
    /// The kinds with the endings of their names.
    pub const ENDINGS: [(&'static str, Self); 6] = [
        ("png", Self::Png),
        ("jpg", Self::Jpeg),
        ("jpeg", Self::Jpeg),
        ("webp", Self::WebP),
        ("tif", Self::Tiff),
        ("tiff", Self::Tiff),
    ];

    /// The kind that the ending of `file` asks for.
    pub fn of(file: &Path) -> Option<Self> {
        let ending = file.extension()?;
        let found = Self::ENDINGS.iter().find(|(name, _)| ending.eq_ignore_ascii_case(name));
        found.map(|(_, kind)| *kind)
    }
}

/// An error of an encoder.
pub(super) fn refused(kind: &str, error: impl std::fmt::Display) -> Error {
    Error::usage(format!("the image cannot be written as {kind}: {error}"))
}
