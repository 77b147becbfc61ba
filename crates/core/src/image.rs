//! Images on the host, and the one place where pixels become tensors and tensors become pixels.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

/// The samples of an image, interleaved row by row (height, width, channel).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples {
    /// 8 bits a sample, 0 to 255.
    U8(Vec<u8>),
    /// 16 bits a sample, 0 to 65535.
    U16(Vec<u16>),
}

impl Samples {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(all) => all.len(),
            Self::U16(all) => all.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bits of a sample, 8 or 16.
    pub fn bits(&self) -> u32 {
        match self {
            Self::U8(_) => u8::BITS,
            Self::U16(_) => u16::BITS,
        }
    }

    /// The largest value of a sample, 255 or 65535.
    pub fn white(&self) -> u32 {
        (1 << self.bits()) - 1
    }

    /// Sample `index`.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn at(&self, index: usize) -> u32 {
        match self {
            Self::U8(all) => all[index].into(),
            Self::U16(all) => all[index].into(),
        }
    }

    /// Every sample in order.
    pub fn values(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Other samples of the same depth; of a value above [`Samples::white`] the lowest bits are taken.
    #[must_use]
    pub fn like(&self, values: impl IntoIterator<Item = u32>) -> Self {
        let values = values.into_iter();
        match self {
            Self::U8(_) => Self::U8(values.map(|value| value as u8).collect()),
            Self::U16(_) => Self::U16(values.map(|value| value as u16).collect()),
        }
    }

    /// The samples of `ranges`, one range after another.
    ///
    /// # Panics
    /// If a range ends after the last sample.
    #[must_use]
    pub fn gather(&self, ranges: impl IntoIterator<Item = Range<usize>>) -> Self {
        fn of<T: Copy>(all: &[T], ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<T> {
            let mut chosen = Vec::new();
            ranges.into_iter().for_each(|range| chosen.extend_from_slice(&all[range]));
            chosen
        }
        match self {
            Self::U8(all) => Self::U8(of(all, ranges)),
            Self::U16(all) => Self::U16(of(all, ranges)),
        }
    }
}

/// An image on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Channels a pixel: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA, or any other number.
    pub channels: usize,
    /// `width * height * channels` samples.
    pub samples: Samples,
}

impl Image {
    /// An image of 8-bit samples.
    ///
    /// # Panics
    /// If the number of samples is not `width * height * channels`.
    pub fn from_u8(width: usize, height: usize, channels: usize, samples: Vec<u8>) -> Self {
        assert_eq!(
            samples.len(),
            width * height * channels,
            "samples do not fit {width}x{height}x{channels}"
        );
        Self { width, height, channels, samples: Samples::U8(samples) }
    }

    /// An image of 16-bit samples.
    ///
    /// # Panics
    /// If the number of samples is not `width * height * channels`.
    pub fn from_u16(width: usize, height: usize, channels: usize, samples: Vec<u16>) -> Self {
        assert_eq!(
            samples.len(),
            width * height * channels,
            "samples do not fit {width}x{height}x{channels}"
        );
        Self { width, height, channels, samples: Samples::U16(samples) }
    }

    /// The samples in planes (channel, height, width), 0 -> -1 and the largest value -> 1.
    pub fn to_signed(&self) -> Vec<f32> {
        match &self.samples {
            Samples::U8(samples) => self.planes(samples, |v| (f64::from(v) / 127.5 - 1.0) as f32),
            Samples::U16(samples) => self.planes(samples, |v| (f64::from(v) / 32767.5 - 1.0) as f32),
        }
    }

    /// An 8-bit image from planes (channel, height, width) in [-1, 1]: values outside are clamped, halves round up,
    /// and a value that is not a number becomes 0.
    ///
    /// # Panics
    /// If the number of values is not `channels * height * width`.
    pub fn from_signed(values: &[f32], channels: usize, height: usize, width: usize) -> Self {
        let plane = height * width;
        assert_eq!(values.len(), channels * plane, "values do not fit {channels}x{height}x{width}");
        let mut samples = Vec::with_capacity(values.len());
        for at in 0..plane {
            samples.extend((0..channels).map(|channel| signed_to_byte(values[channel * plane + at])));
        }
        Self::from_u8(width, height, channels, samples)
    }

    /// The same with 16 bits a sample, otherwise as [`Image::from_signed`].
    ///
    /// # Panics
    /// If the number of values is not `channels * height * width`.
    pub fn from_signed_16(values: &[f32], channels: usize, height: usize, width: usize) -> Self {
        let plane = height * width;
        assert_eq!(values.len(), channels * plane, "values do not fit {channels}x{height}x{width}");
        let wide = |value: f32| (f64::from(value) * 32767.5 + 32768.0).floor() as u16;
        let sample = |at: usize| (0..channels).map(move |channel| wide(values[channel * plane + at]));
        Self::from_u16(width, height, channels, (0..plane).flat_map(sample).collect())
    }

