//! Every sampler against what it promises, over every schedule, process and spacing.

mod batches;
mod clip;
mod golden;

use burn::tensor::Device;
use langevin_core::{Cond, Level, NoiseStreams, Run};
use langevin_process::{Diffusion, DiffusionSpec, PROCESSES, SCHEDULES, SPACINGS};
use langevin_sample::{SAMPLERS, SampleRequest, Sampler, sample_all, start_noise};
use langevin_testkit::samplers::{
    Check, check_batches, check_order, check_walk, moments, smooth_path, values,
};
use langevin_testkit::{Exact, Gaussian, Point};
use rayon::prelude::*;

/// Every entry with its defaults, and the options that change what a method does.
const SPECS: &[&str] = &[
    "ddpm",
    "ddpm:variance=fixed_large",
    "ddim",
    "ddim:eta=0.5",
    "ddim:eta=1",
    "euler",
    "euler:s_churn=10",
    "heun",
    "heun:limit=1",
    "heun:s_churn=10,s_noise=1.003",
    "dpmpp_2m",
];

fn sampler(spec: &str) -> Box<dyn Sampler> {
    SAMPLERS.build(spec).unwrap()
}

fn diffusion(schedule: &str, process: &str) -> Diffusion {
    let (schedule, process) = (schedule.to_owned(), process.to_owned());
    Diffusion::new(&DiffusionSpec { schedule, process, ..Default::default() }).unwrap()
}

fn path(schedule: &str, process: &str, spacing: &str, steps: usize) -> Vec<Level> {
    SPACINGS.build(spacing).unwrap().path(&diffusion(schedule, process), steps).unwrap()
}

