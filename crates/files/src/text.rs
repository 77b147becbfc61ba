//! Text in the one way that every reader of text decodes it: UTF-8 with or without its mark, and UTF-16 by its mark.

use std::path::Path;

use langevin_process::{Error, Result};

use crate::read_bounded;

/// The text in `bytes`, without the mark that says how it is encoded; `name` is what messages call it.
///
/// # Errors
/// Bad input, naming the line and the byte where it is neither UTF-8 nor, by its mark, UTF-16.
///
/// ```
/// use langevin_files::text::decode;
///
/// assert_eq!(decode("a.txt", b"\xef\xbb\xbfa round ball")?, "a round ball");
/// assert_eq!(decode("a.txt", b"\xff\xfea\0 \0b\0")?, "a b");
/// let error = decode("a.txt", b"ball\ncaf\xe9").unwrap_err();
/// assert!(error.to_string().starts_with("a.txt: line 2, byte 4: 0xe9 is not UTF-8"));
/// # Ok::<(), langevin_process::Error>(())
/// ```
pub fn decode(name: &str, bytes: &[u8]) -> Result<String> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            Err(Error::bad_input(format!("{name}: UTF-32 is not read")).hint("save it as UTF-8"))
        }
        [0xff, 0xfe, rest @ ..] => utf_16(name, rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf_16(name, rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf_8(name, rest),
        _ => utf_8(name, bytes),
    }
}

/// The text of the file at `path`, which may have at most `limit` bytes.
///
/// # Errors
/// As [`read_bounded`] and [`decode`].
pub fn read(path: impl AsRef<Path>, limit: u64) -> Result<String> {
    let path = path.as_ref();
    decode(&path.display().to_string(), &read_bounded(path, limit)?)
}

fn utf_8(name: &str, bytes: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let error =
            Error::bad_input(format!("{name}: {}: {:#04x} is not UTF-8", place(&bytes[..at]), bytes[at]));
        error.hint("save it as UTF-8; `iconv -f LATIN1 -t UTF-8` does for most older files")
    })?;
    match text.find('\0') {
        None => Ok(text.to_owned()),
        Some(at) => Err(Error::bad_input(format!("{name}: {}: a zero byte is no text", place(&bytes[..at])))
            .hint("save it as UTF-8; UTF-16 is read where it begins with its mark")),
    }
}

fn utf_16(name: &str, bytes: &[u8], word: fn([u8; 2]) -> u16) -> Result<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for unit in char::decode_utf16(pairs.iter().map(|pair| word(*pair))) {
        match unit {
            Ok(character) => text.push(character),
            Err(error) => {
                let lone = error.unpaired_surrogate();
                let what = format!("{name}: {}: {lone:#06x} stands alone in UTF-16", lines(&text));
                return Err(Error::bad_input(what).hint("save it as UTF-8"));
            }
        }
    }
    if !rest.is_empty() {
        let what = format!("{name}: {}: the text ends within a character of UTF-16", lines(&text));
        return Err(Error::bad_input(what).hint("copy the file again, or save it as UTF-8"));
    }
    Ok(text)
}

/// Where the text ends that begins with `before`, counted from 1.
fn place(before: &[u8]) -> String {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    format!("line {line}, byte {}", before.len() - start + 1)
}

/// As [`place`] in UTF-16, whose characters begin at an even byte of the line.
fn lines(before: &str) -> String {
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    format!("line {line}, byte {}", 2 * last.encode_utf16().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn every_mark_is_understood_and_is_no_text() {
        let text = "ein Bär\nund 💡";
        assert_eq!(decode("a", text.as_bytes()).unwrap(), text);
        assert_eq!(decode("a", format!("\u{feff}{text}").as_bytes()).unwrap(), text);
        assert_eq!(decode("a", &utf_16(text, u16::to_le_bytes)).unwrap(), text);
        assert_eq!(decode("a", &utf_16(text, u16::to_be_bytes)).unwrap(), text);
        assert_eq!((decode("a", b"").unwrap(), decode("a", b"\xef\xbb\xbf").unwrap()), Default::default());
    }

    #[test]
    fn anything_else_is_named_with_its_place() {
        let message = |bytes: &[u8]| decode("a.txt", bytes).unwrap_err().to_string();
        assert!(message(b"\xe9").starts_with("a.txt: line 1, byte 1: 0xe9 is not UTF-8"));
        assert!(message(b"a\nb\nc\x80").starts_with("a.txt: line 3, byte 2: 0x80 is not UTF-8"));
        assert!(message(b"a\0b\0").starts_with("a.txt: line 1, byte 2: a zero byte is no text"));
        assert!(message(b"\xff\xfe\0\0a\0\0\0").starts_with("a.txt: UTF-32 is not read"));
        assert!(message(b"\xff\xfea\0\n\0b\0\0\xd8c\0").contains("line 2, byte 3: 0xd800 stands alone"));
        assert!(message(b"\xff\xfea\0b").contains("line 1, byte 3: the text ends within"));
    }
}
