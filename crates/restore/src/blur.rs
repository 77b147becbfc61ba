//! Blur by a kernel, with two borders: the image repeats (`circular`, by Fourier transforms) or is mirrored (`reflect`).
//!
//! It is a convolution, `y[i] = sum_k kernel[k] x[i - k + centre]` with `centre = size / 2` rounded down. Mirrored images
//! repeat their edge: `c b a | a b c`, scipy's `reflect` and Matlab's `symmetric`.

use langevin_core::registry::{OptionDoc, Options};
use langevin_core::{Error, Result};

use crate::fourier::{C64, Fourier};
use crate::operator::{Linear, Operator, Shape, Spectral};
use crate::separable::{Rows, Separable};

pub(crate) const BOUNDARY: OptionDoc =
    OptionDoc { key: "boundary", default: "circular", doc: "what is beyond the border: circular or reflect" };

pub(crate) const THRESHOLD: OptionDoc = OptionDoc {
    key: "threshold",
    default: "0.03",
    doc: "singular values up to this count as 0 where they would be divided by",
};

/// What is beyond the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boundary {
    Circular,
    Reflect,
}

/// The options that every blur has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Border {
    pub(crate) boundary: Boundary,
    pub(crate) threshold: f64,
}

impl Border {
    /// Where the border plays no part.
    pub(crate) const PLAIN: Self = Self { boundary: Boundary::Circular, threshold: 0.0 };

    pub(crate) fn read(options: &Options) -> Result<Self> {
        let boundary = match options.text("boundary") {
            "circular" => Boundary::Circular,
            "reflect" => Boundary::Reflect,
            other => {
                return Err(Error::usage(format!("option boundary: there is no \"{other}\""))
                    .hint("use circular or reflect"));
            }
        };
        Ok(Self { boundary, threshold: options.number("threshold", 0.0, 1.0)? })
    }
}

/// A kernel, row by row; its weights add up to 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kernel {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) weights: Vec<f64>,
}

impl Kernel {
    /// A kernel of these weights, scaled to add up to 1.
    pub(crate) fn normalised(height: usize, width: usize, mut weights: Vec<f64>) -> Self {
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        Self { height, width, weights }
    }

    /// The blur of images of `shape`.
    ///
    /// # Errors
    /// Usage: it is larger than the image.
    pub(crate) fn on(self, shape: Shape, border: Border) -> Result<Box<dyn Operator>> {
        check_size([self.height, self.width], shape)?;
        Ok(match border.boundary {
            Boundary::Circular => Box::new(Circular::new(shape, &self, border.threshold)),
            Boundary::Reflect => Box::new(Reflective { shape, kernel: self }),
        })
    }
}

/// Refuses a kernel of `height` x `width` for images of `shape`, before any of its weights is computed.
///
/// # Errors
/// Usage: it is larger than the image.
pub(crate) fn check_size([height, width]: [usize; 2], [_, rows, columns]: Shape) -> Result<()> {
    if height <= rows && width <= columns {
        return Ok(());
    }
    Err(Error::usage(format!(
        "a kernel of {width} x {height} pixels is larger than the image of {columns} x {rows}"
    ))
    .hint("take a smaller kernel, or a larger image"))
}

/// The blur of images of `shape` by the product of a kernel `line` of odd length with itself.
///
/// # Errors
/// Usage: it is larger than the image.
pub(crate) fn product(line: &[f64], shape: Shape, border: Border) -> Result<Box<dyn Operator>> {
    let size = line.len();
    check_size([size, size], shape)?;
    let weights = line.iter().flat_map(|a| line.iter().map(move |b| a * b)).collect();
    let kernel = Kernel::normalised(size, size, weights);
    if border.boundary == Boundary::Circular {
        return kernel.on(shape, border);
    }
    let sum: f64 = line.iter().sum();
    let rows = |length: usize| {
        let row = |i: usize| {
            let at = |k: usize| mirrored(i as isize - k as isize + (size / 2) as isize, length);
            line.iter().enumerate().map(|(k, w)| (at(k), w / sum)).collect()
        };
        Rows::gather(length, (0..length).map(row))
    };
    Ok(Box::new(Separable::new(shape[0], rows(shape[1]), rows(shape[2]), border.threshold)))
}

/// The position in a line of `length` values that a position at most `length` beyond its ends shows in the mirror.
pub(crate) fn mirrored(at: isize, length: usize) -> usize {
    let length = length as isize;
    (if at < 0 {
        -1 - at
    } else if at >= length {
        2 * length - 1 - at
    } else {
        at
    }) as usize
}

/// A blur of images that repeat: a product in Fourier space.
///
/// With `K` the transform of the kernel, the singular values are `|K|`, `V` is the transform in real coordinates and `U` the
/// same, turned by the phase of `K`.
#[derive(Debug)]
struct Circular {
    shape: Shape,
    fourier: Fourier,
    transform: Vec<C64>,
    values: Vec<f64>,
    threshold: f64,
}

