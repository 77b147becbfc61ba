//! Gzip, read up to what a file of its length may honestly hold: one rule for every format.

use std::fs::File;
use std::io::{BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// Most that something may grow when it is unpacked, once it is over [`FREE`].
pub(crate) const RATIO: u64 = 200;
/// Up to this many bytes the ratio does not matter.
pub(crate) const FREE: u64 = 4 << 20;

/// Most bytes that `packed` ones may become.
pub(crate) fn most(packed: u64) -> u64 {
    packed.saturating_mul(RATIO).max(FREE)
}

/// What is said of something that grows more.
pub(crate) const GROWS: &str = "it unpacks to over 200 times its size";

/// The content of a gzip; reading fails, instead of coming to an end, where it grows too much.
#[derive(Debug)]
pub(crate) struct Unpacked {
    decoder: MultiGzDecoder<BufReader<File>>,
    left: u64,
}

impl Unpacked {
    /// The content of `file`, which has `length` bytes; never more than `limit`.
    pub fn new(file: File, length: u64, limit: u64) -> Self {
        Self { decoder: MultiGzDecoder::new(BufReader::new(file)), left: most(length).min(limit) }
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.decoder.read(buffer)? as u64;
        self.left = self.left.checked_sub(read).ok_or_else(|| std::io::Error::other(GROWS))?;
        Ok(read as usize)
    }
}

/// What went wrong with reading: where a file ends too early, or its last cause.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let mut text = error.to_string();
    // The readers of archives wrap the true cause in their own words.
    let mut source = error.get_ref().and_then(|inner| inner.source());
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    if text.contains(GROWS) {
        return GROWS.to_owned();
    }
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the file is cut short".into(),
        _ => text,
    }
}
