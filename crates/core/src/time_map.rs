//! The time by which a walk finds levels between those of its path.

use langevin_process::{Diffusion, Level};

/// Time along a diffusion: that of the model's own schedule, or the flow's, `sigma / (alpha + sigma)`, which every process has.
///
/// A path has levels and no times, and most methods need none. Those published in times (PNDM's Runge-Kutta steps, trajectory
/// consistency sampling) ask the clock. On the schedule of a table times are whole timesteps, rounded down, as in the code
/// of their authors.
#[derive(Debug, Clone)]
pub struct TimeMap(Option<Diffusion>);

impl Default for TimeMap {
    fn default() -> Self {
        Self::FLOW
    }
}

impl TimeMap {
    /// The flow's time.
    pub const FLOW: Self = Self(None);

    /// The time of the schedule of `diffusion`, on whose levels the walk must be.
    pub fn of(diffusion: Diffusion) -> Self {
        Self(Some(diffusion))
    }

    /// The level at `part`, in [0, 1], of the time of `at`; 0 is the clean end of the schedule, which may hold a little noise.
    pub fn part_of(&self, at: Level, part: f64) -> Level {
        match &self.0 {
            Some(diffusion) => diffusion.level(whole(diffusion, part * diffusion.time(at))),
            None => {
                let time = part * flow_time(at);
                Level { alpha: at.alpha, sigma: at.alpha * time / (1.0 - time) }
            }
        }
    }

    /// The level in the middle of the times of `from` and `to`, strictly between them.
    pub fn middle(&self, from: Level, to: Level) -> Level {
        let between = |level: &Level| from.ratio() > level.ratio() && level.ratio() > to.ratio();
        if let Some(diffusion) = &self.0 {
            let time = 0.5 * (diffusion.time(from) + diffusion.time(to));
            // Fractional times, and levels beyond the ends of the schedule, may leave no whole timestep between.
            let found = [whole(diffusion, time), time].map(|time| diffusion.level(time));
            if let Some(level) = found.into_iter().find(between) {
                return level;
            }
        }
        let time = 0.5 * (flow_time(from) + flow_time(to));
        let ratio = time / (1.0 - time);
        // Beside the curve of most processes, on a multiple of a level that lies on it; denoisers answer both alike.
        let alpha = if from.alpha == to.alpha {
            from.alpha
        } else {
            (from.magnitude() * to.magnitude()).sqrt() / ratio.hypot(1.0)
        };
        Level { alpha, sigma: alpha * ratio }
    }
}

fn flow_time(at: Level) -> f64 {
    at.sigma / (at.alpha + at.sigma)
}

/// `time` at the whole timestep below, where the schedule is a table.
fn whole(diffusion: &Diffusion, time: f64) -> f64 {
    let Some(entries) = diffusion.schedule().timesteps() else { return time };
    let last = (entries - 1) as f64;
    // Times found from levels are off by rounding.
    (time * last + 1e-6).floor() / last
}

#[cfg(test)]
mod tests {
    use langevin_process::DiffusionSpec;

    use super::*;

    fn diffusion(schedule: &str, process: &str) -> Diffusion {
        let (schedule, process) = (schedule.to_owned(), process.to_owned());
        Diffusion::new(&DiffusionSpec { schedule, process, ..Default::default() }).unwrap()
    }

    #[test]
    fn a_table_has_whole_timesteps() {
        let linear = diffusion("linear", "vp");
        let entry = |index: f64| linear.level(index / 999.0);
        let clock = TimeMap::of(linear.clone());
        for (found, index) in [
            (clock.middle(entry(900.0), entry(801.0)), 850.0),
            (clock.middle(entry(3.0), entry(2.0)), 2.5),
            (clock.part_of(entry(839.0), 0.7), 587.0),
            (clock.part_of(entry(839.0), 0.0), 0.0),
            (clock.part_of(Level::CLEAN, 0.7), 0.0),
        ] {
            assert!((found.sigma - entry(index).sigma).abs() < 1e-9, "{index}: {found:?}");
        }
    }

    #[test]
    fn without_a_schedule_time_is_the_flows() {
        let (from, to) = (Level { alpha: 0.0, sigma: 1.0 }, Level { alpha: 0.6, sigma: 0.4 });
        let middle = TimeMap::FLOW.middle(from, to);
        assert!((middle.ratio() - 0.7 / 0.3).abs() < 1e-12);
        let part = TimeMap::FLOW.part_of(to, 0.5);
        assert!((part.ratio() - 0.25).abs() < 1e-12 && part.alpha == to.alpha);
        // The flow's own schedule says the same.
        let clock = TimeMap::of(diffusion("flow", "flow"));
        assert!((clock.middle(from, to).ratio() - middle.ratio()).abs() < 1e-9);
        assert!((clock.part_of(to, 0.5).ratio() - part.ratio()).abs() < 1e-9);
    }

    #[test]
    fn a_middle_lies_between_also_beyond_the_schedule() {
        let clock = TimeMap::of(diffusion("edm", "edm"));
        for (high, low) in [(1e6, 1e3), (80.0, 1e-7), (1e-4, 1e-6)] {
            let level = |sigma: f64| Level { alpha: 1.0, sigma };
            let middle = clock.middle(level(high), level(low));
            assert!(high > middle.ratio() && middle.ratio() > low, "{high}, {low}: {middle:?}");
        }
    }
}
