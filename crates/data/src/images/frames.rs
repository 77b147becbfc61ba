//! Pages and frames beyond the first, counted from the structure of a file; none of them is decoded.

use image::ImageFormat;

/// Most pages that are counted: a chain of directories may go in a circle.
const MOST: u64 = 100_000;

/// How many pages or frames `bytes`, an image of `format`, holds after the first.
pub(crate) fn after_the_first(bytes: &[u8], format: ImageFormat) -> u64 {
    let all = match format {
        ImageFormat::Gif => gif(bytes),
        ImageFormat::Tiff => tiff(bytes),
        ImageFormat::WebP => webp(bytes),
        ImageFormat::Png => png(bytes),
        _ => None,
    };
    all.unwrap_or(1).saturating_sub(1)
}

/// Image blocks of a GIF (GIF89a, 20 to 25); those before the place where it breaks off.
fn gif(bytes: &[u8]) -> Option<u64> {
    let table = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    let mut at = 13 + table(*bytes.get(10)?);
    let mut frames = 0;
    loop {
        match bytes.get(at) {
            Some(0x21) => at += 2,
            Some(0x2c) => {
                frames += 1;
                let Some(flags) = bytes.get(at + 9) else { break };
                at += 11 + table(*flags);
            }
            _ => break,
        }
        // Data follow in blocks, each after its length, up to one of length 0.
        while let Some(length) = bytes.get(at) {
            at += 1 + usize::from(*length);
            if *length == 0 {
                break;
            }
        }
    }
    Some(frames)
}

/// Directories of a TIFF (6.0, section 2) or BigTIFF that hold an image of their own: not a smaller copy of another.
fn tiff(bytes: &[u8]) -> Option<u64> {
    let little = bytes.first()? == &b'I';
    let number = |at: u64, length: usize| {
        let at = usize::try_from(at).ok()?;
        let part = bytes.get(at..at.checked_add(length)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if little { part.iter().rev().fold(0, add) } else { part.iter().fold(0, add) })
    };
    let (offset, counts, entry) = if number(2, 2)? == 43 { (8, 8, 20) } else { (4, 2, 12) };
    let mut at = number(if offset == 8 { 8 } else { 4 }, offset)?;
    let mut pages = 0;
    for _ in 0..MOST {
        let Some(entries) = number(at, counts).filter(|_| at != 0) else { break };
        let start = at + counts as u64;
        // NewSubfileType: bit 0 is a smaller copy, bit 2 a mask.
        let first = (0..entries.min(MOST)).map(|k| start + k * entry).find(|at| number(*at, 2) == Some(254));
        let kind = first.and_then(|at| number(at + entry - offset as u64, 4)).unwrap_or(0);
        pages += u64::from(kind & 5 == 0);
        let Some(next) = entries.checked_mul(entry).and_then(|n| start.checked_add(n)) else { break };
        at = number(next, offset).unwrap_or(0);
    }
    Some(pages)
}

/// `ANMF` chunks of an animated WebP.
fn webp(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut frames) = (12_usize, 0);
    while let Some(head) = bytes.get(at..at + 8) {
        frames += u64::from(head.starts_with(b"ANMF"));
        let length = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
        at = at.checked_add(8 + length.next_multiple_of(2))?;
    }
    Some(frames)
}

/// What the `acTL` chunk of an animated PNG says.
fn png(bytes: &[u8]) -> Option<u64> {
    let mut at = 8_usize;
    loop {
        let head = bytes.get(at..at + 8)?;
        let length = u32::from_be_bytes(head[..4].try_into().ok()?) as usize;
        match &head[4..] {
            b"acTL" => return Some(u32::from_be_bytes(bytes.get(at + 8..at + 12)?.try_into().ok()?).into()),
            b"IDAT" | b"IEND" => return None,
            _ => at = at.checked_add(12)?.checked_add(length)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_a_gif_are_counted_and_damage_ends_the_count() {
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        let frame = || image::Frame::new(image::RgbaImage::from_pixel(5, 4, image::Rgba([9, 8, 7, 255])));
        encoder.encode_frames((0..3).map(|_| frame())).unwrap();
        drop(encoder);
        assert_eq!(after_the_first(&bytes, ImageFormat::Gif), 2);
        for length in 0..bytes.len() {
            assert!(after_the_first(&bytes[..length], ImageFormat::Gif) <= 2);
        }
    }

    #[test]
    fn pages_of_a_tiff_are_counted_but_not_smaller_copies() {
        // Each page is a directory with NewSubfileType alone.
        let pages = |kinds: &[u32]| {
            let mut bytes = b"II*\0\x08\0\0\0".to_vec();
            for (k, kind) in kinds.iter().enumerate() {
                bytes.extend([1, 0, 254, 0, 4, 0, 1, 0, 0, 0]);
                bytes.extend(kind.to_le_bytes());
                let next = if k + 1 == kinds.len() { 0 } else { bytes.len() as u32 + 4 };
                bytes.extend(next.to_le_bytes());
            }
            bytes
        };
        assert_eq!(after_the_first(&pages(&[0]), ImageFormat::Tiff), 0);
        assert_eq!(after_the_first(&pages(&[0, 2, 2]), ImageFormat::Tiff), 2);
        assert_eq!(after_the_first(&pages(&[0, 1, 2, 4]), ImageFormat::Tiff), 1);
        let mut circle = pages(&[0]);
        circle.truncate(circle.len() - 4);
        circle.extend(8_u32.to_le_bytes());
        assert_eq!(after_the_first(&circle, ImageFormat::Tiff), MOST - 1);
    }

    #[test]
    fn frames_of_webp_and_png_are_counted() {
        let mut webp = b"RIFF\0\0\0\0WEBP".to_vec();
        for chunk in [&b"VP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0"[..], b"ANMF\x01\0\0\0ab", b"ANMF\0\0\0\0"] {
            webp.extend(chunk);
        }
        assert_eq!(after_the_first(&webp, ImageFormat::WebP), 1);
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x08acTL\0\0\0\x05\0\0\0\0crc!";
        assert_eq!(after_the_first(png, ImageFormat::Png), 4);
        assert_eq!(after_the_first(&png[..18], ImageFormat::Png), 0);
    }
}
