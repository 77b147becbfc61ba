//! `Curve`: the levels of a diffusion by its time, which a schedule and a process give together. It lies below what a
//! network predicts and what it is conditioned on, since both may ask where on the curve a level is.

use std::sync::Arc;

use crate::level::Level;
use crate::processes::Process;
use crate::schedules::Schedule;

/// A schedule and a process: the level of every time, and the time of every level.
#[derive(Debug, Clone)]
pub struct Curve {
    schedule: Arc<dyn Schedule>,
    process: Arc<dyn Process>,
}

impl Curve {
    /// The curve of `schedule` and `process`.
    pub fn new(schedule: impl Into<Arc<dyn Schedule>>, process: impl Into<Arc<dyn Process>>) -> Self {
        Self { schedule: schedule.into(), process: process.into() }
    }

    /// The schedule.
    pub fn schedule(&self) -> &dyn Schedule {
        &*self.schedule
    }

    /// The process.
    pub fn process(&self) -> &dyn Process {
        &*self.process
    }

    /// The level at time `t` in `[0, 1]`.
    pub fn level(&self, t: f64) -> Level {
        self.process.level(self.schedule.log_snr(t))
    }

    /// The level of a log-SNR, which may be infinite.
    pub fn level_at(&self, log_snr: f64) -> Level {
        self.process.level(log_snr)
    }

    /// The time in `[0, 1]` of a level, the nearer end for one outside the schedule.
    pub fn time(&self, at: Level) -> f64 {
        self.schedule.time(at.log_snr())
    }

    /// The noisy end, `t = 1`: where sampling starts.
    pub fn highest(&self) -> Level {
        self.level(1.0)
    }

    /// The clean end of the schedule, `t = 0`, which for a table and for VE still holds a little noise.
    pub fn lowest(&self) -> Level {
        self.level(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::PROCESSES;
    use crate::schedules::SCHEDULES;

    #[test]
    fn time_and_level_undo_each_other() {
        for process in PROCESSES.names() {
            let curve = Curve::new(SCHEDULES.build("flow").unwrap(), PROCESSES.build(process).unwrap());
            for t in [0.1, 0.5, 0.9] {
                assert!((curve.time(curve.level(t)) - t).abs() < 1e-9, "{process} at {t}");
            }
            // The straight line: sigma / (alpha + sigma) is the time in whatever units the process has.
            let half = curve.level(0.5);
            assert!((half.sigma / (half.alpha + half.sigma) - 0.5).abs() < 1e-12, "{process}");
        }
    }
}
