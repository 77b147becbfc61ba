//! JPEG, WebP and TIFF.

use std::borrow::Cow;
use std::io::Cursor;

use image::codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use langevin_core::{Error, Image, Result, Samples, exif};
use tiff::encoder::colortype::{ColorType, Gray8, Gray16, RGB8, RGB16, RGBA8, RGBA16};
use tiff::encoder::{Rational, TiffEncoder, TiffValue};
use tiff::tags::{ResolutionUnit, Tag};

use super::kind::{Encoded, Kind, refused};
use super::xmp;
use crate::png::is_for;

/// Most bytes of one segment of a JPEG.
const SEGMENT: usize = 65_533;
const XMP_SEGMENT: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// The tag of an XMP packet in a TIFF file.
const XMP_TAG: u16 = 700;

/// A file of any kind but PNG, with what it cannot hold.
pub(super) fn encode(image: &Image, kind: Kind, quality: u8, text: &[(&str, String)]) -> Result<Encoded> {
    if image.slices != 1 || !(1..=4).contains(&image.channels) {
        return Err(Error::usage("an image file has one slice of 1 to 4 channels")
            .hint("write the slices one by one, or choose other channels"));
    }
    let mut lost = Vec::new();
    let mut shown = Cow::Borrowed(image);
    if kind != Kind::Tiff && shown.samples.bits() > 8 {
        lost.push("more than 8 bits a sample");
        shown = Cow::Owned(shown.to_8_bit());
    }
    if kind == Kind::Jpeg && shown.has_alpha() {
        lost.push("alpha");
        shown = Cow::Owned(shown.without_alpha());
    }
    let shown = shown.to_full_range();
    let metadata = &image.metadata;
    // WebP has colours alone, and so has TIFF with alpha: a profile of gray images would be wrong there.
    let stored = match (kind, shown.channels) {
        (Kind::WebP, 1 | 2) | (Kind::Tiff, 2) => 3,
        (_, channels) => channels,
    };
    let icc = metadata.icc.as_deref().filter(|profile| is_for(profile, stored));
    let packet = xmp::packet(text);
    if kind == Kind::Tiff {
        if metadata.exif.is_some() {
            lost.push("the EXIF block");
        }
        let bytes = tiff_of(&shown, icc, metadata.density, packet.as_deref())?;
        return Ok(Encoded { bytes, lost });
    }
    let comment = text.iter().find(|(keyword, _)| *keyword == "parameters").map(|(_, value)| value.as_str());
    // WebP has no other place for the density, and a file with XMP always has a block.
    let density = metadata.density.filter(|_| kind == Kind::WebP || metadata.exif.is_some());
    let comment = comment.or(packet.as_ref().map(|_| ""));
    let block = exif::with_comment(metadata.exif.as_deref(), comment, density)
        .or_else(|| exif::with_comment(None, comment, density));
    let block = block.filter(|block| {
        let fits = kind != Kind::Jpeg || block.len() + 8 < SEGMENT;
        if !fits {
            lost.push("an EXIF block of more than 64 KiB");
        }
        fits
    });
    let mut bytes = Vec::new();
    let samples = shown.to_bytes();
    let (width, height) = (shown.width as u32, shown.height as u32);
    let color = match shown.channels {
        1 => ExtendedColorType::L8,
        2 => ExtendedColorType::La8,
        3 => ExtendedColorType::Rgb8,
        _ => ExtendedColorType::Rgba8,
    };
    match kind {
        Kind::Jpeg => {
            let mut encoder = JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100));
            if let Some((across, down)) = metadata.density {
                let whole = |value: f64| value.round().clamp(1.0, 65_535.0) as u16;
                let density = (whole(across), whole(down));
                encoder.set_pixel_density(PixelDensity { density, unit: PixelDensityUnit::Inches });
            }
            with_metadata(&mut encoder, icc, block);
            encoder.write_image(&samples, width, height, color).map_err(|error| refused("jpeg", error))?;
            if let Some(packet) = packet.filter(|packet| packet.len() + XMP_SEGMENT.len() + 2 < SEGMENT) {
                insert_in_jpeg(&mut bytes, &packet);
            } else if !text.is_empty() {
                lost.push("a recipe of more than 64 KiB");
            }
        }
        _ => {
            let mut encoder = WebPEncoder::new_lossless(&mut bytes);
            with_metadata(&mut encoder, icc, block);
            encoder.write_image(&samples, width, height, color).map_err(|error| refused("webp", error))?;
            if let Some(packet) = packet {
                append_to_webp(&mut bytes, &packet);
            }
        }
    }
    Ok(Encoded { bytes, lost })
}

