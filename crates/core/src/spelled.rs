//! Paths as text and back, without loss: a request is text, and a path need not be UTF-8.
//!
//! A path that is text is spelled as it is. Any other is spelled `file:` and the path, in which each byte that is not part of
//! text is `%` and two hexadecimal digits, and so is each `%`; and so is one that begins with `file:` itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

const SCHEME: &str = "file:";

/// `path` as text that [`path_of`] reads.
///
/// ```
/// use langevin_core::spelled;
/// use std::path::Path;
///
/// assert_eq!(spelled(Path::new("runs/größe")), "runs/größe");
/// ```
pub fn spelled(path: impl AsRef<Path>) -> String {
    let path = path.as_ref().as_os_str();
    if let Some(text) = path.to_str().filter(|text| !text.starts_with(SCHEME)) {
        return text.to_owned();
    }
    let mut text = SCHEME.to_owned();
    for chunk in path.as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The path that `text` spells.
///
/// ```
/// use langevin_core::path_of;
///
/// assert_eq!(path_of("runs/r").to_str(), Some("runs/r"));
/// assert_eq!(path_of("file:runs/100%25").to_str(), Some("runs/100%"));
/// ```
pub fn path_of(text: &str) -> PathBuf {
    let decoded = text.strip_prefix(SCHEME).and_then(decoded);
    decoded.map_or_else(|| PathBuf::from(text), PathBuf::from)
}

fn decoded(text: &str) -> Option<OsString> {
    // `file:///a` and `file:/a` are the same.
    let text = text.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    of_bytes(bytes)
}

#[cfg(unix)]
fn of_bytes(bytes: Vec<u8>) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes))
}

#[cfg(not(unix))]
fn of_bytes(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}

/// Paths in JSON, spelled as [`spelled`] spells them: for `#[serde(with = "langevin_core::as_text")]`.
pub mod as_text {
    use std::path::PathBuf;

    use serde::de::DeserializeOwned;
    use serde::{Deserializer, Serialize, Serializer};

    use super::{path_of, spelled};

    /// One path, one or none, or several.
    pub trait Paths: Sized {
        /// As many texts.
        type Text: Serialize + DeserializeOwned;

        /// The texts of the paths.
        fn to_text(&self) -> Self::Text;

        /// The paths of the texts.
        fn of_text(text: Self::Text) -> Self;
    }

    impl Paths for PathBuf {
        type Text = String;

        fn to_text(&self) -> String {
            spelled(self)
        }

        fn of_text(text: String) -> Self {
            path_of(&text)
        }
    }

    impl Paths for Option<PathBuf> {
        type Text = Option<String>;

        fn to_text(&self) -> Self::Text {
            self.as_ref().map(spelled)
        }

        fn of_text(text: Self::Text) -> Self {
            text.as_deref().map(path_of)
        }
    }

    impl Paths for Vec<PathBuf> {
        type Text = Vec<String>;

        fn to_text(&self) -> Self::Text {
            self.iter().map(spelled).collect()
        }

        fn of_text(text: Self::Text) -> Self {
            text.iter().map(|text| path_of(text)).collect()
        }
    }

    /// Writes paths as text.
    ///
    /// # Errors
    /// The serialiser's.
    pub fn serialize<P: Paths, S: Serializer>(paths: &P, serializer: S) -> Result<S::Ok, S::Error> {
        paths.to_text().serialize(serializer)
    }

    /// Reads paths of text.
    ///
    /// # Errors
    /// The deserialiser's.
    pub fn deserialize<'de, P: Paths, D: Deserializer<'de>>(deserializer: D) -> Result<P, D::Error> {
        Ok(P::of_text(serde::Deserialize::deserialize(deserializer)?))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn every_path_comes_back() {
        for bytes in
            [&b"runs/r"[..], b"r\xff", b"/a%b/\xfe\xff%41", b"\xc3\xa4\xff\xc3", b"file:x\xff", b"100%"]
        {
            let path = Path::new(OsStr::from_bytes(bytes));
            assert_eq!(path_of(&spelled(path)), path, "{}", spelled(path));
        }
        assert_eq!(spelled(Path::new(OsStr::from_bytes(b"a%\xff"))), "file:a%25%FF");
        assert_eq!(path_of("file:///tmp/a%20b"), Path::new("/tmp/a b"));
        assert_eq!(path_of("file:%zz"), Path::new("file:%zz"));
    }
}
