//! Conformance: every entry of every registry against what it promises, against published closed forms, and
//! against the numbers of diffusers.

mod coefficients;
mod finite;
mod golden;
mod processes;
mod schedules;

use langevin_process::{Diffusion, DiffusionSpec, SCHEDULES};

/// Every schedule with its defaults, and what the defaults leave out.
fn schedules() -> Vec<String> {
    let variants = [
        "linear:steps=0",
        "scaled_linear:steps=0",
        "cosine:steps=0",
        "sigmoid:steps=0",
        "linear:steps=2,start=0.3,end=0.7",
        "edm:rho=0",
        "edm:rho=1",
        "rescaled:base=linear:steps=0",
        "rescaled:base=cosine",
        "rescaled:base=scaled_linear",
        "shifted:base=cosine,shift=4",
        "shifted:base=rescaled:base=linear,shift=2",
        "shifted:base=linear:start=0.001;steps=0,shift=0.5",
        "laplace:mean=2,scale=1",
        "table:betas=0.1;0.5;1",
    ];
    SCHEDULES.names().chain(variants).map(str::to_owned).collect()
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
