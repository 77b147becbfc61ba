//! The colours of an image as numbers, and back into an image of its kind.

use langevin_core::{Image, Purpose, Stream};
use langevin_restore::units::sigma_to_pixels;

/// The colours of an image without its alpha: planes (channel, height, width), black at -1 and white at 1, not clipped.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// `channels * height * width` values.
    pub values: Vec<f32>,
    /// 1 gray, 3 colour.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Values {
    /// The colours of `image`.
    pub fn of(image: &Image) -> Self {
        let channels = image.colours();
        let mut values = image.to_signed();
        values.truncate(channels * image.width * image.height);
        Self { values, channels, height: image.height, width: image.width }
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

    /// The planes, one for each channel.
    pub fn planes(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.height * self.width)
    }

    /// As an image like `like`: of its depth, with its alpha, sample for sample.
    ///
    /// # Panics
    /// If the two differ in size or colours.
    pub fn to_image(&self, like: &Image) -> Image {
        let Self { values, channels, height, width } = self;
        assert_eq!((*channels, *height, *width), (like.colours(), like.height, like.width), "images alike");
        let made = Image::from_signed_like(values, [*channels, *height, *width], like);
        match like.alpha() {
            Some(alpha) => made.with_alpha(&alpha),
            None => made,
        }
    }

    /// Standard deviations as an image: black for 0, white for `white` (the unit of the values) and above.
    pub fn deviations_to_image(&self, white: f64) -> Image {
        let shown: Vec<f32> =
            self.values.iter().map(|value| (f64::from(*value) / white * 2.0 - 1.0) as f32).collect();
        Image::from_signed(&shown, self.channels, self.height, self.width)
    }

    /// The mean of the values, of deviations in units of 0 to 255.
    pub fn mean_in_pixels(&self) -> f64 {
        let sum: f64 = self.values.iter().map(|value| f64::from(*value)).sum();
        sigma_to_pixels(sum / self.values.len().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Samples;

    use super::*;

    #[test]
    fn depth_and_alpha_stay() {
        let gray = Image::from_u16(2, 1, 2, vec![1000, 7, 60_000, 65_535]);
        assert_eq!(Values::of(&gray).to_image(&gray), gray);
        let rgba = Image::from_u8(2, 1, 4, vec![1, 2, 3, 4, 250, 251, 252, 253]);
        let values = Values::of(&rgba);
        assert_eq!((values.channels, values.values.len()), (3, 6));
        let black = Values { values: vec![-1.0; 6], ..values };
        assert_eq!(black.to_image(&rgba).samples, Samples::U8(vec![0, 0, 0, 4, 0, 0, 0, 253]));
    }

    #[test]
    fn noise_has_its_strength_and_is_not_cut_off() {
        let white = Values::of(&Image::from_u8(100, 100, 1, vec![255; 10_000]));
        let noisy = white.clone().with_noise(0.2, 1, 3);
        let square = noisy.values.iter().map(|v| f64::from(v - 1.0).powi(2)).sum::<f64>() / 1e4;
        assert!((square.sqrt() - 0.2).abs() < 0.005, "{}", square.sqrt());
        assert!(noisy.values.iter().any(|value| *value > 1.1));
        assert_eq!(noisy, white.clone().with_noise(0.2, 1, 3));
        assert_ne!(noisy, white.with_noise(0.2, 1, 4));
    }
}
