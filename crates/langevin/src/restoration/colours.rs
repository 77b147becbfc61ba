//! The colours and the transparency of an image, apart and together again; depth stays what it was.

use langevin_core::Image;

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
        Self { image: image.without_alpha(), alpha: image.alpha() }
    }

    /// Which pixels are transparent enough to be drawn anew: less than half opaque.
    pub fn transparent(&self) -> Option<Vec<bool>> {
        self.alpha.as_ref().and_then(|alpha| self.image.clone().with_alpha(alpha).transparent())
    }

    /// Makes the pixels opaque where `drawn` is true: they have become part of the image.
    pub fn make_opaque(&mut self, drawn: impl Fn(usize) -> bool) {
        if let Some(alpha) = &mut self.alpha {
            let white = alpha.range().1;
            let all = alpha.samples.values().enumerate();
            alpha.samples = alpha.samples.like(all.map(|(at, a)| if drawn(at) { white } else { a }));
        }
    }

    /// `image` with the transparency there was, each of its pixels as often as the image is larger by a whole number;
    /// without it where the sizes do not go together.
    pub fn with_alpha(&self, image: Image) -> Image {
        match &self.alpha {
            Some(alpha) => image.with_alpha(alpha),
            None => image,
        }
    }
}

/// An image of planes (channel, height, width) in [-1, 1] with as many bits as `like` has.
pub fn to_depth(values: &[f32], [channels, height, width]: [usize; 3], like: &Image) -> Image {
    Image::from_signed_like(values, [channels, height, width], like)
}

/// `image` with the samples of `original` where `kept`, in planes (channel, height, width), is true. Both have one shape and
/// depth.
pub fn keep(image: &mut Image, original: &Image, kept: &[bool]) {
    image.keep(original, kept);
}

#[cfg(test)]
mod tests {
    use langevin_core::Samples;

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