/// Fails with every case that failed.
fn report(checks: impl IntoIterator<Item = (String, Check)>) {
    let bad: Vec<String> =
        checks.into_iter().filter_map(|(case, check)| Some(format!("{case}: {}", check.err()?))).collect();
    assert!(
        bad.is_empty(),
        "{} cases failed:\n{}",
        bad.len(),
        bad.iter().step_by(bad.len().div_ceil(60)).cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn every_entry_is_in_the_cases_of_this_suite() {
    for name in SAMPLERS.names() {
        assert!(SPECS.contains(&name), "{name} has no case");
    }
}

#[test]
fn orders_of_convergence_are_those_claimed() {
    let cases: Vec<_> =
        SPECS.iter().flat_map(|spec| PROCESSES.names().map(move |process| (*spec, process))).collect();
    report(
        cases
            .into_par_iter()
            .map(|(spec, process)| {
                (
                    format!("{spec} on {process}"),
                    check_order(&*sampler(spec), &*PROCESSES.build(process).unwrap()),
                )
            })
            .collect::<Vec<_>>(),
    );
}

#[test]
fn pictures_are_finite_and_calls_exact_on_every_path() {
    let mut cases = Vec::new();
    for schedule in SCHEDULES.names() {
        for process in PROCESSES.names() {
            let diffusion = diffusion(schedule, process);
            for (i, spacing) in SPACINGS.names().enumerate() {
                // Every number of steps on the first spacing, and a choice of them on the others.
                let all: Vec<usize> =
                    if i == 0 { (1..=50).collect() } else { vec![1, 2, 3, 4, 6, 10, 20, 50] };
                for steps in all {
                    let path = SPACINGS.build(spacing).unwrap().path(&diffusion, steps);
                    // A table has no more steps than entries, and the default one is short.
                    let too_many = diffusion.schedule().timesteps().is_some_and(|entries| steps > entries);
                    if !(too_many && path.is_err()) {
                        cases.push((format!("{schedule}, {process}, {spacing}, {steps} steps"), path));
                    }
                }
            }
        }
    }
    let checks = cases.par_iter().flat_map_iter(|(case, path)| {
        SPECS.iter().map(move |spec| match path {
            Ok(path) => (format!("{spec} on {case}"), check_walk(&*sampler(spec), path)),
            Err(error) => (case.clone(), Err(error.to_string())),
        })
    });
    report(checks.collect::<Vec<_>>());
}

#[test]
fn bytes_do_not_depend_on_batches_or_threads() {
    let path = path("cosine", "vp", "trailing", 3);
    report(SPECS.iter().map(|spec| ((*spec).to_owned(), check_batches(&*sampler(spec), &path))));
}

#[test]
fn stochastic_samplers_reproduce_mean_and_variance() {
    // The variance that Ho et al. call small is right for a single picture and the large one for data of variance 1; both
    // are right in the limit of many steps.
    let gaussian = Gaussian::same(0.3, 0.25);
    let count = 40_000;
    let checks = SPECS.iter().filter(|spec| sampler(spec).order().is_none()).flat_map(|spec| {
        ["vp", "flow", "ve"].map(|process| {
            let mut path = smooth_path(&*PROCESSES.build(process).unwrap(), -8.0, 9.0, 400);
            path.push(Level::CLEAN);
            let (mean, variance) = moments(&*sampler(spec), &gaussian, &path, count);
            // Four standard errors, and one part in a hundred for the steps.
            let (off_mean, off_variance) = ((mean - 0.3).abs(), (variance / 0.25 - 1.0).abs());
            let good = off_mean < 4.0 * 0.5 / (count as f64).sqrt() + 0.001
                && off_variance < 4.0 * (2.0 / count as f64).sqrt() + 0.01;
            let check = if good { Ok(()) } else { Err(format!("mean {mean:.4}, variance {variance:.4}")) };
            (format!("{spec} on {process}"), check)
        })
    });
    report(checks.collect::<Vec<_>>());
}

#[test]
fn every_sampler_lands_on_a_single_picture() {
    let target = Point(vec![0.5, -0.25, 1.0]);
    for spec in SPECS {
        for steps in [1, 2, 7] {
            let path = path("flow", "flow", "trailing", steps);
            let request = SampleRequest::new(2, 0, [3, 1, 1]);
            let made =
                sample_all(&target, &*sampler(spec), &path, &request, &Device::flex(), |_| ()).unwrap();
            assert_eq!(values(made), [0.5, -0.25, 1.0, 0.5, -0.25, 1.0], "{spec}, {steps} steps");
        }
    }
}

#[test]
fn euler_is_ddim() {
    let gaussian = Gaussian::varied(3);
    for process in PROCESSES.names() {
        let path = path("cosine", process, "trailing", 9);
        let request = SampleRequest::new(2, 1, [3, 1, 1]);
        let made = |spec| {
            sample_all(&gaussian, &*sampler(spec), &path, &request, &Device::flex(), |_| ())
                .map(values)
                .unwrap()
        };
        assert_eq!(made("euler"), made("ddim"), "{process}");
        assert_eq!(made("ddpm"), made("ddim:eta=1"), "{process}");
    }
}

#[test]
fn many_steps_from_pure_noise_reach_the_exact_picture() {
    // The whole way, from alpha = 0 to sigma = 0, where no order is defined but the limit is: x0 = m + sqrt(v) n.
    let gaussian = Gaussian::varied(4);
    let request = SampleRequest::new(2, 4, [4, 1, 1]);
    for (spec, tolerance) in [("ddim", 0.02), ("heun", 0.002), ("dpmpp_2m", 0.002)] {
        let path = path("flow", "flow", "trailing", 400);
        let made = sample_all(&gaussian, &*sampler(spec), &path, &request, &Device::flex(), |_| ()).unwrap();
        let run = Run::new(Cond::none(), NoiseStreams::new(4, 0..2));
        let noise = values(start_noise(&run, path[0], [4, 1, 1], &Device::flex()));
        for (i, (made, n)) in values(made).iter().zip(noise).enumerate() {
            let near_clean = Level { alpha: 1.0, sigma: 1e-9 };
            let nearly_noise = Level { alpha: 1e-9, sigma: 1.0 };
            let mut all = [0.0; 4];
            all[i % 4] = f64::from(n);
            let exact = gaussian.flow(nearly_noise, near_clean, &all)[i % 4];
            assert!((f64::from(*made) - exact).abs() < tolerance, "{spec}: {made} and {exact}");
        }
    }
}
