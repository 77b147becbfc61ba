//! TIFF with samples that the ordinary decoder leaves out: floating-point gray, 32 and 64 bits. They become 16 bits.

use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};

use super::limits::{MAX_BYTES, check_size, unsupported};
use crate::{Error, Image, Result, Samples};

/// How far beyond 0 to 1 a sample may lie before its range is another one.
const MARGIN: f32 = 0.5;

/// Decodes the first page. Floating-point samples are black at 0 and white at 1, whole numbers over their range.
///
/// # Errors
/// Bad input: broken, of a kind that is not read either, over the limits, or with samples outside of 0 to 1.
pub(super) fn decode(bytes: &[u8]) -> Result<Image> {
    let explain = |error: tiff::TiffError| match error {
        tiff::TiffError::UnsupportedError(what) => unsupported("tiff", &what.to_string()),
        tiff::TiffError::LimitsExceeded => Error::bad_input("it takes more memory than images may"),
        other => Error::bad_input(format!("broken tiff: {other}")),
    };
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_BYTES as usize;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(explain)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(explain)?;
    let colour = decoder.colortype().map_err(explain)?;
    let (channels, bits) = match colour {
        ColorType::Gray(bits) => (1, bits),
        ColorType::GrayA(bits) => (2, bits),
        ColorType::RGB(bits) => (3, bits),
        ColorType::RGBA(bits) => (4, bits),
        other => return Err(unsupported("tiff", &format!("its colours are {other:?}"))),
    };
    check_size(width, height, channels as u64 * u64::from(bits.div_ceil(8)))?;
    let (width, height) = (width as usize, height as usize);
    let values = decoder.read_image().map_err(explain)?;
    let samples = match values {
        DecodingResult::F16(values) => floating(values.into_iter().map(|value| value.to_f32()))?,
        DecodingResult::F32(values) => floating(values.into_iter())?,
        DecodingResult::F64(values) => floating(values.into_iter().map(|value| value as f32))?,
        DecodingResult::U16(values) if bits == 16 => values,
        DecodingResult::U32(values) if bits == 32 => values.into_iter().map(|v| (v >> 16) as u16).collect(),
        DecodingResult::U64(values) if bits == 64 => values.into_iter().map(|v| (v >> 48) as u16).collect(),
        _ => return Err(unsupported("tiff", &format!("its samples of {bits} bits are of another kind"))),
    };
    if samples.len() != width * height * channels {
        return Err(unsupported("tiff", "its channels lie in planes"));
    }
    Image::new(width, height, channels, Samples::U16(samples))
}

/// Samples of 16 bits from numbers between 0 and 1.
fn floating(values: impl ExactSizeIterator<Item = f32> + Clone) -> Result<Vec<u16>> {
    check_range(values.clone())?;
    Ok(values.map(|value| (value.clamp(0.0, 1.0) * 65535.0).round() as u16).collect())
}

/// Refuses floating-point samples of another range than 0 to 1: they would all become white or black.
///
/// # Errors
/// Bad input, with the range.
pub(super) fn check_range(values: impl Iterator<Item = f32>) -> Result<()> {
    let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
    for value in values {
        if !value.is_finite() {
            return Err(Error::bad_input("its samples are not all finite numbers"));
        }
        (least, most) = (least.min(value), most.max(value));
    }
    if least < -MARGIN || most > 1.0 + MARGIN {
        let what = format!("its floating-point samples lie between {least} and {most}, not between 0 and 1");
        return Err(Error::bad_input(what).hint("scale them, or save them as 16-bit whole numbers"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiff::encoder::{TiffEncoder, colortype};

    fn gray(values: &[f32]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        encoder.write_image::<colortype::Gray32Float>(values.len() as u32, 1, values).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn floating_point_gray_is_read_and_another_range_is_named() {
        let image = decode(&gray(&[0.0, 0.5, 1.0, 1.25])).unwrap();
        assert_eq!(image.samples, Samples::U16(vec![0, 32768, 65535, 65535]));
        let message = decode(&gray(&[0.0, 255.0])).unwrap_err().to_string();
        assert!(message.contains("between 0 and 255, not between 0 and 1"), "{message}");
        assert!(decode(&gray(&[f32::NAN])).unwrap_err().to_string().contains("finite"));
    }

    #[test]
    fn thirty_two_bits_become_sixteen() {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new_big(&mut bytes).unwrap();
        encoder.write_image::<colortype::Gray32>(2, 1, &[0, u32::MAX]).unwrap();
        let image = decode(&bytes.into_inner()).unwrap();
        assert_eq!(image.samples, Samples::U16(vec![0, 65535]));
    }
}
