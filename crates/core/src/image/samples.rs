//! The samples of an image, at each depth.

use std::borrow::Cow;
use std::ops::Range;

/// How a sample is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// 8 bits, 0 to 255.
    U8,
    /// 16 bits, 0 to 65535.
    U16,
    /// 16 bits with a sign, -32768 to 32767.
    I16,
    /// 32-bit floating-point numbers, any; 0 is black and 1 is white unless [`crate::Metadata::range`] says otherwise.
    F32,
}

impl Depth {
    /// Bits of a sample: 8, 16 or 32.
    pub fn bits(self) -> u32 {
        match self {
            Self::U8 => u8::BITS,
            Self::U16 | Self::I16 => u16::BITS,
            Self::F32 => 32,
        }
    }

    /// The sample that is black and the one that is white, of an image that says nothing else: the smallest and the
    /// largest integer, and 0 and 1.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::U8 => (0.0, u8::MAX.into()),
            Self::U16 => (0.0, u16::MAX.into()),
            Self::I16 => (i16::MIN.into(), i16::MAX.into()),
            Self::F32 => (0.0, 1.0),
        }
    }
}

/// The samples of an image, interleaved row by row: (slice, height, width, channel).
///
/// Two of them are equal when they have one depth and the same bits, so an image with a value that is not a number is
/// equal to itself.
#[derive(Debug, Clone)]
pub enum Samples {
    /// 8 bits a sample, 0 to 255.
    U8(Vec<u8>),
    /// 16 bits a sample, 0 to 65535.
    U16(Vec<u16>),
    /// 16 bits a sample with a sign, -32768 to 32767.
    I16(Vec<i16>),
    /// 32-bit floating-point numbers.
    F32(Vec<f32>),
}

/// The number type of a depth.
pub(super) trait Sample: Copy {
    /// What is added before [`Sample::cut`] so that halves round up.
    const HALF: f64;
    /// Its value.
    fn wide(self) -> f64;
    /// The largest sample that is no larger than `value`, cut off at the ends of the type, a value that is not a number
    /// at 0; for floating-point numbers the nearest.
    fn cut(value: f64) -> Self;
    /// Samples as those of an image.
    fn samples(all: Vec<Self>) -> Samples;
}

macro_rules! whole_numbers {
    ($($number:ident $depth:ident),*) => { $(
        impl Sample for $number {
            const HALF: f64 = 0.5;

            fn wide(self) -> f64 {
                self.into()
            }

            fn cut(value: f64) -> Self {
                // `as` saturates, and takes a value that is not a number to 0.
                value.floor() as Self
            }

            fn samples(all: Vec<Self>) -> Samples {
                Samples::$depth(all)
            }
        }
    )* };
}

whole_numbers!(u8 U8, u16 U16, i16 I16);

impl Sample for f32 {
    const HALF: f64 = 0.0;

    fn wide(self) -> f64 {
        self.into()
    }

    fn cut(value: f64) -> Self {
        value as Self
    }

    fn samples(all: Vec<Self>) -> Samples {
        Samples::F32(all)
    }
}

/// `$made` for the samples of whichever depth, called `$all`.
macro_rules! of_any_depth {
    ($samples:expr, $all:ident => $made:expr) => {
        match $samples {
            $crate::image::Samples::U8($all) => $made,
            $crate::image::Samples::U16($all) => $made,
            $crate::image::Samples::I16($all) => $made,
            $crate::image::Samples::F32($all) => $made,
        }
    };
}

/// `$made` by the number type `$number` of the depth `$depth`.
macro_rules! at_depth {
    ($depth:expr, $number:ident => $made:expr) => {
        match $depth {
            $crate::image::Depth::U8 => {
                type $number = u8;
                $made
            }
            $crate::image::Depth::U16 => {
                type $number = u16;
                $made
            }
            $crate::image::Depth::I16 => {
                type $number = i16;
                $made
            }
            $crate::image::Depth::F32 => {
                type $number = f32;
                $made
            }
        }
    };
}

