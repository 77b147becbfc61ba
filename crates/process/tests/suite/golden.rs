//! The tables, time steps and sigmas of diffusers, made by `references/golden/process_schedules.py`.

use langevin_process::{SCHEDULES, SPACINGS, Table};
use serde_json::Value;

use crate::diffusion;

fn golden() -> Value {
    let text = include_str!("../../../../references/golden/process_schedules.json");
    serde_json::from_str(text).expect("the golden file is JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().expect("a list");
    list.iter().map(|number| number.as_f64().expect("a number")).collect()
}

#[test]
fn tables_are_those_of_diffusers() {
    let golden = golden();
    let indices = numbers(&golden["indices"]);
    for (spec, want) in golden["tables"].as_object().unwrap() {
        let schedule = SCHEDULES.build(spec).unwrap();
        let table = Table::from_alphas_cumprod(schedule.table().unwrap().to_vec()).unwrap();
        for (key, got) in [("betas", table.betas()), ("alphas_cumprod", table.alphas_cumprod().to_vec())] {
            for (index, want) in indices.iter().zip(numbers(&want[key])) {
                let got = got[*index as usize];
                assert!(
                    (got - want).abs() <= 1e-11 * want.abs() + 1e-18,
                    "{spec} {key} {index}: {got} {want}"
                );
            }
        }
    }
}

#[test]
fn time_steps_are_those_of_diffusers() {
    let model = diffusion("linear", "vp", "epsilon");
    for (spacing, cases) in golden()["time_steps"].as_object().unwrap() {
        for (steps, want) in cases.as_object().unwrap() {
            let path = SPACINGS.build(spacing).unwrap().path(&model, steps.parse().unwrap()).unwrap();
            let got: Vec<f64> =
                path[..path.len() - 1].iter().map(|level| model.noise_input(*level)).collect();
            assert_eq!(got, numbers(want), "{spacing} {steps}");
        }
    }
}

#[test]
fn sigmas_are_those_of_diffusers() {
    for case in golden()["sigmas"].as_array().unwrap() {
        let text = |key: &str| case[key].as_str().expect("text");
        let want = numbers(&case["sigmas"]);
        let model = diffusion(text("schedule"), text("process"), "v");
        let path = SPACINGS.build(text("spacing")).unwrap().path(&model, want.len() - 1).unwrap();
        for (level, want) in path.iter().zip(&want) {
            // The flow's sigma is that of its level, the others are relative to the signal.
            let got = if text("process") == "flow" { level.sigma } else { level.ratio() };
            assert!((got - want).abs() <= 1e-6 * want.max(0.01), "{case}: {got} {want}");
        }
    }
}
