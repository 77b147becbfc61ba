//! The noise levels of consistency models: a grid that grows finer while they learn, and how often each of its intervals is
//! seen.

use langevin_core::process::{OptionDoc, Options, SPACINGS, quantile};
use langevin_core::{Error, Level, Result};

use super::DistillSchedule;
use crate::passes::Pass;

/// Above this a noisy end counts as without signal; 80 stands in for it.
const STRETCH: f64 = 1e5;
const STAND_IN: f64 = 80.0;

pub(super) const START: OptionDoc =
    OptionDoc { key: "start", default: "10", doc: "intervals between noise levels at the beginning" };

pub(super) const MOST: OptionDoc = OptionDoc {
    key: "most",
    default: "1280",
    doc: "intervals at the end; they are doubled at even times in between",
};

pub(super) const MEAN: OptionDoc =
    OptionDoc { key: "mean", default: "-1.1", doc: "mean of ln(sigma / alpha) of the levels that are seen" };

pub(super) const STD: OptionDoc = OptionDoc { key: "std", default: "2", doc: "its standard deviation" };

/// How noise is divided (Song and Dhariwal 2024, "Improved Techniques for Training Consistency Models", arXiv 2310.14189,
/// sections 3.4 and 3.5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Discretisation {
    pub(super) start: usize,
    pub(super) most: usize,
    pub(super) mean: f64,
    pub(super) std: f64,
}

/// An interval of noise: the level an image is shown at, the one its answer is compared at, and the weight of that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    /// The noisier level.
    pub(super) from: Level,
    /// The cleaner one.
    pub(super) to: Level,
    /// `1 / (t - t')` in `sigma / alpha`.
    pub(super) weight: f64,
}

impl Discretisation {
    /// Reads [`START`], [`MOST`], [`MEAN`] and [`STD`].
    pub(super) fn read(options: &Options) -> Result<Self> {
        let whole = |key: &str| {
            let value = options.number(key, 1.0, 100_000.0)?;
            if value.fract() == 0.0 {
                return Ok(value as usize);
            }
            Err(Error::usage(format!("option {key}={value} must be a whole number")))
        };
        let (start, most) = (whole("start")?, whole("most")?);
        if most < start {
            return Err(Error::usage(format!("option most={most} is below start={start}")));
        }
        Ok(Self {
            start,
            most,
            mean: options.number("mean", -20.0, 20.0)?,
            std: options.number("std", 1e-3, 20.0)?,
        })
    }

    /// The intervals after `seen` of `images` images: `min(start 2^k, most)`, with `k` rising at even times, so that the
    /// last doubling has as long as the others.
    pub(super) fn intervals(&self, seen: u64, images: u64) -> usize {
        let doublings = (self.most / self.start).ilog2();
        let each = (images / u64::from(doublings + 1)).max(1);
        let done = (seen / each).min(u64::from(doublings)) as u32;
        (self.start << done).min(self.most)
    }

    /// The interval of each image of `pass`.
    pub(super) fn of(&self, course: &DistillSchedule, pass: &Pass) -> Result<Vec<Interval>> {
        let grid = grid(course, self.intervals(pass.seen, course.images))?;
        Ok(pass.uniforms.iter().map(|uniform| self.pick(&grid, *uniform)).collect())
    }

    /// The interval that the number `uniform` in (0, 1) stands for.
    pub(super) fn interval(&self, course: &DistillSchedule, uniform: f64, seen: u64) -> Result<Interval> {
        Ok(self.pick(&grid(course, self.intervals(seen, course.images))?, uniform))
    }

    /// The logarithm of the noise is normal, cut at the ends of the grid.
    fn pick(&self, grid: &[(Level, f64)], uniform: f64) -> Interval {
        let below = |t: f64| quantile::normal_distribution((t.ln() - self.mean) / self.std);
        let (low, high) = (below(grid[0].1), below(grid[grid.len() - 1].1));
        let wanted = low + uniform * (high - low);
        let at = grid[1..grid.len() - 1].partition_point(|(_, t)| below(*t) < wanted);
        let ((to, t_to), (from, t_from)) = (grid[at], grid[at + 1]);
        Interval { from, to, weight: 1.0 / (t_from - t_to) }
    }
}

