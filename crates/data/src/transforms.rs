//! Making pictures alike: channels, size, crop and flip. [`fit`] is what is worth remembering (the same each
//! time a picture is seen), [`cut`] is what may differ from one showing to the next.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::order::{self, Purpose};
use crate::{Error, Picture, Result, Samples};

/// Which part of a picture is kept when its shape is not the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Crop {
    /// The middle.
    #[default]
    Centre,
    /// Another part each time it is shown.
    Random,
}

/// How pictures are made ready for a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepare {
    /// Width and height, in pixels.
    pub size: (usize, usize),
    /// 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
    pub channels: usize,
    /// Which part is kept.
    pub crop: Crop,
    /// Whether half the showings are mirrored left to right.
    pub flip: bool,
    /// What shows through transparent parts when `channels` has no alpha, as 8-bit RGB.
    pub behind: [u8; 3],
}

impl Prepare {
    /// `width` x `height` with `channels`, the middle of each picture, no mirroring, white behind transparency.
    pub fn new(width: usize, height: usize, channels: usize) -> Self {
        Self { size: (width, height), channels, crop: Crop::Centre, flip: false, behind: [255; 3] }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// Usage when a side is 0 or over 16384, or `channels` is not 1 to 4.
    pub fn check(&self) -> Result<()> {
        let (width, height) = self.size;
        if !(1..=16_384).contains(&width) || !(1..=16_384).contains(&height) {
            return Err(Error::usage(format!("picture size {width}x{height} must lie in 1 to 16384 a side")));
        }
        if !(1..=4).contains(&self.channels) {
            return Err(Error::usage(format!("channels = {} must be 1, 2, 3 or 4", self.channels)));
        }
        Ok(())
    }
}

/// The choices made for one showing of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Where the kept part begins, of the room there is: 0 left, 2^32 - 1 right.
    pub x: u32,
    /// As `x`, downwards.
    pub y: u32,
    /// Whether it is mirrored left to right.
    pub flip: bool,
}

impl Cut {
    /// The middle, not mirrored.
    pub const CENTRE: Self = Self { x: 1 << 31, y: 1 << 31, flip: false };

    /// The choices for showing number `images_seen` of a run with `seed`: a function of these two alone.
    pub fn at(prepare: &Prepare, seed: u64, images_seen: u64) -> Self {
        let place = order::bits(seed, Purpose::Augment, images_seen.wrapping_mul(2));
        let other = order::bits(seed, Purpose::Augment, images_seen.wrapping_mul(2).wrapping_add(1));
        let middle = Self::CENTRE;
        let (x, y) = match prepare.crop {
            Crop::Centre => (middle.x, middle.y),
            Crop::Random => (place as u32, (place >> 32) as u32),
        };
        Self { x, y, flip: prepare.flip && other & 1 == 1 }
    }
}

/// `picture` made ready, from its middle and not mirrored: planes (channel, height, width) in [-1, 1].
///
/// # Errors
/// Usage when `prepare` is impossible or the picture has more than 4 channels.
pub fn prepare(picture: &Picture, prepare: &Prepare) -> Result<Vec<f32>> {
    Ok(cut(&fit(picture, prepare)?, prepare, Cut::CENTRE))
}

/// `picture` with the wanted channels, scaled so that it just covers the wanted size; with [`Crop::Centre`] the
/// rest is cut off too. Scaling is Lanczos-3 with its support widened when shrinking, so nothing aliases, and
/// with alpha premultiplied. A picture that already fits is returned as it is.
///
/// # Errors
/// As [`prepare`].
pub fn fit(picture: &Picture, prepare: &Prepare) -> Result<Picture> {
    prepare.check()?;
    let picture = with_channels(picture, prepare.channels, prepare.behind)?;
    let (width, height) = prepare.size;
    let scale = (width as f64 / picture.width as f64).max(height as f64 / picture.height as f64);
    let covers = |side: usize, least: usize| ((side as f64 * scale).round() as usize).max(least);
    let (full_width, full_height) = (covers(picture.width, width), covers(picture.height, height));
    if prepare.crop == Crop::Random || (full_width, full_height) == (width, height) {
        // A strip a thousand times as long as wide must not become a huge picture.
        let (w, h) = (full_width.min(width * 8), full_height.min(height * 8));
        return resize(&picture, w, h, w as f64 / scale, h as f64 / scale);
    }
    resize(&picture, width, height, width as f64 / scale, height as f64 / scale)
}

