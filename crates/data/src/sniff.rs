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
    Zip,
    Tar,
    GzipOther,
    Image,
    Empty,
    Other,
}

/// The kind of a file of `length` bytes that begins with `head` (up to 512 bytes). CIFAR files have no mark: they
/// count only when `weak` signs, a fitting length and a possible label, will do.
pub(crate) fn kind(head: &[u8], length: u64, weak: bool) -> Kind {
    match head {
        [] => Kind::Empty,
        [b'P', b'A', b'R', b'1', ..] => Kind::Parquet,
        [0, 0, 8, 1 | 3 | 4, ..] => Kind::Idx,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        [0x1f, 0x8b, ..] => {
            let mut inner = Vec::new();
            // A gzip that breaks off within the first block still yields what it held.
            let _ = flate2::read::GzDecoder::new(head).take(512).read_to_end(&mut inner);
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

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// A tar header whose first 512 bytes did not fit into the compressed head: a name, then zeros.
fn is_tar_name(inner: &[u8]) -> bool {
    let name = inner.iter().take(100).take_while(|b| (0x20..0x7f).contains(*b)).count();
    name > 0 && inner.len() > 100 && inner.len() < 262 && inner[name..100].iter().all(|b| *b == 0)
}
