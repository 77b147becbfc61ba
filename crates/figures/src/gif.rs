//! Animated GIF files: the reverse process as a film.

use langevin_core::{Error, Image, Result};

/// The bytes of a GIF that shows `frames` (all of one size, gray or RGB), each for `centiseconds`, the last for a
/// second and a half, for ever again. Frames that are all gray share one palette of the 256 grays and keep their values; others
/// have a palette of their own each.
///
/// # Errors
/// Usage, when there is no frame or a frame is larger than 65535 pixels a side.
pub fn encode(frames: &[Image], centiseconds: u16) -> Result<Vec<u8>> {
    encode_with_text(frames, centiseconds, &[])
}

/// As [`encode`], with `text` as `(keyword, value)` in comments: the keyword, a space, and the value.
///
/// # Errors
/// As [`encode`].
pub fn encode_with_text(frames: &[Image], centiseconds: u16, text: &[(&str, String)]) -> Result<Vec<u8>> {
    let failed =
        |error: &dyn std::fmt::Display| Error::usage(format!("the frames cannot be written as gif: {error}"));
    let first = frames.first().ok_or_else(|| failed(&"there are none"))?;
    let side = |n: usize| u16::try_from(n).map_err(|error| failed(&error));
    let (width, height) = (side(first.width)?, side(first.height)?);
    let mut bytes = Vec::new();
    let frames: Vec<Vec<u8>> = frames.iter().map(rgb).collect();
    let gray = frames.iter().all(|frame| frame.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    let palette: Vec<u8> = if gray { (0..=255).flat_map(|v| [v; 3]).collect() } else { Vec::new() };
    let encoder = gif::Encoder::new(&mut bytes, width, height, &palette);
    let mut encoder = encoder.map_err(|error| failed(&error))?;
    encoder.set_repeat(gif::Repeat::Infinite).map_err(|error| failed(&error))?;
    for (keyword, value) in text {
        let comment = format!("{keyword} {value}");
        let parts: Vec<&[u8]> = comment.as_bytes().chunks(255).collect();
        let kind = gif::Extension::Comment.into();
        encoder.write_raw_extension(kind, &parts).map_err(|error| failed(&error))?;
    }
    for (index, pixels) in frames.iter().enumerate() {
        let mut frame = if gray {
            let values: Vec<u8> = pixels.iter().copied().step_by(3).collect();
            gif::Frame::from_indexed_pixels(width, height, values, None)
        } else {
            gif::Frame::from_rgb_speed(width, height, pixels, 10)
        };
        frame.delay = if index + 1 == frames.len() { 150 } else { centiseconds };
        encoder.write_frame(&frame).map_err(|error| failed(&error))?;
    }
    drop(encoder);
    Ok(bytes)
}

/// The text that [`encode_with_text`] put before the frames of the GIF file `bytes`.
pub fn text(bytes: &[u8]) -> Vec<(String, String)> {
    // The header, the screen, and its palette.
    let palette = bytes.get(10).map_or(0, |flags| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) });
    let mut rest = bytes.get(13 + palette..).unwrap_or_default();
    let mut found = Vec::new();
    while let [0x21, kind, after @ ..] = rest {
        let mut data = Vec::new();
        rest = after;
        while let [length, after @ ..] = rest {
            let length = usize::from(*length);
            let Some((part, after)) = after.split_at_checked(length) else { return found };
            data.extend_from_slice(part);
            rest = after;
            if length == 0 {
                break;
            }
        }
        let comment = (*kind == 0xfe).then(|| String::from_utf8(data).ok()).flatten();
        let split = comment.as_deref().and_then(|comment| comment.split_once(' '));
        found.extend(split.map(|(keyword, value)| (keyword.to_owned(), value.to_owned())));
    }
    found
}

fn rgb(image: &Image) -> Vec<u8> {
    let samples = image.to_bytes();
    match image.channels {
        3 => samples.into_owned(),
        1 | 2 => samples.iter().step_by(image.channels).flat_map(|v| [*v; 3]).collect(),
        n => samples.chunks(n).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_films_have_one_palette_and_keep_their_values() {
        let frame = |first: u8| Image::from_u8(16, 16, 1, (0..=255).map(|v| first.wrapping_add(v)).collect());
        let bytes = encode(&[frame(0), frame(7)], 8).unwrap();
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::Indexed);
        let mut decoder = options.read_info(bytes.as_slice()).unwrap();
        assert_eq!(decoder.global_palette().unwrap()[3..6], [1, 1, 1]);
        for first in [0_u8, 7] {
            let read = decoder.read_next_frame().unwrap().unwrap();
            assert!(read.palette.is_none());
            assert_eq!(read.buffer[..3], [first, first + 1, first + 2]);
        }
        assert!(decoder.read_next_frame().unwrap().is_none());
    }

    #[test]
    fn films_carry_text() {
        let frame = Image::from_u8(4, 4, 3, (0..48).collect());
        let text_of = [("langevin", format!("{{\"a\":\"{}\"}}", "x".repeat(600))), ("b", "c d".to_owned())];
        let bytes = encode_with_text(&[frame.clone(), frame], 8, &text_of).unwrap();
        let wanted: Vec<(String, String)> =
            text_of.iter().map(|(keyword, value)| ((*keyword).to_owned(), value.clone())).collect();
        assert_eq!(text(&bytes), wanted);
        assert!((0..bytes.len()).all(|end| text(&bytes[..end]).len() <= 2));
        assert!(langevin_data::decode(&bytes, "film").is_ok());
    }
}