/// The levels of `intervals` intervals with their `sigma / alpha`, cleanest first, spaced as Karras et al. 2022, eq. 5. A
/// noisy end without signal counts as 80.
fn grid(course: &DistillSchedule, intervals: usize) -> Result<Vec<(Level, f64)>> {
    let mut path = SPACINGS.build("karras")?.path(&course.diffusion, intervals + 1)?;
    // Without the clean image.
    path.pop();
    let levels = path.into_iter().rev().map(|level| {
        let ratio = level.ratio();
        (level, if ratio <= STRETCH { ratio } else { STAND_IN })
    });
    Ok(levels.collect())
}

#[cfg(test)]
mod tests {
    use langevin_core::process::{Diffusion, DiffusionSpec};

    use super::*;

    const ICT: Discretisation = Discretisation { start: 10, most: 1280, mean: -1.1, std: 2.0 };

    fn course(schedule: &str, process: &str) -> DistillSchedule {
        let spec = DiffusionSpec { schedule: schedule.into(), process: process.into(), ..Default::default() };
        DistillSchedule { diffusion: Diffusion::new(&spec).unwrap(), path: Vec::new(), images: 8_000 }
    }

    #[test]
    fn intervals_double_at_even_times() {
        // Song and Dhariwal 2024, section 3.4: s0 = 10, s1 = 1280, K / 8 iterations each.
        for (seen, want) in [(0, 10), (999, 10), (1_000, 20), (3_500, 80), (7_000, 1280), (9_999, 1280)] {
            assert_eq!(ICT.intervals(seen, 8_000), want, "{seen}");
        }
        let fixed = Discretisation { start: 17, most: 17, ..ICT };
        assert_eq!([fixed.intervals(0, 10), fixed.intervals(10, 10)], [17, 17]);
        let capped = Discretisation { start: 10, most: 50, ..ICT };
        assert_eq!([0, 1, 2, 3].map(|seen| capped.intervals(seen, 3)), [10, 20, 40, 40]);
    }

    #[test]
    fn intervals_are_seen_as_often_as_the_density_says() {
        let course = course("edm", "edm");
        let count = 20_000;
        let mut seen = [0.0; 10];
        let grid = grid(&course, 10).unwrap();
        for k in 0..count {
            let interval = ICT.interval(&course, (f64::from(k) + 0.5) / f64::from(count), 0).unwrap();
            let at = grid.iter().position(|(level, _)| *level == interval.to).unwrap();
            assert_eq!(interval.from, grid[at + 1].0);
            assert!((interval.weight * (grid[at + 1].1 - grid[at].1) - 1.0).abs() < 1e-12);
            seen[at] += 1.0 / f64::from(count);
        }
        // Eq. 10 of the paper: the mass of a normal logarithm, here by the trapezoid rule.
        let mass = |low: f64, high: f64| {
            let (steps, mut sum) = (2_000, 0.0);
            for k in 0..=steps {
                let z = (low.ln() + (high / low).ln() * f64::from(k) / f64::from(steps) + 1.1) / 2.0;
                let end = if k == 0 || k == steps { 0.5 } else { 1.0 };
                sum += end * (-0.5 * z * z).exp();
            }
            sum * (high / low).ln() / f64::from(steps)
        };
        let whole = mass(grid[0].1, grid[10].1);
        for (at, pair) in grid.windows(2).enumerate() {
            let want = mass(pair[0].1, pair[1].1) / whole;
            assert!((seen[at] - want).abs() < 2e-4, "interval {at}: {} and {want}", seen[at]);
        }
    }

    #[test]
    fn every_schedule_has_intervals_of_finite_weight() {
        for (schedule, process) in [("edm", "edm"), ("cosine", "vp"), ("flow", "flow"), ("linear", "vp")] {
            let course = course(schedule, process);
            for seen in [0, 8_000] {
                for uniform in [1e-9, 0.3, 1.0 - 1e-9] {
                    let found = ICT.interval(&course, uniform, seen).unwrap();
                    assert!(found.weight.is_finite() && found.weight > 0.0, "{schedule}: {found:?}");
                    assert!(found.from.log_snr() < found.to.log_snr(), "{schedule}: {found:?}");
                }
            }
        }
    }
}
