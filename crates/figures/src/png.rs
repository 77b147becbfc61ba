//! PNG files with text: an image carries the recipe that made it.

use std::borrow::Cow;

use langevin_core::{Error, Image, Result, Samples};

/// Most bytes of text that are read from one image.
const TEXT_LIMIT: usize = 1 << 20;

/// The bytes of a PNG file of `image` (1 to 4 channels, 8 or 16 bits) with `text` as `(keyword, value)` chunks.
///
/// # Errors
/// Usage, when the image is empty or has more than 4 channels.
pub fn encode(image: &Image, text: &[(&str, String)]) -> Result<Vec<u8>> {
    encode_with_profile(image, text, None)
}

/// As [`encode`], with the ICC profile of the image that it was made from, so that it is shown in the same colours. A profile for
/// other colours than the image has (gray, or red, green and blue) is left out.
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
    let failed =
        |error: png::EncodingError| Error::usage(format!("the image cannot be written as png: {error}"));
    let mut bytes = Vec::new();
    let mut info = png::Info::with_size(image.width as u32, image.height as u32);
    info.icc_profile = profile.filter(|profile| is_for(profile, image.channels)).map(Cow::Borrowed);
    let mut encoder = png::Encoder::with_info(&mut bytes, info).map_err(failed)?;
    encoder.set_color(color);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_depth(if matches!(image.samples, Samples::U8(_)) {
        png::BitDepth::Eight
    } else {
        png::BitDepth::Sixteen
    });
    for (keyword, value) in text {
        encoder.add_itxt_chunk((*keyword).to_owned(), value.clone()).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    match &image.samples {
        Samples::U8(samples) => writer.write_image_data(samples),
        Samples::U16(samples) => {
            writer.write_image_data(&samples.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<u8>>())
        }
    }
    .map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// Whether an ICC profile is for images of so many channels (ICC.1:2022, 7.2.6: the colour space of the data).
fn is_for(profile: &[u8], channels: usize) -> bool {
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
    let decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    let reader = decoder.read_info().map_err(|error| bad(&error))?;
    let info = reader.info();
    let mut found = Vec::new();
    for chunk in &info.uncompressed_latin1_text {
        found.push((chunk.keyword.clone(), chunk.text.clone()));
    }
    for chunk in &info.compressed_latin1_text {
        found.push((chunk.keyword.clone(), chunk.get_text().map_err(|error| bad(&error))?));
    }
    for chunk in &info.utf8_text {
        found.push((chunk.keyword.clone(), chunk.get_text().map_err(|error| bad(&error))?));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
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
    fn text_of_broken_files_is_an_error() {
        assert_eq!(text(b"nonsense").unwrap_err().exit_code(), 3);
    }
}
