//! A mask hides some values and leaves the others alone: inpainting. A diagonal of ones and zeros, so its own adjoint and
//! pseudo-inverse.

use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Depth, Error, Image, Purpose, Result, Stream};

use crate::operator::{Degradation, Images, Linear, Operator, Shape, Spectral};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "mask",
    aliases: &["inpaint"],
    summary: "some pixels are hidden",
    source: "",
    options: &[
        OptionDoc {
            key: "file",
            default: "",
            doc: "an image of the same size: white is hidden, black is kept",
        },
        OptionDoc { key: "invert", default: "false", doc: "true: black is hidden in the file" },
        OptionDoc {
            key: "box",
            default: "0.5",
            doc: "without a file: a centred box of this share of each side is hidden",
        },
        OptionDoc {
            key: "random",
            default: "0",
            doc: "above 0: this share of pixels is hidden, in place of a box",
        },
        OptionDoc { key: "seed", default: "0", doc: "which pixels those are" },
    ],
    cases: &["mask", "mask:random=0.7,seed=3", "mask:file=mask", "mask:file=mask,invert=true"],
    build: |options| {
        let random = options.number("random", 0.0, 1.0)?;
        let hidden = match options.text("file") {
            "" if random > 0.0 => Hidden::Random(random, options.get("seed")?),
            "" => Hidden::Centre(options.number("box", 0.0, 1.0)?),
            file => Hidden::File(file.to_owned(), options.get("invert")?),
        };
        Ok(Box::new(hidden))
    },
    ..Entry::BLANK
};

/// Which pixels are hidden.
#[derive(Debug)]
enum Hidden {
    /// White ones, or black ones if true.
    File(String, bool),
    Centre(f64),
    Random(f64, u64),
}

impl Degradation for Hidden {
    fn on(&self, shape: Shape, images: &dyn Images) -> Result<Box<dyn Operator>> {
        let [_, height, width] = shape;
        let hidden = match self {
            Self::File(file, invert) => {
                let image = images.open(file)?;
                let ReadMask { hidden, note, .. } = read_mask(&image, file, (width, height), *invert)?;
                note.into_iter().for_each(|note| images.note(note));
                hidden
            }
            Self::Centre(share) => {
                let inside = |at: usize, side: usize| {
                    let hidden = (side as f64 * share).round() as usize;
                    let first = (side - hidden) / 2;
                    (first..first + hidden).contains(&at)
                };
                (0..height * width)
                    .map(|at| inside(at / width, height) && inside(at % width, width))
                    .collect()
            }
            Self::Random(share, seed) => {
                let mut stream = Stream::new(*seed, Purpose::Measurement, 0, 1);
                (0..height * width).map(|_| stream.uniform() < *share).collect()
            }
        };
        Ok(Box::new(Mask::new(shape, &hidden)?))
    }
}

/// Which pixels the mask in the image called `name` hides from an image of `width` and `height`: see [`read_mask`].
///
/// # Errors
/// Bad input: the mask has another size.
pub fn hidden(mask: &Image, name: &str, size: (usize, usize), invert: bool) -> Result<Vec<bool>> {
    read_mask(mask, name, size, invert).map(|read| read.hidden)
}

/// A mask as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadMask {
    /// Which pixels it hides.
    pub hidden: Vec<bool>,
    /// How it was understood, where that is not plain: one sentence.
    pub note: Option<String>,
    /// The values that it holds, in words.
    pub values: String,
}

/// What of a mask is hidden.
#[derive(Debug, Clone, Copy)]
enum Way {
    White,
    Painted,
    Transparent,
    PaintedWhite,
}

