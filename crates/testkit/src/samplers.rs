//! Conformance of samplers: the promises of [`Sampler`], each a check that says what is wrong.

use burn::tensor::{DType, Device, Tensor, TensorData};
use langevin_core::closed_form::{Exact, Gaussian, Mixture};
use langevin_core::{Cond, Denoiser, Level, NoiseStreams, Purpose, Run};
use langevin_process::Process;
use langevin_sample::{BatchRequest, Sampler, sample_all};

use crate::counting::Counting;

/// What a check found: nothing, or what is wrong.
pub type Check = Result<(), String>;

/// The levels of `process` at `steps + 1` log-SNRs evenly spaced from `first` to `last`: a smooth path between finite
/// levels, on which orders of convergence can be measured.
pub fn smooth_path(process: &dyn Process, first: f64, last: f64, steps: usize) -> Vec<Level> {
    let log_snr = |i: usize| first + (last - first) * i as f64 / steps as f64;
    (0..=steps).map(|i| process.level(log_snr(i))).collect()
}

/// A problem on which orders of convergence are measured: a walk of `process` from a log-SNR of -6 to 5 whose exact end is
/// known, on a Gaussian and on a mixture.
///
/// Everything is computed in f64. The steps begin short and grow, `i^2 / N^2` of the way in log-SNR: a multistep method takes
/// its first step in first order, which on even steps would be all that is seen of its error.
pub struct OrderProblem {
    process: Box<dyn Process>,
    gaussian: Walk<Gaussian>,
    mixture: Walk<Mixture>,
}

/// Eight images at the start of a walk and where the exact flow takes them.
struct Walk<D> {
    exact: D,
    start: Tensor<4>,
    end: Vec<f64>,
}

/// The error of a sampler at growing numbers of steps.
#[derive(Debug, Clone)]
pub struct Convergence {
    /// Steps and root-mean-square error.
    pub errors: Vec<(usize, f64)>,
}

impl<D: Denoiser + Exact> Walk<D> {
    fn new(exact: D, from: Level, to: Level, shape: [usize; 3]) -> Self {
        let run = Run::new(Cond::none(), NoiseStreams::new(5, 0..8));
        let start = run.start_at(from, shape, &Device::flex()).cast(DType::F64);
        let images = exact_values(start.clone());
        let pixels = shape.iter().product();
        let end = images.chunks(pixels).flat_map(|x| exact.flow(from, to, x)).collect();
        Self { exact, start, end }
    }

    fn converge(&self, sampler: &dyn Sampler, path: impl Fn(usize) -> Vec<Level>) -> Convergence {
        let error = |steps: usize| {
            let mut run = Run::new(Cond::none(), NoiseStreams::new(5, 0..8));
            let made = sampler.sample(&self.exact, self.start.clone(), &path(steps), &mut run);
            let made = exact_values(made.expect("the path is legal"));
            let squares = made.iter().zip(&self.end).map(|(made, end)| (made - end).powi(2));
            (steps, (squares.sum::<f64>() / self.end.len() as f64).sqrt())
        };
        Convergence { errors: [24, 36, 54, 81, 122, 183, 274].map(error).to_vec() }
    }
}

impl Convergence {
    /// Minus the slope of log error over log steps, fitted from 54 steps on where the error is above what the exact flow is
    /// known to. NaN when
    /// that leaves fewer than two points.
    pub fn order(&self) -> f64 {
        let known = self.errors.iter().filter(|(steps, error)| *steps >= 54 && *error > 1e-10);
        let points: Vec<_> = known.map(|(steps, error)| ((*steps as f64).ln(), error.ln())).collect();
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
        let covariance: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
        -covariance / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>()
    }
}

impl OrderProblem {
    /// The problem for a process.
    pub fn new(process: Box<dyn Process>) -> Self {
        let (from, to) = (process.level(FIRST), process.level(LAST));
        let gaussian = Walk::new(Gaussian::varied(8), from, to, [2, 2, 2]);
        let mixture = Walk::new(Mixture::three(), from, to, [2, 1, 1]);
        Self { process, gaussian, mixture }
    }

    /// The errors of `sampler` on the Gaussian and on the mixture.
    pub fn converge(&self, sampler: &dyn Sampler) -> [Convergence; 2] {
        let path = |steps| self.path(steps);
        [self.gaussian.converge(sampler, path), self.mixture.converge(sampler, path)]
    }

    /// The levels of a walk.
    pub fn path(&self, steps: usize) -> Vec<Level> {
        let part = |i: usize| (i as f64 / steps as f64).powi(2);
        (0..=steps).map(|i| self.process.level(FIRST + (LAST - FIRST) * part(i))).collect()
    }
}

const FIRST: f64 = -6.0;
const LAST: f64 = 5.0;

