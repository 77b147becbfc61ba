//! Adaptive methods: near the exact flow as their tolerance asks, with each image on its own.

use burn::tensor::{Device, Tensor};
use langevin_core::{Cond, Denoiser, ErrorKind, Level, Levels, NoiseStreams, Result, Run};
use langevin_sample::{BatchRequest, sample_all};
use langevin_testkit::samplers::values;
use langevin_testkit::{Counting, Exact, Gaussian, Mixture};

use super::sampler;

/// The largest distance from the exact flow, and the calls.
fn distance(spec: &str, path: &[Level]) -> (f64, usize) {
    let mixture = Mixture::three();
    let mut run = Run::new(Cond::none(), NoiseStreams::new(3, 0..6));
    let x = run.start_at(path[0], [2, 1, 1], &Device::flex());
    let model = Counting::new(mixture.clone());
    let made = values(sampler(spec).sample(&model, x.clone(), path, &mut run).unwrap());
    let mut off: f64 = 0.0;
    for (start, made) in values(x).chunks(2).zip(made.chunks(2)) {
        let start: Vec<f64> = start.iter().map(|v| f64::from(*v)).collect();
        let exact = mixture.flow(path[0], path[path.len() - 1], &start);
        off =
            exact.iter().zip(made).fold(off, |off, (exact, made)| off.max((exact - f64::from(*made)).abs()));
    }
    (off, model.calls())
}

#[test]
fn tighter_tolerances_come_nearer_and_ask_more() {
    let vp = |ratio: f64| Level { alpha: 1.0 / ratio.hypot(1.0), sigma: ratio / ratio.hypot(1.0) };
    let whole = [vp(50.0), vp(0.01)];
    let stops = [vp(50.0), vp(3.0), vp(0.5), vp(0.01)];
    for (loose, tight) in [
        ("dpm_adaptive:rtol=0.01,atol=0.01", "dpm_adaptive:rtol=1e-4,atol=1e-4"),
        ("dpm_adaptive:order=2,rtol=0.01,atol=0.01", "dpm_adaptive:order=2,rtol=1e-3,atol=1e-3"),
        ("rk45:rtol=0.002,atol=0.002", "rk45:rtol=1e-5,atol=1e-5"),
    ] {
        for path in [&whole[..], &stops] {
            let (loosely, tightly) = (distance(loose, path), distance(tight, path));
            assert!(loosely.0 < 0.05, "{loose}: {loosely:?}");
            assert!(tightly.0 < 0.002 && tightly.0 < loosely.0, "{tight}: {tightly:?}");
            assert!(tightly.1 > loosely.1, "{tight}: {tightly:?} and {loosely:?}");
        }
    }
}

#[test]
fn one_step_from_pure_noise_to_the_clean_image_is_enough() {
    let gaussian = Gaussian::varied(4);
    for spec in ["rk45", "dpm_adaptive:rtol=0.001,atol=0.001"] {
        let path = [Level { alpha: 0.0, sigma: 1.0 }, Level::CLEAN];
        let mut run = Run::new(Cond::none(), NoiseStreams::new(4, 0..2));
        let x = run.start_at(path[0], [4, 1, 1], &Device::flex());
        let made = values(sampler(spec).sample(&gaussian, x.clone(), &path, &mut run).unwrap());
        for (i, (made, n)) in made.iter().zip(values(x)).enumerate() {
            let exact = gaussian.mean[i % 4] + gaussian.variance[i % 4].sqrt() * f64::from(n);
            assert!((f64::from(*made) - exact).abs() < 0.01, "{spec}: {made} and {exact}");
        }
    }
}

#[test]
fn a_walk_that_needs_too_many_calls_says_so() {
    let gaussian = Gaussian::varied(2);
    let path = [Level { alpha: 0.0, sigma: 1.0 }, Level::CLEAN];
    let request = BatchRequest::new(1, 0, [2, 1, 1]);
    for spec in ["rk45:max_calls=20", "dpm_adaptive:max_calls=20"] {
        let error =
            sample_all(&gaussian, &*sampler(spec), &path, &request, &Device::flex(), |_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert!(
            error.to_string().contains("20 network evaluations") && error.to_string().contains("max_calls"),
            "{error}"
        );
    }
}

/// A model whose answers are no numbers.
#[derive(Debug)]
struct Broken;

impl Denoiser for Broken {
    fn denoise(&self, x: Tensor<4>, _: &Levels, _: &Cond) -> Result<Tensor<4>> {
        Ok(x.mul_scalar(f32::NAN))
    }
}

#[test]
fn answers_that_are_not_finite_end_the_walk_at_once() {
    let path = [Level { alpha: 0.0, sigma: 1.0 }, Level::CLEAN];
    for spec in ["rk45", "dpm_adaptive"] {
        let mut run = Run::new(Cond::none(), NoiseStreams::new(4, 0..1));
        let x = run.start_at(path[0], [2, 1, 1], &Device::flex());
        let model = Counting::new(Broken);
        let error = sampler(spec).sample(&model, x, &path, &mut run).unwrap_err();
        assert!(error.to_string().contains("not finite"), "{spec}: {error}");
        assert!(model.calls() < 10, "{spec}: {}", model.calls());
    }
}
