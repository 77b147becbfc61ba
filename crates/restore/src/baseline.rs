//! What restores images without a model: to see what a model is worth.

use crate::conjugate;
use crate::operator::{Linear, Operator, Shape};
use crate::resampling::{Edge, Interpolation, resampled};
use crate::separable::Separable;

/// An image restored without a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// How: `bicubic`, `harmonic`, `wiener` or `unchanged`.
    pub name: &'static str,
    /// The image, in the units of models.
    pub image: Vec<f64>,
}

/// The variance of the difference of neighbours in photographs, in the units of models: a deviation of 13 of 255.
const DIFFERENCE: f64 = 0.01;

/// The measurement `y` restored in the classical way for its operator and noise (`sigma` in the units of models).
///
/// * Smaller images of all channels: bicubic interpolation (`bicubic`).
/// * A mask without noise: what is hidden becomes as smooth as it can, `argmin |D x|^2` with `D` the differences of neighbours
///   (`harmonic`).
/// * Other linear operators: `argmin |y - A x|^2 / sigma^2 + |D x|^2 / v`, which for a blur of images that repeat is Wiener's
///   filter for the spectrum `1 / f^2` of photographs (`wiener`).
/// * What is not linear: the measurement as it is, where it has the shape of an image (`unchanged`).
pub fn classical(operator: &dyn Operator, y: &[f64], sigma: f64) -> Option<Baseline> {
    let (input, output) = (operator.input(), operator.output());
    if input[0] == output[0] && input[1] > output[1] && input[2] > output[2] {
        return Some(Baseline { name: "bicubic", image: enlargement(output, input).apply(y) });
    }
    let Some(linear) = operator.linear() else {
        return (input == output).then(|| Baseline { name: "unchanged", image: y.to_vec() });
    };
    if let Some(kept) = operator.measured().filter(|_| operator.is_mask() && sigma == 0.0) {
        return Some(Baseline { name: "harmonic", image: filled(input, y, kept) });
    }
    // Less noise than a hundredth of a step of 8 bits changes nothing, and keeps the solution unique.
    let weight = (sigma * sigma).max(1e-8) / DIFFERENCE;
    Some(Baseline { name: "wiener", image: smoothest(linear, y, weight) })
}

/// Bicubic enlargement of images of shape `small` to `large`, each channel by itself (Keys 1981, eq. 15, `a = -1/2`; at the border
/// the samples there are, with more weight, as Pillow does).
pub fn enlargement(small: Shape, large: Shape) -> Box<dyn Operator> {
    let rows = |axis: usize| resampled(small[axis], large[axis], Interpolation::Bicubic, Edge::Renormalised);
    Box::new(Separable::new(small[0], rows(1), rows(2), 0.0))
}

/// `y` where it is kept, and elsewhere what makes the differences of neighbours least.
fn filled(shape: Shape, y: &[f64], kept: &[bool]) -> Vec<f64> {
    let hidden = |x: &[f64]| -> Vec<f64> {
        x.iter().zip(kept).map(|(x, kept)| if *kept { 0.0 } else { *x }).collect()
    };
    let apply = |x: &[f64]| differences(shape, &hidden(x));
    let adjoint = |d: &[f64]| hidden(&differences_adjoint(shape, d));
    let wanted: Vec<f64> = differences(shape, y).into_iter().map(|d| -d).collect();
    let found = conjugate::least_squares(&apply, &adjoint, &wanted);
    y.iter().zip(hidden(&found)).map(|(y, found)| y + found).collect()
}

/// `argmin |y - A x|^2 + weight |D x|^2` by conjugate gradients.
fn smoothest(linear: &dyn Linear, y: &[f64], weight: f64) -> Vec<f64> {
    let (shape, root) = (linear.input(), weight.sqrt());
    let measured = y.len();
    let apply = |x: &[f64]| {
        let mut both = linear.apply(x);
        both.extend(differences(shape, x).into_iter().map(|d| root * d));
        both
    };
    let adjoint = |both: &[f64]| {
        let mut x = linear.adjoint(&both[..measured]);
        let back = differences_adjoint(shape, &both[measured..]);
        x.iter_mut().zip(back).for_each(|(x, back)| *x += root * back);
        x
    };
    let mut both = y.to_vec();
    both.resize(measured + 2 * shape.iter().product::<usize>(), 0.0);
    conjugate::least_squares(&apply, &adjoint, &both)
}

/// Pairs of neighbours: to the right, then below; a place at the border has none, and gives 0.
fn neighbours([channels, height, width]: Shape) -> impl Iterator<Item = Option<(usize, usize)>> {
    let count = channels * height * width;
    let right = (0..count).map(move |at| (at % width + 1 < width).then_some((at, at + 1)));
    let below = (0..count).map(move |at| (at / width % height + 1 < height).then_some((at, at + width)));
    right.chain(below)
}

fn differences(shape: Shape, x: &[f64]) -> Vec<f64> {
    neighbours(shape).map(|pair| pair.map_or(0.0, |(a, b)| x[b] - x[a])).collect()
}

fn differences_adjoint(shape: Shape, differences: &[f64]) -> Vec<f64> {
    let mut x = vec![0.0; shape.iter().product()];
    for (pair, difference) in neighbours(shape).zip(differences) {
        if let Some((a, b)) = pair {
            x[b] += difference;
            x[a] -= difference;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::NoImages;
    use crate::operators;

    fn ramp(height: usize, width: usize) -> Vec<f64> {
        (0..height * width).map(|at| 0.05 * (at % width) as f64 - 0.03 * (at / width) as f64).collect()
    }

    #[test]
    fn a_hole_in_a_ramp_is_filled_with_the_ramp() {
        let operator = operators::build("mask:box=0.4", [1, 12, 10], &NoImages).unwrap();
        let x = ramp(12, 10);
        let filled = classical(operator.as_ref(), &operator.apply(&x), 0.0).unwrap();
        assert_eq!(filled.name, "harmonic");
        let worst = x.iter().zip(&filled.image).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-6, "{worst}");
    }

    #[test]
    fn a_larger_image_of_an_even_one_is_even() {
        let operator = operators::build("average:scale=2", [2, 8, 8], &NoImages).unwrap();
        let larger = classical(operator.as_ref(), &[0.25; 32], 0.1).unwrap();
        assert_eq!((larger.name, larger.image.len()), ("bicubic", 128));
        assert!(larger.image.iter().all(|x| (x - 0.25).abs() < 1e-12));
    }

    #[test]
    fn noise_is_smoothed_and_what_is_not_linear_stays() {
        let operator = operators::build("identity", [1, 16, 16], &NoImages).unwrap();
        let noisy: Vec<f64> = (0..256).map(|at| if at * 37 % 11 < 5 { 0.3 } else { -0.3 }).collect();
        let smooth = classical(operator.as_ref(), &noisy, 0.3).unwrap();
        let power = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
        assert_eq!(smooth.name, "wiener");
        assert!(power(&smooth.image) < 0.3 * power(&noisy));
        let clip = operators::build("clip", [1, 16, 16], &NoImages).unwrap();
        assert_eq!(classical(clip.as_ref(), &noisy, 0.0).unwrap().image, noisy);
    }
}
