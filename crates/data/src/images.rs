//! From bytes to a [`Image`]: png, jpeg, webp, bmp, tiff and the first frame of a gif, told apart by content.
//! Limits are checked against the header before a pixel is decoded, EXIF orientation is applied, and depth and
//! channels are kept as stored.

mod density;
mod frames;
pub mod limits;
mod wide_tiff;

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use limits::{check_size, explained, limits};

use crate::guarded::guarded;
use crate::png_chunks;
use crate::{Error, Image, Result, Samples};

/// Most bytes one image's file may have.
pub const MAX_FILE: u64 = 512 << 20;

/// Decodes one image; `name` is what messages call it.
///
/// # Errors
/// Bad input beginning with `name`: not an image, cut short, broken, or over the limits.
pub fn decode(bytes: &[u8], name: &str) -> Result<Image> {
    let format = sniff(bytes).ok_or_else(|| Error::bad_input(format!("{name}: {}", not_an_image(bytes))))?;
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err(Error::bad_input(format!("{name}: the jpeg is cut short")));
    }
    // The decoders are written to return errors; this keeps one that does panic from ending a long run.
    match guarded(|| decode_as(bytes, format)) {
        Some(decoded) => decoded.map_err(|error| error.within(name)),
        None => Err(Error::bad_input(format!("{name}: the {} decoder failed on it", format_name(format)))),
    }
}

/// How many pages of a TIFF, or frames of an animation, `bytes` hold after the first, which alone is decoded.
pub fn later_frames(bytes: &[u8]) -> u64 {
    sniff(bytes).map_or(0, |format| frames::after_the_first(bytes, format))
}

/// What images are called of which something is left aside.
pub const LATER_FRAMES: &str = "images with pages or frames after the first";

/// As [`later_frames`], of the file at `path`; only one of a format that may have several is read whole. None where it cannot
/// be read, which whoever decodes it will say.
pub fn later_frames_of(path: impl AsRef<Path>) -> u64 {
    let head = langevin_files::read_head(&path, 512).unwrap_or_default();
    let several = match sniff(&head) {
        Some(ImageFormat::Gif | ImageFormat::Tiff) => true,
        Some(ImageFormat::WebP) => head.get(12..16) == Some(b"VP8X"),
        Some(ImageFormat::Png) => head.windows(4).any(|part| part == b"acTL"),
        _ => false,
    };
    if !several {
        return 0;
    }
    read_file(path.as_ref()).map_or(0, |bytes| later_frames(&bytes))
}

/// Reads and decodes the image at `path`, with its ICC profile, its EXIF block and its density as metadata where they can be
/// read.
///
/// # Errors
/// As [`decode`], or bad input when the file cannot be read.
pub fn read_image(path: impl AsRef<Path>) -> Result<Image> {
    let path = path.as_ref();
    let bytes = read_file(path)?;
    let mut image = decode(&bytes, &path.display().to_string())?;
    image.metadata.icc = profile_in(&bytes).map(Into::into);
    image.metadata.exif = exif_in(&bytes).map(Into::into);
    let exif = image.metadata.exif.as_deref();
    image.metadata.density = sniff(&bytes).and_then(|format| density::density(&bytes, format, exif));
    Ok(image)
}

/// The ICC profile in the image at `path`, which says what its samples look like; `None` where there is none that can be read.
pub fn read_profile(path: impl AsRef<Path>) -> Option<Vec<u8>> {
    profile_in(&read_file(path.as_ref()).ok()?)
}

/// The image at `path`, as [`read_image`], and its ICC profile, as [`read_profile`], from one reading of the file.
///
/// # Errors
/// As [`read_image`]; a profile that cannot be read is none.
pub fn read_image_and_profile(path: impl AsRef<Path>) -> Result<(Image, Option<Vec<u8>>)> {
    let image = read_image(path)?;
    let profile = image.metadata.icc.as_deref().map(<[u8]>::to_vec);
    Ok((image, profile))
}

fn profile_in(bytes: &[u8]) -> Option<Vec<u8>> {
    beside_pixels(bytes, |decoder| decoder.icc_profile().ok()?)
}

/// The EXIF block, upright: the orientation is applied to the pixels.
fn exif_in(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut exif = beside_pixels(bytes, |decoder| decoder.exif_metadata().ok()?)?;
    let _ = Orientation::remove_from_exif_chunk(&mut exif);
    Some(exif)
}

/// What `read` finds in an image beside its pixels, if it can be read.
fn beside_pixels(
    bytes: &[u8],
    read: impl FnOnce(&mut dyn ImageDecoder) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let format = sniff(bytes)?;
    if format == ImageFormat::Png {
        png_chunks::check(bytes).ok()?;
    }
    let read = || {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        reader.limits(limits(format));
        read(&mut reader.into_decoder().ok()?)
    };
    guarded(read)?
}

/// The whole file at `path`, unless it is over [`MAX_FILE`] or may never end.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    langevin_files::read_bounded(path, MAX_FILE)
}

/// The image format that the first bytes of a file announce, if it is one this crate reads.
pub(crate) fn sniff(head: &[u8]) -> Option<ImageFormat> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    let format = match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Png,
        [0xff, 0xd8, 0xff, ..] => Jpeg,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => WebP,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Gif,
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Tiff,
        // Two letters are a weak sign, so the reserved words of the header must be zero as well.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, _, _, 0, 0, ..] => Bmp,
        _ => return None,
    };
    Some(format)
}

