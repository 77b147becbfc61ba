//! Too much light: values are multiplied and cut off. Not linear.

use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Error, Result};

use crate::operator::{Degradation, Images, Operator, Shape};
use crate::units::PIXELS;

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "clip",
    aliases: &["overexpose", "saturate"],
    summary: "exposed too long: multiplied and cut off",
    source: "",
    options: &[
        OptionDoc { key: "gain", default: "2", doc: "factor on values from 0 to 255, above 0" },
        OptionDoc { key: "low", default: "0", doc: "what is below becomes this, in 0 to 255" },
        OptionDoc { key: "high", default: "255", doc: "what is above becomes this, in 0 to 255" },
    ],
    cases: &["clip", "clip:gain=1,low=60,high=200"],
    build: |options| {
        let (low, high) = (options.number("low", 0.0, 255.0)?, options.number("high", 0.0, 255.0)?);
        if low >= high {
            return Err(Error::usage(format!("clip: low={low} must be less than high={high}")));
        }
        let gain = options.number("gain", 1e-3, 1e3)?;
        Ok(Box::new(Clip { gain, low: low / PIXELS - 1.0, high: high / PIXELS - 1.0 }))
    },
    ..Entry::BLANK
};

/// In the units of models: `clamp(gain (x + 1) - 1)`.
#[derive(Debug, Clone, Copy)]
struct Clip {
    gain: f64,
    low: f64,
    high: f64,
}

impl Degradation for Clip {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Clipped { clip: *self, shape }))
    }
}

#[derive(Debug)]
struct Clipped {
    clip: Clip,
    shape: Shape,
}

impl Clip {
    fn exposed(&self, x: f64) -> f64 {
        self.gain * (x + 1.0) - 1.0
    }
}

impl Operator for Clipped {
    fn input(&self) -> Shape {
        self.shape
    }

    fn output(&self) -> Shape {
        self.shape
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        x.iter().map(|x| self.clip.exposed(*x).clamp(self.clip.low, self.clip.high)).collect()
    }

    /// The gain where nothing is cut off, 0 elsewhere.
    fn pull(&self, x: &[f64], v: &[f64]) -> Vec<f64> {
        let open = |x: f64| (self.clip.low..=self.clip.high).contains(&self.clip.exposed(x));
        x.iter().zip(v).map(|(x, v)| if open(*x) { self.clip.gain * v } else { 0.0 }).collect()
    }

    /// What would give `y` if nothing were cut off.
    fn generalised_inverse(&self, y: &[f64]) -> Option<Vec<f64>> {
        Some(y.iter().map(|y| (y + 1.0) / self.clip.gain - 1.0).collect())
    }
}
