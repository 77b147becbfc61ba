//! The colours and the transparency of an image, apart and together again; depth stays what it was.

use langevin_core::{Image, Samples};

/// An image without transparency, and what there was of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colours {
    /// The image: 1 or 3 channels, or as many as it had.
    pub image: Image,
    /// A gray image of the same size and depth: 0 is transparent.
    pub alpha: Option<Image>,
}

impl Colours {
    /// Takes an image apart: of 2 and 4 channels the last one is transparency.
    pub fn of(image: &Image) -> Self {
        let channels = image.channels;
        if channels != 2 && channels != 4 {
            return Self { image: image.clone(), alpha: None };
        }
        let chosen =
            |first: usize, count: usize| pick(image, |at| (first..first + count).map(move |c| at + c));
        Self { image: chosen(0, channels - 1), alpha: Some(chosen(channels - 1, 1)) }
    }

    /// Which pixels are transparent enough to be drawn anew: less than half opaque.
    pub fn transparent(&self) -> Option<Vec<bool>> {
        self.alpha.as_ref().map(|alpha| match &alpha.samples {
            Samples::U8(samples) => samples.iter().map(|a| *a < 128).collect(),
            Samples::U16(samples) => samples.iter().map(|a| *a < 32_768).collect(),
        })
    }

    /// Makes the pixels opaque where `drawn` is true: they have become part of the image.
    pub fn make_opaque(&mut self, drawn: impl Fn(usize) -> bool) {
        match self.alpha.as_mut().map(|alpha| &mut alpha.samples) {
            Some(Samples::U8(alpha)) => {
                alpha.iter_mut().enumerate().filter(|(at, _)| drawn(*at)).for_each(|(_, a)| *a = u8::MAX);
            }
            Some(Samples::U16(alpha)) => {
                alpha.iter_mut().enumerate().filter(|(at, _)| drawn(*at)).for_each(|(_, a)| *a = u16::MAX);
            }
            None => {}
        }
    }

    /// `image` with the transparency there was, each of its pixels as often as the image is larger by a whole number;
    /// without it where the sizes do not go together.
    pub fn with_alpha(&self, image: Image) -> Image {
        let Some(alpha) = &self.alpha else { return image };
        let (across, down) = (image.width / alpha.width, image.height / alpha.height);
        if (alpha.width * across, alpha.height * down) != (image.width, image.height) {
            return image;
        }
        let channels = image.channels;
        let place = |pixel: usize| {
            let (x, y) = (pixel % image.width / across, pixel / image.width / down);
            y * alpha.width + x
        };
        match (&image.samples, &alpha.samples) {
            (Samples::U8(colours), Samples::U8(alpha)) => {
                let all = join(colours, channels, |pixel| alpha[place(pixel)]);
                Image::from_u8(image.width, image.height, channels + 1, all)
            }
            (Samples::U16(colours), Samples::U16(alpha)) => {
                let all = join(colours, channels, |pixel| alpha[place(pixel)]);
                Image::from_u16(image.width, image.height, channels + 1, all)
            }
            _ => image,
        }
    }
}

/// An image of planes (channel, height, width) in [-1, 1] with as many bits as `like` has.
pub fn to_depth(values: &[f32], [channels, height, width]: [usize; 3], like: &Image) -> Image {
    match like.samples {
        Samples::U8(_) => Image::from_signed(values, channels, height, width),
        Samples::U16(_) => Image::from_signed_16(values, channels, height, width),
    }
}

/// `image` with the samples of `original` where `kept`, in planes (channel, height, width), is true. Both have one shape and
/// depth.
pub fn keep(image: &mut Image, original: &Image, kept: &[bool]) {
    let (channels, plane) = (image.channels, image.width * image.height);
    let stays = |at: usize| kept[at % channels * plane + at / channels];
    match (&mut image.samples, &original.samples) {
        (Samples::U8(to), Samples::U8(from)) => copy(to, from, stays),
        (Samples::U16(to), Samples::U16(from)) => copy(to, from, stays),
        _ => {}
    }
}

fn copy<T: Copy>(to: &mut [T], from: &[T], stays: impl Fn(usize) -> bool) {
    to.iter_mut().zip(from).enumerate().filter(|(at, _)| stays(*at)).for_each(|(_, (to, from))| *to = *from);
}

fn pick<I: Iterator<Item = usize>>(image: &Image, of: impl Fn(usize) -> I) -> Image {
    let starts = || (0..image.width * image.height).map(|pixel| pixel * image.channels);
    let channels = of(0).count();
    match &image.samples {
        Samples::U8(samples) => {
            let chosen = starts().flat_map(&of).map(|at| samples[at]).collect();
            Image::from_u8(image.width, image.height, channels, chosen)
        }
        Samples::U16(samples) => {
            let chosen = starts().flat_map(&of).map(|at| samples[at]).collect();
            Image::from_u16(image.width, image.height, channels, chosen)
        }
    }
}

fn join<T: Copy>(colours: &[T], channels: usize, alpha: impl Fn(usize) -> T) -> Vec<T> {
    let pixels = colours.chunks_exact(channels).enumerate();
    pixels
        .flat_map(|(pixel, colours)| colours.iter().copied().chain([alpha(pixel)]).collect::<Vec<T>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_transparency_go_apart_and_together() {
        let rgba = Image::from_u16(2, 1, 4, vec![1, 2, 3, 4, 5, 6, 7, 40_000]);
        let colours = Colours::of(&rgba);
        assert_eq!(colours.image, Image::from_u16(2, 1, 3, vec![1, 2, 3, 5, 6, 7]));
        assert_eq!(colours.transparent(), Some(vec![true, false]));
        assert_eq!(colours.with_alpha(colours.image.clone()), rgba);
        let mut drawn = colours.clone();
        drawn.make_opaque(|at| at == 0);
        assert_eq!(drawn.alpha, Some(Image::from_u16(2, 1, 1, vec![65_535, 40_000])));
        let larger = colours.with_alpha(Image::from_u16(4, 2, 1, vec![9; 8]));
        let Samples::U16(samples) = larger.samples else { panic!("it stays at 16 bits") };
        assert_eq!(samples[..8], [9, 4, 9, 4, 9, 40_000, 9, 40_000]);
        let gray = Image::from_u8(1, 1, 1, vec![7]);
        assert_eq!(Colours::of(&gray), Colours { image: gray.clone(), alpha: None });
    }

    #[test]
    fn kept_samples_are_those_of_the_original() {
        let original = Image::from_u8(2, 1, 3, vec![1, 2, 3, 4, 5, 6]);
        let mut image = Image::from_u8(2, 1, 3, vec![9; 6]);
        keep(&mut image, &original, &[true, false, false, false, false, true]);
        assert_eq!(image.samples, Samples::U8(vec![1, 9, 9, 9, 9, 6]));
    }
}
