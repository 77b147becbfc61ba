//! Operators that weigh disjoint groups of values, each into one: block averages, gray from colours.
//!
//! `A = |w| u^T` on each group, `u = w / |w|`. The reflection `H = I - 2 r r^T / |r|^2`, `r = e_0 - u` (Householder 1958), is
//! symmetric, orthonormal and takes `e_0` to `u`, so `V = H`, `U = I` and the first coefficient of each group has the
//! singular value `|w|`; the others are the null space.

use crate::operator::{Linear, Operator, Shape, Spectral};

/// Disjoint groups that hold every value of an image once, weighed alike.
#[derive(Debug)]
pub(crate) struct Grouped {
    input: Shape,
    output: Shape,
    /// The positions of the values of each group, one group after another, in the order of the output.
    members: Vec<usize>,
    weights: Vec<f64>,
    /// The vector `r` of the reflection, scaled to length `sqrt(2)`.
    reflected: Vec<f64>,
    values: Vec<f64>,
}

impl Grouped {
    /// `members` has `weights.len()` positions for each value of the output.
    pub(crate) fn new(input: Shape, output: Shape, members: Vec<usize>, weights: Vec<f64>) -> Self {
        let total: usize = input.iter().product();
        assert_eq!(members.len(), total, "groups must hold every value once");
        assert_eq!(output.iter().product::<usize>() * weights.len(), total, "one group for each output");
        let norm = weights.iter().map(|w| w * w).sum::<f64>().sqrt();
        let mut reflected: Vec<f64> = weights.iter().map(|w| -w / norm).collect();
        reflected[0] += 1.0;
        let length = reflected.iter().map(|r| r * r).sum::<f64>().sqrt();
        // A group of one value, or whose other weights are 0, is where it should be already.
        let factor = if length > 0.0 { std::f64::consts::SQRT_2 / length } else { 0.0 };
        reflected.iter_mut().for_each(|r| *r *= factor);
        let mut values = vec![0.0; total];
        members.iter().step_by(weights.len()).for_each(|first| values[*first] = norm);
        Self { input, output, members, weights, reflected, values }
    }

    fn groups(&self) -> impl Iterator<Item = &[usize]> {
        self.members.chunks_exact(self.weights.len())
    }

    fn reflect(&self, x: &[f64]) -> Vec<f64> {
        let mut turned = x.to_vec();
        for group in self.groups() {
            let along: f64 = group.iter().zip(&self.reflected).map(|(at, r)| x[*at] * r).sum();
            group.iter().zip(&self.reflected).for_each(|(at, r)| turned[*at] -= along * r);
        }
        turned
    }
}

impl Operator for Grouped {
    fn input(&self) -> Shape {
        self.input
    }

    fn output(&self) -> Shape {
        self.output
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let weighed = |group: &[usize]| group.iter().zip(&self.weights).map(|(at, w)| x[*at] * w).sum();
        self.groups().map(weighed).collect()
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        self.adjoint(v)
    }

    fn linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }
}

impl Linear for Grouped {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; self.members.len()];
        for (group, y) in self.groups().zip(y) {
            group.iter().zip(&self.weights).for_each(|(at, w)| x[*at] = y * w);
        }
        x
    }

    fn spectral(&self) -> Option<&dyn Spectral> {
        Some(self)
    }
}

impl Spectral for Grouped {
    fn values(&self) -> &[f64] {
        &self.values
    }

    fn analyse(&self, x: &[f64]) -> Vec<f64> {
        self.reflect(x)
    }

    fn synthesise(&self, coefficients: &[f64]) -> Vec<f64> {
        self.reflect(coefficients)
    }

    fn measure(&self, y: &[f64]) -> Vec<f64> {
        let mut coefficients = vec![0.0; self.members.len()];
        self.groups().zip(y).for_each(|(group, y)| coefficients[group[0]] = *y);
        coefficients
    }
}
