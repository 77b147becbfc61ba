//! Defects known from other codebases, each as a test of ours.

use burn::tensor::Device;
use langevin_process::{SCHEDULES, SPACINGS};
use langevin_sample::{BatchRequest, sample_all};
use langevin_testkit::samplers::values;
use langevin_testkit::{Gaussian, Mixture};

use super::{path, sampler};

#[test]
fn ancestral_samplers_are_finite_on_cosine_betas_at_four_to_ten_steps() {
    // diffusers' ancestral schedulers end in NaN there: the ratio of the last levels overflows.
    let ancestral =
        ["ddpm", "ddpm:variance=fixed_large", "ddim:eta=1", "euler_a", "dpm2_a", "dpmpp_2s_a", "dpmpp_sde"];
    let request = BatchRequest::new(2, 0, [2, 1, 1]);
    for spec in ancestral {
        for spacing in SPACINGS.names() {
            for steps in 4..=10 {
                let path = path("cosine", "vp", spacing, steps);
                let made =
                    sample_all(&Mixture::three(), &*sampler(spec), &path, &request, &Device::flex(), |_| ())
                        .unwrap();
                let values = values(made);
                assert!(values.iter().all(|v| v.abs() < 5.0), "{spec}, {spacing}, {steps} steps: {values:?}");
            }
        }
    }
}

#[test]
fn cosine_betas_are_not_those_of_an_integer_division() {
    // candle divides integers, so that every beta is 0 but the last.
    let schedule = SCHEDULES.build("cosine:steps=50").unwrap();
    let signal = schedule.table().unwrap();
    let betas: Vec<f64> = signal.windows(2).map(|pair| 1.0 - pair[1] / pair[0]).collect();
    assert!(betas.iter().all(|beta| *beta > 1e-4 && *beta < 1.0), "{betas:?}");
    assert!(betas.windows(2).all(|pair| pair[0] < pair[1]), "{betas:?}");
}

#[test]
fn a_large_variance_is_no_root_of_a_logarithm() {
    // candle's fixed_large_log returns a logarithm and takes its root.
    let path = path("linear", "vp", "trailing", 50);
    let request = BatchRequest::new(2, 0, [3, 1, 1]);
    let made = sample_all(
        &Gaussian::varied(3),
        &*sampler("ddpm:variance=fixed_large"),
        &path,
        &request,
        &Device::flex(),
        |_| (),
    );
    assert!(values(made.unwrap()).iter().all(|value| value.is_finite()));
}

#[test]
fn seeds_hold_on_the_cpu() {
    // Seeding candle's CPU fails, and deepinv takes seed 0 for no seed.
    let path = path("linear", "vp", "trailing", 5);
    let made = |seed: u64| {
        let request = BatchRequest::new(2, seed, [3, 1, 1]);
        values(
            sample_all(&Gaussian::varied(3), &*sampler("ddpm"), &path, &request, &Device::flex(), |_| ())
                .unwrap(),
        )
    };
    assert_eq!(made(7), made(7));
    assert_eq!(made(0), made(0));
    assert_ne!(made(7), made(8));
    assert_ne!(made(0), made(1));
}