fn not_an_image(bytes: &[u8]) -> String {
    let what = match bytes {
        [] => return "the file is empty".into(),
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => "avif",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "heic or video",
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', ..] => "jpeg xl",
        [b'8', b'B', b'P', b'S', ..] => "photoshop",
        [b'<', ..] => "svg or other text",
        _ => return "not an image".into(),
    };
    format!("{what} is not read; convert it to png, jpeg or webp")
}

fn format_name(format: ImageFormat) -> &'static str {
    format.extensions_str().first().copied().unwrap_or("image")
}

fn decode_as(bytes: &[u8], format: ImageFormat) -> Result<Image> {
    let explain = |error: ImageError| explained(error, format_name(format));
    if format == ImageFormat::Png {
        png_chunks::check(bytes).map_err(Error::bad_input)?;
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits(format));
    let mut decoder = match reader.into_decoder() {
        Err(ImageError::Unsupported(_)) if format == ImageFormat::Tiff => return wide_tiff::decode(bytes),
        opened => opened.map_err(explain)?,
    };
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(Error::bad_input("the image has no pixels"));
    }
    check_size(width, height, u64::from(decoder.color_type().bytes_per_pixel()))?;
    // An image whose EXIF block is broken is still an image: it is taken as upright.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(explain)?;
    image.apply_orientation(orientation);
    from_image(image)
}

fn from_image(image: DynamicImage) -> Result<Image> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let channels = usize::from(image.color().channel_count());
    let samples = match image {
        DynamicImage::ImageLuma8(b) => Samples::U8(b.into_raw()),
        DynamicImage::ImageLumaA8(b) => Samples::U8(b.into_raw()),
        DynamicImage::ImageRgb8(b) => Samples::U8(b.into_raw()),
        DynamicImage::ImageRgba8(b) => Samples::U8(b.into_raw()),
        DynamicImage::ImageLuma16(b) => Samples::U16(b.into_raw()),
        DynamicImage::ImageLumaA16(b) => Samples::U16(b.into_raw()),
        DynamicImage::ImageRgb16(b) => Samples::U16(b.into_raw()),
        DynamicImage::ImageRgba16(b) => Samples::U16(b.into_raw()),
        // Floating-point tiffs: 0 is black and 1 is white.
        DynamicImage::ImageRgb32F(ref b) => {
            wide_tiff::check_range(b.iter().copied())?;
            Samples::U16(image.into_rgb16().into_raw())
        }
        DynamicImage::ImageRgba32F(ref b) => {
            wide_tiff::check_range(b.iter().copied())?;
            Samples::U16(image.into_rgba16().into_raw())
        }
        other if channels == 4 => Samples::U16(other.into_rgba16().into_raw()),
        other => Samples::U16(other.into_rgb16().into_raw()),
    };
    Image::new(width, height, channels, samples)
}

/// Whether an end marker follows the first scan. The decoder fills what is missing with gray and says nothing,
/// which would teach a model gray rectangles.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while at + 4 <= bytes.len() && bytes[at] == 0xff {
        match bytes[at + 1] {
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xda => return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            _ => at += 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])),
        }
    }
    // Segments out of step: leave the verdict to the decoder.
    at + 4 <= bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_is_named_is_the_one_that_counts() {
        assert_eq!(check_size(8000, 6000, 6), Ok(()));
        assert_eq!(check_size(8192, 8192, 8), Ok(()));
        let message = |width, height, bytes| check_size(width, height, bytes).unwrap_err().to_string();
        assert!(message(20_000, 10, 1).contains("20000x10 is over the limit of 16384 pixels a side"));
        assert!(message(16_384, 4097, 1).contains("over the limit of 64 megapixels"));
        let message = message(8192, 8192, 12);
        assert!(message.contains("the limit of 512 MiB: at 12 bytes a pixel it takes 768"), "{message}");
    }

    #[test]
    fn a_kind_that_is_not_read_is_not_called_broken() {
        // A palette TIFF of one pixel: width, height, bits, compression, palette, strip, its length, colours.
        let mut bytes = b"II*\0\x08\0\0\0\x08\0".to_vec();
        let tags: [(u16, u16, u32); 8] = [
            (256, 3, 1),
            (257, 3, 1),
            (258, 3, 8),
            (259, 3, 1),
            (262, 3, 3),
            (273, 4, 0),
            (277, 3, 1),
            (279, 4, 1),
        ];
        for (tag, kind, value) in tags {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 4]);
        let message = decode(&bytes, "a.tif").unwrap_err().to_string();
        assert!(message.starts_with("a.tif: this kind of tiff is not read: "), "{message}");
        assert!(message.contains("convert it to png") && !message.contains("broken"), "{message}");
    }

    #[test]
    fn big_tiff_is_read() {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = tiff::encoder::TiffEncoder::new_big(&mut bytes).unwrap();
        encoder.write_image::<tiff::encoder::colortype::RGB8>(1, 2, &[1, 2, 3, 4, 5, 6]).unwrap();
        let image = decode(&bytes.into_inner(), "big.tif").unwrap();
        assert_eq!(image.samples, Samples::U8(vec![1, 2, 3, 4, 5, 6]));
    }
}
