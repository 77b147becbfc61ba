//! Stacks: the slices of a volume or the frames of a film as one image, and one by one.

use langevin_process::{Error, Result};

use super::{Image, Samples};

impl Image {
    /// The slices of `images`, one after another, with the metadata of the first.
    ///
    /// # Errors
    /// Bad input: no images, or images of different sizes, channels or depths.
    pub fn stack(images: Vec<Image>) -> Result<Self> {
        let mut images = images.into_iter();
        let Some(mut whole) = images.next() else {
            return Err(Error::bad_input("a stack of no images"));
        };
        for image in images {
            let shape = |p: &Image| (p.width, p.height, p.channels, p.samples.depth());
            if shape(&image) != shape(&whole) {
                return Err(Error::bad_input(format!(
                    "slices of {} x {} pixels with {} channels in {:?} and of {} x {} with {} in {:?} are not a stack",
                    whole.width,
                    whole.height,
                    whole.channels,
                    whole.samples.depth(),
                    image.width,
                    image.height,
                    image.channels,
                    image.samples.depth()
                )));
            }
            match (&mut whole.samples, image.samples) {
                (Samples::U8(all), Samples::U8(more)) => all.extend(more),
                (Samples::U16(all), Samples::U16(more)) => all.extend(more),
                (Samples::I16(all), Samples::I16(more)) => all.extend(more),
                (Samples::F32(all), Samples::F32(more)) => all.extend(more),
                _ => unreachable!("the depths were compared"),
            }
            whole.slices += image.slices;
        }
        Ok(whole)
    }

    /// Slice `index` as an image, with the metadata of all.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    pub fn slice(&self, index: usize) -> Image {
        assert!(index < self.slices, "slice {index} of {}", self.slices);
        let size = self.width * self.height * self.channels;
        let samples = self.samples.gather(std::iter::once(index * size..(index + 1) * size));
        Self::made([self.height, self.width, self.channels], samples, self.metadata.clone())
    }

    /// Every slice as an image.
    pub fn each_slice(&self) -> impl Iterator<Item = Image> + '_ {
        (0..self.slices).map(|index| self.slice(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_go_together_and_apart() {
        let slice = |of: i16| Image::new(2, 1, 1, Samples::I16(vec![of, -of])).unwrap();
        let stack = Image::stack(vec![slice(1), slice(2), slice(3)]).unwrap();
        assert_eq!((stack.slices, stack.samples.clone()), (3, Samples::I16(vec![1, -1, 2, -2, 3, -3])));
        assert!(stack.check().is_ok());
        assert_eq!(stack.each_slice().collect::<Vec<_>>(), [slice(1), slice(2), slice(3)]);
        assert_eq!(Image::stack(vec![stack.clone(), slice(4)]).unwrap().slice(3), slice(4));
        assert_ne!(stack, Image::new(2, 3, 1, stack.samples.clone()).unwrap());
    }

    #[test]
    fn what_is_no_stack_is_refused() {
        let message = |images| Image::stack(images).unwrap_err().to_string();
        assert!(message(Vec::new()).contains("no images"));
        let (gray, wide) = (Image::from_u8(2, 1, 1, vec![0; 2]), Image::from_u16(2, 1, 1, vec![0; 2]));
        assert!(message(vec![gray, wide]).contains("U8 and of 2 x 1 with 1 in U16"));
    }
}
