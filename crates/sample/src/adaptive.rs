//! Adaptive step sizes: every image has its own, so that an image has the same bytes alone and in a batch.
//!
//! An adaptive method finds its steps itself. The levels of the path are where it stops by and reports; a path of one step
//! is enough. It walks in a coordinate of its own between noisy levels with signal; a step that starts without signal first
//! goes, by the step primitive, to `sigma / alpha` of 80 (or the end, if that is noisier), and one that ends clean is walked
//! to `end` (0.002 by default, as in EDM) and from there lands on the model's clean image.

use std::fmt::Debug;

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::registry::{OptionDoc, Options};
use langevin_core::{Denoiser, Error, Level, Levels, Result, Run};

use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::{evaluate, report, whole};

/// Where a walk that starts without signal begins, in `sigma / alpha`.
const BEGIN: f64 = 80.0;

pub(crate) const END: OptionDoc = OptionDoc {
    key: "end",
    default: "0.002",
    doc: "sigma/alpha at which the loop to the clean image ends with the model's output",
};

pub(crate) const MAX_CALLS: OptionDoc = OptionDoc {
    key: "max_calls",
    default: "10000",
    doc: "stop with an error before asking the model more often",
};

/// One embedded pair of methods: a step, and an estimate of its error.
pub(crate) trait Pair: Debug + Send + Sync {
    /// The place of a level on the way: grows along the walk.
    fn place(&self, level: Level) -> f64;

    /// The level at a place, in whose scale the walk keeps its images.
    fn level(&self, place: f64) -> Level;

    /// The first step tried, over a walk of this length.
    fn first_step(&self, length: f64) -> f64;

    /// How many calls a tried step costs at most.
    fn calls(&self) -> usize;

    /// Tries the steps from `from` to `to`, one for each image.
    fn attempt(&self, asked: &Asked<'_>, from: &[Lane], to: &[f64]) -> Result<Vec<Tried>>;

    /// Whether a step with this error is taken, and the factor on the next.
    fn judge(&self, error: f64) -> (bool, f64);

    /// What that factor multiplies, where the end of the walk cut the step that was `wanted` down to the one `used`.
    fn base(&self, _wanted: f64, used: f64) -> f64 {
        used
    }
}

/// One image on its way.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    index: usize,
    pub(crate) place: f64,
    step: f64,
    pub(crate) x: Tensor<4>,
    /// What a pair keeps from one step to the next.
    pub(crate) kept: Option<Tensor<4>>,
    denoised: Tensor<4>,
}

/// A step that was tried.
pub(crate) struct Tried {
    pub(crate) x: Tensor<4>,
    pub(crate) kept: Tensor<4>,
    pub(crate) denoised: Tensor<4>,
    pub(crate) error: f64,
}

/// The model, asked for some of the images.
pub(crate) struct Asked<'a> {
    model: &'a dyn Denoiser,
    run: &'a Run<'a>,
}

impl Asked<'_> {
    /// The clean images for `x`, which holds one image for each of `lanes`, at its level.
    pub(crate) fn evaluate(&self, x: &Tensor<4>, lanes: &[Lane], at: Vec<Level>) -> Result<Tensor<4>> {
        let images: Vec<usize> = lanes.iter().map(|lane| lane.index).collect();
        self.model.denoise(x.clone(), &Levels(at), &self.run.cond.of(&images))
    }
}

/// The sampler of a pair, with the settings that all of them share.
#[derive(Debug)]
pub(crate) struct Adaptive<P> {
    pair: P,
    end: f64,
    max_calls: usize,
}

impl<P: Pair> Sampler for Adaptive<P> {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let mut left = self.max_calls;
        // The size of the last step each image took.
        let mut sizes: Vec<Option<f64>> = vec![None; x.dims()[0]];
        for step in steps(path)? {
            let mut denoised = None;
            let mut at = step.from;
            if at.alpha == 0.0 {
                let to = if step.to.ratio() < BEGIN { scaled(BEGIN, step.to) } else { step.to };
                let answer = self.ask_counted(model, &x, at, run, &mut left)?;
                x = step.until(to).advance(x, answer.clone());
                (at, denoised) = (to, Some(answer));
            }
            let end = if step.to.sigma > 0.0 { step.to } else { scaled(self.end, step.to) };
            if at.ratio() > end.ratio() {
                let answer;
                let stretch = PathStep { from: at, to: end, ..step };
                (x, answer) = self.walk(model, x, stretch, run, &mut sizes, &mut left)?;
                (at, denoised) = (end, Some(answer));
            }
            if step.to.sigma == 0.0 {
                let answer = self.ask_counted(model, &x, at, run, &mut left)?;
                x = PathStep { from: at, ..step }.advance(x, answer.clone());
                denoised = Some(answer);
            }
            report(run, step, &x, &denoised.expect("every step asks the model"))?;
        }
        Ok(x)
    }

    fn calls(&self, _path: &[Level]) -> usize {
        self.max_calls
    }

    fn is_adaptive(&self) -> bool {
        true
    }

    fn order(&self) -> Option<usize> {
        None
    }
}

impl<P: Pair> Adaptive<P> {
    pub(crate) fn read(options: &Options, pair: P) -> Result<Self> {
        let max_calls = whole(options, "max_calls", 1, 1_000_000_000)?;
        Ok(Self { pair, end: options.number("end", 1e-6, 1e3)?, max_calls })
    }

