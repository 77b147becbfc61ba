//! Stochastic samplers whose noise is read from one Brownian path, path by path: with more steps they come nearer to the
//! solution of the reverse SDE for that path, and how fast is their strong order. The solution is one of many more steps, as in
//! diffrax's `test_integrate.py`.

use burn::tensor::Device;
use langevin_core::{Cond, Denoiser, Level, NoiseStreams, Run};
use langevin_process::PROCESSES;
use langevin_testkit::samplers::values;
use langevin_testkit::{Gaussian, Mixture};
use rayon::prelude::*;

use super::{report, sampler};

/// Images, each with a Brownian path of its own.
const IMAGES: u64 = 200;
const STEPS: [usize; 4] = [16, 32, 64, 128];
/// Steps of the solution that counts as exact.
const FINE: usize = 2048;

/// Levels evenly spaced by the clock of the Brownian path, from 11/16 to 6/16 of it: the ends of every step fall on ticks, so that
/// no error of rounding them is measured. A log-SNR of -6.3 to 4.1.
fn path(steps: usize) -> Vec<Level> {
    let process = PROCESSES.build("vp").unwrap();
    let part = |step: usize| 0.6875 - 0.3125 * step as f64 / steps as f64;
    (0..=steps).map(|step| process.level(-8.0 * (part(step) / (1.0 - part(step))).ln())).collect()
}

fn walked(spec: &str, model: &dyn Denoiser, channels: usize, steps: usize) -> Vec<f32> {
    let path = path(steps);
    let mut run = Run::new(Cond::none(), NoiseStreams::new(5, 0..IMAGES));
    let x = run.start_at(path[0], [channels, 1, 1], &Device::flex());
    values(sampler(spec).sample(model, x, &path, &mut run).unwrap())
}

/// The root mean square distance, over all Brownian paths, from the fine solution to that of each number of steps.
fn errors(spec: &str, model: &dyn Denoiser, channels: usize) -> Vec<f64> {
    let exact = walked(spec, model, channels, FINE);
    let error = |steps: &usize| {
        let made = walked(spec, model, channels, *steps);
        let squares = made.iter().zip(&exact).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        (squares / made.len() as f64).sqrt()
    };
    STEPS.iter().map(error).collect()
}

#[test]
fn methods_on_a_brownian_path_are_of_strong_order_one() {
    // A step that sees only the increments of the path cannot be of more than order 1 (Clark and Cameron 1980), whatever its order
    // without noise. Measured: 1.2 on the Gaussian and 1.0 on the mixture for the multistep methods, 0.9 and 0.85 for dpmpp_sde.
    let specs = [
        "dpmpp_2m_sde",
        "dpmpp_2m_sde:solver_type=heun",
        "dpmpp_3m_sde",
        "dpmpp_3m_sde:curvature=full",
        "dpmpp_sde",
    ];
    let gaussian = |spec: &str| errors(spec, &Gaussian::varied(4), 4);
    let mixture = |spec: &str| errors(spec, &Mixture::three(), 2);
    type Ends<'a> = &'a (dyn Fn(&str) -> Vec<f64> + Sync);
    let models: [(&str, Ends<'_>); 2] = [("a Gaussian", &gaussian), ("a mixture", &mixture)];
    let cases: Vec<_> = specs.iter().flat_map(|spec| models.map(|model| (*spec, model))).collect();
    let checks = cases.into_par_iter().map(|(spec, (name, errors))| {
        let errors = errors(spec);
        // The steps double, so the least squares slope has these weights.
        let slope: f64 = errors.iter().zip([0.3, 0.1, -0.1, -0.3]).map(|(e, weight)| weight * e.log2()).sum();
        let good = (0.75..1.5).contains(&slope);
        (
            format!("{spec} on {name}"),
            if good { Ok(()) } else { Err(format!("order {slope:.2}: {errors:.5?}")) },
        )
    });
    report(checks.collect::<Vec<_>>());
}

#[test]
fn fresh_noise_at_each_step_follows_no_path() {
    let errors = errors("ddim:eta=1", &Gaussian::varied(4), 4);
    assert!(errors[3] > 0.5 * errors[0], "{errors:?}");
}
