//! Making images alike: channels, size, crop and flip. [`fit`] is what is worth remembering (the same each
//! time an image is seen), [`cut`] is what may differ from one showing to the next.

use std::ops::Range;

use fast_image_resize::images::{Image as Resized, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::order::{self, Purpose};
use crate::{Depth, Error, Image, Result, Samples, Size};

/// Which part of an image is kept when its shape is not the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Crop {
    /// The middle.
    #[default]
    Centre,
    /// Another part each time it is shown, of the image scaled so that it just covers the wanted size.
    Random,
    /// Another part each time it is shown, of the image at its own scale; one that is smaller than the wanted size is
    /// scaled up to cover it.
    Patch,
}

/// How images are made ready for a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepare {
    /// Width and height, in pixels.
    pub size: Size,
    /// 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
    pub channels: usize,
    /// Which part is kept.
    pub crop: Crop,
    /// Whether half the showings are mirrored left to right.
    pub flip: bool,
    /// Whether each showing is turned by a random number of right angles; needs `size` to be a square.
    pub turn: bool,
    /// What shows through transparent parts when `channels` has no alpha, as 8-bit RGB.
    pub behind: [u8; 3],
}

impl Prepare {
    /// `width` x `height` with `channels`, the middle of each image, no mirroring, white behind transparency.
    pub fn new(width: usize, height: usize, channels: usize) -> Self {
        Self {
            size: Size { width, height },
            channels,
            crop: Crop::Centre,
            flip: false,
            turn: false,
            behind: [255; 3],
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// Usage when a side is 0 or over 16384, `channels` is not 1 to 4, or an image that is no square shall be turned.
    pub fn check(&self) -> Result<()> {
        let Size { width, height } = self.size;
        if !(1..=16_384).contains(&width) || !(1..=16_384).contains(&height) {
            return Err(Error::usage(format!("image size {width}x{height} must lie in 1 to 16384 a side")));
        }
        if !(1..=4).contains(&self.channels) {
            return Err(Error::usage(format!("channels = {} must be 1, 2, 3 or 4", self.channels)));
        }
        if self.turn && width != height {
            return Err(Error::usage(format!("images of {width}x{height} cannot be turned by right angles")));
        }
        Ok(())
    }
}

/// The choices made for one showing of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Where the kept part begins, of the room there is: 0 left, 2^32 - 1 right.
    pub x: u32,
    /// As `x`, downwards.
    pub y: u32,
    /// Whether it is mirrored left to right.
    pub flip: bool,
    /// By how many right angles it is then turned, 0 to 3, anticlockwise.
    pub turns: u8,
}

impl Cut {
    /// The middle, neither mirrored nor turned.
    pub const CENTRE: Self = Self { x: 1 << 31, y: 1 << 31, flip: false, turns: 0 };

