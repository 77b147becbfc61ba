//! The exact posterior of denoising, on a Gaussian whose posterior is known.

use burn::tensor::{Device, Tensor};
use langevin_core::closed_form::{ClosedForm, Exact};
use langevin_core::{Cond, Level, NoiseStreams, Purpose, Run, Stream};
use langevin_process::{Diffusion, DiffusionSpec, SPACINGS};
use langevin_restore::{METHODS, NoImages, Prior, Problem, operators};
use langevin_testkit::samplers::{tensor, values};
use langevin_testkit::{Counting, Gaussian};

const SHAPE: [usize; 3] = [1, 2, 3];

/// The paths that models come with: a variance-preserving one and a variance-exploding one.
fn paths(steps: usize) -> Vec<Vec<Level>> {
    let path = |schedule: &str, process: &str| {
        let spec =
            DiffusionSpec { schedule: schedule.into(), process: process.into(), ..DiffusionSpec::default() };
        SPACINGS.build("trailing").unwrap().path(&Diffusion::new(&spec).unwrap(), steps).unwrap()
    };
    vec![path("cosine", "vp"), path("edm", "edm")]
}

fn problem(y: Tensor<4>, sigma: f64) -> Problem {
    Problem::new(operators::build("identity", SHAPE, &NoImages).unwrap(), y, sigma).unwrap()
}

fn run(count: u64) -> Run<'static> {
    Run::new(Cond::none(), NoiseStreams::new(4, 0..count))
}

#[test]
fn the_mean_is_the_posterior_mean_in_one_call() {
    let y = [0.3, -1.0, 0.7, 0.1, -0.4, 1.2];
    let at = Level { alpha: 1.0, sigma: 0.2 };
    let wanted = Gaussian::varied(6).posterior_mean(at, &y);
    for path in paths(10) {
        let model = Counting::new(Gaussian::varied(6));
        let method = METHODS.build("exact").unwrap();
        let problem = problem(tensor(&y, [1, 1, 2, 3]), 0.2);
        let made = method.restore(Prior::new(&model), &problem, &path, &mut run(1)).unwrap();
        assert_eq!((model.calls(), method.calls(&path), method.samples()), (1, 1, false));
        for (made, wanted) in values(made).into_iter().zip(&wanted) {
            assert!((f64::from(made) - wanted).abs() < 1e-6);
        }
    }
}

#[test]
fn draws_have_the_mean_and_variance_of_the_posterior() {
    let gaussian = Gaussian::varied(6);
    let (count, sigma) = (4000, 0.4);
    let clean = gaussian.draw(6, &mut Stream::new(1, Purpose::Validation, 0, 0));
    let mut noise = vec![0.0_f32; 6];
    Stream::new(1, Purpose::Measurement, 0, 0).fill_normal(&mut noise);
    let y: Vec<f64> = clean.iter().zip(&noise).map(|(x, n)| x + sigma * f64::from(*n)).collect();
    let at = Level { alpha: 1.0, sigma };
    let (mean, variance) = (gaussian.posterior_mean(at, &y), gaussian.posterior_variance(at, &y));
    for path in paths(60) {
        for spec in ["exact:draw=sample", "exact:draw=sample,sampler=dpmpp_2m_sde"] {
            let method = METHODS.build(spec).unwrap();
            let model = Counting::new(gaussian.clone());
            let problem = problem(tensor(&y, [1, 1, 2, 3]).repeat_dim(0, count), sigma);
            let made = method.restore(Prior::new(&model), &problem, &path, &mut run(count as u64)).unwrap();
            assert_eq!(model.calls(), method.calls(&path));
            assert!(method.samples());
            let made = values(made);
            for value in 0..6 {
                let drawn = || made.iter().skip(value).step_by(6).map(|v| f64::from(*v));
                let found = drawn().sum::<f64>() / count as f64;
                let spread = drawn().map(|v| (v - found).powi(2)).sum::<f64>() / count as f64;
                let error = (variance[value] / count as f64).sqrt();
                // 60 steps are not infinitely many.
                let most = 4.0 * error + 0.02 * sigma;
                assert!((found - mean[value]).abs() < most, "{spec}: mean {found}, not {}", mean[value]);
                assert!(
                    (spread / variance[value] - 1.0).abs() < 0.12,
                    "{spec}: variance {spread}, not {}",
                    variance[value]
                );
            }
        }
    }
}

#[test]
fn what_is_not_denoising_is_refused() {
    let method = METHODS.build("exact").unwrap();
    let model = Gaussian::same(0.0, 1.0);
    let y = Tensor::<4>::zeros([1, 1, 4, 4], &Device::flex());
    let refused = |spec: &str, sigma: f64| {
        let operator = operators::build(spec, [1, 4, 4], &NoImages).unwrap();
        let problem = Problem::new(operator, y.clone(), sigma).unwrap();
        method.restore(Prior::new(&model), &problem, &paths(4)[0], &mut run(1)).unwrap_err()
    };
    assert!(refused("mask", 0.1).to_string().contains("removes noise alone"));
    assert!(refused("identity", 0.0).to_string().contains("--noise"));
    assert_eq!(METHODS.build("exact:draw=all").unwrap_err().exit_code(), 2);
}