impl Circular {
    fn new(shape: Shape, kernel: &Kernel, threshold: f64) -> Self {
        let [channels, height, width] = shape;
        let mut placed = vec![0.0; height * width];
        for (at, weight) in kernel.weights.iter().enumerate() {
            let (y, x) = (at / kernel.width, at % kernel.width);
            let y = (y + height - kernel.height / 2) % height;
            let x = (x + width - kernel.width / 2) % width;
            placed[y * width + x] += weight;
        }
        let fourier = Fourier::new(height, width);
        let transform = fourier.forward(&placed);
        let values = transform.iter().map(size).collect::<Vec<_>>().repeat(channels);
        Self { shape, fourier, transform, values, threshold }
    }

    fn each(&self, x: &[f64], of: impl Fn(Vec<C64>) -> Vec<f64>) -> Vec<f64> {
        x.chunks_exact(self.transform.len()).flat_map(|plane| of(self.fourier.forward(plane))).collect()
    }

    fn times(&self, x: &[f64], factor: impl Fn(&C64) -> C64) -> Vec<f64> {
        self.each(x, |mut values| {
            values.iter_mut().zip(&self.transform).for_each(|(value, k)| *value *= factor(k));
            self.fourier.inverse(values)
        })
    }
}

impl Operator for Circular {
    fn input(&self) -> Shape {
        self.shape
    }

    fn output(&self) -> Shape {
        self.shape
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        self.times(x, |k| *k)
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        self.adjoint(v)
    }

    fn linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }
}

impl Linear for Circular {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        self.times(y, |k| k.conj())
    }

    fn spectral(&self) -> Option<&dyn Spectral> {
        Some(self)
    }
}

impl Spectral for Circular {
    fn values(&self) -> &[f64] {
        &self.values
    }

    fn analyse(&self, x: &[f64]) -> Vec<f64> {
        self.each(x, |values| self.fourier.pack(&values))
    }

    fn synthesise(&self, coefficients: &[f64]) -> Vec<f64> {
        let plane = |plane| self.fourier.inverse(self.fourier.unpack(plane));
        coefficients.chunks_exact(self.transform.len()).flat_map(plane).collect()
    }

    fn measure(&self, y: &[f64]) -> Vec<f64> {
        self.each(y, |mut values| {
            for (value, k) in values.iter_mut().zip(&self.transform) {
                let size = size(k);
                *value *= if size > 0.0 { k.conj() / size } else { C64::default() };
            }
            self.fourier.pack(&values)
        })
    }

    fn cutoff(&self) -> f64 {
        self.threshold.max(1e-9)
    }
}

fn size(k: &C64) -> f64 {
    k.re.hypot(k.im)
}

/// A blur of mirrored images by any kernel, added up place by place. It has no closed form.
#[derive(Debug)]
struct Reflective {
    shape: Shape,
    kernel: Kernel,
}

impl Reflective {
    /// Calls `visit` with each place of an image, a place that it sees, and the weight.
    fn pairs(&self, mut visit: impl FnMut(usize, usize, f64)) {
        let [_, height, width] = self.shape;
        let (tall, wide) = (self.kernel.height, self.kernel.width);
        let columns: Vec<usize> = (0..wide)
            .flat_map(|k| (0..width).map(move |x| (x, k)))
            .map(|(x, k)| mirrored(x as isize - k as isize + (wide / 2) as isize, width))
            .collect();
        for y in 0..height {
            for k in 0..tall {
                let row = mirrored(y as isize - k as isize + (tall / 2) as isize, height) * width;
                for (l, columns) in columns.chunks_exact(width).enumerate() {
                    let weight = self.kernel.weights[k * wide + l];
                    if weight != 0.0 {
                        columns
                            .iter()
                            .enumerate()
                            .for_each(|(x, from)| visit(y * width + x, row + from, weight));
                    }
                }
            }
        }
    }
}

impl Operator for Reflective {
    fn input(&self) -> Shape {
        self.shape
    }

    fn output(&self) -> Shape {
        self.shape
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let mut y = vec![0.0; x.len()];
        let plane = self.shape[1] * self.shape[2];
        for (x, y) in x.chunks_exact(plane).zip(y.chunks_exact_mut(plane)) {
            self.pairs(|to, from, weight| y[to] += weight * x[from]);
        }
        y
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        self.adjoint(v)
    }

    fn linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }
}

impl Linear for Reflective {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; y.len()];
        let plane = self.shape[1] * self.shape[2];
        for (x, y) in x.chunks_exact_mut(plane).zip(y.chunks_exact(plane)) {
            self.pairs(|to, from, weight| x[from] += weight * y[to]);
        }
        x
    }
}