pub(super) use {at_depth, of_any_depth};

impl Samples {
    /// How many there are.
    pub fn len(&self) -> usize {
        of_any_depth!(self, all => all.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How each is stored.
    pub fn depth(&self) -> Depth {
        match self {
            Self::U8(_) => Depth::U8,
            Self::U16(_) => Depth::U16,
            Self::I16(_) => Depth::I16,
            Self::F32(_) => Depth::F32,
        }
    }

    /// Bits of a sample: 8, 16 or 32.
    pub fn bits(&self) -> u32 {
        self.depth().bits()
    }

    /// Sample `index`, as stored.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn at(&self, index: usize) -> f64 {
        of_any_depth!(self, all => all[index].wide())
    }

    /// Every sample in order, as stored.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Other samples of the same depth: rounded, halves up, and cut off where the depth ends.
    #[must_use]
    pub fn like(&self, values: impl IntoIterator<Item = f64>) -> Self {
        fn made<T: Sample>(values: impl IntoIterator<Item = f64>) -> Samples {
            T::samples(values.into_iter().map(|value| T::cut(value + T::HALF)).collect())
        }
        at_depth!(self.depth(), Number => made::<Number>(values))
    }

    /// The samples of `ranges`, one range after another.
    ///
    /// # Panics
    /// If a range ends after the last sample.
    #[must_use]
    pub fn gather(&self, ranges: impl IntoIterator<Item = Range<usize>>) -> Self {
        fn chosen<T: Sample>(all: &[T], ranges: impl IntoIterator<Item = Range<usize>>) -> Samples {
            let mut chosen = Vec::new();
            ranges.into_iter().for_each(|range| chosen.extend_from_slice(&all[range]));
            T::samples(chosen)
        }
        of_any_depth!(self, all => chosen(all, ranges))
    }

    /// The samples of `ranges` take the place of those in them; `from` has one depth and length with these.
    ///
    /// # Panics
    /// If a range ends after the last sample of either.
    pub(super) fn copy(&mut self, from: &Self, ranges: impl IntoIterator<Item = Range<usize>>) {
        fn copy<T: Sample>(to: &mut [T], from: &[T], ranges: impl IntoIterator<Item = Range<usize>>) {
            ranges.into_iter().for_each(|range| to[range.clone()].copy_from_slice(&from[range]));
        }
        match (self, from) {
            (Self::U8(to), Self::U8(from)) => copy(to, from, ranges),
            (Self::U16(to), Self::U16(from)) => copy(to, from, ranges),
            (Self::I16(to), Self::I16(from)) => copy(to, from, ranges),
            (Self::F32(to), Self::F32(from)) => copy(to, from, ranges),
            (to, from) => panic!("samples of {:?} do not become {:?}", from.depth(), to.depth()),
        }
    }

    /// The bytes of every sample, the lowest first.
    pub fn to_le_bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::U8(all) => Cow::Borrowed(all),
            Self::U16(all) => Cow::Owned(all.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Self::I16(all) => Cow::Owned(all.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Self::F32(all) => Cow::Owned(all.iter().flat_map(|v| v.to_le_bytes()).collect()),
        }
    }

    /// The bytes of every sample, the highest first.
    pub fn to_be_bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::U8(all) => Cow::Borrowed(all),
            Self::U16(all) => Cow::Owned(all.iter().flat_map(|v| v.to_be_bytes()).collect()),
            Self::I16(all) => Cow::Owned(all.iter().flat_map(|v| v.to_be_bytes()).collect()),
            Self::F32(all) => Cow::Owned(all.iter().flat_map(|v| v.to_be_bytes()).collect()),
        }
    }

    /// The bytes of every sample, in the order of this machine.
    pub fn to_ne_bytes(&self) -> Cow<'_, [u8]> {
        if cfg!(target_endian = "big") { self.to_be_bytes() } else { self.to_le_bytes() }
    }

    /// Samples of `depth` from their bytes in the order of this machine; bytes at the end that are less than a sample are
    /// left out.
    pub fn from_ne_bytes(depth: Depth, bytes: Vec<u8>) -> Self {
        match depth {
            Depth::U8 => Self::U8(bytes),
            Depth::U16 => Self::U16(bytes.as_chunks().0.iter().map(|v| u16::from_ne_bytes(*v)).collect()),
            Depth::I16 => Self::I16(bytes.as_chunks().0.iter().map(|v| i16::from_ne_bytes(*v)).collect()),
            Depth::F32 => Self::F32(bytes.as_chunks().0.iter().map(|v| f32::from_ne_bytes(*v)).collect()),
        }
    }
}

