//! The colours of an image as numbers, and back into an image of its kind.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::{Depth, Image, Metadata, signed_to_batch};
use crate::noise::{Purpose, Stream};

/// The colours of an image in planes (channel, height, width), black at -1 and white at 1, not clipped, with the
/// [`Origin`] that makes an image of its kind of them.
///
/// Two of them are equal when shapes, values and origins are.
#[derive(Debug, Clone, PartialEq)]
pub struct Planes {
    /// `channels * height * width` values.
    pub values: Vec<f32>,
    /// Channels, alpha not among them.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    origin: Arc<Origin>,
}

/// What planes remember of the image that they came from: its alpha, its depth, and its metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    alpha: Option<Image>,
    depth: Depth,
    metadata: Metadata,
}

/// That of planes that come from no image: 8 bits, without alpha.
impl Default for Origin {
    fn default() -> Self {
        Self { alpha: None, depth: Depth::U8, metadata: Metadata { opaque: true, ..Metadata::default() } }
    }
}

impl Origin {
    /// What planes remember of `image`.
    pub fn of(image: &Image) -> Self {
        Self { alpha: image.alpha(), depth: image.samples.depth(), metadata: image.metadata.clone() }
    }

    /// The image of planes (channel, height, width) at the depth and with the metadata of the origin, without its alpha.
    ///
    /// # Panics
    /// If the number of values is not that of the shape.
    pub fn colours(&self, values: &[f32], shape: [usize; 3]) -> Image {
        Image::of_planes(values, shape, self.depth, self.metadata.clone())
    }

    /// `image` with the alpha there was, as [`Image::with_alpha`].
    pub fn with_alpha(&self, image: Image) -> Image {
        match &self.alpha {
            Some(alpha) => image.with_alpha(alpha),
            None => image,
        }
    }

    /// Makes pixels opaque where `made` is true: they have become part of the image.
    pub fn make_opaque(&mut self, made: impl Fn(usize) -> bool) {
        if let Some(alpha) = &mut self.alpha {
            let white = self.depth.range().1;
            let all = alpha.samples.values().enumerate();
            alpha.samples = alpha.samples.like(all.map(|(at, a)| if made(at) { white } else { a }));
        }
    }
}

impl Planes {
    /// Planes that come from no image, `shape` being channels, height and width.
    ///
    /// # Panics
    /// If the number of values is not that of the shape.
    pub fn new(values: Vec<f32>, shape: [usize; 3]) -> Self {
        Self::from_origin(values, shape, Arc::default())
    }

    /// The colours of `image`.
    ///
    /// # Panics
    /// If it has several slices: each has planes of its own, see [`Image::each_slice`].
    pub fn of(image: &Image) -> Self {
        assert_eq!(image.slices, 1, "each slice has planes of its own");
        let shape = image.colour_shape();
        let mut values = image.to_signed();
        values.truncate(shape.iter().product());
        Self::from_origin(values, shape, Arc::new(Origin::of(image)))
    }

    /// The planes of a batch `[1, channels, height, width]`.
    ///
    /// # Panics
    /// If it holds another number of images.
    pub fn from_tensor(batch: Tensor<4>) -> Self {
        let [n, c, h, w] = batch.dims();
        assert_eq!(n, 1, "planes are those of one image");
        Self::new(batch.try_into_vec_as::<f32>().expect("a float tensor holds floats"), [c, h, w])
    }

    /// Other values of the same shape and origin.
    ///
    /// # Panics
    /// If their number is another one.
    #[must_use]
    pub fn with_values(&self, values: Vec<f32>) -> Self {
        Self::from_origin(values, self.shape(), Arc::clone(&self.origin))
    }

    fn from_origin(values: Vec<f32>, shape: [usize; 3], origin: Arc<Origin>) -> Self {
        let [channels, height, width] = shape;
        assert_eq!(values.len(), channels * height * width, "values do not fit {channels}x{height}x{width}");
        Self { values, channels, height, width, origin }
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// What is remembered of the image that they came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The planes one by one, each of `height * width` values.
    pub fn planes(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact((self.height * self.width).max(1))
    }

    /// A batch `[1, channels, height, width]`.
    pub fn to_tensor(&self, device: &Device) -> Tensor<4> {
        signed_to_batch(self.values.clone(), [1, self.channels, self.height, self.width], device)
    }

    /// As [`Planes::to_tensor`], without a copy.
    pub fn into_tensor(self, device: &Device) -> Tensor<4> {
        signed_to_batch(self.values, [1, self.channels, self.height, self.width], device)
    }

    /// With Gaussian noise of the standard deviation `sigma` (the unit of the values) added, a function of `seed` and the number
    /// `image`; neither clipped nor rounded, as in the benchmarks of denoising.
    #[must_use]
    pub fn with_noise(mut self, sigma: f64, seed: u64, image: u64) -> Self {
        let mut noise = vec![0.0; self.values.len()];
        Stream::new(seed, Purpose::Measurement, image, 0).fill_normal(&mut noise);
        self.values
            .iter_mut()
            .zip(noise)
            .for_each(|(value, noise)| *value += (sigma * f64::from(noise)) as f32);
        self
    }

    /// Means over blocks of `factor` by `factor` pixels, smaller ones at the right and bottom edge; the origin is forgotten.
    ///
    /// # Panics
    /// If `factor` is 0.
    #[must_use]
    pub fn shrunk(&self, factor: usize) -> Self {
        let (width, height) = (self.width.div_ceil(factor), self.height.div_ceil(factor));
        let mut values = Vec::with_capacity(self.channels * width * height);
        for plane in self.planes() {
            for y in 0..height {
                for x in 0..width {
                    let rows = y * factor..((y + 1) * factor).min(self.height);
                    let columns = x * factor..((x + 1) * factor).min(self.width);
                    let count = rows.len() * columns.len();
                    let row_sum = |row: usize| plane[row * self.width..][columns.clone()].iter().sum::<f32>();
                    values.push(rows.map(row_sum).sum::<f32>() / count as f32);
                }
            }
        }
        Self::new(values, [self.channels, height, width])
    }

    /// Takes the values of `original`, of the same shape, where `kept` is true.
    ///
    /// # Panics
    /// If the three differ in length.
    pub fn keep(&mut self, original: &Planes, kept: &[bool]) {
        assert_eq!((self.shape(), self.values.len()), (original.shape(), kept.len()), "planes alike");
        let all = self.values.iter_mut().zip(&original.values).zip(kept);
        all.filter(|(_, kept)| **kept).for_each(|((to, from), _)| *to = *from);
    }

    /// Standard deviations as an image of 8 bits: black for 0, white for `white` (the unit of the values) and above.
    pub fn deviations_to_image(&self, white: f64) -> Image {
        let shown: Vec<f32> =
            self.values.iter().map(|value| (f64::from(*value) / white * 2.0 - 1.0) as f32).collect();
        Image::from_signed(&shown, self.channels, self.height, self.width)
    }

    /// The mean of the values; 0 of none.
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.values.iter().map(|value| f64::from(*value)).sum();
        sum / self.values.len().max(1) as f64
    }

