//! Levels judged by what a sampler makes of them: the distance of its images from those of the fine trajectories with the
//! same noise. The best of several candidates is moved to and fro for as long as that brings the images nearer.
//!
//! The search over measured errors of single steps (`langevin_sample::StepErrors`) adds up sizes of errors, each measured on the
//! fine trajectory. A walk of few steps leaves that trajectory at once, and errors of one step undo part of those before it, so
//! the least sum is not the least distance. What is measured here is the distance itself.

use burn::tensor::{Device, Tensor};
use langevin_core::Result;
use langevin_model::defaults::rounded;
use langevin_model::{Grid, Model};
use langevin_process::SPACINGS;
use langevin_sample::Sampler;

use langevin_inference::sampling::{SamplePlan, sample_along};

/// Levels that move together when there are more than these.
const KNOTS: usize = 6;
/// How far levels are moved at a time, in parts of the way to their neighbours.
const MOVES: [f64; 2] = [0.3, 0.12];
/// What a move must gain: less is chance, and not worth asking the model again.
const GAIN: f64 = 0.002;

/// Images with their fine ends, to judge levels by.
pub(crate) struct Judge<'a> {
    pub(crate) model: &'a Model,
    pub(crate) plan: SamplePlan,
    pub(crate) device: &'a Device,
    /// Where the fine trajectories of the plan end.
    pub(crate) ends: Tensor<4>,
}

impl<'a> Judge<'a> {
    /// The first `count` images of this judge's.
    pub(crate) fn first(&self, count: usize) -> Judge<'a> {
        let count = count.min(self.plan.count);
        let labels = self.plan.labels.as_ref().map(|labels| labels[..count].to_vec());
        Judge {
            plan: SamplePlan { count, labels, ..self.plan.clone() },
            ends: self.ends.clone().narrow(0, 0, count),
            ..*self
        }
    }

    /// How far the images of `sampler` over `levels` (`sigma / alpha`, falling) are from the fine ends: the mean over images
    /// of the root mean square over values.
    ///
    /// # Errors
    /// As [`sample_along`].
    pub(crate) fn distance(&self, sampler: &dyn Sampler, levels: &[f64]) -> Result<f64> {
        let spacing = SPACINGS.build(&Grid { order: 1, levels: levels.to_vec() }.spacing());
        let path = spacing.and_then(|spacing| spacing.path(self.model.denoiser.diffusion(), levels.len()));
        // Levels that are no path for this model are as far as can be.
        let Ok(path) = path else { return Ok(f64::INFINITY) };
        let drawn = sample_along(self.model, &self.plan, sampler, &path, self.device, |_| {})?;
        let values: usize = self.model.shape().iter().product();
        let off = (drawn - self.ends.clone()).try_into_vec_as::<f32>().expect("a float tensor holds floats");
        let of_image = |off: &[f32]| {
            let squares: f64 = off.iter().map(|v| f64::from(*v).powi(2)).sum();
            (squares / values as f64).sqrt()
        };
        let mean = off.chunks_exact(values).map(of_image).sum::<f64>() / self.ends.dims()[0] as f64;
        Ok(if mean.is_finite() { mean } else { f64::INFINITY })
    }

    /// The best of `candidates` for `sampler`, and, with `moves`, of its blends with the others and of what comes of moving its
    /// levels, unless `check`, on whose images nothing was chosen, finds that no nearer than the candidate. `report` is called
    /// after each walk.
    ///
    /// # Errors
    /// As [`Judge::distance`].
    pub(crate) fn best(
        &self,
        sampler: &dyn Sampler,
        candidates: &[Vec<f64>],
        moves: bool,
        check: &Judge<'_>,
        mut report: impl FnMut(),
    ) -> Result<Vec<f64>> {
        let mut judged: Vec<(f64, &Vec<f64>)> = Vec::new();
        for levels in candidates {
            judged.push((self.distance(sampler, levels)?, levels));
            report();
        }
        judged.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut least, mut best) = (judged[0].0, judged[0].1.clone());
        let mut attempt = |levels: Option<Vec<f64>>, best: &mut Vec<f64>| -> Result<bool> {
            let Some(levels) = levels.filter(|levels| *levels != *best) else { return Ok(false) };
            let distance = self.distance(sampler, &levels)?;
            report();
            let better = distance < least * (1.0 - GAIN);
            if better {
                (least, *best) = (distance, levels);
            }
            Ok(better)
        };
        if !moves {
            return Ok(best);
        }
        let candidate = best.clone();
        for (_, other) in judged.iter().skip(1) {
            attempt(blend(&best, other), &mut best)?;
        }
        for size in MOVES {
            for knot in 0..knots(best.len()) {
                let up = attempt(moved(&best, knot, size), &mut best)?;
                if !up {
                    attempt(moved(&best, knot, -size), &mut best)?;
                }
            }
        }
        if best == candidate {
            return Ok(best);
        }
        let nearer = check.distance(sampler, &best)? < check.distance(sampler, &candidate)?;
        report();
        report();
        Ok(if nearer { best } else { candidate })
    }
}

