//! The EXIF block of an image: reading how large it is to be printed, and adding a comment without touching what is there.
//!
//! A block is a small TIFF file: directories of entries with offsets from its beginning. What is added is appended with a copy of
//! the directory that lists it, so that nothing that is there moves.

/// Tag of the directory with the photograph's own facts.
const EXIF_DIRECTORY: u16 = 0x8769;
const USER_COMMENT: u16 = 0x9286;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const RESOLUTION_UNIT: u16 = 296;
/// Bytes of one entry.
const ENTRY: usize = 12;
/// Types of values: 16 bits, 32 bits, a fraction, and anything.
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const UNDEFINED: u16 = 7;

/// An EXIF block that is well-formed as far as it is looked at.
struct Block {
    bytes: Vec<u8>,
    little: bool,
}

/// A value for a directory.
struct Value {
    tag: u16,
    kind: u16,
    count: u32,
    bytes: Vec<u8>,
}

/// The pixels per inch across and down that the EXIF block, or TIFF file, `bytes` asks for.
pub fn density(bytes: &[u8]) -> Option<(f64, f64)> {
    let block = Block::of(bytes)?;
    let first = block.directory(4)?;
    let fraction = |tag| {
        let entry = block.find(first, tag)?;
        let at = block.long(entry + 8)? as usize;
        let (top, bottom) = (block.long(at)?, block.long(at + 4)?);
        let value = f64::from(top) / f64::from(bottom);
        (block.short(entry + 2)? == RATIONAL && value.is_finite() && value > 0.0).then_some(value)
    };
    let per_inch = match block.find(first, RESOLUTION_UNIT) {
        None => 1.0,
        Some(entry) => match block.short(entry + 8)? {
            2 => 1.0,
            3 => 2.54,
            _ => return None,
        },
    };
    Some((fraction(X_RESOLUTION)? * per_inch, fraction(Y_RESOLUTION)? * per_inch))
}

/// The EXIF block `bytes`, or a new one, with `comment` as its user comment and with `density` (pixels per inch) where it says
/// none; `None` where the block is damaged, or there is nothing to say.
pub fn with_comment(
    bytes: Option<&[u8]>,
    comment: Option<&str>,
    density: Option<(f64, f64)>,
) -> Option<Vec<u8>> {
    let mut block = match bytes {
        Some(bytes) => Block::of(bytes)?,
        // Without an entry.
        None if comment.is_some() || density.is_some() => {
            Block { bytes: b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec(), little: true }
        }
        None => return None,
    };
    let asked = density.filter(|_| self::density(&block.bytes).is_none());
    if let Some((across, down)) = asked {
        let values = [block.fraction(X_RESOLUTION, across), block.fraction(Y_RESOLUTION, down)];
        let unit = Value { tag: RESOLUTION_UNIT, kind: SHORT, count: 1, bytes: block.short_bytes(2) };
        block.add(4, values.into_iter().chain([unit]).collect())?;
    }
    if let Some(comment) = comment {
        let first = block.directory(4)?;
        let pointer = match block.find(first, EXIF_DIRECTORY) {
            Some(entry) => entry + 8,
            None => {
                block.pad();
                let empty = u32::try_from(block.bytes.len()).ok()?;
                block.bytes.extend([0; 6]);
                let bytes = block.long_bytes(empty);
                block.add(4, vec![Value { tag: EXIF_DIRECTORY, kind: LONG, count: 1, bytes }])?;
                block.find(block.directory(4)?, EXIF_DIRECTORY)? + 8
            }
        };
        let value = block.comment(comment);
        block.add(pointer, vec![value])?;
    }
    Some(block.bytes)
}

