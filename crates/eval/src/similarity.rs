//! How alike two images are, on values from 0 to 255: mean squared error and structural similarity.

use langevin_core::{Error, Image, Result};

use crate::metric::{Better, Case, Measured, Value};
use crate::statistics::Mean;

/// Width of the Gaussian window.
pub(crate) const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// One channel of an image, 0 to 255.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<f64>,
}

/// The channels of an image; those of more than 8 bits are not rounded.
pub(crate) fn planes(image: &Image) -> Vec<Plane> {
    let (width, height, channels) = (image.width, image.height, image.channels);
    let (black, white) = image.range();
    let step = (white - black) / 255.0;
    let value = |at: usize| (image.samples.at(at) - black) / step;
    let plane = |channel| (0..width * height).map(|at| value(at * channels + channel)).collect();
    (0..channels).map(|channel| Plane { width, height, values: plane(channel) }).collect()
}

/// Refuses two images of different shapes.
pub(crate) fn same_shape(a: &Image, b: &Image) -> Result<()> {
    let shape = |p: &Image| (p.width, p.height, p.channels);
    if shape(a) == shape(b) {
        return Ok(());
    }
    Err(Error::usage(format!("{:?} and {:?} differ", shape(a), shape(b))))
}

/// The mean of `of` over the pairs of a case, as the number called `name`.
pub(crate) fn over_pairs(
    name: &'static str,
    case: &Case<'_>,
    of: impl Fn(&Image, &Image) -> Result<f64> + Sync,
) -> Result<Measured> {
    use rayon::prelude::*;
    let (judged, reference) = (&case.judged.images, &case.reference.images);
    if judged.len() != reference.len() || judged.is_empty() {
        return Err(Error::usage(format!("{name}: {} images and {}", judged.len(), reference.len()))
            .hint("it compares image with image: give two folders with files of the same names"));
    }
    let one = |(index, (a, b)): (usize, (&Image, &Image))| {
        same_shape(a, b).and_then(|()| of(a, b)).map_err(|error| error.within(format!("pair {index}")))
    };
    let pairs: Vec<_> = judged.iter().zip(reference).enumerate().collect();
    let found = pairs.into_par_iter().map(one).collect::<Result<Vec<f64>>>()?;
    let Mean { mean: value, error } = Mean::of(&found);
    let error = error.filter(|error| error.is_finite());
    let value = Value { name, value, error, count: found.len(), better: Better::Higher };
    Ok(Measured { values: vec![value], nearest: Vec::new() })
}

/// The mean of the structural similarity over all places of the window, and of its contrast and structure alone.
pub(crate) fn ssim(a: &Plane, b: &Plane) -> (f64, f64) {
    let map = |of: fn(f64, f64) -> f64| {
        let values = a.values.iter().zip(&b.values).map(|(a, b)| of(*a, *b)).collect();
        blurred(&Plane { values, ..*a }).values
    };
    let (mean_a, mean_b) = (map(|a, _| a), map(|_, b| b));
    let (square_a, square_b, product) = (map(|a, _| a * a), map(|_, b| b * b), map(|a, b| a * b));
    let (mut whole, mut contrast) = (0.0, 0.0);
    for at in 0..mean_a.len() {
        let (ma, mb) = (mean_a[at], mean_b[at]);
        let (va, vb, vab) = (square_a[at] - ma * ma, square_b[at] - mb * mb, product[at] - ma * mb);
        let cs = (2.0 * vab + C2) / (va + vb + C2);
        contrast += cs;
        whole += cs * (2.0 * ma * mb + C1) / (ma * ma + mb * mb + C1);
    }
    let places = mean_a.len() as f64;
    (whole / places, contrast / places)
}

/// `plane` under a Gaussian window, where the whole window lies within it.
fn blurred(plane: &Plane) -> Plane {
    let half = (WINDOW / 2) as f64;
    let raw: [f64; WINDOW] =
        std::array::from_fn(|k| (-(k as f64 - half).powi(2) / (2.0 * SIGMA * SIGMA)).exp());
    let total: f64 = raw.iter().sum();
    let weights = raw.map(|weight| weight / total);
    let (width, height) = (plane.width - WINDOW + 1, plane.height - WINDOW + 1);
    let mut across = Vec::with_capacity(width * plane.height);
    for row in plane.values.chunks_exact(plane.width) {
        across.extend(
            row.windows(WINDOW).map(|part| part.iter().zip(&weights).map(|(v, w)| v * w).sum::<f64>()),
        );
    }
    let mut values = vec![0.0; width * height];
    for (y, out) in values.chunks_exact_mut(width).enumerate() {
        for (k, weight) in weights.iter().enumerate() {
            let row = &across[(y + k) * width..][..width];
            out.iter_mut().zip(row).for_each(|(out, value)| *out += weight * value);
        }
    }
    Plane { width, height, values }
}

/// `plane` at half the size: the mean of each 2 by 2 block. A side of odd length is first given a zero at both ends.
pub(crate) fn halved(plane: &Plane) -> Plane {
    let (pad_x, pad_y) = (plane.width % 2, plane.height % 2);
    let (width, height) = ((plane.width + 2 * pad_x) / 2, (plane.height + 2 * pad_y) / 2);
    let value = |x: usize, y: usize| {
        let (Some(x), Some(y)) = (x.checked_sub(pad_x), y.checked_sub(pad_y)) else { return 0.0 };
        if x < plane.width && y < plane.height { plane.values[y * plane.width + x] } else { 0.0 }
    };
    let block = |x: usize, y: usize| {
        let (x, y) = (2 * x, 2 * y);
        (value(x, y) + value(x + 1, y) + value(x, y + 1) + value(x + 1, y + 1)) / 4.0
    };
    let values = (0..height).flat_map(|y| (0..width).map(move |x| block(x, y))).collect();
    Plane { width, height, values }
}
