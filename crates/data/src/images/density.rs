//! How many pixels per inch an image file asks to be printed with.

use image::ImageFormat;
use langevin_core::exif;

use crate::png_chunks;

/// Inches of a metre.
const INCHES: f64 = 1.0 / 0.0254;

/// The pixels per inch across and down that the file `bytes` names, or its EXIF block where it names none.
pub(super) fn density(bytes: &[u8], format: ImageFormat, block: Option<&[u8]>) -> Option<(f64, f64)> {
    let own = match format {
        ImageFormat::Png => physical(bytes),
        ImageFormat::Jpeg => jfif(bytes),
        ImageFormat::Tiff => exif::density(bytes),
        _ => None,
    };
    own.or_else(|| exif::density(block?))
}

/// That of the chunk `pHYs` of a PNG, which counts pixels per metre, to a tenth of an inch's.
fn physical(bytes: &[u8]) -> Option<(f64, f64)> {
    let (_, data) = png_chunks::chunks(bytes).find(|(kind, _)| kind == b"pHYs")?;
    let number = |at: usize| Some(f64::from(u32::from_be_bytes(data.get(at..at + 4)?.try_into().ok()?)));
    let per_inch = |per_metre: f64| (per_metre / INCHES * 10.0).round() / 10.0;
    let found = (per_inch(number(0)?), per_inch(number(4)?));
    (data.get(8) == Some(&1) && found.0 > 0.0 && found.1 > 0.0).then_some(found)
}

/// That of the first segment of a JPEG.
fn jfif(bytes: &[u8]) -> Option<(f64, f64)> {
    let segment = bytes.strip_prefix(&[0xff, 0xd8, 0xff, 0xe0])?;
    let head: [u8; 14] = segment.get(..14)?.try_into().ok()?;
    let number = |at: usize| f64::from(u16::from_be_bytes([head[at], head[at + 1]]));
    let per_inch = match head[9] {
        1 => 1.0,
        2 => 2.54,
        _ => return None,
    };
    let found = (number(10) * per_inch, number(12) * per_inch);
    (head[2..7] == *b"JFIF\0" && found.0 > 0.0 && found.1 > 0.0).then_some(found)
}
