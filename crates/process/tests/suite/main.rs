//! Conformance: every entry of every registry against what it promises, against published closed forms, and
//! against the numbers of diffusers.

mod coefficients;
mod finite;
mod golden;
mod processes;
mod schedules;

use langevin_process::{Diffusion, DiffusionSpec, SCHEDULES};

/// The cases of every schedule: its defaults, and what they leave out.
fn schedules() -> Vec<String> {
    SCHEDULES.entries.iter().flat_map(|entry| entry.cases).map(|case| (*case).to_owned()).collect()
}

#[test]
fn every_schedule_names_cases_of_its_own() {
    for entry in SCHEDULES.entries {
        assert!(entry.cases.contains(&entry.name), "{} has no case with its defaults", entry.name);
        for case in entry.cases {
            assert_eq!(case.split(':').next(), Some(entry.name), "{case}");
        }
    }
}

fn diffusion(schedule: &str, process: &str, parameterisation: &str) -> Diffusion {
    let spec = DiffusionSpec {
        schedule: schedule.into(),
        process: process.into(),
        parameterisation: parameterisation.into(),
        ..Default::default()
    };
    Diffusion::new(&spec).unwrap_or_else(|error| panic!("{schedule} {process} {parameterisation}: {error}"))
}

/// Whether two numbers agree to `tolerance`, relative to the larger of their size and 1.
fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}
