//! Every number of steps from 1 to 50, for every sampler, schedule and process: all of them together by `cargo xtask solvers`, and
//! here as many as it takes to meet each one.

use std::collections::BTreeSet;

use langevin_process::{PROCESSES, SCHEDULES, SPACINGS};
use langevin_testkit::samplers::{Check, check_walk_within};
use rayon::prelude::*;

use super::{SPECS, diffusion, most, report, sampler};

const MOST_STEPS: usize = 50;

/// Schedules with processes.
fn pairs() -> Vec<(&'static str, &'static str)> {
    SCHEDULES.names().flat_map(|schedule| PROCESSES.names().map(move |process| (schedule, process))).collect()
}

/// A walk that ends clean and is as [`check_walk_within`] wants it. `None` where the schedule is a table of fewer entries than
/// there are steps, which is refused.
fn walk(
    spec: &str,
    (schedule, process): (&str, &str),
    spacing: &str,
    steps: usize,
) -> Option<(String, Check)> {
    let case = format!("{spec} on {schedule}, {process}, {spacing}, {steps} steps");
    let diffusion = diffusion(schedule, process);
    let check = match SPACINGS.build(spacing).unwrap().path(&diffusion, steps) {
        Ok(path) if path.len() != steps + 1 || path[steps].sigma != 0.0 => {
            Err("the path does not end clean after its steps".to_owned())
        }
        Ok(path) => check_walk_within(&*sampler(spec), &path, most(spec, &path)),
        Err(_) if diffusion.schedule().timesteps().is_some_and(|entries| steps > entries) => return None,
        Err(error) => Err(error.to_string()),
    };
    Some((case, check))
}

#[test]
fn every_sampler_meets_every_pair_and_every_number_of_steps() {
    let (pairs, spacings): (Vec<_>, Vec<_>) = (pairs(), SPACINGS.names().collect());
    let rounds = pairs.len().div_ceil(MOST_STEPS);
    let mut met = BTreeSet::new();
    let mut cases = Vec::new();
    for (s, spec) in SPECS.iter().enumerate() {
        for w in 0..rounds * MOST_STEPS {
            let (steps, pair) = (w % MOST_STEPS + 1, (w + 7 * s) % pairs.len());
            met.insert((steps, pair));
            cases.push((*spec, pairs[pair], spacings[(w + s) % spacings.len()], steps));
        }
    }
    assert_eq!(met.len(), MOST_STEPS * pairs.len(), "a pair misses a number of steps");
    let checks =
        cases.into_par_iter().filter_map(|(spec, pair, spacing, steps)| walk(spec, pair, spacing, steps));
    report(checks.collect::<Vec<_>>());
}

#[test]
#[ignore = "takes a minute: cargo xtask solvers"]
fn whole_product_of_solvers_pairs_and_step_counts() {
    let (pairs, spacings): (Vec<_>, Vec<_>) = (pairs(), SPACINGS.names().collect());
    let mut cases = Vec::new();
    for (s, spec) in SPECS.iter().enumerate() {
        for (p, pair) in pairs.iter().enumerate() {
            for steps in 1..=MOST_STEPS {
                cases.push((*spec, *pair, spacings[(s + p + steps) % spacings.len()], steps));
            }
        }
    }
    let asked = cases.len();
    let checks: Vec<_> = cases
        .into_par_iter()
        .filter_map(|(spec, pair, spacing, steps)| walk(spec, pair, spacing, steps))
        .collect();
    println!(
        "product: {} walks of {} samplers with their options on {} schedules and {} processes, 1 to {MOST_STEPS} steps over {} \
         spacings in turn: all finite, all at sigma = 0; {} more are refused, of more steps than a table has entries",
        checks.len(),
        SPECS.len(),
        SCHEDULES.names().count(),
        PROCESSES.names().count(),
        spacings.len(),
        asked - checks.len(),
    );
    report(checks);
}
