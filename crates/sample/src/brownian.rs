//! One Brownian path for each image, from which the noise of any stretch of a walk is read: stretches inside stretches
//! agree, so a walk with more steps follows the same path more closely.
//!
//! A virtual Brownian tree (Li et al. 2020, "Scalable Gradients for Stochastic Differential Equations", arXiv 2001.01328,
//! Algorithm 3): the path is known at both ends, and each middle is drawn from the Brownian bridge between its ends, from
//! its own stream. k-diffusion's `BrownianTreeNoiseSampler` does the same with another clock; any clock that only grows
//! serves.

use burn::tensor::{Device, Tensor};
use langevin_core::{Level, NoiseStreams, Purpose, Run};

/// The path is drawn at this many halvings.
const DEPTH: u32 = 16;
const END: u64 = 1 << DEPTH;

/// The Brownian path of a batch along a walk that only goes towards less noise.
pub(crate) struct Brownian {
    noise: NoiseStreams,
    shape: [usize; 3],
    device: Device,
    /// The intervals of the tree around the last point asked for, the widest first.
    around: Vec<Interval>,
    at: (u64, Tensor<4>),
}

struct Interval {
    ends: [u64; 2],
    values: [Tensor<4>; 2],
}

/// The clock of a level: it runs from 0 (clean) to the end (pure noise), evenly enough in the log-SNR that steps of any
/// usual spacing are many ticks long.
fn clock(level: Level) -> u64 {
    let root = level.ratio().sqrt().sqrt();
    let part = if root.is_finite() { root / (1.0 + root) } else { 1.0 };
    (part * END as f64).round() as u64
}

impl Brownian {
    /// The path of the images of `run`, at the level where their walk starts.
    pub(crate) fn new(run: &Run<'_>, x: &Tensor<4>, start: Level) -> Self {
        let ([_, c, h, w], device) = (x.dims(), x.device());
        let (noise, shape) = (run.noise.clone(), [c, h, w]);
        let end = noise.normal(Purpose::Sampler, END, shape, &device).mul_scalar((END as f64).sqrt());
        let zero = end.zeros_like();
        let around = vec![Interval { ends: [0, END], values: [zero.clone(), end] }];
        let mut path = Self { noise, shape, device, around, at: (0, zero) };
        path.at = path.point(clock(start));
        path
    }

    /// The noise of variance 1 of the stretch from where the walk is to `level`, without going there.
    pub(crate) fn noise_to(&mut self, level: Level) -> Tensor<4> {
        let there = self.reach(level);
        self.between(&there)
    }

    /// The noise of variance 1 of the stretch from where the walk is to `level`, which is where it is then.
    pub(crate) fn advance(&mut self, level: Level) -> Tensor<4> {
        let there = self.reach(level);
        let noise = self.between(&there);
        self.at = there;
        noise
    }

    fn between(&self, there: &(u64, Tensor<4>)) -> Tensor<4> {
        let ticks = (self.at.0 - there.0) as f64;
        (there.1.clone() - self.at.1.clone()).mul_scalar(1.0 / ticks.sqrt())
    }

    /// The point at `level`, at least a tick on: levels nearer than that count as one apart.
    fn reach(&mut self, level: Level) -> (u64, Tensor<4>) {
        let tick = clock(level).min(self.at.0.saturating_sub(1));
        self.point(tick)
    }

    fn point(&mut self, tick: u64) -> (u64, Tensor<4>) {
        while self.around.len() > 1
            && !self.around.last().is_some_and(|last| (last.ends[0]..=last.ends[1]).contains(&tick))
        {
            self.around.pop();
        }
        loop {
            let last = self.around.last().expect("the widest interval stays");
            let [low, high] = last.ends;
            let values = last.values.clone();
            if let Some(end) = last.ends.iter().position(|end| *end == tick) {
                return (tick, values[end].clone());
            }
            let middle = u64::midpoint(low, high);
            let spread = ((high - low) as f64).sqrt() / 2.0;
            let fresh = self.noise.normal(Purpose::Sampler, middle, self.shape, &self.device);
            let [at_low, at_high] = values;
            let value = (at_low.clone() + at_high.clone()).mul_scalar(0.5) + fresh.mul_scalar(spread);
            self.around.push(if tick <= middle {
                Interval { ends: [low, middle], values: [at_low, value] }
            } else {
                Interval { ends: [middle, high], values: [value, at_high] }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Cond;

    use super::*;

    fn level(ratio: f64) -> Level {
        Level { alpha: 1.0, sigma: ratio }
    }

    fn path(pixels: usize, start: f64) -> Brownian {
        let run = Run::new(Cond::none(), NoiseStreams::new(2, [0, 1]));
        Brownian::new(&run, &Tensor::zeros([2, 1, 1, pixels], &Device::flex()), level(start))
    }

    fn values(x: Tensor<4>) -> Vec<f64> {
        x.try_into_vec_as::<f32>().unwrap().into_iter().map(f64::from).collect()
    }

    #[test]
    fn the_noise_of_a_stretch_is_that_of_its_parts() {
        let (start, middle, end) = (14.0, 2.0, 0.3);
        let whole = values(path(5, start).advance(level(end)));
        let mut parts = path(5, start);
        let (first, second) = (values(parts.advance(level(middle))), values(parts.advance(level(end))));
        let ticks = |from, to| (clock(level(from)) - clock(level(to))) as f64;
        for ((whole, first), second) in whole.iter().zip(&first).zip(&second) {
            let sum = first * ticks(start, middle).sqrt() + second * ticks(middle, end).sqrt();
            assert!((whole - sum / ticks(start, end).sqrt()).abs() < 1e-5);
        }
    }

    #[test]
    fn stretches_are_independent_and_of_variance_one() {
        let pixels = 20_000;
        let mut path = path(pixels, 80.0);
        let stretches = [17.0, 3.0, 2.9, 0.002].map(|to| values(path.advance(level(to))));
        let mean = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / a.len() as f64;
        for (i, a) in stretches.iter().enumerate() {
            for (j, b) in stretches.iter().enumerate() {
                let wanted = if i == j { 1.0 } else { 0.0 };
                assert!((mean(a, b) - wanted).abs() < 0.03, "{i} and {j}: {}", mean(a, b));
            }
        }
    }

    #[test]
    fn levels_nearer_than_a_tick_have_noise_too() {
        let mut path = path(3, 1.0);
        let noise = values(path.advance(level(1.0 - 1e-9)));
        assert!(noise.iter().all(|n| n.is_finite() && *n != 0.0));
    }
}