/// The measured order is at least the claimed one, within 0.35, on a Gaussian and on a mixture. A method without an order
/// passes.
pub fn check_order(sampler: &dyn Sampler, problem: &OrderProblem) -> Check {
    let Some(claimed) = sampler.order() else { return Ok(()) };
    for (measured, what) in problem.converge(sampler).iter().zip(["Gaussian", "mixture"]) {
        let order = measured.order();
        // Too few points to fit give a NaN, which must not pass.
        if order.is_nan() || order < claimed as f64 - 0.35 {
            return Err(format!("order {order:.2} on the {what}, and claims {claimed}"));
        }
    }
    Ok(())
}

/// Along `path` the sampler uses exactly the calls it states (at most, if it is adaptive), reports every step in order with the level it reached,
/// and ends on images that are finite and of the size of the data.
pub fn check_walk(sampler: &dyn Sampler, path: &[Level]) -> Check {
    check_walk_within(sampler, path, 10.0)
}

/// [`check_walk`], for images whose values may be as large as `most`.
pub fn check_walk_within(sampler: &dyn Sampler, path: &[Level], most: f64) -> Check {
    let model = Counting::new(Gaussian::varied(2));
    let mut reported = Vec::new();
    let mut run = Run::new(Cond::none(), NoiseStreams::new(1, 0..2))
        .on_progress(|progress| reported.push((progress.step, progress.steps, progress.level)));
    let x = run.start_at(path[0], [2, 1, 1], &Device::flex());
    let made = sampler.sample(&model, x, path, &mut run).map_err(|error| error.to_string())?;
    drop(run);
    let wanted: Vec<_> = (1..path.len()).map(|step| (step, path.len() - 1, path[step])).collect();
    if reported != wanted {
        return Err(format!("reported {reported:?}"));
    }
    let stated = sampler.calls(path);
    if if sampler.is_adaptive() { model.calls() > stated } else { model.calls() != stated } {
        return Err(format!("{} calls, and states {stated}", model.calls()));
    }
    // The data have means within 0.6 and deviations up to 0.71.
    match values(made).into_iter().find(|value| !value.is_finite() || f64::from(value.abs()) > most) {
        Some(value) => Err(format!("ends on the value {value}")),
        None => Ok(()),
    }
}

/// Every image of `shape` has the same bytes alone, in batches of any size, in a later request, and on one or two
/// threads. The tensor library splits work between threads from 262 144 values on.
pub fn check_batches(sampler: &dyn Sampler, path: &[Level], shape: [usize; 3]) -> Check {
    let made = |first: u64, count: usize, batch_size: usize, threads: usize| -> Result<Vec<u32>, String> {
        let request = BatchRequest { first, batch_size, ..BatchRequest::new(count, 7, shape) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| e.to_string())?;
        let sample = || {
            sample_all(&Gaussian::varied(12), sampler, path, &request, &Device::flex(), |_| ()).map(values)
        };
        let values = pool.install(sample).map_err(|error| error.to_string())?;
        Ok(values.into_iter().map(f32::to_bits).collect())
    };
    let together = made(0, 2, 2, 1)?;
    let pixels = shape.iter().product();
    for (batch_size, threads) in [(1, 1), (16, 2), (1, 2)] {
        if made(0, 2, batch_size, threads)? != together {
            return Err(format!("batches of {batch_size} on {threads} threads change the images"));
        }
    }
    if made(1, 1, 1, 1)? != together[pixels..] {
        return Err("an image asked for alone is not the one from the batch".into());
    }
    if together[..pixels] == together[pixels..] {
        return Err("two images of one batch are the same".into());
    }
    Ok(())
}

/// Mean and variance of the values that `sampler` makes of a `model` of the Gaussian `N(mean, variance)`, starting from the
/// exact distribution at the first level, over `count` values.
pub fn moments(
    sampler: &dyn Sampler,
    gaussian: &Gaussian,
    model: &dyn Denoiser,
    path: &[Level],
    count: usize,
) -> (f64, f64) {
    let mut run = Run::new(Cond::none(), NoiseStreams::new(3, 0..4));
    let shape = [1, 1, count / 4];
    let data = run.noise.normal(Purpose::Validation, 0, shape, &Device::flex());
    let data = data.mul_scalar(gaussian.variance[0].sqrt()).add_scalar(gaussian.mean[0]);
    let x = data.mul_scalar(path[0].alpha) + run.start_at(path[0], shape, &Device::flex());
    let made = values(sampler.sample(model, x, path, &mut run).expect("the path is legal"));
    let count = made.len() as f64;
    let mean = made.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
    (mean, made.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / count)
}

/// The values of a tensor in the order of memory.
///
/// # Panics
/// If they are not f32.
pub fn values(x: Tensor<4>) -> Vec<f32> {
    x.into_data().try_to_vec().expect("the values are f32")
}

/// The values of a tensor of f32 or f64, in f64.
fn exact_values(x: Tensor<4>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_to_vec().expect("just converted")
}

/// A tensor of these values.
///
/// # Panics
/// If there are not as many as the shape holds.
pub fn tensor(values: &[f64], shape: [usize; 4]) -> Tensor<4> {
    let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}
