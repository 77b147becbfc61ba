//! Conformance of samplers: the promises of [`Sampler`], each a check that says what is wrong.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::closed_form::{Exact, Gaussian, Mixture};
use langevin_core::{Cond, Denoiser, Level, NoiseStreams, Purpose, Run};
use langevin_process::Process;
use langevin_sample::{SampleRequest, Sampler, sample_all, start_noise};

use crate::counting::Counting;

/// What a check found: nothing, or what is wrong.
pub type Check = Result<(), String>;

/// The levels of `process` at `steps + 1` log-SNRs evenly spaced from `first` to `last`: a smooth path between finite
/// levels, on which orders of convergence can be measured.
pub fn smooth_path(process: &dyn Process, first: f64, last: f64, steps: usize) -> Vec<Level> {
    let log_snr = |i: usize| first + (last - first) * i as f64 / steps as f64;
    (0..=steps).map(|i| process.level(log_snr(i))).collect()
}

/// The root-mean-square distance of the sampler's answer from the exact probability flow along `path`, over eight
/// pictures of `shape` that start as pure noise.
pub fn flow_error<D: Denoiser + Exact>(
    sampler: &dyn Sampler,
    exact: &D,
    path: &[Level],
    shape: [usize; 3],
) -> f64 {
    let (from, to) = (path[0], path[path.len() - 1]);
    let mut run = Run::new(Cond::none(), NoiseStreams::new(5, 0..8));
    let x = start_noise(&run, from, shape, &Device::flex());
    let truth: Vec<f64> = values(x.clone())
        .chunks(shape.iter().product())
        .flat_map(|x| exact.flow(from, to, &x.iter().map(|v| f64::from(*v)).collect::<Vec<_>>()))
        .collect();
    let made = values(sampler.sample(exact, x, path, &mut run).expect("the path is legal"));
    let squares = made.iter().zip(&truth).map(|(made, truth)| (f64::from(*made) - truth).powi(2));
    (squares.sum::<f64>() / truth.len() as f64).sqrt()
}

/// The measured order of convergence: minus the slope of log error over log steps, fitted where the error is above what
/// f32 can resolve.
pub fn measured_order<D: Denoiser + Exact>(
    sampler: &dyn Sampler,
    exact: &D,
    process: &dyn Process,
    shape: [usize; 3],
) -> f64 {
    let point = |steps: usize| {
        let path = smooth_path(process, -6.0, 5.0, steps);
        // Relative to the size of what is being computed, which at the end is of order 1.
        ((steps as f64).ln(), flow_error(sampler, exact, &path, shape).ln())
    };
    let floor = 2e-5_f64.ln();
    let points: Vec<(f64, f64)> =
        [24, 36, 54, 81, 122, 183, 274].map(point).into_iter().filter(|(_, error)| *error > floor).collect();
    let count = points.len() as f64;
    let (mx, my) =
        (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let covariance: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    -covariance / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>()
}

/// The claimed order is the measured one, within 0.3, on a Gaussian and on a mixture. A stochastic method passes.
pub fn check_order(sampler: &dyn Sampler, process: &dyn Process) -> Check {
    let Some(claimed) = sampler.order() else { return Ok(()) };
    let on_gaussian = measured_order(sampler, &Gaussian::varied(8), process, [2, 2, 2]);
    let on_mixture = measured_order(sampler, &Mixture::three(), process, [2, 1, 1]);
    for (measured, what) in [(on_gaussian, "Gaussian"), (on_mixture, "mixture")] {
        let off = (measured - claimed as f64).abs();
        // Too few points to fit give a NaN, which must not pass.
        if off.is_nan() || off > 0.3 {
            return Err(format!("order {measured:.2} on the {what}, and claims {claimed}"));
        }
    }
    Ok(())
}

/// Along `path` the sampler uses exactly the calls it states, reports every step in order with the level it reached,
/// and ends on pictures that are finite and of the size of the data.
pub fn check_walk(sampler: &dyn Sampler, path: &[Level]) -> Check {
    check_walk_within(sampler, path, 10.0)
}

/// [`check_walk`], for pictures whose values may be as large as `most`.
pub fn check_walk_within(sampler: &dyn Sampler, path: &[Level], most: f64) -> Check {
    let model = Counting::new(Gaussian::varied(2));
    let mut reported = Vec::new();
    let mut run = Run::new(Cond::none(), NoiseStreams::new(1, 0..2))
        .on_progress(|progress| reported.push((progress.step, progress.steps, progress.level)));
    let x = start_noise(&run, path[0], [2, 1, 1], &Device::flex());
    let made = sampler.sample(&model, x, path, &mut run).map_err(|error| error.to_string())?;
    drop(run);
    let wanted: Vec<_> = (1..path.len()).map(|step| (step, path.len() - 1, path[step])).collect();
    if reported != wanted {
        return Err(format!("reported {reported:?}"));
    }
    if model.calls() != sampler.calls(path) {
        return Err(format!("{} calls, and states {}", model.calls(), sampler.calls(path)));
    }
    // The data have means within 0.6 and deviations up to 0.71.
    match values(made).into_iter().find(|value| !value.is_finite() || f64::from(value.abs()) > most) {
        Some(value) => Err(format!("ends on the value {value}")),
        None => Ok(()),
    }
}

/// Every picture has the same bytes alone, in batches of any size, in a later request, and on one or two threads.
pub fn check_batches(sampler: &dyn Sampler, path: &[Level]) -> Check {
    // One picture is large enough for the tensor library to split the work between threads, from 262 144 values on.
    let shape = [1, 513, 513];
    let made = |first: u64, count: usize, batch_size: usize, threads: usize| -> Result<Vec<u32>, String> {
        let request = SampleRequest { first, batch_size, ..SampleRequest::new(count, 7, shape) };
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
            return Err(format!("batches of {batch_size} on {threads} threads change the pictures"));
        }
    }
    if made(1, 1, 1, 1)? != together[pixels..] {
        return Err("a picture asked for alone is not the one from the batch".into());
    }
    if together[..pixels] == together[pixels..] {
        return Err("two pictures of one batch are the same".into());
    }
    Ok(())
}

/// Mean and variance of the values that `sampler` makes of the Gaussian `N(mean, variance)`, starting from the exact
/// distribution at the first level, over `count` values.
pub fn moments(sampler: &dyn Sampler, gaussian: &Gaussian, path: &[Level], count: usize) -> (f64, f64) {
    let mut run = Run::new(Cond::none(), NoiseStreams::new(3, 0..4));
    let shape = [1, 1, count / 4];
    let data = run.noise.normal(Purpose::Validation, 0, shape, &Device::flex());
    let data = data.mul_scalar(gaussian.variance[0].sqrt()).add_scalar(gaussian.mean[0]);
    let x = data.mul_scalar(path[0].alpha) + start_noise(&run, path[0], shape, &Device::flex());
    let made = values(sampler.sample(gaussian, x, path, &mut run).expect("the path is legal"));
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

/// A tensor of these values.
///
/// # Panics
/// If there are not as many as the shape holds.
pub fn tensor(values: &[f64], shape: [usize; 4]) -> Tensor<4> {
    let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}
