//! PNG files with text: an image carries the recipe that made it.

use std::borrow::Cow;

use langevin_core::{Error, Image, Result};

/// Most bytes of text that are read from one image.
const TEXT_LIMIT: usize = 1 << 20;

/// The bytes of a PNG file of `image` (1 to 4 channels) with `text` as `(keyword, value)` chunks and the ICC profile, the EXIF block and
/// the density of the image.
/// The file has 8 or 16 bits a sample, other samples being made such by [`Image::to_full_range`].
///
/// # Errors
/// Usage, when the image is empty, a stack, or has more than 4 channels.
pub fn encode(image: &Image, text: &[(&str, String)]) -> Result<Vec<u8>> {
    encode_with_profile(image, text, None)
}

/// As [`encode`], with the ICC profile of the image that it was made from, if there is one, in the place of its own, so that it is
/// shown in the same colours. A profile for other colours than the image has (gray, or red, green and blue) is left out.
///
/// # Errors
/// As [`encode`].
pub fn encode_with_profile(
    image: &Image,
    text: &[(&str, String)],
    profile: Option<&[u8]>,
) -> Result<Vec<u8>> {
    let color = match image.channels {
        1 => png::ColorType::Grayscale,
        2 => png::ColorType::GrayscaleAlpha,
        3 => png::ColorType::Rgb,
        4 => png::ColorType::Rgba,
        n => {
            return Err(Error::usage(format!("a png image has 1 to 4 channels, not {n}")));
        }
    };
    if image.slices != 1 {
        return Err(Error::usage(format!("a png image is not a stack of {} slices", image.slices))
            .hint("write the slices one by one"));
    }
    let failed =
        |error: png::EncodingError| Error::usage(format!("the image cannot be written as png: {error}"));
    let mut bytes = Vec::new();
    let mut info = png::Info::with_size(image.width as u32, image.height as u32);
    let profile = profile.or(image.metadata.icc.as_deref());
    info.icc_profile = profile.filter(|profile| is_for(profile, image.channels)).map(Cow::Borrowed);
    info.exif_metadata = image.metadata.exif.as_deref().map(Cow::Borrowed);
    info.pixel_dims = image.metadata.density.map(|(across, down)| png::PixelDimensions {
        xppu: per_metre(across),
        yppu: per_metre(down),
        unit: png::Unit::Meter,
    });
    let mut encoder = png::Encoder::with_info(&mut bytes, info).map_err(failed)?;
    encoder.set_color(color);
    encoder.set_compression(png::Compression::Balanced);
    let image = image.to_full_range();
    encoder.set_depth(if image.samples.bits() == 8 { png::BitDepth::Eight } else { png::BitDepth::Sixteen });
    for (keyword, value) in text {
        encoder.add_itxt_chunk((*keyword).to_owned(), value.clone()).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&image.samples.to_be_bytes()).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// Pixels per metre, where there are so many per inch.
fn per_metre(per_inch: f64) -> u32 {
    (per_inch / 0.0254).round() as u32
}

/// Whether an ICC profile is for images of so many channels (ICC.1:2022, 7.2.6: the colour space of the data).
pub(crate) fn is_for(profile: &[u8], channels: usize) -> bool {
    let space: &[u8] = if channels <= 2 { b"GRAY" } else { b"RGB " };
    profile.get(16..20) == Some(space)
}

/// The text chunks of the PNG file `bytes`, as `(keyword, value)`.
///
/// # Errors
/// Bad input, when it is not a PNG file or its text is damaged or larger than 1 MiB.
pub fn text(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    let bad = |error: &dyn std::fmt::Display| Error::bad_input(format!("not a whole png image: {error}"));
    let limits = png::Limits { bytes: TEXT_LIMIT };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    decoder.set_ignore_iccp_chunk(true);
    let reader = decoder.read_info().map_err(|error| bad(&error))?;
    let info = reader.info();
    let mut found = Vec::new();
    for chunk in &info.uncompressed_latin1_text {
        found.push((chunk.keyword.clone(), chunk.text.clone()));
    }
    // What is packed counts by what it unpacks to.
    let room = |found: &[(String, String)]| {
        TEXT_LIMIT.saturating_sub(found.iter().map(|(keyword, text)| keyword.len() + text.len()).sum())
    };
    for chunk in &info.compressed_latin1_text {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(room(&found)).map_err(|error| bad(&error))?;
        found.push((chunk.keyword.clone(), chunk.get_text().map_err(|error| bad(&error))?));
    }
    for chunk in &info.utf8_text {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(room(&found)).map_err(|error| bad(&error))?;
        found.push((chunk.keyword.clone(), chunk.get_text().map_err(|error| bad(&error))?));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use langevin_core::{Metadata, Samples};

    use super::*;

    #[test]
    fn images_and_text_survive() {
        for (channels, depth) in [(1, 8), (3, 8), (4, 8), (1, 16), (3, 16)] {
            let count = 4 * 3 * channels;
            let image = if depth == 8 {
                Image::from_u8(4, 3, channels, (0..count).map(|v| (v * 5) as u8).collect())
            } else {
                Image::from_u16(4, 3, channels, (0..count).map(|v| (v * 1301) as u16).collect())
            };
            let bytes = encode(&image, &[("langevin", "{\"class\":\"käfer\"}".to_owned())]).unwrap();
            assert_eq!(langevin_data::decode(&bytes, "x").unwrap(), image);
            assert_eq!(text(&bytes).unwrap(), [("langevin".to_owned(), "{\"class\":\"käfer\"}".to_owned())]);
        }
    }

    #[test]
    fn a_profile_goes_along_where_it_fits() {
        let mut profile = vec![7_u8; 200];
        profile[16..20].copy_from_slice(b"RGB ");
        let folder = tempfile::tempdir().unwrap();
        for (channels, kept) in [(1, false), (3, true), (4, true)] {
            let image = Image::from_u8(2, 2, channels, vec![9; 4 * channels]);
            let file = folder.path().join(format!("{channels}.png"));
            std::fs::write(&file, encode_with_profile(&image, &[], Some(&profile)).unwrap()).unwrap();
            assert_eq!(langevin_data::read_profile(&file), kept.then(|| profile.clone()));
            assert_eq!(langevin_data::read_image(&file).unwrap(), image);
        }
    }

    #[test]
    fn a_profile_travels_with_its_image() {
        let mut profile = vec![7_u8; 200];
        profile[16..20].copy_from_slice(b"GRAY");
        let metadata = Metadata { icc: Some(profile.clone().into()), ..Metadata::default() };
        let image = Image::from_u16(2, 1, 1, vec![1, 2]).with_metadata(metadata.clone()).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), encode(&image, &[]).unwrap()).unwrap();
        let read = langevin_data::read_image(file.path()).unwrap();
        assert_eq!((&read, &read.metadata), (&image, &metadata));
    }

    #[test]
    fn every_depth_is_written_and_a_stack_is_not() {
        let float = Image::new(3, 1, 1, Samples::F32(vec![0.0, 1.0, 2.0])).unwrap();
        let read = langevin_data::decode(&encode(&float, &[]).unwrap(), "x").unwrap();
        assert_eq!(read, Image::from_u16(3, 1, 1, vec![0, 65_535, 65_535]));
        let signed = Image::new(2, 1, 1, Samples::I16(vec![i16::MIN, 0])).unwrap();
        let read = langevin_data::decode(&encode(&signed, &[]).unwrap(), "x").unwrap();
        assert_eq!(read, Image::from_u16(2, 1, 1, vec![0, 32_768]));
        let stack = Image::stack(vec![float.clone(), float]).unwrap();
        assert!(encode(&stack, &[]).unwrap_err().to_string().contains("2 slices"));
    }

    #[test]
    fn packed_text_counts_by_what_it_unpacks_to() {
        let packed = |length: usize| {
            let mut bytes = Vec::new();
            let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
            encoder.set_color(png::ColorType::Grayscale);
            encoder.add_ztxt_chunk("langevin".to_owned(), "x".repeat(length)).unwrap();
            encoder.write_header().unwrap().write_image_data(&[0]).unwrap();
            bytes
        };
        assert_eq!(text(&packed(1 << 19)).unwrap()[0].1.len(), 1 << 19);
        let bomb = packed(64 << 20);
        assert!(bomb.len() < 1 << 20);
        assert!(text(&bomb).is_err());
    }

    #[test]
    fn text_of_broken_files_is_an_error() {
        assert_eq!(text(b"nonsense").unwrap_err().exit_code(), 3);
    }
}
