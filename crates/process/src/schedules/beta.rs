//! Schedules given by a rate of noise `beta`: the continuous variance-preserving form and its integer table.

use super::{Schedule, Table};
use crate::error::Result;
use crate::registry::Options;

/// A rate of noise per unit of time, `d ln(alpha^2) / dt = -beta(t)` (Song et al., 2011.13456, eq. 11).
pub(super) trait Rate: std::fmt::Debug + Send + Sync + 'static {
    /// `beta(t)`.
    fn rate(&self, t: f64) -> f64;
    /// The integral of `beta` from 0 to `t`.
    fn integral(&self, t: f64) -> f64;
}

/// The continuous schedule of a rate: `alpha^2 = exp(-B)`, `sigma^2 = 1 - exp(-B)` with `B` the integral.
#[derive(Debug)]
pub(super) struct Continuous<R>(pub R);

impl<R: Rate> Schedule for Continuous<R> {
    fn log_snr(&self, t: f64) -> f64 {
        let integral = self.0.integral(t.clamp(0.0, 1.0));
        // ln(e^-B / (1 - e^-B)), exact for small B and without overflow for large B.
        -integral - libm::log(-libm::expm1(-integral))
    }

    fn slope(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        let integral = self.0.integral(t);
        if integral == 0.0 { f64::NEG_INFINITY } else { self.0.rate(t) / libm::expm1(-integral) }
    }
}

/// The options `start`, `end` and `steps` that the beta schedules share.
pub(super) struct Betas {
    pub start: f64,
    pub end: f64,
    pub steps: usize,
}

impl Betas {
    /// Reads `start`, `end` and `steps`.
    pub(super) fn read(options: &Options) -> Result<Self> {
        let start = options.number("start", 1e-12, 0.999)?;
        let end = options.number("end", start, 0.999)?;
        Ok(Self { start, end, steps: steps(options)? })
    }

    /// The table of `beta(i / (steps - 1))`, or the continuous form of `rate` when `steps` is 0.
    pub(super) fn schedule<R: Rate>(&self, rate: R, beta: impl Fn(f64) -> f64) -> Result<Box<dyn Schedule>> {
        if self.steps == 0 {
            return Ok(Box::new(Continuous(rate)));
        }
        let last = (self.steps - 1) as f64;
        let betas: Vec<f64> = (0..self.steps).map(|i| beta(i as f64 / last)).collect();
        Ok(Box::new(Table::from_betas(&betas)?))
    }
}

/// Reads `steps`: 0, or at least 2.
pub(super) fn steps(options: &Options) -> Result<usize> {
    let steps: usize = options.get("steps")?;
    if steps == 1 || steps > 1_000_000 {
        return Err(crate::Error::usage(format!("option steps={steps} must be 0 or in [2, 1000000]"))
            .hint("0 is the continuous schedule, 1000 the table that most networks are trained on"));
    }
    Ok(steps)
}

/// The rate that a table of betas stands for is `CONTINUOUS_STEPS * beta` (2011.13456, appendix C), so that
/// DDPM's 1e-4..0.02 is the published 0.1..20.
pub(super) const CONTINUOUS_STEPS: f64 = 1000.0;
