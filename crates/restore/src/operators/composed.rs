//! Several operators, one after the other.

use crate::operator::{Linear, Operator, Shape};

/// The first is applied first; at least one.
#[derive(Debug)]
pub(super) struct Composed {
    parts: Vec<Box<dyn Operator>>,
    /// Which values of the measurement say anything: those for which each part does that gives them.
    measured: Option<Vec<bool>>,
    linear: bool,
}

impl Composed {
    pub(super) fn new(parts: Vec<Box<dyn Operator>>) -> Self {
        // A value that the last part computes out of hidden ones alone is rare enough to be counted as measured.
        let measured = parts.last().and_then(|last| last.measured()).map(<[bool]>::to_vec);
        let linear = parts.iter().all(|part| part.linear().is_some());
        Self { parts, measured, linear }
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
