//! Every method against what its paper makes of Gaussian data, and against what every method promises.

mod defects;
mod dense;
mod gaussian;
mod gradients;
mod oracle;
mod promises;
mod refusals;

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Cond, Level, NoiseStreams, Result, Run};
use langevin_restore::{METHODS, Prior, Problem};
use langevin_testkit::{Correlated, Exact};

use dense::{COUNT, Dense, SHAPE};

/// Noise over signal along the paths of these tests, clean at the end.
const RATIOS: [f64; 8] = [30.0, 8.0, 3.0, 1.2, 0.5, 0.2, 0.07, 0.0];

/// The variance-preserving path at these ratios.
fn vp(ratios: &[f64]) -> Vec<Level> {
    ratios
        .iter()
        .map(|ratio| Level { alpha: 1.0 / ratio.hypot(1.0), sigma: ratio / ratio.hypot(1.0) })
        .collect()
}

/// The variance-exploding path at these ratios.
fn ve(ratios: &[f64]) -> Vec<Level> {
    ratios.iter().map(|ratio| Level { alpha: 1.0, sigma: *ratio }).collect()
}

/// The path of a flow at these ratios.
fn flow(ratios: &[f64]) -> Vec<Level> {
    ratios.iter().map(|ratio| Level { alpha: 1.0 / (1.0 + ratio), sigma: ratio / (1.0 + ratio) }).collect()
}

/// `ab` of a variance-preserving path at these ratios.
fn abs(ratios: &[f64]) -> Vec<f64> {
    ratios.iter().map(|ratio| 1.0 / (1.0 + ratio * ratio)).collect()
}

/// The data of these tests.
fn data() -> Correlated {
    Correlated::smooth(dense::SIDE, dense::SIDE, 0.3)
}

/// A measurement that data could have given.
fn measurement(operator: &Dense, sigma: f64) -> Vec<f64> {
    use langevin_core::Purpose;
    use langevin_core::closed_form::ClosedForm;
    use langevin_restore::Operator;
    let mut stream = langevin_core::Stream::new(11, Purpose::Validation, 0, 0);
    let clean = data().draw(COUNT, &mut stream);
    let mut y = operator.apply(&clean);
    let mut noise = vec![0.0_f32; y.len()];
    stream.fill_normal(&mut noise);
    let measured = operator.measured();
    for (index, y) in y.iter_mut().enumerate() {
        if measured.is_none_or(|measured| measured[index]) {
            *y += sigma * f64::from(noise[index]);
        }
    }
    // As the problem sees it, in f32.
    y.into_iter().map(|y| f64::from(y as f32)).collect()
}

/// `count` times the same measurement.
fn repeated(y: &[f64], output: [usize; 3], count: usize) -> Tensor<4> {
    let one: Vec<f32> = y.iter().map(|y| *y as f32).collect();
    let [c, h, w] = output;
    let values: Vec<f32> = (0..count).flat_map(|_| one.iter().copied()).collect();
    Tensor::from_data(TensorData::new(values, [count, c, h, w]), &Device::flex())
}

/// What `spec` makes of `count` times the measurement `y`.
fn restored(
    spec: &str,
    operator: Dense,
    y: &[f64],
    sigma: f64,
    path: &[Level],
    count: usize,
) -> Result<Vec<Vec<f64>>> {
    use langevin_restore::Operator;
    let output = operator.output();
    let problem = Problem::new(Box::new(operator), repeated(y, output, count), sigma)?;
    let model = data();
    let mut run = Run::new(Cond::none(), NoiseStreams::new(3, 0..count as u64));
    let made =
        METHODS.build(spec)?.restore(Prior::with_derivative(&model, &model), &problem, path, &mut run)?;
    assert_eq!(made.dims(), [count, SHAPE[0], SHAPE[1], SHAPE[2]]);
    let values: Vec<f64> = made.into_data().convert::<f64>().try_to_vec().expect("just converted");
    Ok(values.chunks(COUNT).map(<[f64]>::to_vec).collect())
}

#[test]
fn the_paths_agree() {
    for (a, b) in vp(&RATIOS).iter().zip(abs(&RATIOS)) {
        assert!((a.alpha * a.alpha - b).abs() < 1e-12 && (a.magnitude() - 1.0).abs() < 1e-12);
    }
    let mean = data().posterior_mean(vp(&RATIOS)[2], &[0.0; COUNT]);
    assert_eq!(mean.len(), COUNT);
    assert_eq!(flow(&RATIOS)[7], Level::CLEAN);
    assert_eq!(ve(&RATIOS)[7], Level::CLEAN);
}
