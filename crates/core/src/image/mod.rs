//! Images on the host, and the one place where pixels become tensors and tensors become pixels.
//!
//! An [`Image`] has its samples as they are stored; [`Planes`] are its colours as numbers that networks see, black at -1
//! and white at 1, with what makes an image of their kind of them again.

mod alpha;
pub mod exif;
mod lifeless;
mod metadata;
mod planes;
mod samples;
mod signed;
mod stack;

use langevin_process::{Error, Result};

pub use metadata::{Metadata, Rescale, Spacing};
pub use planes::{Origin, Planes};
pub use samples::{Depth, Samples};
pub use signed::{batch_to_images, signed_to_batch};

/// Most channels of an image.
const MOST_CHANNELS: usize = 1024;

/// An image on the host, or a stack of images of one shape.
///
/// Two images are equal when their shapes, depths and samples are; metadata does not count, since what is shown is the
/// same. Compare [`Image::metadata`] where it matters.
#[derive(Debug, Clone)]
pub struct Image {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Channels a pixel: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA, or any other number. [`Metadata::opaque`] says that
    /// 2 and 4 are channels without alpha.
    pub channels: usize,
    /// Slices of a volume or frames of a film: 1 of an ordinary image.
    pub slices: usize,
    /// `slices * height * width * channels` samples, in this order: interleaved, row by row.
    pub samples: Samples,
    /// What else is known of the image.
    pub metadata: Metadata,
}

impl Image {
    /// An image of samples that come from outside.
    ///
    /// # Errors
    /// Bad input: no pixels, no channels or more than 1024, or a number of samples that is not `width * height * channels`.
    pub fn new(width: usize, height: usize, channels: usize, samples: Samples) -> Result<Self> {
        let image = Self { width, height, channels, slices: 1, samples, metadata: Metadata::default() };
        image.check()?;
        Ok(image)
    }

    /// An image of 8-bit samples.
    ///
    /// # Panics
    /// If the number of samples is not `width * height * channels`.
    pub fn from_u8(width: usize, height: usize, channels: usize, samples: Vec<u8>) -> Self {
        Self::made([height, width, channels], Samples::U8(samples), Metadata::default())
    }

    /// An image of 16-bit samples.
    ///
    /// # Panics
    /// If the number of samples is not `width * height * channels`.
    pub fn from_u16(width: usize, height: usize, channels: usize, samples: Vec<u16>) -> Self {
        Self::made([height, width, channels], Samples::U16(samples), Metadata::default())
    }

    /// An image of this crate's own samples.
    fn made([height, width, channels]: [usize; 3], samples: Samples, metadata: Metadata) -> Self {
        assert_eq!(
            samples.len(),
            width * height * channels,
            "samples do not fit {width}x{height}x{channels}"
        );
        Self { width, height, channels, slices: 1, samples, metadata }
    }

    /// The same image with other metadata.
    ///
    /// # Errors
    /// As [`Metadata::check`].
    pub fn with_metadata(self, metadata: Metadata) -> Result<Self> {
        metadata.check()?;
        Ok(Self { metadata, ..self })
    }

    /// Whether the numbers of pixels, channels, slices and samples go together, and the metadata means something: of an
    /// image whose fields were set one by one.
    ///
    /// # Errors
    /// Bad input, when they do not.
    pub fn check(&self) -> Result<()> {
        let Self { width, height, channels, slices, .. } = *self;
        if width == 0 || height == 0 || slices == 0 {
            return Err(Error::bad_input("the image has no pixels"));
        }
        if !(1..=MOST_CHANNELS).contains(&channels) {
            return Err(Error::bad_input(format!(
                "an image has 1 to {MOST_CHANNELS} channels, and this one has {channels}"
            )));
        }
        let wanted = [height, channels, slices].iter().try_fold(width, |all, n| all.checked_mul(*n));
        if wanted != Some(self.samples.len()) {
            let stack = if slices == 1 { String::new() } else { format!("{slices} slices of ") };
            return Err(Error::bad_input(format!(
                "{} samples are no image of {stack}{width} x {height} pixels with {channels} channels",
                self.samples.len()
            )));
        }
        self.metadata.check()
    }

    /// The shape of a slice's colours in planes: channels without alpha, height, width.
    pub fn colour_shape(&self) -> [usize; 3] {
        [self.colours(), self.height, self.width]
    }

    /// The stored samples that are black and white: as the metadata say, or as the depth does.
    pub fn range(&self) -> (f64, f64) {
        self.metadata.range.unwrap_or(self.samples.depth().range())
    }

    /// The rows `rows` of the image.
    ///
    /// # Panics
    /// If there are fewer, or several slices.
    #[must_use]
    pub fn rows(&self, rows: std::ops::Range<usize>) -> Self {
        assert_eq!(self.slices, 1, "rows are those of one slice");
        let line = self.width * self.channels;
        let samples = self.samples.gather(std::iter::once(rows.start * line..rows.end * line));
        Self::made([rows.len(), self.width, self.channels], samples, self.metadata.clone())
    }
}

impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        let shape = |image: &Self| [image.slices, image.height, image.width, image.channels];
        shape(self) == shape(other) && self.samples == other.samples
    }
}

impl Eq for Image {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_from_outside_are_checked() {
        assert_eq!(
            Image::new(2, 1, 3, Samples::U8(vec![7; 6])).unwrap(),
            Image::from_u8(2, 1, 3, vec![7; 6])
        );
        let message = |image: Result<Image>| image.unwrap_err().to_string();
        assert!(message(Image::new(0, 1, 1, Samples::U8(vec![]))).contains("no pixels"));
        assert!(message(Image::new(1, 1, 0, Samples::U8(vec![]))).contains("channels"));
        assert!(message(Image::new(1, 1, 1025, Samples::U8(vec![0; 1025]))).contains("1025"));
        assert!(message(Image::new(2, 2, 1, Samples::I16(vec![0; 3]))).contains("3 samples are no image"));
        assert!(message(Image::new(usize::MAX, 2, 1, Samples::F32(vec![0.0]))).contains("1 samples"));
        let empty = Metadata { range: Some((1.0, 0.0)), ..Metadata::default() };
        assert!(message(Image::from_u8(1, 1, 1, vec![0]).with_metadata(empty)).contains("range"));
    }

    #[test]
    fn metadata_do_not_make_images_differ() {
        let image = Image::from_u8(1, 1, 1, vec![9]);
        let icc = Metadata { icc: Some(vec![1, 2].into()), ..Metadata::default() };
        let other = image.clone().with_metadata(icc).unwrap();
        assert_eq!(image, other);
        assert_ne!(image.metadata, other.metadata);
        assert_ne!(image, Image::from_u16(1, 1, 1, vec![9]));
        assert_ne!(Image::from_u8(2, 1, 1, vec![9; 2]), Image::from_u8(1, 2, 1, vec![9; 2]));
    }

    #[test]
    fn rows_are_those_of_the_image() {
        let image = Image::from_u16(2, 3, 1, vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(image.rows(1..3), Image::from_u16(2, 2, 1, vec![3, 4, 5, 6]));
    }
}
