//! Animated GIF files: the reverse process as a film.

use langevin_core::{Error, Image, Result};

/// The bytes of a GIF that shows `frames` (all of one size, gray or RGB), each for `centiseconds`, the last for a
/// second and a half, for ever again.
///
/// # Errors
/// Usage, when there is no frame or a frame is larger than 65535 pixels a side.
pub fn encode(frames: &[Image], centiseconds: u16) -> Result<Vec<u8>> {
    let failed =
        |error: &dyn std::fmt::Display| Error::usage(format!("the frames cannot be written as gif: {error}"));
    let first = frames.first().ok_or_else(|| failed(&"there are none"))?;
    let side = |n: usize| u16::try_from(n).map_err(|error| failed(&error));
    let (width, height) = (side(first.width)?, side(first.height)?);
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[]).map_err(|error| failed(&error))?;
    encoder.set_repeat(gif::Repeat::Infinite).map_err(|error| failed(&error))?;
    for (index, image) in frames.iter().enumerate() {
        let mut frame = gif::Frame::from_rgb_speed(width, height, &rgb(image), 10);
        frame.delay = if index + 1 == frames.len() { 150 } else { centiseconds };
        encoder.write_frame(&frame).map_err(|error| failed(&error))?;
    }
    drop(encoder);
    Ok(bytes)
}

fn rgb(image: &Image) -> Vec<u8> {
    let samples = image.to_bytes();
    match image.channels {
        3 => samples.into_owned(),
        1 | 2 => samples.iter().step_by(image.channels).flat_map(|v| [*v; 3]).collect(),
        n => samples.chunks(n).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
    }
}
