//! Nothing happened but noise: denoising.

use langevin_core::Result;
use langevin_core::registry::Entry;

use crate::operator::{Degradation, Images, Linear, Operator, Shape, Spectral};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "identity",
    aliases: &["denoise", "none"],
    summary: "nothing but noise",
    source: "",
    options: &[],
    cases: &["identity"],
    build: |_| Ok(Box::new(Same)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Same;

impl Degradation for Same {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Identity { shape, values: vec![1.0; shape.iter().product()] }))
    }
}

#[derive(Debug)]
struct Identity {
    shape: Shape,
    values: Vec<f64>,
}

impl Operator for Identity {
    fn input(&self) -> Shape {
        self.shape
    }

    fn output(&self) -> Shape {
        self.shape
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        x.to_vec()
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        v.to_vec()
    }

    fn linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }

    fn is_identity(&self) -> bool {
        true
    }
}

impl Linear for Identity {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        y.to_vec()
    }

    fn spectral(&self) -> Option<&dyn Spectral> {
        Some(self)
    }
}

impl Spectral for Identity {
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
        y.to_vec()
    }
}
