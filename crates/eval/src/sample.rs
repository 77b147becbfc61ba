//! One set of pictures that is measured.

use langevin_core::{Error, Picture, Result, Samples};
use langevin_data::order::Permutation;

use crate::{Described, Rows};

/// A set of pictures: their features, and what else the metrics asked for.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// What to call it in messages.
    pub name: String,
    /// The features, one row for each picture.
    pub rows: Rows,
    /// The class that each picture has, or was asked for; `None` for a set without classes.
    pub labels: Option<Vec<u32>>,
    /// What each picture shows, or was asked for, in words; `None` for a set without captions.
    pub captions: Option<Vec<String>>,
    /// The class that each picture is read as by the features, when they read classes.
    pub read: Option<Vec<u32>>,
    /// The pictures themselves, when a metric looks at pixels.
    pub pictures: Vec<Picture>,
}

impl Sample {
    /// An empty one.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds pictures with what was found of them; the pictures are kept only when `keep`.
    pub fn append(
        &mut self,
        pictures: Vec<Picture>,
        labels: &[Option<u32>],
        described: Described,
        keep: bool,
    ) {
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
            self.pictures.extend(pictures);
        }
    }

    /// How many pictures.
    pub fn len(&self) -> usize {
        self.rows.len().max(self.pictures.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pixels of all kept pictures, each as one row in [-1, 1].
    ///
    /// # Errors
    /// Usage, when the pictures differ in size or channels.
    pub fn pixels(&self) -> Result<Rows> {
        pixel_rows(&self.pictures).map_err(|error| error.within(&self.name))
    }
}

/// The pixels of `pictures`, each as one row in [-1, 1].
pub(crate) fn pixel_rows(pictures: &[Picture]) -> Result<Rows> {
    let Some(first) = pictures.first() else { return Ok(Rows::default()) };
    let shape = |p: &Picture| (p.width, p.height, p.channels);
    if let Some(other) = pictures.iter().find(|other| shape(other) != shape(first)) {
        let say = |p: &Picture| format!("{}x{}x{}", p.width, p.height, p.channels);
        return Err(Error::usage(format!("pictures of {} and of {}", say(first), say(other))));
    }
    let values = pictures.iter().flat_map(Picture::to_signed).collect();
    Rows::new(first.width * first.height * first.channels, values)
}

/// `picture` with its pixels in an order that `key` decides: the colours stay, whatever they showed goes. What a metric
/// says of such pictures is its ceiling.
pub(crate) fn shuffled(picture: &Picture, key: u64) -> Picture {
    let Samples::U8(samples) = picture.to_8_bit().samples else { unreachable!("to_8_bit gives 8 bits") };
    let count = picture.width * picture.height;
    let order = Permutation::new(count as u64, key);
    let pixels = (0..count as u64).flat_map(|at| {
        let from = order.at(at) as usize * picture.channels;
        samples[from..from + picture.channels].iter().copied()
    });
    Picture::from_u8(picture.width, picture.height, picture.channels, pixels.collect())
}

impl Sample {
    /// `pictures` with their pixels shuffled, each in an order of its own that depends on `seed`.
    pub fn shuffled(pictures: &[Picture], seed: u64, first: u64) -> Vec<Picture> {
        use langevin_data::order::{Purpose, bits};
        let key = |index: usize| bits(seed, Purpose::Draw, first + index as u64);
        pictures.iter().enumerate().map(|(index, picture)| shuffled(picture, key(index))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffling_keeps_the_pixels_and_loses_their_places() {
        let picture = Picture::from_u8(4, 4, 3, (0..48).collect());
        let other = shuffled(&picture, 7);
        let (Samples::U8(before), Samples::U8(after)) = (&picture.samples, &other.samples) else { panic!() };
        let pixels = |samples: &[u8]| {
            let mut all: Vec<Vec<u8>> = samples.chunks(3).map(<[u8]>::to_vec).collect();
            all.sort();
            all
        };
        assert_ne!(before, after);
        assert_eq!(pixels(before), pixels(after));
    }

    #[test]
    fn labels_are_known_only_where_every_picture_has_one() {
        let mut sample = Sample::new("a");
        let described = || Described { rows: Rows::new(1, vec![0.0, 1.0]).unwrap(), read: None };
        sample.append(Vec::new(), &[Some(3), Some(4)], described(), false);
        assert_eq!(sample.labels, Some(vec![3, 4]));
        sample.append(Vec::new(), &[Some(3), None], described(), false);
        assert_eq!((sample.labels, sample.rows.len()), (None, 4));
    }
}