    /// The choices for showing number `images_seen` of a run with `seed`: a function of these two alone.
    pub fn at(prepare: &Prepare, seed: u64, images_seen: u64) -> Self {
        let place = order::bits(seed, Purpose::Augment, images_seen.wrapping_mul(2));
        let other = second_bits(seed, images_seen);
        let middle = Self::CENTRE;
        let (x, y) = match prepare.crop {
            Crop::Centre => (middle.x, middle.y),
            Crop::Random | Crop::Patch => (place as u32, (place >> 32) as u32),
        };
        let turns = if prepare.turn { ((other >> 1) & 3) as u8 } else { 0 };
        Self { x, y, flip: prepare.flip && is_mirrored(seed, images_seen), turns }
    }
}

/// Whether showing number `images_seen` of a run with `seed` is mirrored left to right, of a set of which half the showings are.
pub fn is_mirrored(seed: u64, images_seen: u64) -> bool {
    second_bits(seed, images_seen) & 1 == 1
}

/// The second 64 bits of a showing: the lowest mirrors, the two above it turn.
fn second_bits(seed: u64, images_seen: u64) -> u64 {
    order::bits(seed, Purpose::Augment, images_seen.wrapping_mul(2).wrapping_add(1))
}

/// `image` made ready, from its middle and not mirrored: planes (channel, height, width) in [-1, 1].
///
/// # Errors
/// Usage when `prepare` is impossible or the image has more than 4 channels.
pub fn prepare(image: &Image, prepare: &Prepare) -> Result<Vec<f32>> {
    Ok(cut(&fit(image, prepare)?, prepare, Cut::CENTRE))
}

/// `image` with the wanted channels, scaled so that it just covers the wanted size; with [`Crop::Centre`] the
/// rest is cut off too, and with [`Crop::Patch`] an image that covers it already keeps its own scale. Scaling is Lanczos-3 with its support widened when shrinking, so nothing aliases, and
/// with alpha premultiplied. An image that already fits is returned as it is.
///
/// # Errors
/// As [`prepare`].
pub fn fit(image: &Image, prepare: &Prepare) -> Result<Image> {
    prepare.check()?;
    if image.slices != 1 {
        return Err(Error::usage(format!("a stack of {} slices is not one image", image.slices))
            .hint("take its slices one by one"));
    }
    let image = with_channels(&image.to_full_range(), prepare.channels, prepare.behind)?;
    let Size { width, height } = prepare.size;
    let scale = (width as f64 / image.width as f64).max(height as f64 / image.height as f64);
    if prepare.crop == Crop::Patch && scale <= 1.0 {
        return Ok(image);
    }
    let covers = |side: usize, least: usize| ((side as f64 * scale).round() as usize).max(least);
    let (full_width, full_height) = (covers(image.width, width), covers(image.height, height));
    if prepare.crop != Crop::Centre || (full_width, full_height) == (width, height) {
        // A strip a thousand times as long as wide must not become a huge image.
        let (w, h) = (full_width.min(width * 8), full_height.min(height * 8));
        return resize(&image, w, h, w as f64 / scale, h as f64 / scale);
    }
    resize(&image, width, height, width as f64 / scale, height as f64 / scale)
}

/// The part of a fitted image that `cut` chooses, as planes (channel, height, width) in [-1, 1].
pub fn cut(fitted: &Image, prepare: &Prepare, cut: Cut) -> Vec<f32> {
    let (width, height) = (prepare.size.width.min(fitted.width), prepare.size.height.min(fitted.height));
    let start = |room: usize, at: u32| order::below(u64::from(at) << 32, room as u64 + 1) as usize;
    let left = start(fitted.width - width, cut.x);
    let top = start(fitted.height - height, cut.y);
    let n = fitted.channels;
    let rows =
        (top..top + height).map(|y| (y * fitted.width + left) * n..(y * fitted.width + left + width) * n);
    let samples = if cut.flip {
        let mirrored = |row: Range<usize>| (1..=width).map(move |x| row.end - x * n..row.end - (x - 1) * n);
        fitted.samples.gather(rows.flat_map(mirrored))
    } else {
        fitted.samples.gather(rows)
    };
    let planes = Image { width, height, samples, metadata: fitted.metadata.clone(), ..*fitted }.to_signed();
    (0..cut.turns).fold(planes, |planes, _| turned(&planes, width))
}

/// Square planes of side `side`, turned by a right angle anticlockwise.
fn turned(planes: &[f32], side: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(planes.len());
    for plane in planes.chunks_exact(side * side) {
        for column in (0..side).rev() {
            out.extend(plane[column..].iter().step_by(side));
        }
    }
    out
}

/// `image` with `channels` (1 to 4): gray is the Rec. 601 luma, alpha is kept when there is room for it and
/// otherwise laid over the colour `behind`. Other samples than 8 or 16 bits without a sign become such, as
/// [`Image::to_full_range`] makes them.
///
/// # Errors
/// Usage when the image or the wish has another number of channels.
pub fn with_channels(image: &Image, channels: usize, behind: [u8; 3]) -> Result<Image> {
    if image.channels == channels {
        return Ok(image.clone());
    }
    if !(1..=4).contains(&image.channels) || !(1..=4).contains(&channels) {
        return Err(Error::usage(format!("cannot turn {} channels into {channels}", image.channels)));
    }
    let image = image.to_full_range();
    let (all, white) = (image.samples.values().map(|v| v as u32), image.range().1 as u32);
    let made = convert(all, image.channels, channels, behind, white);
    let samples = image.samples.like(made.into_iter().map(f64::from));
    Ok(Image { channels, samples, metadata: image.metadata.clone(), ..*image })
}

fn convert(all: impl Iterator<Item = u32>, from: usize, to: usize, behind: [u8; 3], white: u32) -> Vec<u32> {
    let all: Vec<u32> = all.collect();
    let behind = behind.map(|v| u64::from(v) * u64::from(white) / 255);
    let white = u64::from(white);
    let mut out = Vec::with_capacity(all.len() / from * to);
    for pixel in all.chunks_exact(from) {
        let (mut rgb, alpha) = match *pixel {
            [gray] => ([gray; 3], white),
            [gray, alpha] => ([gray; 3], alpha.into()),
            [r, g, b] => ([r, g, b], white),
            [r, g, b, alpha] => ([r, g, b], alpha.into()),
            _ => continue,
        };
        let keeps_alpha = to == 2 || to == 4;
        if !keeps_alpha && alpha < white {
            for (value, back) in rgb.iter_mut().zip(behind) {
                let mixed = u64::from(*value) * alpha + back * (white - alpha);
                *value = ((mixed + white / 2) / white) as u32;
            }
        }
        if to <= 2 {
            let [r, g, b] = rgb.map(u64::from);
            out.push(((r * 299 + g * 587 + b * 114 + 500) / 1000) as u32);
        } else {
            out.extend(rgb);
        }
        if keeps_alpha {
            out.push(alpha as u32);
        }
    }
    out
}

/// The middle `from_width` x `from_height` of `image`, of 8 or 16 bits without a sign, resampled to `width` x `height`.
fn resize(image: &Image, width: usize, height: usize, from_width: f64, from_height: f64) -> Result<Image> {
    if (image.width, image.height) == (width, height) {
        return Ok(image.clone());
    }
    use PixelType::{U8, U8x2, U8x3, U8x4, U16, U16x2, U16x3, U16x4};
    let failed = |e: String| Error::failed(format!("resizing to {width}x{height}: {e}"));
    let kinds = match image.samples.depth() {
        Depth::U8 => [U8, U8x2, U8x3, U8x4],
        _ => [U16, U16x2, U16x3, U16x4],
    };
    let kind = kinds[image.channels - 1];
    let bytes = image.samples.to_ne_bytes();
    let source = ImageRef::new(image.width as u32, image.height as u32, &bytes, kind)
        .map_err(|e| failed(e.to_string()))?;
    let mut target = Resized::new(width as u32, height as u32, kind);
    let (from_width, from_height) =
        (from_width.min(image.width as f64), from_height.min(image.height as f64));
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).crop(
        (image.width as f64 - from_width) / 2.0,
        (image.height as f64 - from_height) / 2.0,
        from_width,
        from_height,
    );
    Resizer::new().resize(&source, &mut target, &options).map_err(|e| failed(e.to_string()))?;
    let samples = Samples::from_ne_bytes(image.samples.depth(), target.into_vec());
    Ok(Image { width, height, samples, metadata: image.metadata.clone(), ..*image })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(image: &Image) -> Vec<u32> {
        image.samples.values().map(|v| v as u32).collect()
    }