    fn ask_counted(
        &self,
        model: &dyn Denoiser,
        x: &Tensor<4>,
        at: Level,
        run: &Run<'_>,
        left: &mut usize,
    ) -> Result<Tensor<4>> {
        self.count(1, left)?;
        evaluate(model, x, at, run)
    }

    fn count(&self, calls: usize, left: &mut usize) -> Result<()> {
        *left = left.checked_sub(calls).ok_or_else(|| {
            Error::failed(format!(
                "the sampling loop did not end within {} network evaluations",
                self.max_calls
            ))
            .hint("loosen rtol and atol, or raise max_calls")
        })?;
        Ok(())
    }

    /// Walks every image over `stretch`, which lies between noisy levels with signal.
    fn walk(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        stretch: PathStep,
        run: &Run<'_>,
        sizes: &mut [Option<f64>],
        left: &mut usize,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let pair = &self.pair;
        let (begin, end) = (pair.place(stretch.from), pair.place(stretch.to));
        let scale = |to: Level, from: Level| to.magnitude() / from.magnitude();
        let x = x.mul_scalar(scale(pair.level(begin), stretch.from));
        let mut lanes: Vec<Lane> = (0..x.dims()[0])
            .map(|index| {
                let x = x.clone().slice_dim(0, index..index + 1);
                let step = sizes[index].unwrap_or_else(|| pair.first_step(end - begin));
                Lane { index, place: begin, step, denoised: x.clone(), x, kept: None }
            })
            .collect();
        // A remainder shorter than this is rounding.
        let rounding = 1e-9 * (end - begin).abs().max(end.abs());
        loop {
            let (ready, active): (Vec<_>, Vec<_>) =
                lanes.into_iter().partition(|lane| end - lane.place <= rounding);
            if active.is_empty() {
                lanes = ready;
                break;
            }
            self.count(pair.calls(), left)?;
            let to: Vec<f64> = active.iter().map(|lane| end.min(lane.place + lane.step)).collect();
            let tried = pair.attempt(&Asked { model, run }, &active, &to)?;
            lanes = ready;
            for ((mut lane, tried), to) in active.into_iter().zip(tried).zip(to) {
                if tried.error.is_nan() {
                    return Err(Error::failed(format!(
                        "the model's outputs are not finite near sigma/alpha {:.3}",
                        pair.level(to).ratio()
                    )));
                }
                let (taken, factor) = pair.judge(tried.error);
                let used = to - lane.place;
                // A step that was cut short by the end says little about the size of the next.
                if to < end || !taken {
                    lane.step = pair.base(lane.step, used) * factor;
                }
                if taken {
                    (lane.x, lane.kept, lane.place) = (tried.x, Some(tried.kept), to);
                    lane.denoised = tried.denoised;
                }
                if lane.step <= rounding {
                    return Err(Error::failed("the steps of the walk became too short to go on")
                        .hint("loosen rtol and atol"));
                }
                lanes.push(lane);
            }
        }
        lanes.sort_by_key(|lane| lane.index);
        lanes.iter().for_each(|lane| sizes[lane.index] = Some(lane.step));
        let x = Tensor::cat(lanes.iter().map(|lane| lane.x.clone()).collect(), 0);
        let denoised = Tensor::cat(lanes.into_iter().map(|lane| lane.denoised).collect(), 0);
        Ok((x.mul_scalar(scale(stretch.to, pair.level(end))), denoised))
    }
}

/// A level of this noise, of the size of `like`.
fn scaled(ratio: f64, like: Level) -> Level {
    let alpha = like.magnitude() / ratio.hypot(1.0);
    Level { alpha, sigma: alpha * ratio }
}

/// One number for each image, `[images, 1, 1, 1]`.
pub(crate) fn column(numbers: impl Iterator<Item = f64>, device: &Device) -> Tensor<4> {
    let numbers: Vec<f32> = numbers.map(|number| number as f32).collect();
    let count = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [count, 1, 1, 1]), device)
}

/// The images of the lanes as one batch.
pub(crate) fn gather(lanes: &[Lane]) -> Tensor<4> {
    Tensor::cat(lanes.iter().map(|lane| lane.x.clone()).collect(), 0)
}

/// The root mean square of `difference / tolerance` for each image, where the tolerance of a value is
/// `scale(|a|, |b|)`.
pub(crate) fn errors(
    difference: Tensor<4>,
    [a, b]: [&Tensor<4>; 2],
    scale: impl Fn(f64, f64) -> f64,
) -> Vec<f64> {
    let values = |x: Tensor<4>| -> Vec<f64> {
        let values: Vec<f32> = x.into_data().convert::<f32>().try_to_vec().expect("just converted");
        values.into_iter().map(f64::from).collect()
    };
    let [images, c, h, w] = difference.dims();
    let pixels = (c * h * w).max(1);
    let (difference, a, b) = (values(difference), values(a.clone()), values(b.clone()));
    (0..images)
        .map(|image| {
            let range = image * pixels..(image + 1) * pixels;
            let sum: f64 = range.map(|i| (difference[i] / scale(a[i].abs(), b[i].abs())).powi(2)).sum();
            (sum / pixels as f64).sqrt()
        })
        .collect()
}
