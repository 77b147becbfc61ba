//! What one image may have and take, and the errors of decoders.

use image::{ImageError, ImageFormat};

use crate::{Error, Result};

/// Largest width or height, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// Most pixels in one image.
pub const MAX_PIXELS: u64 = 64 << 20;
/// Most bytes one decoded image may take: as many as the most pixels of 16 bits with four channels.
pub const MAX_BYTES: u64 = 8 * MAX_PIXELS;

/// What a decoder may allocate in addition to the pixels: little for PNG, whose texts and profiles unpack to any size.
pub fn limits(format: ImageFormat) -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(if format == ImageFormat::Png { langevin_files::SLACK } else { 2 * MAX_BYTES });
    limits
}

/// Refuses an image whose header claims more than one may have.
///
/// # Errors
/// Bad input, with the limit that it is over.
pub fn check_size(width: u32, height: u32, bytes_per_pixel: u64) -> Result<()> {
    let pixels = u64::from(width) * u64::from(height);
    let over = if width > MAX_SIDE || height > MAX_SIDE {
        format!("the limit of {MAX_SIDE} pixels a side")
    } else if pixels > MAX_PIXELS {
        format!("the limit of {} megapixels", MAX_PIXELS >> 20)
    } else if pixels * bytes_per_pixel > MAX_BYTES {
        let [takes, limit] = [pixels * bytes_per_pixel, MAX_BYTES].map(|bytes| bytes >> 20);
        format!("the limit of {limit} MiB: at {bytes_per_pixel} bytes a pixel it takes {takes}")
    } else {
        return Ok(());
    };
    Err(Error::bad_input(format!("{width}x{height} is over {over}")).hint("scale it down, or cut it up"))
}

/// What kept a decoder from decoding a `format`: a kind that it does not know is not broken.
pub fn explained(error: ImageError, format: &str) -> Error {
    match error {
        ImageError::Unsupported(what) => unsupported(format, what.to_string().trim()),
        ImageError::Limits(what) => Error::bad_input(format!("{format} over the limits: {what}"))
            .hint(format!("at most {MAX_SIDE} pixels a side are read")),
        other => Error::bad_input(format!("broken {format}: {}", other.to_string().trim())),
    }
}

/// The error for a kind of `format` that no decoder here reads.
pub fn unsupported(format: &str, what: &str) -> Error {
    Error::bad_input(format!("this kind of {format} is not read: {what}")).hint("convert it to png")
}