    /// As an image of the origin's kind: of its depth, with its alpha, sample for sample, and its metadata.
    pub fn to_image(&self) -> Image {
        self.origin.with_alpha(self.origin.colours(&self.values, self.shape()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Samples;
    use super::*;

    #[test]
    fn depth_alpha_and_metadata_stay() {
        let gray = Image::from_u16(2, 1, 2, vec![1000, 7, 60_000, 65_535]);
        assert_eq!(Planes::of(&gray).to_image(), gray);
        let rgba = Image::from_u8(2, 1, 4, vec![1, 2, 3, 4, 250, 251, 252, 253]);
        let planes = Planes::of(&rgba);
        assert_eq!((planes.shape(), planes.planes().len()), ([3, 1, 2], 3));
        let black = planes.with_values(vec![-1.0; 6]);
        assert_eq!(black.to_image().samples, Samples::U8(vec![0, 0, 0, 4, 0, 0, 0, 253]));
        let metadata = Metadata { range: Some((-160.0, 240.0)), ..Metadata::default() };
        let ct = Image::new(3, 1, 1, Samples::I16(vec![-160, 240, 1040])).unwrap();
        let ct = ct.with_metadata(metadata.clone()).unwrap();
        let planes = Planes::of(&ct);
        assert_eq!(planes.values, [-1.0, 1.0, 5.0]);
        assert_eq!((planes.to_image(), planes.to_image().metadata), (ct, metadata));
        let two = Planes::new(vec![-1.0, 1.0], [2, 1, 1]).to_image();
        assert_eq!((&two, two.has_alpha()), (&Image::from_u8(1, 1, 2, vec![0, 255]), false));
    }

    #[test]
    fn made_pixels_become_opaque() {
        let rgba = Image::from_u16(2, 1, 4, vec![1, 2, 3, 4, 5, 6, 7, 40_000]);
        let mut origin = Origin::of(&rgba);
        origin.make_opaque(|at| at == 0);
        let made = origin.with_alpha(rgba.without_alpha());
        assert_eq!(made, Image::from_u16(2, 1, 4, vec![1, 2, 3, 65_535, 5, 6, 7, 40_000]));
    }

    #[test]
    fn noise_has_its_strength_and_is_not_cut_off() {
        let white = Planes::of(&Image::from_u8(100, 100, 1, vec![255; 10_000]));
        let noisy = white.clone().with_noise(0.2, 1, 3);
        let square = noisy.values.iter().map(|v| f64::from(v - 1.0).powi(2)).sum::<f64>() / 1e4;
        assert!((square.sqrt() - 0.2).abs() < 0.005, "{}", square.sqrt());
        assert!(noisy.values.iter().any(|value| *value > 1.1));
        assert_eq!(noisy, white.clone().with_noise(0.2, 1, 3));
        assert_ne!(noisy, white.with_noise(0.2, 1, 4));
    }

    #[test]
    fn shrinking_takes_means() {
        let planes = Planes::new(vec![0.0, 1.0, 0.5, 1.0, 0.0, -0.5], [1, 2, 3]);
        assert_eq!(planes.shrunk(2), Planes::new(vec![0.5, 0.0], [1, 1, 2]));
    }

    #[test]
    fn deviations_are_shown_and_averaged() {
        let planes = Planes::new(vec![0.0, 0.1, 0.2, 0.5], [1, 1, 4]);
        assert_eq!(planes.deviations_to_image(0.2), Image::from_u8(4, 1, 1, vec![0, 128, 255, 255]));
        assert!((planes.mean() - 0.2).abs() < 1e-7);
        assert_eq!(Planes::new(Vec::new(), [1, 0, 0]).mean(), 0.0);
    }

    #[test]
    fn tensors_and_masks_go_by_the_same_order() {
        let planes = Planes::new(vec![1.0, 2.0, 3.0, 4.0], [2, 1, 2]);
        assert_eq!(Planes::from_tensor(planes.to_tensor(&Device::flex())), planes);
        let mut other = planes.with_values(vec![0.0; 4]);
        other.keep(&planes, &[false, true, true, false]);
        assert_eq!(other.values, [0.0, 2.0, 3.0, 0.0]);
    }
}
