//! Levels found by measurement, on mixtures whose flow is known: nearer to its end than every spacing by rule.

use burn::tensor::{Device, Tensor};
use langevin_core::closed_form::Mixture;
use langevin_core::{Denoiser, Magnitude, Start, TimeMap};
use langevin_process::{Diffusion, DiffusionSpec, Level, SPACINGS};
use langevin_sample::{BatchRequest, Follow, SAMPLERS, Sampler, fine_path, sample_all};

/// Images that no level was measured on.
const HELD_OUT: BatchRequest = BatchRequest {
    count: 96,
    first: 1000,
    seed: 3,
    shape: [2, 1, 1],
    batch_size: 96,
    labels: None,
    texts: None,
    start: Start { noise: None, magnitude: Magnitude::Sigma },
    time_map: TimeMap::FLOW,
    stop: None,
};

fn walk(model: &dyn Denoiser, sampler: &dyn Sampler, path: &[Level]) -> Vec<f32> {
    let made: Tensor<4> = sample_all(model, sampler, path, &HELD_OUT, &Device::flex(), |_| {}).unwrap();
    made.try_into_vec_as::<f32>().unwrap()
}

/// The mean over images of the root mean square over values.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a
        .chunks(2)
        .zip(b.chunks(2))
        .map(|(a, b)| (a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / 2.0).sqrt());
    squares.sum::<f64>() / HELD_OUT.count as f64
}

fn diffusion(schedule: &str, process: &str) -> Diffusion {
    let spec = DiffusionSpec { schedule: schedule.into(), process: process.into(), ..Default::default() };
    Diffusion::new(&spec).unwrap()
}

/// `levels` without values is no rule, but whatever its default is.
fn rules() -> impl Iterator<Item = &'static str> {
    SPACINGS.names().filter(|name| *name != "levels")
}

/// Compares the levels measured on `mixture` with those of the spacings in `rules`, at numbers of steps for each order.
fn check(mixture: &Mixture, schedule: &str, process: &str, budgets: [&[usize]; 2], rules: &[&str]) {
    let diffusion = diffusion(schedule, process);
    let follow = Follow::default();
    let fine = fine_path(&diffusion, 64).unwrap();
    let request = BatchRequest { first: 0, count: 48, ..HELD_OUT };
    sample_all(mixture, &follow, &fine, &request, &Device::flex(), |_| {}).unwrap();
    let errors = follow.into_errors().unwrap();
    let placed = |spacing: &str, steps| SPACINGS.build(spacing).unwrap().path(&diffusion, steps).unwrap();
    let exact = walk(mixture, &*SAMPLERS.build("heun").unwrap(), &placed("karras", 400));
    for ((order, sampler), budgets) in [(1, "ddim"), (2, "dpmpp_2m")].into_iter().zip(budgets) {
        let method = SAMPLERS.build(sampler).unwrap();
        let off = |path: &[Level]| distance(&walk(mixture, &*method, path), &exact);
        for (steps, mut path) in budgets.iter().zip(errors.best_levels(order, budgets).unwrap()) {
            assert_eq!((path.len(), path[0]), (*steps, diffusion.highest()));
            path.push(Level::CLEAN);
            let own = off(&path);
            for rule in rules {
                let other = off(&placed(rule, *steps));
                let case = format!("{schedule}, {process}, {steps} steps of {sampler} over {rule}");
                assert!(own < other, "{case}: {own:.4} and {other:.4}");
            }
        }
    }
}

#[test]
fn measured_levels_end_nearer_than_every_rule() {
    let rules: Vec<&str> = rules().collect();
    for mixture in [Mixture::three(), Mixture::ring8()] {
        for (schedule, process) in [("cosine", "vp"), ("edm", "edm"), ("flow", "flow")] {
            check(&mixture, schedule, process, [&[5, 8, 10, 20], &[8, 10, 20]], &rules);
        }
    }
}

/// Where trajectories part between 25 clusters a small error can become a large one, which a sum of errors foresees less well.
#[test]
fn measured_levels_end_nearer_than_the_usual_ones_where_trajectories_part() {
    for (schedule, process) in [("cosine", "vp"), ("edm", "edm"), ("flow", "flow")] {
        check(&Mixture::grid25(), schedule, process, [&[5, 8, 10, 20], &[5, 8, 10, 20]], &["karras"]);
    }
}