    #[test]
    fn channels_convert_by_the_published_weights() {
        let rgb = Image::from_u8(2, 1, 3, vec![255, 0, 0, 10, 20, 30]);
        assert_eq!(samples(&with_channels(&rgb, 1, [255; 3]).unwrap()), [76, 18]);
        assert_eq!(samples(&with_channels(&rgb, 4, [255; 3]).unwrap()), [255, 0, 0, 255, 10, 20, 30, 255]);
        let faint = Image::from_u8(2, 1, 2, vec![0, 0, 100, 128]);
        assert_eq!(samples(&with_channels(&faint, 1, [255; 3]).unwrap()), [255, 177]);
        assert_eq!(samples(&with_channels(&faint, 3, [0, 0, 0]).unwrap()), [0, 0, 0, 50, 50, 50]);
        let wide = Image::from_u16(1, 1, 4, vec![65_535, 0, 0, 0]);
        assert_eq!(samples(&with_channels(&wide, 3, [255; 3]).unwrap()), [65_535; 3]);
        assert!(with_channels(&rgb, 5, [0; 3]).is_err());
    }

    #[test]
    fn an_image_that_fits_is_untouched_and_the_middle_is_kept() {
        let image = Image::from_u8(3, 2, 1, vec![0, 100, 200, 50, 150, 250]);
        assert_eq!(fit(&image, &Prepare::new(3, 2, 1)).unwrap(), image);
        let middle = prepare(&Image::from_u8(3, 1, 1, vec![0, 255, 0]), &Prepare::new(1, 1, 1)).unwrap();
        assert_eq!(middle, [1.0]);
    }

