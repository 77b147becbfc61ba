//! The samplers against those of k-diffusion and diffusers, on a denoiser known in closed form
//! (`references/golden/samplers.py`).

use langevin_core::{Cond, Level, NoiseStreams, Purpose, Run};
use langevin_testkit::Mixture;
use langevin_testkit::samplers::{tensor, values};
use serde_json::Value;

use super::sampler;

const GOLDEN: &str = include_str!("../../../../references/golden/samplers.json");
const SHAPE: [usize; 4] = [4, 2, 1, 1];

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn levels(value: &Value) -> Vec<Level> {
    rows(value).iter().map(|pair| Level { alpha: pair[0], sigma: pair[1] }).collect()
}

fn quiet_run<'a>() -> Run<'a> {
    Run::new(Cond::none(), NoiseStreams::new(0, 0..4))
}

/// The first value that is off by more than f32 arithmetic explains.
fn difference(made: &[f32], golden: &[f64]) -> Option<String> {
    let off =
        |(made, golden): &(&f32, &f64)| (f64::from(**made) - **golden).abs() > 2e-5 * (1.0 + golden.abs());
    assert_eq!(made.len(), golden.len());
    made.iter().zip(golden).find(off).map(|(made, golden)| format!("{made} and not {golden}"))
}

#[test]
fn trajectories_are_those_of_k_diffusion_and_diffusers() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let mut bad = Vec::new();
    for row in golden["trajectories"].as_array().unwrap() {
        let name = row["sampler"].as_str().unwrap();
        let states = rows(&row["states"]);
        let mut made = Vec::new();
        let mut run = quiet_run().on_progress(|at| made.push(values(at.x.clone())));
        let path = levels(&row["levels"]);
        sampler(name).sample(&Mixture::three(), tensor(&states[0], SHAPE), &path, &mut run).unwrap();
        drop(run);
        assert_eq!(made.len(), states.len() - 1);
        let differs = |(step, pair): (usize, (&Vec<f32>, &Vec<f64>))| {
            Some(format!("{name} of {}, step {}: {}", row["source"], step + 1, difference(pair.0, pair.1)?))
        };
        bad.extend(made.iter().zip(&states[1..]).enumerate().find_map(differs));
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn stochastic_steps_have_the_mean_and_deviation_of_diffusers() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let start = numbers(&golden["start"]);
    let mut bad = Vec::new();
    for row in golden["single_steps"].as_array().unwrap() {
        let name = row["sampler"].as_str().unwrap();
        let (path, means, deviations) =
            (levels(&row["levels"]), rows(&row["means"]), numbers(&row["deviations"]));
        for (step, pair) in path.windows(2).enumerate() {
            let mut run = quiet_run();
            let noise =
                values(run.noise.normal(Purpose::Sampler, 0, [2, 1, 1], &burn::tensor::Device::flex()));
            let x = tensor(&start, SHAPE);
            let made = values(sampler(name).sample(&Mixture::three(), x, pair, &mut run).unwrap());
            let wanted =
                means[step].iter().zip(noise).map(|(mean, n)| mean + deviations[step] * f64::from(n));
            if let Some(what) = difference(&made, &wanted.collect::<Vec<_>>()) {
                bad.push(format!("{name} of {}, step {}: {what}", row["source"], step + 1));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
