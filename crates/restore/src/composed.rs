//! Several operators, one after the other.

use crate::operator::{Linear, Operator, Shape};

/// The first is applied first; at least one.
#[derive(Debug)]
pub(crate) struct Composed {
    parts: Vec<Box<dyn Operator>>,
    /// Which values of the measurement say anything.
    measured: Option<Vec<bool>>,
    linear: bool,
    mask: bool,
}

impl Composed {
    pub(crate) fn new(parts: Vec<Box<dyn Operator>>) -> Self {
        let masks = parts.iter().all(|part| part.is_mask() || part.is_identity());
        let shown = |part: &dyn Operator| part.measured().map(<[bool]>::to_vec);
        let both = |a: Vec<bool>, b: Vec<bool>| a.into_iter().zip(b).map(|(a, b)| a && b).collect();
        // Unless all are masks, a value that the last part computes out of hidden ones alone counts as measured.
        let counting = if masks { &parts[..] } else { &parts[parts.len() - 1..] };
        let measured = counting.iter().filter_map(|part| shown(part.as_ref())).reduce(both);
        let mask = masks && measured.is_some();
        let linear = parts.iter().all(|part| part.linear().is_some());
        Self { parts, measured, linear, mask }
    }

    fn linear_parts(&self) -> impl DoubleEndedIterator<Item = &dyn Linear> {
        self.parts.iter().filter_map(|part| part.linear())
    }
}

impl Operator for Composed {
    fn input(&self) -> Shape {
        self.parts[0].input()
    }

    fn output(&self) -> Shape {
        self.parts[self.parts.len() - 1].output()
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        self.parts.iter().fold(x.to_vec(), |x, part| part.apply(&x))
    }

    fn pull(&self, x: &[f64], v: &[f64]) -> Vec<f64> {
        let mut inputs = vec![x.to_vec()];
        for part in &self.parts[..self.parts.len() - 1] {
            inputs.push(part.apply(&inputs[inputs.len() - 1]));
        }
        self.parts.iter().zip(&inputs).rev().fold(v.to_vec(), |v, (part, x)| part.pull(x, &v))
    }

    fn measured(&self) -> Option<&[bool]> {
        self.measured.as_deref()
    }

    fn linear(&self) -> Option<&dyn Linear> {
        self.linear.then_some(self)
    }

    fn is_identity(&self) -> bool {
        self.parts.iter().all(|part| part.is_identity())
    }

    fn is_mask(&self) -> bool {
        self.mask
    }

    fn generalised_inverse(&self, y: &[f64]) -> Option<Vec<f64>> {
        if self.linear {
            return Some(self.pseudo_inverse(y));
        }
        self.parts.iter().rev().try_fold(y.to_vec(), |y, part| part.generalised_inverse(&y))
    }
}

impl Linear for Composed {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        self.linear_parts().rev().fold(y.to_vec(), |y, part| part.adjoint(&y))
    }
}