/// Reads the mask in the image called `name` for an image of `width` and `height`: it hides white pixels (at least half), or
/// black ones if `invert`. Of a colour image the mean of the channels counts.
///
/// Transparent pixels of a mask in black and white are black. Where what is painted is all of one colour, it is what is painted
/// that is hidden; where it is an image, with other values than black and white, it is what is transparent. Where whole numbers go from 0 to 1, 1 is white.
///
/// # Errors
/// Bad input: the mask has another size.
pub fn read_mask(
    mask: &Image,
    name: &str,
    (width, height): (usize, usize),
    invert: bool,
) -> Result<ReadMask> {
    if (mask.width, mask.height) != (width, height) {
        return Err(Error::bad_input(format!(
            "{name}: the mask has {} x {} pixels, and the image {width} x {height}",
            mask.width, mask.height
        ))
        .hint("a mask must have the size of its image"));
    }
    let (channels, colours) = (mask.channels, mask.colours());
    let mean = |pixel: usize| {
        let sum: f64 = (0..colours).map(|channel| mask.samples.at(pixel * channels + channel)).sum();
        sum / colours as f64
    };
    let transparent = mask.transparent().filter(|pixels| pixels.contains(&true) && pixels.contains(&false));
    let painted = |pixel: &usize| transparent.as_ref().is_none_or(|transparent| !transparent[*pixel]);
    let range = (0..width * height).filter(painted).map(mean);
    let (low, high) = range
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let (black, white) = mask.range();
    let is_whole = mask.samples.depth() != Depth::F32;
    let ones = is_whole && black == 0.0 && high == 1.0 && white > 1.0;
    let half = if ones { 0.5 } else { black + (white - black) / 2.0 };
    let near = (white - black) / 8.0;
    let is_grey = |pixel: usize| (black + near..white - near).contains(&mean(pixel));
    let is_photo = transparent.is_some() && !ones && (0..width * height).filter(painted).any(is_grey);
    let way = match transparent {
        None => Way::White,
        Some(_) if low == high => Way::Painted,
        Some(_) if is_photo => Way::Transparent,
        Some(_) => Way::PaintedWhite,
    };
    let hides = |pixel: usize| match way {
        Way::White => mean(pixel) >= half,
        Way::Painted => painted(&pixel),
        Way::Transparent => !painted(&pixel),
        Way::PaintedWhite => painted(&pixel) && mean(pixel) >= half,
    };
    let hidden = (0..width * height).map(|pixel| hides(pixel) != invert).collect();
    let mut note = match way {
        Way::White => None,
        Way::Painted => Some("what is painted of the mask is what it hides; the rest is transparent"),
        Way::Transparent => Some("what is transparent of the mask is what it hides: the rest is an image"),
        Way::PaintedWhite => Some("transparent pixels of the mask are black"),
    }
    .map(|note| format!("{name}: {note}"));
    if ones {
        note = Some(format!(
            "{name}: its values are 0 and 1, and 1 is taken for white, which is {white} otherwise"
        ));
    }
    let values = match low == high {
        true => format!("all of its values are {low}, where black is {black} and white {white}"),
        false => format!("its values go from {low} to {high}, where black is {black} and white {white}"),
    };
    Ok(ReadMask { hidden, note, values })
}

/// A mask over images of one shape.
#[derive(Debug)]
pub struct Mask {
    shape: Shape,
    kept: Vec<bool>,
    values: Vec<f64>,
}

impl Mask {
    /// Hides the pixels where `hidden`, `height * width` of them, is true, in all channels.
    ///
    /// # Errors
    /// Usage: nothing is hidden, or everything.
    pub fn new(shape: Shape, hidden: &[bool]) -> Result<Self> {
        let kept = (0..shape[0]).flat_map(|_| hidden.iter().map(|hidden| !hidden)).collect();
        Self::of_values(shape, kept)
    }

    /// Leaves the values where `kept`, as many as `shape` holds, is true.
    ///
    /// # Errors
    /// Usage: nothing is hidden, or everything.
    pub fn of_values(shape: Shape, kept: Vec<bool>) -> Result<Self> {
        assert_eq!(kept.len(), shape.iter().product::<usize>(), "the mask does not fit {shape:?}");
        if kept.iter().all(|kept| *kept) {
            return Err(Error::usage("the mask hides nothing, so there is nothing to fill in")
                .hint("white pixels are filled in; --invert-mask swaps black and white"));
        }
        if !kept.iter().any(|kept| *kept) {
            return Err(Error::usage("the mask hides everything, so there is nothing to go by")
                .hint("white pixels are filled in; --invert-mask swaps black and white, and `langevin sample` generates whole images"));
        }
        let values = kept.iter().map(|kept| f64::from(u8::from(*kept))).collect();
        Ok(Self { shape, kept, values })
    }

    fn cover(&self, x: &[f64]) -> Vec<f64> {
        x.iter().zip(&self.kept).map(|(x, kept)| if *kept { *x } else { 0.0 }).collect()
    }
}

impl Operator for Mask {
    fn input(&self) -> Shape {
        self.shape
    }

    fn output(&self) -> Shape {
        self.shape
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        self.cover(x)
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        self.cover(v)
    }

    fn measured(&self) -> Option<&[bool]> {
        Some(&self.kept)
    }

    fn is_mask(&self) -> bool {
        true
    }

    fn linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }
}

impl Linear for Mask {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        self.cover(y)
    }

    fn spectral(&self) -> Option<&dyn Spectral> {
        Some(self)
    }
}

impl Spectral for Mask {
    fn values(&self) -> &[f64] {
        &self.values
    }

    fn analyse(&self, x: &[f64]) -> Vec<f64> {
        x.to_vec()
    }

    fn synthesise(&self, coefficients: &[f64]) -> Vec<f64> {
        coefficients.to_vec()
    }

    fn measure(&self, y: &[f64]) -> Vec<f64> {
        self.cover(y)
    }
}
