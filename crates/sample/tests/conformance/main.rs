//! Every sampler against what it promises, over every schedule, process and spacing.

mod adaptive;
mod batches;
mod clip;
mod defects;
mod few_steps;
mod golden;
mod grid;
mod inversion;
mod parity;
mod step_counts;
mod strong_order;
mod tables;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use burn::tensor::Device;
use langevin_core::{Cond, Level, NoiseStreams, Run};
use langevin_process::{Diffusion, DiffusionSpec, PROCESSES, SCHEDULES, SPACINGS};
use langevin_sample::{BatchRequest, SAMPLERS, Sampler, sample_all};
use langevin_testkit::samplers::{
    Check, OrderProblem, check_batches, check_order, check_walk_within, moments, smooth_path, values,
};
use langevin_testkit::{Exact, Gaussian, Point};
use rayon::prelude::*;

/// The cases of every entry: its defaults, and the options that change what it does.
static SPECS: LazyLock<Vec<&str>> =
    LazyLock::new(|| SAMPLERS.entries.iter().flat_map(|entry| entry.cases).copied().collect());

/// The largest value that a method may end on. Annealed Langevin dynamics takes noise away no faster than it is asked to, and the
/// reverse diffusion predictor adds `sigma^2 - sigma'^2`: with few steps both keep noise of the size of the start.
fn most(spec: &str, path: &[Level]) -> f64 {
    let keeps_noise = spec == "annealed_langevin" || spec.starts_with("pc") && !spec.contains("ancestral");
    if keeps_noise { 10.0 + 10.0 * path[0].ratio().min(1e4) } else { 10.0 }
}

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
fn every_entry_names_cases_of_its_own() {
    for entry in SAMPLERS.entries {
        assert!(entry.cases.contains(&entry.name), "{} has no case with its defaults", entry.name);
        for case in entry.cases {
            assert_eq!(case.split(':').next(), Some(entry.name), "{case}");
            assert!(SAMPLERS.build(case).is_ok(), "{case}");
        }
    }
    let once: BTreeSet<_> = SPECS.iter().collect();
    assert_eq!(once.len(), SPECS.len(), "a case is there twice");
}

#[test]
fn orders_of_convergence_are_those_claimed() {
    let problems: Vec<_> = PROCESSES
        .names()
        .map(|process| (process, OrderProblem::new(PROCESSES.build(process).unwrap())))
        .collect();
    let cases: Vec<_> =
        SPECS.iter().flat_map(|spec| problems.iter().map(move |problem| (*spec, problem))).collect();
    let checks = cases.into_par_iter().map(|(spec, (process, problem))| {
        (format!("{spec} on {process}"), check_order(&*sampler(spec), problem))
    });
    report(checks.collect::<Vec<_>>());
}

#[test]
fn images_are_finite_and_calls_exact_over_every_spacing() {
    let mut cases = Vec::new();
    for schedule in SCHEDULES.names() {
        for process in PROCESSES.names() {
            let diffusion = diffusion(schedule, process);
            for spacing in SPACINGS.names() {
                for steps in [1, 2, 5, 10, 30] {
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
            Ok(path) => {
                (format!("{spec} on {case}"), check_walk_within(&*sampler(spec), path, most(spec, path)))
            }
            Err(error) => (case.clone(), Err(error.to_string())),
        })
    });
    report(checks.collect::<Vec<_>>());
}

#[test]
fn bytes_do_not_depend_on_batches_or_threads() {
    let path = path("cosine", "vp", "trailing", 3);
    // Small images for all, and ones whose work is split between threads for one of each kind.
    let large = ["ddpm", "heun", "dpmpp_3m_sde", "unipc", "rk45"];
    let cases = SPECS.iter().map(|spec| (*spec, [2, 9, 7])).chain(large.map(|spec| (spec, [1, 513, 513])));
    report(
        cases.map(|(spec, shape)| {
            (format!("{spec} on {shape:?}"), check_batches(&*sampler(spec), &path, shape))
        }),
    );
}

#[test]
fn stochastic_samplers_reproduce_mean_and_variance() {
    // The variance that Ho et al. call small is right for a single image and the large one for data of variance 1; both
    // are right in the limit of many steps.
    let gaussian = Gaussian::same(0.3, 0.25);
    let count = 12_000;
    // Those that need a consistency model, and those whose steps are not the path's, have tests of their own.
    let other =
        |spec: &str| spec.starts_with("lcm") || spec.starts_with("tcd") || sampler(spec).is_adaptive();
    let stochastic = SPECS.iter().filter(|spec| sampler(spec).order().is_none() && !other(spec));
    let cases: Vec<_> =
        stochastic.flat_map(|spec| ["vp", "flow", "ve"].map(|process| (*spec, process))).collect();
    let checks = cases.into_par_iter().map(|(spec, process)| {
        let mut path = smooth_path(&*PROCESSES.build(process).unwrap(), -8.0, 9.0, 400);
        path.push(Level::CLEAN);
        let (mean, variance) = moments(&*sampler(spec), &gaussian, &gaussian, &path, count);
        // Four standard errors, and one part in a hundred for the steps.
        let (off_mean, off_variance) = ((mean - 0.3).abs(), (variance / 0.25 - 1.0).abs());
        let good = off_mean < 4.0 * 0.5 / (count as f64).sqrt() + 0.001
            && off_variance < 4.0 * (2.0 / count as f64).sqrt() + 0.01;
        let check = if good { Ok(()) } else { Err(format!("mean {mean:.4}, variance {variance:.4}")) };
        (format!("{spec} on {process}"), check)
    });
    report(checks.collect::<Vec<_>>());
}

#[test]
fn every_sampler_lands_on_a_single_image() {
    let target = Point(vec![0.5, -0.25, 1.0]);
    for spec in SPECS.iter() {
        for steps in [1, 2, 7] {
            let path = path("flow", "flow", "trailing", steps);
            let request = BatchRequest::new(2, 0, [3, 1, 1]);
            let made =
                sample_all(&target, &*sampler(spec), &path, &request, &Device::flex(), |_| ()).unwrap();
            // Methods that remember noise round once for each answer.
            for (made, wanted) in values(made).into_iter().zip([0.5, -0.25, 1.0, 0.5, -0.25, 1.0]) {
                assert!((made - wanted).abs() < 1e-6, "{spec}, {steps} steps: {made}");
            }
        }
    }
}

#[test]
fn euler_is_ddim() {
    let gaussian = Gaussian::varied(3);
    for process in PROCESSES.names() {
        let path = path("cosine", process, "trailing", 9);
        let request = BatchRequest::new(2, 1, [3, 1, 1]);
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
fn many_steps_from_pure_noise_reach_the_exact_image() {
    // The whole way, from alpha = 0 to sigma = 0, where no order is defined but the limit is: x0 = m + sqrt(v) n.
    let gaussian = Gaussian::varied(4);
    let request = BatchRequest::new(2, 4, [4, 1, 1]);
    for (spec, tolerance) in [("ddim", 0.02), ("heun", 0.002), ("dpmpp_2m", 0.002)] {
        let path = path("flow", "flow", "trailing", 400);
        let made = sample_all(&gaussian, &*sampler(spec), &path, &request, &Device::flex(), |_| ()).unwrap();
        let run = Run::new(Cond::none(), NoiseStreams::new(4, 0..2));
        let noise = values(run.start_at(path[0], [4, 1, 1], &Device::flex()));
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
