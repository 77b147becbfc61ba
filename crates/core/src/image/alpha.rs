//! The alpha of an image: apart from its colours, and together again.

use super::samples::Sample;
use super::{Image, Metadata, Samples};

impl Image {
    /// Whether the last channel is alpha: of two channels and of four, unless [`Metadata::opaque`].
    pub fn has_alpha(&self) -> bool {
        matches!(self.channels, 2 | 4) && !self.metadata.opaque
    }

    /// Channels without alpha.
    pub fn colours(&self) -> usize {
        self.channels - usize::from(self.has_alpha())
    }

    /// The image without its alpha: the same samples of the other channels.
    #[must_use]
    pub fn without_alpha(&self) -> Image {
        if self.has_alpha() { self.chosen(0, self.colours()) } else { self.clone() }
    }

    /// The alpha as a gray image of the same size and depth: black is transparent.
    pub fn alpha(&self) -> Option<Image> {
        let alpha = self.has_alpha().then(|| self.chosen(self.colours(), 1))?;
        Some(Image { metadata: Metadata::default(), ..alpha })
    }

    /// Channels `first..first + count` of every pixel.
    fn chosen(&self, first: usize, count: usize) -> Image {
        let pixels = (0..self.samples.len()).step_by(self.channels);
        let samples = self.samples.gather(pixels.map(|at| at + first..at + first + count));
        Image { channels: count, samples, metadata: self.metadata.clone(), ..*self }
    }

    /// This image with `alpha`, a gray image of its depth, each pixel of it as often as the image is larger by a whole
    /// number; without it where sizes or depths do not go together.
    #[must_use]
    pub fn with_alpha(self, alpha: &Image) -> Image {
        let (across, down) = (self.width / alpha.width.max(1), self.height / alpha.height.max(1));
        let size = (alpha.width * across, alpha.height * down);
        if size != (self.width, self.height) || alpha.slices != self.slices || alpha.channels != 1 {
            return self;
        }
        let place = |pixel: usize| {
            let (row, x) = (pixel / self.width, pixel % self.width / across);
            let (slice, y) = (row / self.height, row % self.height / down);
            (slice * alpha.height + y) * alpha.width + x
        };
        let channels = self.channels;
        let samples = match (&self.samples, &alpha.samples) {
            (Samples::U8(colours), Samples::U8(alpha)) => joined(colours, channels, |at| alpha[place(at)]),
            (Samples::U16(colours), Samples::U16(alpha)) => joined(colours, channels, |at| alpha[place(at)]),
            (Samples::I16(colours), Samples::I16(alpha)) => joined(colours, channels, |at| alpha[place(at)]),
            (Samples::F32(colours), Samples::F32(alpha)) => joined(colours, channels, |at| alpha[place(at)]),
            _ => return self,
        };
        Image { channels: channels + 1, samples, ..self }
    }

    /// Which pixels are less than half opaque, if the image has alpha.
    pub fn transparent(&self) -> Option<Vec<bool>> {
        let (low, high) = self.samples.depth().range();
        let half = low + (high - low) / 2.0;
        self.alpha().map(|alpha| alpha.samples.values().map(|a| a < half).collect())
    }

    /// Takes the samples of `original` where `kept`, in planes (channel, height, width), is true.
    ///
    /// # Panics
    /// If the two differ in shape or depth, or `kept` in shape.
    pub fn keep(&mut self, original: &Image, kept: &[bool]) {
        let (channels, plane) = (self.channels, self.width * self.height);
        assert_eq!(kept.len(), channels * plane, "one for each sample");
        let stays = (0..kept.len()).filter(|at| kept[at % channels * plane + at / channels]);
        self.samples.copy(&original.samples, stays.map(|at| at..at + 1));
    }
}

fn joined<T: Sample>(colours: &[T], channels: usize, alpha: impl Fn(usize) -> T) -> Samples {
    let mut all = Vec::with_capacity(colours.len() / channels * (channels + 1));
    for (pixel, colours) in colours.chunks_exact(channels).enumerate() {
        all.extend_from_slice(colours);
        all.push(alpha(pixel));
    }
    T::samples(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_alpha_go_apart_and_together() {
        let rgba = Image::from_u16(2, 1, 4, vec![1, 2, 3, 4, 5, 6, 7, 40_000]);
        assert_eq!((rgba.colours(), rgba.has_alpha()), (3, true));
        let (colours, alpha) = (rgba.without_alpha(), rgba.alpha().unwrap());
        assert_eq!(colours, Image::from_u16(2, 1, 3, vec![1, 2, 3, 5, 6, 7]));
        assert_eq!(alpha, Image::from_u16(2, 1, 1, vec![4, 40_000]));
        assert_eq!(rgba.transparent(), Some(vec![true, false]));
        assert_eq!(colours.with_alpha(&alpha), rgba);
        let larger = Image::from_u16(4, 2, 1, vec![9; 8]).with_alpha(&alpha);
        let Samples::U16(samples) = larger.samples else { panic!("it stays at 16 bits") };
        assert_eq!(samples[..8], [9, 4, 9, 4, 9, 40_000, 9, 40_000]);
        let other = Image::from_u16(3, 1, 1, vec![9; 3]);
        assert_eq!(other.clone().with_alpha(&alpha), other);
        let gray = Image::from_u8(1, 1, 1, vec![7]);
        assert_eq!((gray.without_alpha(), gray.alpha(), gray.transparent()), (gray, None, None));
    }

    #[test]
    fn half_is_half_at_every_depth() {
        for (samples, transparent) in [
            (Samples::U8(vec![0, 127, 0, 128]), [true, false]),
            (Samples::U16(vec![0, 32_767, 0, 32_768]), [true, false]),
            (Samples::I16(vec![0, -1, 0, 0]), [true, false]),
            (Samples::F32(vec![0.0, 0.49, 0.0, 0.5]), [true, false]),
        ] {
            let image = Image::new(2, 1, 2, samples).unwrap();
            assert_eq!(image.transparent().unwrap(), transparent);
        }
    }

    #[test]
    fn channels_that_are_measurements_have_no_alpha() {
        let metadata = Metadata { opaque: true, ..Metadata::default() };
        let bands = Image::from_u8(1, 1, 4, vec![1, 2, 3, 4]).with_metadata(metadata).unwrap();
        assert_eq!((bands.colours(), bands.alpha(), bands.without_alpha()), (4, None, bands));
    }

    #[test]
    fn kept_samples_are_those_of_the_original() {
        let original = Image::from_u8(2, 1, 3, vec![1, 2, 3, 4, 5, 6]);
        let mut image = Image::from_u8(2, 1, 3, vec![9; 6]);
        image.keep(&original, &[true, false, false, false, false, true]);
        assert_eq!(image.samples, Samples::U8(vec![1, 9, 9, 9, 9, 6]));
    }
}