    #[test]
    fn shrinking_averages_and_does_not_alias() {
        let checks = (0..64 * 64).map(|k| if (k / 64 + k % 64) % 2 == 0 { 255 } else { 0 }).collect();
        let small = fit(&Image::from_u8(64, 64, 1, checks), &Prepare::new(8, 8, 1)).unwrap();
        assert!(samples(&small).iter().all(|v| (120..136).contains(v)), "{:?}", samples(&small));
        let flat = Image::from_u16(40, 30, 3, vec![12_345; 3600]);
        assert!(
            samples(&fit(&flat, &Prepare::new(7, 9, 3)).unwrap()).iter().all(|v| v.abs_diff(12_345) <= 1)
        );
    }

    #[test]
    fn cuts_reach_both_ends_and_flips_mirror() {
        let image = Image::from_u8(4, 2, 1, vec![0, 85, 170, 255, 0, 85, 170, 255]);
        let wish = Prepare { crop: Crop::Random, flip: true, ..Prepare::new(2, 2, 1) };
        let first = |place: Cut| ((cut(&image, &wish, place)[0] + 1.0) * 127.5).round() as u32;
        assert_eq!(first(Cut { x: 0, y: 0, ..Cut::CENTRE }), 0);
        assert_eq!(first(Cut { x: u32::MAX, y: 0, ..Cut::CENTRE }), 170);
        assert_eq!(first(Cut { x: 0, y: 0, flip: true, ..Cut::CENTRE }), 85);
        let all: Vec<Cut> = (0..200).map(|k| Cut::at(&wish, 3, k)).collect();
        let flips = all.iter().filter(|place| place.flip).count();
        assert!((70..130).contains(&flips), "{flips}");
        assert_eq!(all[7], Cut::at(&wish, 3, 7));
        assert!(all.iter().zip(0..).all(|(place, k)| place.flip == is_mirrored(3, k)));
    }

    #[test]
    fn patches_keep_the_scale_and_small_images_are_scaled_up() {
        let large = Image::from_u8(40, 30, 1, (0..1200).map(|v| (v % 251) as u8).collect());
        let wish = Prepare { crop: Crop::Patch, ..Prepare::new(8, 8, 1) };
        let fitted = fit(&large, &wish).unwrap();
        assert_eq!(fitted, large);
        let corner = cut(&fitted, &wish, Cut { x: u32::MAX, y: u32::MAX, ..Cut::CENTRE });
        let last = f64::from(samples(&large)[1199]) / 127.5 - 1.0;
        assert!((f64::from(corner[63]) - last).abs() < 1e-6, "{corner:?}");
        let small = fit(&Image::from_u8(4, 6, 3, vec![9; 72]), &wish).unwrap();
        assert_eq!((small.width, small.height, small.channels), (8, 12, 1));
    }

    #[test]
    fn turns_are_right_angles_anticlockwise() {
        let image = Image::from_u8(2, 2, 1, vec![0, 85, 170, 255]);
        let wish = Prepare { turn: true, ..Prepare::new(2, 2, 1) };
        let at = |turns| {
            let planes = cut(&image, &wish, Cut { turns, ..Cut::CENTRE });
            planes.iter().map(|v| ((v + 1.0) * 127.5).round() as u32).collect::<Vec<_>>()
        };
        assert_eq!(
            [at(0), at(1), at(2), at(3)],
            [[0, 85, 170, 255], [85, 255, 0, 170], [255, 170, 85, 0], [170, 0, 255, 85]]
        );
        let turns: Vec<usize> = (0..400).map(|k| usize::from(Cut::at(&wish, 3, k).turns)).collect();
        assert!((0..4).all(|n| (60..140).contains(&turns.iter().filter(|t| **t == n).count())));
        assert!(Prepare { turn: true, ..Prepare::new(2, 3, 1) }.check().is_err());
    }
}