/// The most walks that [`Judge::best`] takes.
pub(crate) fn walks(candidates: usize, steps: usize, moves: bool) -> usize {
    if moves { 2 * candidates + 1 + 2 * MOVES.len() * knots(steps) } else { candidates }
}

/// The first level is the noisy end, which stays.
fn knots(levels: usize) -> usize {
    (levels - 1).min(KNOTS)
}

/// Halfway between two lists of levels, in their logarithms.
fn blend(a: &[f64], b: &[f64]) -> Option<Vec<f64>> {
    falling(a.iter().zip(b).map(|(a, b)| (a * b).sqrt()).collect())
}

/// `levels` with those around place `knot` of [`knots`] moved by `size` of the way to the level before (or, below 0, after).
fn moved(levels: &[f64], knot: usize, size: f64) -> Option<Vec<f64>> {
    let (last, knots) = (levels.len() - 1, knots(levels.len()));
    let logs: Vec<f64> = levels.iter().map(|level| level.ln()).collect();
    // Knots lie evenly over the levels after the first; between two of them the move falls off linearly.
    let apart = if knots > 1 { (last - 1) as f64 / (knots - 1) as f64 } else { 1.0 };
    let centre = 1.0 + knot as f64 * apart;
    let at = |index: usize| {
        let share = (1.0 - (index as f64 - centre).abs() / apart).max(0.0);
        if index == 0 || share == 0.0 {
            return levels[index];
        }
        let before = logs[index - 1] - logs[index];
        let after = if index < last { logs[index] - logs[index + 1] } else { before };
        (logs[index] + size * share * if size > 0.0 { before } else { after }).exp()
    };
    falling((0..=last).map(at).collect())
}

/// `levels` to the digits they are stored with, if each is still below the one before.
fn falling(levels: Vec<f64>) -> Option<Vec<f64>> {
    let levels: Vec<f64> = levels.into_iter().map(rounded).collect();
    levels.windows(2).all(|pair| pair[1] < pair[0]).then_some(levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_move_between_their_neighbours_and_the_first_stays() {
        let levels = [80.0, 10.0, 2.0, 0.5, 0.1];
        let one = moved(&levels, 1, 0.5).unwrap();
        assert_eq!((one[0], one[1], one[3], one[4]), (80.0, 10.0, 0.5, 0.1));
        assert!((one[2] - 20.0_f64.sqrt()).abs() < 1e-3, "{one:?}");
        let last = moved(&levels, 3, -0.5).unwrap();
        assert!((last[4] - 0.1 * 0.2_f64.sqrt()).abs() < 1e-5 && last[3] == 0.5, "{last:?}");
        let many: Vec<f64> = (0..21).map(|k| 80.0 * 0.6_f64.powi(k)).collect();
        assert_eq!(knots(many.len()), KNOTS);
        for knot in 0..KNOTS {
            for size in [0.3, -0.3] {
                let made = moved(&many, knot, size).unwrap();
                let changed = made.iter().zip(&many).filter(|(a, b)| (*a / *b - 1.0).abs() > 1e-3).count();
                assert!((1..=8).contains(&changed) && made[0] == 80.0, "{knot}: {changed} of {made:?}");
            }
        }
        assert_eq!(blend(&[80.0, 4.0], &[80.0, 1.0]).unwrap(), [80.0, 2.0]);
        assert_eq!(moved(&[80.0], 0, 0.3), Some(vec![80.0]));
    }
}