impl Block {
    fn of(bytes: &[u8]) -> Option<Self> {
        let little = match bytes.get(..4)? {
            [b'I', b'I', 42, 0] => true,
            [b'M', b'M', 0, 42] => false,
            _ => return None,
        };
        let block = Self { bytes: bytes.to_vec(), little };
        block.directory(4)?;
        Some(block)
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn short_bytes(&self, value: u16) -> Vec<u8> {
        (if self.little { value.to_le_bytes() } else { value.to_be_bytes() }).to_vec()
    }

    fn long_bytes(&self, value: u32) -> Vec<u8> {
        (if self.little { value.to_le_bytes() } else { value.to_be_bytes() }).to_vec()
    }

    fn fraction(&self, tag: u16, value: f64) -> Value {
        let bytes = [(value * 1000.0).round() as u32, 1000].into_iter().flat_map(|n| self.long_bytes(n));
        Value { tag, kind: RATIONAL, count: 1, bytes: bytes.collect() }
    }

    /// A comment as A1111 and cameras write it: a code of eight letters, then UTF-16 in the order of the block.
    fn comment(&self, text: &str) -> Value {
        let code = text.encode_utf16().flat_map(|unit| self.short_bytes(unit));
        let bytes: Vec<u8> = b"UNICODE\0".iter().copied().chain(code).collect();
        Value { tag: USER_COMMENT, kind: UNDEFINED, count: bytes.len() as u32, bytes }
    }

    /// Where the whole directory begins whose offset is at `pointer`.
    fn directory(&self, pointer: usize) -> Option<usize> {
        let at = self.long(pointer)? as usize;
        let end = at + 2 + usize::from(self.short(at)?) * ENTRY + 4;
        (end <= self.bytes.len()).then_some(at)
    }

    /// Where the entry of `tag` begins in `directory`.
    fn find(&self, directory: usize, tag: u16) -> Option<usize> {
        let count = usize::from(self.short(directory)?);
        (0..count).map(|n| directory + 2 + n * ENTRY).find(|at| self.short(*at) == Some(tag))
    }

    fn pad(&mut self) {
        if self.bytes.len() % 2 == 1 {
            self.bytes.push(0);
        }
    }

    /// Appends the directory whose offset is at `pointer` with `values` in it, in the order of tags, and points to that.
    fn add(&mut self, pointer: usize, values: Vec<Value>) -> Option<()> {
        let old = self.directory(pointer)?;
        let count = usize::from(self.short(old)?);
        let entry = |n: usize| &self.bytes[old + 2 + n * ENTRY..][..ENTRY];
        let mut entries: Vec<(u16, Vec<u8>)> = (0..count)
            .map(|n| Some((self.short(old + 2 + n * ENTRY)?, entry(n).to_vec())))
            .collect::<Option<_>>()?;
        let next = self.bytes[old + 2 + count * ENTRY..][..4].to_vec();
        for Value { tag, kind, count, mut bytes } in values {
            if bytes.len() > 4 {
                self.pad();
                let at = u32::try_from(self.bytes.len()).ok()?;
                self.bytes.append(&mut bytes);
                bytes = self.long_bytes(at);
            }
            bytes.resize(4, 0);
            let entry =
                [self.short_bytes(tag), self.short_bytes(kind), self.long_bytes(count), bytes].concat();
            entries.retain(|(other, _)| *other != tag);
            entries.push((tag, entry));
        }
        entries.sort_by_key(|(tag, _)| *tag);
        self.pad();
        let at = u32::try_from(self.bytes.len()).ok()?;
        let count = self.short_bytes(u16::try_from(entries.len()).ok()?);
        self.bytes.extend(count);
        entries.into_iter().for_each(|(_, entry)| self.bytes.extend(entry));
        self.bytes.extend(next);
        let at = self.long_bytes(at);
        self.bytes[pointer..pointer + 4].copy_from_slice(&at);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A big-endian block with a make and 72 pixels to a centimetre.
    fn camera() -> Vec<u8> {
        let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
        };
        let mut bytes = b"MM\0\x2a\0\0\0\x08\0\x04".to_vec();
        bytes.extend(entry(0x10f, 2, 4, *b"Cam\0"));
        bytes.extend(entry(X_RESOLUTION, RATIONAL, 1, 62_u32.to_be_bytes()));
        bytes.extend(entry(Y_RESOLUTION, RATIONAL, 1, 62_u32.to_be_bytes()));
        bytes.extend(entry(RESOLUTION_UNIT, SHORT, 1, [0, 3, 0, 0]));
        bytes.extend([0; 4]);
        bytes.extend([0, 0, 0, 144, 0, 0, 0, 2]);
        bytes
    }

    fn comment(bytes: &[u8]) -> String {
        let block = Block::of(bytes).unwrap();
        let pointer = block.find(block.directory(4).unwrap(), EXIF_DIRECTORY).unwrap() + 8;
        let entry = block.find(block.directory(pointer).unwrap(), USER_COMMENT).unwrap();
        let (count, at) = (block.long(entry + 4).unwrap() as usize, block.long(entry + 8).unwrap() as usize);
        let units = (at + 8..at + count).step_by(2).map(|at| block.short(at).unwrap());
        assert_eq!(&bytes[at..at + 8], b"UNICODE\0");
        String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_comment_is_added_and_all_else_stays() {
        let old = camera();
        assert_eq!(density(&old), Some((72.0 * 2.54, 72.0 * 2.54)));
        let new = with_comment(Some(&old), Some("Käfer: 3"), Some((300.0, 300.0))).unwrap();
        assert_eq!(comment(&new), "Käfer: 3");
        assert_eq!(density(&new), density(&old));
        let block = Block::of(&new).unwrap();
        let make = block.find(block.directory(4).unwrap(), 0x10f).unwrap();
        assert_eq!(&new[make + 8..make + 12], b"Cam\0");
        // Another comment takes its place.
        let again = with_comment(Some(&new), Some("other"), None).unwrap();
        assert_eq!(comment(&again), "other");
    }

    #[test]
    fn a_new_block_says_what_it_is_given() {
        let new = with_comment(None, Some("x"), Some((300.0, 150.5))).unwrap();
        assert_eq!((density(&new), comment(&new)), (Some((300.0, 150.5)), "x".to_owned()));
        assert_eq!(with_comment(None, None, None), None);
    }

    #[test]
    fn damaged_blocks_are_none() {
        let whole = with_comment(Some(&camera()), Some("x"), None).unwrap();
        for end in 0..whole.len() {
            let _ = (density(&whole[..end]), with_comment(Some(&whole[..end]), Some("y"), None));
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] = 0xff;
            let _ = (density(&broken), with_comment(Some(&broken), Some("y"), Some((1.0, 1.0))));
        }
        assert_eq!(with_comment(Some(b"nonsense"), Some("x"), None), None);
    }
}
