//! Stored samples as numbers from black at -1 to white at 1, and back at any depth.

use std::borrow::Cow;

use burn::tensor::{Device, Tensor, TensorData};

use super::samples::{Sample, at_depth, of_any_depth};
use super::{Depth, Image, Metadata, Samples};

/// Which stored samples are -1 and 1.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    half: f64,
}

impl Scale {
    fn of((low, high): (f64, f64)) -> Self {
        Self { low, half: (high - low) / 2.0 }
    }

    fn signed<T: Sample>(self, stored: T) -> f64 {
        (stored.wide() - self.low) / self.half - 1.0
    }

    fn stored<T: Sample>(self, signed: f64) -> T {
        T::cut(signed * self.half + (self.half + self.low + T::HALF))
    }
}

impl Image {
    /// The samples in planes (slice, channel, height, width), black -> -1 and white -> 1 as [`Image::range`] says; samples
    /// outside of it are outside of [-1, 1].
    pub fn to_signed(&self) -> Vec<f32> {
        let mut planes = Vec::with_capacity(self.samples.len());
        let slice = (self.width * self.height * self.channels).max(1);
        of_any_depth!(&self.samples, all => for slice in all.chunks(slice) {
            for channel in 0..self.channels {
                let scale = self.scale(channel);
                let stored = slice.iter().skip(channel).step_by(self.channels);
                planes.extend(stored.map(|stored| scale.signed(*stored) as f32));
            }
        });
        planes
    }

    /// A batch tensor `[slices, channels, height, width]` of the planes, as [`Image::to_signed`].
    pub fn to_tensor(&self, device: &Device) -> Tensor<4> {
        signed_to_batch(self.to_signed(), [self.slices, self.channels, self.height, self.width], device)
    }

    /// An 8-bit image from planes (channel, height, width) in [-1, 1]: values outside are clamped, halves round up,
    /// and a value that is not a number becomes 0.
    ///
    /// # Panics
    /// If the number of values is not `channels * height * width`.
    pub fn from_signed(values: &[f32], channels: usize, height: usize, width: usize) -> Self {
        Self::of_planes(values, [channels, height, width], Depth::U8, Metadata::default())
    }

    /// The same with 16 bits a sample, otherwise as [`Image::from_signed`].
    ///
    /// # Panics
    /// If the number of values is not `channels * height * width`.
    pub fn from_signed_16(values: &[f32], channels: usize, height: usize, width: usize) -> Self {
        Self::of_planes(values, [channels, height, width], Depth::U16, Metadata::default())
    }

    /// An image of the depth of `like`, with its range and its other metadata, from planes (channel, height, width) in
    /// [-1, 1]. Values are cut off where the depth ends; floating-point samples keep what is outside of [-1, 1], and values
    /// that are not numbers.
    ///
    /// # Panics
    /// If the number of values is not `channels * height * width`.
    pub fn from_signed_like(values: &[f32], shape: [usize; 3], like: &Image) -> Self {
        Self::of_planes(values, shape, like.samples.depth(), like.metadata.clone())
    }

    /// The image of planes (channel, height, width) at `depth`.
    pub(super) fn of_planes(
        values: &[f32],
        [channels, height, width]: [usize; 3],
        depth: Depth,
        metadata: Metadata,
    ) -> Self {
        fn stored<T: Sample>(values: &[f32], scales: &[Scale], plane: usize) -> Samples {
            let mut samples = Vec::with_capacity(values.len());
            for at in 0..plane {
                let signed = |channel: usize| f64::from(values[channel * plane + at]);
                samples.extend(scales.iter().enumerate().map(|(c, scale)| scale.stored::<T>(signed(c))));
            }
            T::samples(samples)
        }
        let plane = height * width;
        assert_eq!(values.len(), channels * plane, "values do not fit {channels}x{height}x{width}");
        // The image says which of its channels is alpha, so it comes first, without samples.
        let none = at_depth!(depth, Number => Number::samples(Vec::new()));
        let image = Self { width, height, channels, slices: 1, samples: none, metadata };
        let scales: Vec<Scale> = (0..channels).map(|channel| image.scale(channel)).collect();
        let samples = at_depth!(depth, Number => stored::<Number>(values, &scales, plane));
        Self { samples, ..image }
    }

