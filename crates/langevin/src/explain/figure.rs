//! A figure with what was checked while it was made.

use langevin_core::Result;
use langevin_figures::plot::Plot;
use serde::Serialize;

/// What a figure is called, and how it is made.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its number in the tutorial, such as `3.2`.
    pub number: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Makes it from the seed of its random numbers.
    pub make: fn(u64) -> Result<Figure>,
}

/// A figure that was computed.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What is seen, with the parameters.
    pub caption: String,
    /// The plots, one below the other.
    pub plots: Vec<Plot>,
    /// What was checked while it was made.
    pub checks: Vec<Check>,
}

/// A number that was compared with what theory says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What was compared.
    pub what: String,
    /// The residual that was found.
    pub value: f64,
    /// What it must stay below.
    pub below: f64,
}

impl Check {
    /// `value`, which must stay below `below`.
    pub fn new(what: impl Into<String>, value: f64, below: f64) -> Self {
        Self { what: what.into(), value, below }
    }

    /// Whether it holds; a value that is not finite does not.
    pub fn holds(&self) -> bool {
        self.value < self.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_does_not_hold() {
        assert!(!Check::new("x", f64::NAN, 1.0).holds());
        assert!(Check::new("x", 0.5, 1.0).holds());
    }
}
