//! Weights that make a line of samples shorter or longer.
//!
//! The kernel is stretched by the scale where a line is made shorter, which takes away what the shorter line cannot hold
//! (antialiasing), and the weights of each sample are scaled to add up to 1: as Pillow's `resize` and Matlab's `imresize` do. The
//! two differ at the border, see [`Edge`].

use crate::blur::mirrored;
use crate::separable::Rows;

/// The interpolating kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interpolation {
    /// Keys' cubic with `a = -1/2` (Keys 1981, eq. 15): Pillow's `BICUBIC`, Matlab's `bicubic`.
    Bicubic,
    /// Lanczos' window of three lobes: Pillow's `LANCZOS`, Matlab's `lanczos3`.
    Lanczos,
}

/// What a sample near the border is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The samples there are, with more weight: Pillow.
    Renormalised,
    /// Those and their mirror images, `c b a | a b c`: Matlab.
    Mirrored,
}

impl Interpolation {
    fn support(self) -> f64 {
        match self {
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            _ => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    let x = std::f64::consts::PI * x;
    if x == 0.0 { 1.0 } else { libm::sin(x) / x }
}

/// The matrix from `input` samples to `output`, whose centres share the middle of the line.
pub(crate) fn resampled(input: usize, output: usize, kernel: Interpolation, edge: Edge) -> Rows {
    let scale = input as f64 / output as f64;
    let stretch = scale.max(1.0);
    let support = kernel.support() * stretch;
    let row = |i: usize| {
        let centre = (i as f64 + 0.5) * scale - 0.5;
        let (first, last) = ((centre - support).floor() as isize, (centre + support).ceil() as isize);
        let inside = |at: &isize| edge == Edge::Mirrored || (0..input as isize).contains(at);
        let weighed = |at: isize| (at, kernel.at((at as f64 - centre) / stretch));
        let weights: Vec<_> = (first..=last).filter(inside).map(weighed).filter(|(_, w)| *w != 0.0).collect();
        let sum: f64 = weights.iter().map(|(_, w)| w).sum();
        weights.into_iter().map(|(at, w)| (folded(at, input), w / sum)).collect()
    };
    Rows::gather(input, (0..output).map(row))
}

/// [`mirrored`] as often as it takes.
fn folded(at: isize, length: usize) -> usize {
    let period = 2 * length as isize;
    mirrored(at.rem_euclid(period), length)
}
