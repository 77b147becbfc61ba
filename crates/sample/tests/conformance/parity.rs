//! Whole walks against those of diffusers and k-diffusion with the same noise (`references/golden/parity_samplers.py`), and the
//! table of how far apart they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use burn::tensor::{Tensor, TensorData};
use langevin_core::{Cond, Denoiser, Level, Levels, NoiseStreams, Result, Run, TimeMap};
use langevin_process::SPACINGS;
use langevin_testkit::samplers::{tensor, values};
use langevin_testkit::{Gaussian, Mixture};
use serde_json::Value;

use super::tables::{documented, print};
use super::{diffusion, sampler};

const GOLDEN: [&str; 3] = [
    include_str!("../../../../references/golden/parity_diffusers.json"),
    include_str!("../../../../references/golden/parity_diffusers_stages.json"),
    include_str!("../../../../references/golden/parity_k_diffusion.json"),
];
const SHAPE: [usize; 4] = [2, 2, 1, 1];
const STEPS: [u64; 4] = [5, 10, 20, 50];

/// What f32 and the different order of the sums may make of a walk.
const TOLERANCE: f64 = 1e-4;

/// The tiny fixed function of the reference, of images of two values.
struct Curved;

impl Denoiser for Curved {
    fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
        let (shape, device) = (x.dims(), x.device());
        let mut answer = Vec::new();
        for (pair, level) in values(x).chunks(2).zip(&at.0) {
            let (a, b) = (f64::from(pair[0]), f64::from(pair[1]));
            let (size, time) = (level.magnitude(), level.sigma / (level.alpha + level.sigma));
            for (here, mixed) in [(a, 0.9 * b), (b, -0.6 * a)] {
                answer.push(((0.8 * here + mixed) / size + 0.4 * time - 0.2).tanh() as f32);
            }
        }
        Ok(Tensor::from_data(TensorData::new(answer, shape), &device))
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn levels(value: &Value) -> Vec<Level> {
    let pairs = value.as_array().unwrap().iter().map(numbers);
    pairs.map(|pair| Level { alpha: pair[0], sigma: pair[1] }).collect()
}

/// The largest difference of any state of the walk, relative to the largest value of that state.
fn distance(golden: &Value, row: &Value) -> f64 {
    let text = |key: &str| row[key].as_str().unwrap();
    let path = levels(&golden["grids"][text("grid")][row["steps"].to_string()]);
    let model: &dyn Denoiser = match text("model") {
        "mixture" => &Mixture::three(),
        "gaussian" => &Gaussian::varied(2),
        "curved" => &Curved,
        other => panic!("no model is called {other}"),
    };
    let mut made = Vec::new();
    let noise = NoiseStreams::new(0, 0..2);
    let clock = row["schedule"].as_str().map_or(TimeMap::FLOW, |text| TimeMap::of(diffusion(text, "vp")));
    let mut run =
        Run::new(Cond::none(), noise).with_time_map(clock).on_progress(|at| made.push(values(at.x.clone())));
    let scale = if path[0].alpha == 1.0 { path[0].sigma } else { 1.0 };
    let start: Vec<f64> = numbers(&golden["start"]).iter().map(|v| v * scale).collect();
    sampler(text("sampler")).sample(model, tensor(&start, SHAPE), &path, &mut run).unwrap();
    drop(run);
    let wanted: Vec<Vec<f64>> = row["states"].as_array().unwrap().iter().map(numbers).collect();
    assert!(!wanted.is_empty() && wanted.len() <= made.len(), "{row}");
    let last = made.len() - wanted.len();
    let mut worst: f64 = 0.0;
    for (made, wanted) in made[last..].iter().zip(&wanted) {
        let size = wanted.iter().fold(0.0_f64, |size, v| size.max(v.abs()));
        for (made, wanted) in made.iter().zip(wanted) {
            let off = (f64::from(*made) - wanted).abs() / size;
            worst = if off.is_nan() { f64::INFINITY } else { worst.max(off) };
        }
    }
    worst
}

/// The worst difference by sampler, reference and number of steps.
fn table() -> BTreeMap<(String, String), BTreeMap<u64, f64>> {
    let mut table: BTreeMap<_, BTreeMap<u64, f64>> = BTreeMap::new();
    for golden in GOLDEN {
        let golden: Value = serde_json::from_str(golden).unwrap();
        for row in golden["rows"].as_array().unwrap() {
            let key =
                (row["sampler"].as_str().unwrap().to_owned(), row["source"].as_str().unwrap().to_owned());
            let worst = table.entry(key).or_default().entry(row["steps"].as_u64().unwrap()).or_default();
            *worst = worst.max(distance(&golden, row));
        }
    }
    table
}

fn markdown() -> String {
    let mut out =
        String::from("| sampler | reference | 5 steps | 10 | 20 | 50 |\n|---|---|---|---|---|---|\n");
    for ((sampler, source), worst) in table() {
        let cell = |steps: &u64| worst.get(steps).map_or(String::new(), |worst| format!("{worst:.0e}"));
        let cells = if let Some(worst) = worst.get(&1) {
            format!("{worst:.0e} (its own steps) | | |")
        } else {
            STEPS.iter().map(cell).collect::<Vec<_>>().join(" | ") + " |"
        };
        writeln!(out, "| `{sampler}` | {source} | {cells}").unwrap();
    }
    out
}

#[test]
fn whole_walks_are_those_of_diffusers_and_k_diffusion() {
    let mut bad = Vec::new();
    for ((sampler, source), worst) in table() {
        println!("{sampler:60} {source:80} {worst:?}");
        if worst.values().any(|worst| *worst > TOLERANCE) {
            bad.push(format!("{sampler} of {source}: {worst:?}"));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_spacing_lu_lambda_is_that_of_diffusers() {
    let golden: Value = serde_json::from_str(GOLDEN[0]).unwrap();
    let grids = golden["grids"].as_object().unwrap();
    let grid = grids.iter().find(|(name, _)| name.contains("use_lu_lambdas")).unwrap().1;
    for steps in [5_usize, 10, 20, 50] {
        let wanted = levels(&grid[steps.to_string()]);
        let made = SPACINGS.build("lu_lambda").unwrap().path(&diffusion("linear", "vp"), steps).unwrap();
        for (made, wanted) in made.iter().zip(&wanted) {
            assert!((made.sigma - wanted.sigma).abs() < 1e-6, "{made:?} and {wanted:?}");
        }
    }
}

/// How far apart walks are is rounding, which is not the same on every processor: the document's numbers are held to the
/// bound that it states, and its rows to those of the recorded walks.
#[test]
fn the_document_has_every_row_and_no_number_above_the_bound() {
    let document = documented(include_str!("../../../../docs/parity.md"));
    let starts = |golden: &str| -> Vec<String> {
        let golden: Value = serde_json::from_str(golden).unwrap();
        let rows = golden["rows"].as_array().unwrap().iter();
        rows.map(|row| {
            format!("| `{}` | {} |", row["sampler"].as_str().unwrap(), row["source"].as_str().unwrap())
        })
        .collect()
    };
    let wanted: Vec<String> = GOLDEN.iter().flat_map(|golden| starts(golden)).collect();
    for start in &wanted {
        assert!(document.contains(start), "{start} is missing; run: cargo xtask docs");
    }
    for row in document.lines().skip(2) {
        assert!(
            wanted.iter().any(|start| row.starts_with(start)),
            "{row} is no recorded walk; run: cargo xtask docs"
        );
        let cells = row.split('|').skip(3).flat_map(|cell| cell.split_whitespace().next());
        let numbers: Vec<f64> = cells.map(|cell| cell.parse().unwrap()).collect();
        assert!(!numbers.is_empty() && numbers.iter().all(|number| *number <= TOLERANCE), "{row}");
    }
}

#[test]
#[ignore = "prints a table for docs/parity.md: cargo xtask docs"]
fn table_of_parity() {
    print("docs/parity.md", &markdown());
}
