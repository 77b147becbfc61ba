//! One set of images that is measured.

use langevin_core::{Error, Image, Result};
use langevin_data::order::Permutation;

use crate::{Described, Rows};

/// A set of images: their features, and what else the metrics asked for.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// What to call it in messages.
    pub name: String,
    /// The features, one row for each image.
    pub rows: Rows,
    /// The class that each image has, or was asked for; `None` for a set without classes.
    pub labels: Option<Vec<u32>>,
    /// What each image shows, or was asked for, in words; `None` for a set without captions.
    pub captions: Option<Vec<String>>,
    /// The class that each image is read as by the features, when they read classes.
    pub read: Option<Vec<u32>>,
    /// The images themselves, when a metric looks at pixels.
    pub images: Vec<Image>,
}

impl Sample {
    /// An empty one.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds images with what was found of them; the images are kept only when `keep`.
    pub fn append(&mut self, images: Vec<Image>, labels: &[Option<u32>], described: Described, keep: bool) {
        let first = self.is_empty();
        let known: Option<Vec<u32>> = labels.iter().copied().collect();
        self.labels = match (known, self.labels.take()) {
            (Some(more), _) if first => Some(more),
            (Some(more), Some(mut all)) => {
                all.extend(more);
                Some(all)
            }
            _ => None,
        };
        match (described.read, &mut self.read) {
            (Some(more), Some(all)) => all.extend(more),
            (more, read) => *read = more,
        }
        if !described.rows.is_empty() {
            self.rows.append(described.rows);
        }
        if keep {
            self.images.extend(images);
        }
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.rows.len().max(self.images.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pixels of all kept images, each as one row in [-1, 1].
    ///
    /// # Errors
    /// Usage, when the images differ in size or channels.
    pub fn pixels(&self) -> Result<Rows> {
        pixel_rows(&self.images).map_err(|error| error.within(&self.name))
    }
}

/// The pixels of `images`, each as one row in [-1, 1].
pub(crate) fn pixel_rows(images: &[Image]) -> Result<Rows> {
    let Some(first) = images.first() else { return Ok(Rows::default()) };
    let shape = |p: &Image| (p.width, p.height, p.channels);
    if let Some(other) = images.iter().find(|other| shape(other) != shape(first)) {
        let say = |p: &Image| format!("{}x{}x{}", p.width, p.height, p.channels);
        return Err(Error::usage(format!("images of {} and of {}", say(first), say(other))));
    }
    let values = images.iter().flat_map(Image::to_signed).collect();
    Rows::new(first.width * first.height * first.channels, values)
}

/// `image` with its pixels in an order that `key` decides: the colours stay, whatever they showed goes. What a metric
/// says of such images is its ceiling.
pub(crate) fn shuffled(image: &Image, key: u64) -> Image {
    let samples = image.to_bytes();
    let count = image.width * image.height;
    let order = Permutation::new(count as u64, key);
    let pixels = (0..count as u64).flat_map(|at| {
        let from = order.at(at) as usize * image.channels;
        samples[from..from + image.channels].iter().copied()
    });
    Image::from_u8(image.width, image.height, image.channels, pixels.collect())
}

impl Sample {
    /// `images` with their pixels shuffled, each in an order of its own that depends on `seed`.
    pub fn shuffled(images: &[Image], seed: u64, first: u64) -> Vec<Image> {
        use langevin_data::order::{Purpose, bits};
        let key = |index: usize| bits(seed, Purpose::Draw, first + index as u64);
        images.iter().enumerate().map(|(index, image)| shuffled(image, key(index))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffling_keeps_the_pixels_and_loses_their_places() {
        let image = Image::from_u8(4, 4, 3, (0..48).collect());
        let other = shuffled(&image, 7);
        let (before, after) = (image.to_bytes(), other.to_bytes());
        let pixels = |samples: &[u8]| {
            let mut all: Vec<Vec<u8>> = samples.chunks(3).map(<[u8]>::to_vec).collect();
            all.sort();
            all
        };
        assert_ne!(before, after);
        assert_eq!(pixels(&before), pixels(&after));
    }

    #[test]
    fn labels_are_known_only_where_every_image_has_one() {
        let mut sample = Sample::new("a");
        let described = || Described { rows: Rows::new(1, vec![0.0, 1.0]).unwrap(), read: None };
        sample.append(Vec::new(), &[Some(3), Some(4)], described(), false);
        assert_eq!(sample.labels, Some(vec![3, 4]));
        sample.append(Vec::new(), &[Some(3), None], described(), false);
        assert_eq!((sample.labels, sample.rows.len()), (None, 4));
    }
}
