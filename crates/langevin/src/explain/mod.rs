//! The tutorial's figures, computed: each with the parameters, where it prints them, of Chan 2024, "Tutorial on Diffusion Models for Imaging and Vision"
//! (arXiv 2403.18103), and with the checks that say how far the numbers can be trusted.
//!
//! A new figure is a function here and a line in [`FIGURES`].

pub mod figures;
pub mod job;
mod page;

use langevin_core::{Error, Result, nearest};
use langevin_figures::plot::Plot;
use serde::Serialize;

pub use figures::FIGURES;
pub use job::{ExplainOutcome, ExplainRequest};

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

/// The figure with this number.
///
/// # Errors
/// Usage, with the numbers there are.
pub fn figure(number: &str) -> Result<&'static Entry> {
    FIGURES.iter().find(|entry| entry.number == number).ok_or_else(|| {
        let numbers = || FIGURES.iter().map(|entry| entry.number);
        let error = Error::usage(format!("there is no figure \"{number}\""));
        match nearest(number, numbers()) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint(format!("there are: {}", numbers().collect::<Vec<_>>().join(", "))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_made_and_its_checks_hold() {
        for entry in FIGURES {
            for seed in 0..2 {
                let made = (entry.make)(seed).unwrap();
                assert!(!made.plots.is_empty() && !made.caption.is_empty(), "{}", entry.number);
                assert!(!made.checks.is_empty(), "figure {} checks nothing", entry.number);
                for check in &made.checks {
                    assert!(check.holds(), "figure {} of seed {seed}: {check:?}", entry.number);
                }
            }
        }
        assert!(figure("3.2").is_ok());
        assert!(figure("9.9").unwrap_err().to_string().contains("9.9"));
    }

    #[test]
    fn what_is_not_finite_does_not_hold() {
        assert!(!Check::new("x", f64::NAN, 1.0).holds());
        assert!(Check::new("x", 0.5, 1.0).holds());
    }
}