    /// An image with as many bits a sample as `like`, by [`Image::from_signed`] or [`Image::from_signed_16`].
    ///
    /// # Panics
    /// If the number of values is not `channels * height * width`.
    pub fn from_signed_like(values: &[f32], [channels, height, width]: [usize; 3], like: &Samples) -> Self {
        match like {
            Samples::U8(_) => Self::from_signed(values, channels, height, width),
            Samples::U16(_) => Self::from_signed_16(values, channels, height, width),
        }
    }

    /// The same image with 8 bits a sample (16-bit samples are rounded).
    #[must_use]
    pub fn to_8_bit(&self) -> Image {
        match &self.samples {
            Samples::U8(_) => self.clone(),
            Samples::U16(wide) => {
                let bytes = wide.iter().map(|v| ((u32::from(*v) * 255 + 32_767) / 65_535) as u8).collect();
                Self::from_u8(self.width, self.height, self.channels, bytes)
            }
        }
    }

    fn planes<T: Copy>(&self, samples: &[T], to: impl Fn(T) -> f32) -> Vec<f32> {
        let mut planes = Vec::with_capacity(samples.len());
        for channel in 0..self.channels {
            planes.extend(samples.iter().skip(channel).step_by(self.channels).map(|v| to(*v)));
        }
        planes
    }
}

fn signed_to_byte(value: f32) -> u8 {
    // `as` saturates, and takes a value that is not a number to 0.
    (f64::from(value) * 127.5 + 128.0).floor() as u8
}

/// A batch tensor `[n, c, h, w]` from planes in [-1, 1].
///
/// # Panics
/// If the number of values does not fit the shape.
pub fn signed_to_batch(values: Vec<f32>, shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The 8-bit images of a batch tensor `[n, c, h, w]` with values in [-1, 1].
pub fn batch_to_images(batch: Tensor<4>) -> Vec<Image> {
    let [_, channels, height, width] = batch.dims();
    let values = batch.try_into_vec_as::<f32>().expect("a float tensor holds floats");
    values
        .chunks(channels * height * width)
        .map(|image| Image::from_signed(image, channels, height, width))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_round_trip() {
        let all: Vec<u8> = (0..=255).collect();
        let image = Image::from_u8(64, 4, 1, all);
        assert_eq!(Image::from_signed(&image.to_signed(), 1, 4, 64), image);
    }

    #[test]
    fn sixteen_bits_survive_the_round_trip() {
        let all: Vec<u16> = (0..=u16::MAX).collect();
        let image = Image::from_u16(128, 256, 2, all);
        assert_eq!(Image::from_signed_16(&image.to_signed(), 2, 256, 128), image);
    }

    #[test]
    fn planes_are_channel_first() {
        let image = Image::from_u8(2, 1, 3, vec![0, 51, 102, 255, 204, 153]);
        let signed = image.to_signed();
        let expected = [-1.0, 1.0, -0.6, 0.6, -0.2, 0.2];
        assert!(signed.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{signed:?}");
    }

    #[test]
    fn values_out_of_range_clamp_and_nan_is_black() {
        let image = Image::from_signed(&[-3.0, 3.0, f32::NAN, 0.0], 1, 1, 4);
        assert_eq!(image.samples, Samples::U8(vec![0, 255, 0, 128]));
    }

    #[test]
    fn sixteen_bits_become_eight_by_rounding() {
        let image = Image::from_u16(3, 1, 1, vec![0, 32_896, 65_535]).to_8_bit();
        assert_eq!(image.samples, Samples::U8(vec![0, 128, 255]));
    }

    #[test]
    fn samples_are_taken_alike_at_both_depths() {
        for (samples, white) in
            [(Samples::U8(vec![7, 255, 0, 9]), 255), (Samples::U16(vec![7, 65_535, 0, 9]), 65_535)]
        {
            assert_eq!((samples.len(), samples.white(), samples.at(1)), (4, white, white));
            assert_eq!(samples.values().collect::<Vec<_>>(), [7, white, 0, 9]);
            assert_eq!(samples.like(samples.values()), samples);
            let chosen = samples.gather([2..4, 0..1, 3..3]);
            assert_eq!(chosen.values().collect::<Vec<_>>(), [0, 9, 7]);
            assert_eq!(chosen.bits(), samples.bits());
            let made = Image::from_signed_like(&[1.0, -1.0], [2, 1, 1], &samples);
            assert_eq!(made.samples.values().collect::<Vec<_>>(), [white, 0]);
        }
    }
}
