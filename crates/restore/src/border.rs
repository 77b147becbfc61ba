//! The border of a blurred photograph: what came into it from outside is not known, so measurements count less the more of
//! their kernel lies outside.
//!
//! An operator that mirrors the image at its border is wrong there by the kernel's share outside times what the scene beyond
//! differs from the mirrored one. Taken for noise of that deviation, independent of the rest, a measurement there has the noise
//! `sqrt(sigma^2 + (share D)^2)`: every row of `A x = y` is divided by it in units of `sigma`, and the border neither rings into
//! the image nor spoils the agreement of a right kernel.

use langevin_core::Result;

use crate::conjugate;
use crate::operator::{Linear, Operator, Shape};

/// What a scene beyond the border differs from the mirrored one by, a deviation in the units of models: 20 of 255.
const BEYOND: f64 = 20.0 / 127.5;
/// The width of what is not seen around an image, in pixels: as far as a kernel reaches.
const AROUND: usize = 128;
/// Where the conjugate gradients end, and the most of them: an image, not a decimal place, is looked for.
const TOLERANCE: f64 = 1e-4;
const MOST: usize = 60;

/// An operator whose measurements have weights.
#[derive(Debug)]
struct Weighted {
    inner: Box<dyn Operator>,
    weights: Vec<f64>,
}

/// The blur `inner` of images that the scene goes on beyond, and the weights that its measurements, of noise `sigma` in the
/// units of models, are to be multiplied by. `blur` makes the same blur for images of other shapes.
///
/// # Errors
/// As `blur`. An operator that is not linear, or changes the size, stays as it is, with weights of 1.
pub fn weighted(
    inner: Box<dyn Operator>,
    sigma: f64,
    blur: &dyn Fn(Shape) -> Result<Box<dyn Operator>>,
) -> Result<(Box<dyn Operator>, Vec<f64>)> {
    let [channels, height, width] = inner.output();
    let count = channels * height * width;
    if inner.linear().is_none() || inner.input() != inner.output() || sigma <= 0.0 {
        return Ok((inner, vec![1.0; count]));
    }
    let around = height.min(width).min(AROUND);
    let (tall, wide) = (height + 2 * around, width + 2 * around);
    let inside = |at: usize| {
        let (y, x) = (at / wide, at % wide);
        (around..around + height).contains(&y) && (around..around + width).contains(&x)
    };
    let shown: Vec<f64> = (0..tall * wide).map(|at| f64::from(u8::from(inside(at)))).collect();
    let seen = blur([1, tall, wide])?.apply(&shown);
    let weight = |share: f64| 1.0 / (1.0 + (BEYOND * share.clamp(0.0, 1.0) / sigma).powi(2)).sqrt();
    let plane: Vec<f64> =
        seen.iter().enumerate().filter(|(at, _)| inside(*at)).map(|(_, seen)| weight(1.0 - seen)).collect();
    let weights = plane.repeat(channels);
    Ok((Box::new(Weighted { inner, weights: weights.clone() }), weights))
}

impl Weighted {
    fn weigh(&self, mut y: Vec<f64>) -> Vec<f64> {
        y.iter_mut().zip(&self.weights).for_each(|(y, weight)| *y *= weight);
        y
    }
}

impl Operator for Weighted {
    fn input(&self) -> Shape {
        self.inner.input()
    }

    fn output(&self) -> Shape {
        self.inner.output()
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        self.weigh(self.inner.apply(x))
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        self.adjoint(v)
    }

    fn linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }
}

impl Linear for Weighted {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        let inner = self.inner.linear().expect("weights are of linear operators");
        inner.adjoint(&self.weigh(y.to_vec()))
    }

    fn prox(&self, y: &[f64], z: &[f64], rho: f64) -> Vec<f64> {
        let within = conjugate::Within { tolerance: TOLERANCE, most: MOST };
        conjugate::regularised_within(&|x| self.apply(x), &|y| self.adjoint(y), y, z, rho, within)
    }
}
