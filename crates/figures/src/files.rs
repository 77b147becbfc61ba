//! Images as files of several kinds: PNG, JPEG, WebP and TIFF, with their profile, EXIF block, density and text.
//!
//! In a PNG text is chunks. The other kinds carry it as XMP, and the keyword `parameters` as the user comment of EXIF too, where
//! A1111 looks for it.

mod kind;
mod other;
mod xmp;

use langevin_core::{Image, Result};

pub use kind::{Encoded, Kind};

use crate::{gif, png};

/// The quality of a JPEG, from 1 to 100, where nothing else is said.
pub const QUALITY: u8 = 95;

/// `image` (1 to 4 channels) as a file of `kind` with `text` as `(keyword, value)`; `quality` is that of a JPEG.
///
/// # Errors
/// Usage, when the image is empty, a stack, has more than 4 channels, or is too large for the kind.
pub fn encode(image: &Image, kind: Kind, quality: u8, text: &[(&str, String)]) -> Result<Encoded> {
    match kind {
        Kind::Png => Ok(Encoded { bytes: png::encode(image, text)?, lost: Vec::new() }),
        _ => other::encode(image, kind, quality, text),
    }
}

/// The text that [`encode`], or [`gif::encode_with_text`], put into the file `bytes`, as `(keyword, value)`; none where there is none.
///
/// # Errors
/// Bad input: a PNG file that is damaged.
pub fn text(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => png::text(bytes),
        [b'G', b'I', b'F', b'8', ..] => Ok(gif::text(bytes)),
        _ => Ok(xmp::read(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::{Metadata, exif};

    use std::path::Path;

    use super::*;

    /// An image with a profile, an EXIF block and a density.
    fn photo(channels: usize, bits: u32) -> Image {
        // The reader of TIFF files takes no profile that is larger than the pixels.
        let count = 100 * 80 * channels;
        let image = match bits {
            8 => Image::from_u8(100, 80, channels, (0..count).map(|at| (at * 5 % 250) as u8).collect()),
            _ => {
                Image::from_u16(100, 80, channels, (0..count).map(|at| (at * 1301 % 65_000) as u16).collect())
            }
        };
        let mut profile = vec![7_u8; 200];
        profile[16..20].copy_from_slice(if channels <= 2 { b"GRAY" } else { b"RGB " });
        let block = exif::with_comment(None, Some("by hand"), Some((300.0, 300.0))).unwrap();
        let (icc, exif) = (Some(profile.into()), Some(block.into()));
        image
            .with_metadata(Metadata { icc, exif, density: Some((300.0, 300.0)), ..Metadata::default() })
            .unwrap()
    }

    fn read(encoded: &Encoded) -> Image {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &encoded.bytes).unwrap();
        langevin_data::read_image(file.path()).unwrap()
    }

    fn text_of_sample() -> [(&'static str, String); 2] {
        [("parameters", "a cat\nSteps: 3".to_owned()), ("langevin", "{\"a\":\"<ü>\"}".to_owned())]
    }

    #[test]
    fn what_a_kind_can_hold_comes_back() {
        for kind in [Kind::Png, Kind::Jpeg, Kind::WebP, Kind::Tiff] {
            for (channels, bits) in [(1, 8), (2, 8), (3, 8), (4, 8), (1, 16), (3, 16), (4, 16)] {
                let image = photo(channels, bits);
                let encoded = encode(&image, kind, 95, &text_of_sample()).unwrap();
                let back = read(&encoded);
                let what = format!("{kind:?} of {channels} channels with {bits} bits: {:?}", encoded.lost);
                let wide = bits == 16 && matches!(kind, Kind::Jpeg | Kind::WebP);
                assert_eq!(encoded.lost.contains(&"more than 8 bits a sample"), wide, "{what}");
                assert_eq!(
                    encoded.lost.contains(&"alpha"),
                    kind == Kind::Jpeg && image.has_alpha(),
                    "{what}"
                );
                assert_eq!(encoded.lost.contains(&"the EXIF block"), kind == Kind::Tiff, "{what}");
                assert_eq!(back.metadata.density, Some((300.0, 300.0)), "{what}");
                let gray = matches!(kind, Kind::WebP | Kind::Tiff) && channels == 2;
                let colours_alone = gray || (kind == Kind::WebP && channels == 1);
                assert_eq!(back.metadata.icc.is_some(), !colours_alone, "{what}");
                assert_eq!(back.metadata.exif.is_some(), kind != Kind::Tiff, "{what}");
                let texts = text(&encoded.bytes).unwrap();
                for (keyword, value) in text_of_sample() {
                    assert!(texts.contains(&(keyword.to_owned(), value)), "{what}: {texts:?}");
                }
                let coloured = kind == Kind::WebP && channels == 1;
                if ![kind == Kind::Jpeg, wide, gray, coloured].contains(&true) {
                    assert_eq!(back, image, "{what}");
                }
                if kind == Kind::Jpeg {
                    let near = |(a, b): (f64, f64)| (a - b).abs() < 60.0;
                    let shown = image.without_alpha().to_8_bit();
                    assert!(back.samples.values().zip(shown.samples.values()).all(near), "{what}");
                }
            }
        }
    }

    #[test]
    fn text_is_where_other_programs_look_for_it() {
        let encoded = encode(&photo(3, 8), Kind::Jpeg, 95, &text_of_sample()).unwrap();
        let utf16: Vec<u8> = "a cat".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let has = |part: &[u8]| encoded.bytes.windows(part.len()).any(|window| window == part);
        assert!(has(b"Exif\0\0") && has(&utf16) && has(b"http://ns.adobe.com/xap/1.0/\0<?xpacket"));
        let plain = encode(&Image::from_u8(2, 2, 3, vec![9; 12]), Kind::WebP, 95, &[]).unwrap();
        assert_eq!(text(&plain.bytes).unwrap(), []);
    }

    #[test]
    fn names_say_the_kind() {
        let of = |name: &str| Kind::of(Path::new(name));
        assert_eq!(
            ["a.JPG", "b.tif", "c.webp", "d.png"].map(of),
            [Kind::Jpeg, Kind::Tiff, Kind::WebP, Kind::Png].map(Some)
        );
        assert_eq!([of("a.bmp"), of("a")], [None, None]);
    }
}