    /// The same image with 8 bits a sample over their whole range: rounded, and cut off where it ends.
    #[must_use]
    pub fn to_8_bit(&self) -> Image {
        self.at_full_range(Depth::U8).into_owned()
    }

    /// The samples with 8 bits, as those of [`Image::to_8_bit`].
    pub fn to_bytes(&self) -> Cow<'_, [u8]> {
        match self.at_full_range(Depth::U8) {
            Cow::Borrowed(Image { samples: Samples::U8(bytes), .. }) => Cow::Borrowed(bytes),
            Cow::Owned(Image { samples: Samples::U8(bytes), .. }) => Cow::Owned(bytes),
            _ => unreachable!("the depth was asked for"),
        }
    }

    /// The same image in 8 or 16 bits without a sign, black at 0 and white at 255 or 65535, for what knows no other
    /// images: itself, where it is like that already; else samples of 16 bits, or 8 where they were 8, cut off where the
    /// range ends.
    pub fn to_full_range(&self) -> Cow<'_, Image> {
        self.at_full_range(if self.samples.depth() == Depth::U8 { Depth::U8 } else { Depth::U16 })
    }

    fn at_full_range(&self, depth: Depth) -> Cow<'_, Image> {
        fn moved<A: Sample, B: Sample>(all: &[A], scales: &[(Scale, Scale)]) -> Samples {
            let each = all.iter().zip(scales.iter().cycle());
            B::samples(each.map(|(stored, (from, to))| to.stored(from.signed(*stored))).collect())
        }
        if self.samples.depth() == depth && self.metadata.range.is_none() {
            return Cow::Borrowed(self);
        }
        let to = Scale::of(depth.range());
        let scales: Vec<_> = (0..self.channels).map(|channel| (self.scale(channel), to)).collect();
        let samples = of_any_depth!(&self.samples, all => match depth {
            Depth::U8 => moved::<_, u8>(all, &scales),
            _ => moved::<_, u16>(all, &scales),
        });
        let metadata = self.metadata.moved(self.range(), samples.depth().range());
        Cow::Owned(Self { samples, metadata, ..*self })
    }

    fn scale(&self, channel: usize) -> Scale {
        let is_alpha = self.has_alpha() && channel + 1 == self.channels;
        Scale::of(if is_alpha { self.samples.depth().range() } else { self.range() })
    }
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
    use super::super::Rescale;
    use super::*;

    fn with_range(image: Image, low: f64, high: f64) -> Image {
        image.with_metadata(Metadata { range: Some((low, high)), ..Metadata::default() }).unwrap()
    }

    fn image(width: usize, height: usize, channels: usize, samples: Samples) -> Image {
        Image::new(width, height, channels, samples).unwrap()
    }

    #[test]
    fn every_byte_survives_the_round_trip() {
        let all: Vec<u8> = (0..=255).collect();
        let image = Image::from_u8(64, 4, 1, all);
        assert_eq!(Image::from_signed(&image.to_signed(), 1, 4, 64), image);
    }

    #[test]
    fn sixteen_bits_survive_the_round_trip() {
        let all: Vec<u16> = (0..=u16::MAX).collect();
        let unsigned = Image::from_u16(128, 256, 2, all);
        assert_eq!(Image::from_signed_16(&unsigned.to_signed(), 2, 256, 128), unsigned);
        let signed = image(256, 256, 1, Samples::I16((i16::MIN..=i16::MAX).collect()));
        // A window of a CT keeps what is outside of it.
        for signed in [signed.clone(), with_range(signed, -160.0, 240.0)] {
            assert_eq!(Image::from_signed_like(&signed.to_signed(), [1, 256, 256], &signed), signed);
        }
    }

    #[test]
    fn ranges_say_what_is_black_and_white() {
        let hounsfield =
            with_range(image(5, 1, 1, Samples::I16(vec![-160, 40, 240, 1040, -560])), -160.0, 240.0);
        assert_eq!(hounsfield.to_signed(), [-1.0, 0.0, 1.0, 5.0, -3.0]);
        assert_eq!(hounsfield.to_8_bit().samples, Samples::U8(vec![0, 128, 255, 255, 0]));
        let camera = with_range(Image::from_u16(3, 1, 1, vec![0, 4095, 1365]), 0.0, 4095.0);
        assert_eq!(camera.to_full_range().samples, Samples::U16(vec![0, 65_535, 21_845]));
        let float = image(4, 1, 1, Samples::F32(vec![0.0, 0.5, 1.0, 2.0]));
        assert_eq!(float.to_signed(), [-1.0, 0.0, 1.0, 3.0]);
        let back = Image::from_signed_like(&[-3.0, 0.5, f32::NAN, 0.0], [1, 1, 4], &float);
        assert_eq!(back.samples, Samples::F32(vec![-1.0, 0.75, f32::NAN, 0.5]));
        assert_eq!(*float.to_bytes(), [0, 128, 255, 255]);
        assert_eq!(image(2, 1, 1, Samples::I16(vec![i16::MIN, i16::MAX])).to_signed(), [-1.0, 1.0]);
    }

    #[test]
    fn alpha_has_the_range_of_its_depth() {
        let image = with_range(Image::from_u16(1, 1, 2, vec![4095, 65_535]), 0.0, 4095.0);
        assert_eq!(image.to_signed(), [1.0, 1.0]);
        assert_eq!(Image::from_signed_like(&[1.0, 1.0], [2, 1, 1], &image), image);
        assert_eq!(image.to_8_bit().samples, Samples::U8(vec![255, 255]));
        let metadata = Metadata { opaque: true, ..image.metadata.clone() };
        assert_eq!(image.with_metadata(metadata).unwrap().to_8_bit().samples, Samples::U8(vec![255, 255]));
    }

    #[test]
    fn planes_are_channel_first_slice_by_slice() {
        let image = Image::from_u8(2, 1, 3, vec![0, 51, 102, 255, 204, 153]);
        let signed = image.to_signed();
        let expected = [-1.0, 1.0, -0.6, 0.6, -0.2, 0.2];
        assert!(signed.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{signed:?}");
        let stack = Image::stack(vec![image.clone(), image]).unwrap();
        assert_eq!(stack.to_signed(), [signed.clone(), signed].concat());
        assert_eq!(stack.to_tensor(&Device::flex()).dims(), [2, 3, 1, 2]);
    }

    #[test]
    fn values_out_of_range_clamp_and_nan_is_black() {
        let image = Image::from_signed(&[-3.0, 3.0, f32::NAN, 0.0], 1, 1, 4);
        assert_eq!(image.samples, Samples::U8(vec![0, 255, 0, 128]));
    }

    #[test]
    fn sixteen_bits_become_eight_by_rounding() {
        let all: Vec<u16> = (0..=u16::MAX).collect();
        let rounded: Vec<u8> = all.iter().map(|v| ((u32::from(*v) * 255 + 32_767) / 65_535) as u8).collect();
        assert_eq!(*Image::from_u16(256, 256, 1, all).to_bytes(), rounded);
    }

    #[test]
    fn what_is_in_full_range_stays_and_physical_values_too() {
        let plain = Image::from_u8(1, 1, 1, vec![3]);
        assert!(
            matches!(plain.to_full_range(), Cow::Borrowed(_)) && matches!(plain.to_bytes(), Cow::Borrowed(_))
        );
        let rescale = Some(Rescale { slope: 1.0, intercept: -1024.0 });
        let metadata = Metadata { rescale, range: Some((0.0, 2550.0)), ..Metadata::default() };
        let shown = Image::from_u16(1, 1, 1, vec![1000]).with_metadata(metadata).unwrap().to_8_bit();
        assert_eq!((shown.samples.at(0), shown.metadata.range), (100.0, None));
        let physical = shown.metadata.rescale.unwrap().physical(100.0);
        assert!((physical + 24.0).abs() < 1e-9, "{physical}");
    }

    #[test]
    fn batches_become_8_bit_images() {
        let batch = signed_to_batch(vec![-1.0, 1.0, 0.0, 1.0], [2, 1, 1, 2], &Device::flex());
        let images = batch_to_images(batch);
        assert_eq!(images, [Image::from_u8(2, 1, 1, vec![0, 255]), Image::from_u8(2, 1, 1, vec![128, 255])]);
    }
}