fn with_metadata(encoder: &mut impl ImageEncoder, icc: Option<&[u8]>, block: Option<Vec<u8>>) {
    // Both encoders take both.
    if let Some(icc) = icc {
        let _ = encoder.set_icc_profile(icc.to_vec());
    }
    if let Some(block) = block {
        let _ = encoder.set_exif_metadata(block);
    }
}

/// Puts `packet` after the application segments that are there.
fn insert_in_jpeg(bytes: &mut Vec<u8>, packet: &[u8]) {
    let mut at = 2;
    while let Some([0xff, 0xe0..=0xef, high, low]) = bytes.get(at..at + 4) {
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    let length = (XMP_SEGMENT.len() + packet.len() + 2) as u16;
    let segment = [&[0xff, 0xe1][..], &length.to_be_bytes(), XMP_SEGMENT, packet].concat();
    bytes.splice(at..at, segment);
}

/// Appends `packet` to a file of the extended format, and notes it in the header.
fn append_to_webp(bytes: &mut Vec<u8>, packet: &[u8]) {
    if bytes.get(12..16) != Some(b"VP8X") {
        return;
    }
    bytes[20] |= 0x04;
    bytes.extend(b"XMP ");
    bytes.extend((packet.len() as u32).to_le_bytes());
    bytes.extend(packet);
    bytes.extend(vec![0; packet.len() % 2]);
    let size = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
}

fn tiff_of(
    image: &Image,
    icc: Option<&[u8]>,
    density: Option<(f64, f64)>,
    packet: Option<&[u8]>,
) -> Result<Vec<u8>> {
    // Gray with alpha is no kind that is written: as colours it shows the same.
    let colour = match (image.channels, &image.samples) {
        (2, samples) => {
            let order = (0..image.width * image.height).flat_map(|p| [2 * p, 2 * p, 2 * p, 2 * p + 1]);
            Some(samples.gather(order.map(|at| at..at + 1)))
        }
        _ => None,
    };
    let samples = colour.as_ref().unwrap_or(&image.samples);
    let page = Page { image, icc, density, packet };
    match (if colour.is_some() { 4 } else { image.channels }, samples) {
        (1, Samples::U8(values)) => page.write::<Gray8>(values),
        (1, Samples::U16(values)) => page.write::<Gray16>(values),
        (3, Samples::U8(values)) => page.write::<RGB8>(values),
        (3, Samples::U16(values)) => page.write::<RGB16>(values),
        (4, Samples::U8(values)) => page.write::<RGBA8>(values),
        (4, Samples::U16(values)) => page.write::<RGBA16>(values),
        _ => Err(refused("tiff", "samples of 8 or 16 bits are written")),
    }
}

/// What a TIFF file has in addition to its samples.
struct Page<'a> {
    image: &'a Image,
    icc: Option<&'a [u8]>,
    density: Option<(f64, f64)>,
    packet: Option<&'a [u8]>,
}

impl Page<'_> {
    fn write<C: ColorType>(&self, values: &[C::Inner]) -> Result<Vec<u8>>
    where
        [C::Inner]: TiffValue,
    {
        let mut bytes = Cursor::new(Vec::new());
        self.encode::<C>(&mut bytes, values).map_err(|error| refused("tiff", error))?;
        Ok(bytes.into_inner())
    }

    fn encode<C: ColorType>(&self, bytes: &mut Cursor<Vec<u8>>, values: &[C::Inner]) -> tiff::TiffResult<()>
    where
        [C::Inner]: TiffValue,
    {
        let mut encoder = TiffEncoder::new(bytes)?;
        let mut page = encoder.new_image::<C>(self.image.width as u32, self.image.height as u32)?;
        if let Some((across, down)) = self.density {
            let fraction = |value: f64| Rational { n: (value * 1000.0).round() as u32, d: 1000 };
            page.resolution_unit(ResolutionUnit::Inch);
            page.x_resolution(fraction(across));
            page.y_resolution(fraction(down));
        }
        if let Some(icc) = self.icc {
            page.encoder().write_tag(Tag::IccProfile, icc)?;
        }
        if let Some(packet) = self.packet {
            page.encoder().write_tag(Tag::Unknown(XMP_TAG), packet)?;
        }
        page.write_data(values)
    }
}