/// The part of a fitted picture that `cut` chooses, as planes (channel, height, width) in [-1, 1].
pub fn cut(fitted: &Picture, prepare: &Prepare, cut: Cut) -> Vec<f32> {
    let (width, height) = (prepare.size.0.min(fitted.width), prepare.size.1.min(fitted.height));
    let start = |room: usize, at: u32| order::below(u64::from(at) << 32, room as u64 + 1) as usize;
    let left = start(fitted.width - width, cut.x);
    let top = start(fitted.height - height, cut.y);
    let part = match &fitted.samples {
        Samples::U8(all) => Samples::U8(part(all, fitted, (left, top), (width, height), cut.flip)),
        Samples::U16(all) => Samples::U16(part(all, fitted, (left, top), (width, height), cut.flip)),
    };
    Picture { width, height, channels: fitted.channels, samples: part }.to_signed()
}

fn part<T: Copy>(all: &[T], from: &Picture, at: (usize, usize), size: (usize, usize), flip: bool) -> Vec<T> {
    let (n, mut out) = (from.channels, Vec::with_capacity(size.0 * size.1 * from.channels));
    for y in at.1..at.1 + size.1 {
        let row = &all[(y * from.width + at.0) * n..][..size.0 * n];
        if flip {
            row.chunks_exact(n).rev().for_each(|pixel| out.extend_from_slice(pixel));
        } else {
            out.extend_from_slice(row);
        }
    }
    out
}

/// `picture` with `channels` (1 to 4): gray is the Rec. 601 luma, alpha is kept when there is room for it and
/// otherwise laid over the colour `behind`.
///
/// # Errors
/// Usage when the picture or the wish has another number of channels.
pub fn with_channels(picture: &Picture, channels: usize, behind: [u8; 3]) -> Result<Picture> {
    if picture.channels == channels {
        return Ok(picture.clone());
    }
    if !(1..=4).contains(&picture.channels) || !(1..=4).contains(&channels) {
        return Err(Error::usage(format!("cannot turn {} channels into {channels}", picture.channels)));
    }
    let samples = match &picture.samples {
        Samples::U8(all) => {
            let converted =
                convert(all.iter().map(|&v| u32::from(v)), picture.channels, channels, behind, 255);
            Samples::U8(converted.into_iter().map(|v| v as u8).collect())
        }
        Samples::U16(all) => {
            let converted =
                convert(all.iter().map(|&v| u32::from(v)), picture.channels, channels, behind, 65_535);
            Samples::U16(converted.into_iter().map(|v| v as u16).collect())
        }
    };
    Ok(Picture { width: picture.width, height: picture.height, channels, samples })
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

/// The middle `from_width` x `from_height` of `picture`, resampled to `width` x `height`.
fn resize(
    picture: &Picture,
    width: usize,
    height: usize,
    from_width: f64,
    from_height: f64,
) -> Result<Picture> {
    if (picture.width, picture.height) == (width, height) {
        return Ok(picture.clone());
    }
    use PixelType::{U8, U8x2, U8x3, U8x4, U16, U16x2, U16x3, U16x4};
    let failed = |e: String| Error::failed(format!("resizing to {width}x{height}: {e}"));
    let wide: Vec<u8>;
    let (bytes, kinds) = match &picture.samples {
        Samples::U8(bytes) => (bytes.as_slice(), [U8, U8x2, U8x3, U8x4]),
        Samples::U16(samples) => {
            wide = samples.iter().flat_map(|v| v.to_ne_bytes()).collect();
            (wide.as_slice(), [U16, U16x2, U16x3, U16x4])
        }
    };
    let kind = kinds[picture.channels - 1];
    let source = ImageRef::new(picture.width as u32, picture.height as u32, bytes, kind)
        .map_err(|e| failed(e.to_string()))?;
    let mut target = Image::new(width as u32, height as u32, kind);
    let (from_width, from_height) =
        (from_width.min(picture.width as f64), from_height.min(picture.height as f64));
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).crop(
        (picture.width as f64 - from_width) / 2.0,
        (picture.height as f64 - from_height) / 2.0,
        from_width,
        from_height,
    );
    Resizer::new().resize(&source, &mut target, &options).map_err(|e| failed(e.to_string()))?;
    let samples = match &picture.samples {
        Samples::U8(_) => Samples::U8(target.into_vec()),
        Samples::U16(_) => Samples::U16(
            target.buffer().as_chunks::<2>().0.iter().map(|pair| u16::from_ne_bytes(*pair)).collect(),
        ),
    };
    Ok(Picture { width, height, channels: picture.channels, samples })
}
