//! What a PNG file says of itself before its pixels, and how large that is once it is unpacked: a few kilobytes may unpack to
//! gigabytes.

use std::io::{Read, sink};

use flate2::read::ZlibDecoder;

/// Most bytes of a colour profile; the largest in use have about 2 MiB.
pub(crate) const MAX_PROFILE: u64 = 4 << 20;

/// Refuses the PNG file `bytes` if its colour profile unpacks to more than [`MAX_PROFILE`]. Whether the file is sound otherwise is
/// left to the decoder.
///
/// # Errors
/// What is too large, and the limit.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    for (kind, data) in chunks(bytes) {
        // A name of up to 79 bytes, a zero, the method, and the profile.
        let packed = (kind == b"iCCP").then(|| data.iter().take(80).position(|byte| *byte == 0)).flatten();
        let Some(packed) = packed.and_then(|end| data.get(end + 2..)) else { continue };
        let mut unpacked = ZlibDecoder::new(packed).take(MAX_PROFILE + 1);
        // A profile that is broken is none; the decoder passes over it likewise.
        let count = std::io::copy(&mut unpacked, &mut sink()).unwrap_or(0);
        if count > MAX_PROFILE {
            return Err(format!("its ICC profile unpacks to more than {} MiB", MAX_PROFILE >> 20));
        }
    }
    Ok(())
}

/// The kind and the data of each chunk before the pixels.
pub(crate) fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, kind) = (rest.get(..4)?, rest.get(4..8)?);
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        let data = rest.get(8..8_usize.checked_add(length)?)?;
        rest = rest.get(12 + length..).unwrap_or_default();
        (kind != b"IDAT").then_some((kind, data))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    /// The beginning of a PNG file with a profile of `length` zeros.
    fn with_profile(length: u64) -> Vec<u8> {
        let mut packer = ZlibEncoder::new(b"name\0\0".to_vec(), Compression::best());
        std::io::copy(&mut std::io::repeat(0).take(length), &mut packer).unwrap();
        let data = packer.finish().unwrap();
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.write_all(&(data.len() as u32).to_be_bytes()).unwrap();
        bytes.write_all(b"iCCP").unwrap();
        bytes.extend(data);
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn a_profile_is_measured_by_what_it_unpacks_to() {
        assert_eq!(check(&with_profile(1 << 20)), Ok(()));
        let bomb = with_profile(200 << 20);
        assert!(bomb.len() < 300 << 10);
        assert!(check(&bomb).unwrap_err().contains("more than 4 MiB"));
        // Cut short anywhere it is nothing to refuse here.
        let whole = with_profile(100);
        assert!((0..whole.len()).all(|length| check(&whole[..length]).is_ok()));
    }
}