impl PartialEq for Samples {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::U8(a), Self::U8(b)) => a == b,
            (Self::U16(a), Self::U16(b)) => a == b,
            (Self::I16(a), Self::I16(b)) => a == b,
            (Self::F32(a), Self::F32(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            _ => false,
        }
    }
}

impl Eq for Samples {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_taken_alike_at_every_depth() {
        for (samples, second, bits) in [
            (Samples::U8(vec![7, 255, 0, 9]), 255.0, 8),
            (Samples::U16(vec![7, 65_535, 0, 9]), 65_535.0, 16),
            (Samples::I16(vec![7, -32_768, 0, 9]), -32_768.0, 16),
            (Samples::F32(vec![7.0, -0.125, 0.0, 9.0]), -0.125, 32),
        ] {
            assert_eq!((samples.len(), samples.bits(), samples.at(1)), (4, bits, second));
            assert_eq!(samples.values().collect::<Vec<_>>(), [7.0, second, 0.0, 9.0]);
            assert_eq!(samples.like(samples.values()), samples);
            let chosen = samples.gather([2..4, 0..1, 3..3]);
            assert_eq!(chosen.values().collect::<Vec<_>>(), [0.0, 9.0, 7.0]);
            assert_eq!(chosen.depth(), samples.depth());
            let bytes = samples.to_ne_bytes().into_owned();
            assert_eq!(bytes.len() as u32, 4 * bits / 8);
            assert_eq!(Samples::from_ne_bytes(samples.depth(), bytes), samples);
            let mut other = samples.like([1.0; 4]);
            other.copy(&samples, [1..2, 3..4]);
            assert_eq!(other.values().collect::<Vec<_>>(), [1.0, second, 1.0, 9.0]);
        }
    }

    #[test]
    fn values_beyond_a_depth_are_cut_off_and_halves_round_up() {
        let values = [-1e9, -0.5, 0.5, 1e9, f64::NAN];
        assert_eq!(Samples::U8(Vec::new()).like(values), Samples::U8(vec![0, 0, 1, 255, 0]));
        assert_eq!(Samples::I16(Vec::new()).like(values), Samples::I16(vec![-32_768, 0, 1, 32_767, 0]));
    }

    #[test]
    fn bytes_are_in_the_order_that_is_asked_for() {
        let samples = Samples::I16(vec![-2, 0x0102]);
        assert_eq!(*samples.to_le_bytes(), [0xfe, 0xff, 0x02, 0x01]);
        assert_eq!(*samples.to_be_bytes(), [0xff, 0xfe, 0x01, 0x02]);
        assert_eq!(*Samples::F32(vec![1.0]).to_be_bytes(), [0x3f, 0x80, 0, 0]);
    }

    #[test]
    fn floats_are_equal_by_their_bits() {
        assert_eq!(Samples::F32(vec![f32::NAN]), Samples::F32(vec![f32::NAN]));
        assert_ne!(Samples::F32(vec![0.0]), Samples::F32(vec![-0.0]));
        assert_ne!(Samples::U16(vec![3]), Samples::U8(vec![3]));
    }
}
