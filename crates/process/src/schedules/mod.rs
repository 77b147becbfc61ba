//! Noise schedules: the log-SNR of a time in `[0, 1]`, one file each.

mod beta;
mod cosine;
mod edm;
mod flow;
mod geometric;
mod laplace;
mod linear;
mod rescaled;
mod scaled_linear;
mod shifted;
mod sigmoid;
mod sub_vp_linear;
mod table;

use std::fmt::Debug;

use crate::error::Result;
use crate::registry::Registry;

pub use table::Table;

/// How the noise grows with time: `t = 0` is the clean end, `t = 1` the noisy end.
pub trait Schedule: Debug + Send + Sync {
    /// The log-SNR at time `t` in `[0, 1]` (what lies outside is clamped). Strictly decreasing; may be `+inf`
    /// at 0 and `-inf` at 1.
    fn log_snr(&self, t: f64) -> f64;

    /// The time in `[0, 1]` of a log-SNR, the inverse of [`Schedule::log_snr`]. A log-SNR outside the
    /// schedule's range has the time of the nearer end.
    fn time(&self, log_snr: f64) -> f64 {
        bisect(|t| self.log_snr(t), log_snr)
    }

    /// `d log_snr / dt` at time `t`, negative; `-inf` where the log-SNR is infinite.
    fn slope(&self, t: f64) -> f64 {
        central_difference(|t| self.log_snr(t), t)
    }

    /// The running product of `1 - beta` of an integer-time table, entry `i` at time `i / (N - 1)`. `None`
    /// for a continuous schedule.
    fn table(&self) -> Option<&[f64]> {
        None
    }

    /// `Some(N)` for an integer-time table of N entries.
    fn timesteps(&self) -> Option<usize> {
        self.table().map(<[f64]>::len)
    }
}

/// Every schedule.
pub const SCHEDULES: Registry<dyn Schedule> = Registry {
    kind: "schedule",
    entries: &[
        linear::ENTRY,
        scaled_linear::ENTRY,
        cosine::ENTRY,
        sigmoid::ENTRY,
        laplace::ENTRY,
        geometric::ENTRY,
        edm::ENTRY,
        flow::ENTRY,
        sub_vp_linear::ENTRY,
        table::ENTRY,
        shifted::ENTRY,
        rescaled::ENTRY,
    ],
};

/// Makes the schedule inside another: the options of the inner one are separated by `;`, since `,` separates
/// those of the outer one.
fn build_inner(spec: &str) -> Result<Box<dyn Schedule>> {
    let mut inner = String::new();
    for (i, part) in spec.split(';').enumerate() {
        // A part without a key is the next entry of a list, as in `table:betas=0.1;0.2`.
        let separator = if part.contains('=') { "," } else { ";" };
        inner += if i == 0 { "" } else { separator };
        inner += part;
    }
    SCHEDULES.build(&inner)
}

/// The time at which the decreasing function `log_snr` takes the value `wanted`.
fn bisect(log_snr: impl Fn(f64) -> f64, wanted: f64) -> f64 {
    if wanted >= log_snr(0.0) {
        return 0.0;
    }
    if wanted <= log_snr(1.0) {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if log_snr(middle) > wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// `d log_snr / dt` by a central difference whose points stay inside `(0, 1)`, or one-sided at a finite end.
fn central_difference(log_snr: impl Fn(f64) -> f64, t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    if !log_snr(t).is_finite() {
        return f64::NEG_INFINITY;
    }
    let h = 1e-5_f64.min(if t > 0.0 && t < 1.0 { 0.5 * t.min(1.0 - t) } else { 1.0 });
    let (before, after) = ((t - h).max(0.0), (t + h).min(1.0));
    (log_snr(after) - log_snr(before)) / (after - before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_schedule_takes_options_and_lists() {
        let inner = build_inner("linear:start=0.001;steps=10").unwrap();
        assert_eq!(inner.timesteps(), Some(10));
        let inner = build_inner("table:betas=0.1;0.2;0.3").unwrap();
        assert_eq!(inner.timesteps(), Some(3));
        assert!(build_inner("linear:stepz=10").is_err());
    }
}
