//! The stochastic differential equation of any schedule and process: `dx = f x dt + g dw`.
//!
//! Song et al. 2021 (2011.13456); Kingma et al. 2021 (2107.00630), appendix A. The mean obeys
//! `d alpha / dt = f alpha` and the variance `d sigma^2 / dt = 2 f sigma^2 + g^2`, so `f = d ln(alpha) / dt`
//! and `g^2 = -sigma^2 d log_snr / dt`: every published SDE follows from a log-SNR and a process.

use crate::processes::Process;
use crate::schedules::Schedule;

/// Drift and diffusion at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sde {
    /// `f(t)`: the drift is `f x`. Not positive.
    pub drift: f64,
    /// `g(t)^2`, the variance of noise added per unit of time. Not negative.
    pub diffusion_squared: f64,
}

impl Sde {
    /// Drift and diffusion of `schedule` and `process` at time `t` in `[0, 1]`.
    ///
    /// Where the log-SNR is infinite, at an end, it is the value `1e-9` inside: the limit where there is one,
    /// and a large number where the published form diverges (flow at `t = 1`).
    pub fn at(schedule: &dyn Schedule, process: &dyn Process, t: f64) -> Self {
        let t = t.clamp(0.0, 1.0);
        let t = if schedule.log_snr(t).is_finite() { t } else { t.clamp(1e-9, 1.0 - 1e-9) };
        let (log_snr, slope) = (schedule.log_snr(t), schedule.slope(t));
        let sigma = process.level(log_snr).sigma;
        Self { drift: process.log_alpha_slope(log_snr) * slope, diffusion_squared: -sigma * sigma * slope }
    }
}
