//! What a file is, by its first bytes; its name never says.

use std::io::Read;

use crate::images;
use crate::sets::cifar;

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Parquet,
    Idx,
    Cifar,
    /// A dictionary that Python pickled, such as CIFAR for Python.
    Pickle,
    /// A NumPy array.
    Npy,
    /// NumPy arrays in a zip.
    Npz,
    Zip,
    Tar,
    GzipOther,
    Image,
    Empty,
    Other,
}

/// How many bytes of a file are looked at.
pub(crate) const HEAD: u64 = 512;

/// The kind of a file of `length` bytes that begins with `head` (up to 512 bytes). CIFAR files have no mark: they
/// count only when `weak` signs, a fitting length and a possible label, will do.
pub(crate) fn kind(head: &[u8], length: u64, weak: bool) -> Kind {
    match head {
        [] => Kind::Empty,
        [b'P', b'A', b'R', b'1', ..] => Kind::Parquet,
        [0, 0, 8, 1 | 3 | 4, ..] => Kind::Idx,
        [b'P', b'K', 3, 4, ..] if first_member(head).ends_with(b".npy") => Kind::Npz,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Kind::Npy,
        [0x80, 2..=5, b'}', ..] | [0x80, 4 | 5, 0x95, _, _, _, _, _, _, _, _, b'}', ..] => Kind::Pickle,
        [0x1f, 0x8b, ..] => {
            let mut inner = Vec::new();
            // A gzip that breaks off within the first block still yields what it held.
            let _ = flate2::read::GzDecoder::new(head).take(HEAD).read_to_end(&mut inner);
            match inner.as_slice() {
                [0, 0, 8, 1 | 3 | 4, ..] => Kind::Idx,
                inner if is_tar(inner) || is_tar_name(inner) => Kind::Tar,
                _ => Kind::GzipOther,
            }
        }
        head if is_tar(head) => Kind::Tar,
        head if images::sniff(head).is_some() => Kind::Image,
        head if weak && cifar::looks_like(head, length) => Kind::Cifar,
        _ => Kind::Other,
    }
}

impl Kind {
    /// What files of this kind are called when they are left aside beside data of another kind.
    pub fn left_aside(self) -> &'static str {
        match self {
            Self::Parquet => "parquet files",
            Self::Idx => "IDX files",
            Self::Cifar | Self::Pickle => "CIFAR files",
            Self::Npy | Self::Npz => "NumPy files",
            Self::Zip | Self::Tar => "archives",
            Self::Image => "images beside them",
            Self::Empty => "empty files",
            Self::GzipOther | Self::Other => "other files",
        }
    }
}

/// The name of the first member of a zip.
fn first_member(head: &[u8]) -> &[u8] {
    let length = head.get(26..28).map_or(0, |length| usize::from(u16::from_le_bytes([length[0], length[1]])));
    head.get(30..30 + length).unwrap_or_default()
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// A tar header whose first 512 bytes did not fit into the compressed head: a name, then zeros.
fn is_tar_name(inner: &[u8]) -> bool {
    let name = inner.iter().take(100).take_while(|b| (0x20..0x7f).contains(*b)).count();
    name > 0 && inner.len() > 100 && inner.len() < 262 && inner[name..100].iter().all(|b| *b == 0)
}
