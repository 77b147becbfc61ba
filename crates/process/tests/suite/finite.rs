//! Every schedule with every process and spacing, at 1 to 50 steps, gives a path that can be walked.

use langevin_process::{
    Diffusion, DiffusionSpec, LEVEL_DISTRIBUTIONS, Level, PROCESSES, SCHEDULES, SPACINGS, TIME_INPUTS,
    stratified,
};

use crate::{close, diffusion, schedules};

/// Walks `path` from an exact noisy image with an exact denoiser and returns what comes out.
fn walk(path: &[Level], eta: f64) -> f64 {
    let (x0, n, z) = (0.37, -1.21, 0.9);
    let mut x = path[0].alpha * x0 + path[0].sigma * n;
    for pair in path.windows(2) {
        let step = pair[0].ancestral(pair[1], eta);
        assert!(step.x.is_finite() && step.x0.is_finite() && step.noise >= 0.0, "{pair:?} {step:?}");
        x = step.x * x + step.x0 * x0 + step.noise * z;
    }
    x
}

#[test]
fn every_path_is_finite_and_falls_to_clean() {
    for schedule in schedules() {
        let entries = SCHEDULES.build(&schedule).unwrap().timesteps();
        for process in PROCESSES.names() {
            let model = diffusion(&schedule, process, "v");
            for spacing in SPACINGS.names() {
                let built = SPACINGS.build(spacing).unwrap();
                for steps in 1..=50 {
                    let what = || format!("{schedule} {process} {spacing} {steps}");
                    let path = match built.path(&model, steps) {
                        Ok(path) => path,
                        // Grids of whole indices cannot have more steps than the table has entries.
                        Err(_) if entries.is_some_and(|n| steps > n) => continue,
                        Err(error) => panic!("{}: {error}", what()),
                    };
                    assert_eq!(path.len(), steps + 1, "{}", what());
                    assert_eq!(path[steps], Level::CLEAN, "{}", what());
                    let falls = path.windows(2).all(|pair| pair[0].log_snr() < pair[1].log_snr());
                    assert!(falls, "{}: {path:?}", what());
                    let finite = |level: &Level| level.alpha.is_finite() && level.sigma.is_finite();
                    assert!(path.iter().all(finite), "{}", what());
                    if spacing != "leading" || steps == 1 {
                        let (first, highest) = (path[0], model.highest());
                        assert!(close(first.alpha, highest.alpha, 1e-12), "{}: {first:?}", what());
                        assert!(close(first.sigma, highest.sigma, 1e-12), "{}: {first:?}", what());
                    }
                    for eta in [0.0, 1.0] {
                        assert!((walk(&path, eta) - 0.37).abs() < 1e-12, "{}", what());
                    }
                    for level in &path {
                        let c = model.coefficients(*level).unwrap();
                        assert!([c.skip, c.out, c.input].iter().all(|value| value.is_finite()), "{}", what());
                    }
                }
                assert!(built.path(&model, 0).is_err());
            }
        }
    }
}

#[test]
fn every_time_input_is_finite_and_falls_with_the_noise() {
    for schedule in schedules() {
        for process in PROCESSES.names() {
            for time_input in TIME_INPUTS.names() {
                let spec = DiffusionSpec {
                    schedule: schedule.clone(),
                    process: process.into(),
                    time_input: time_input.into(),
                    ..Default::default()
                };
                let model = Diffusion::new(&spec).unwrap();
                let path = SPACINGS.build("karras").unwrap().path(&model, 20).unwrap();
                let values: Vec<f64> = path.iter().map(|level| model.noise_input(*level)).collect();
                assert!(values.iter().all(|value| value.is_finite()), "{spec:?}: {values:?}");
                let rising = values.windows(2).all(|pair| pair[0] <= pair[1]);
                let falling = values.windows(2).all(|pair| pair[0] >= pair[1]);
                assert!(if time_input == "log_snr" { rising } else { falling }, "{spec:?}: {values:?}");
            }
        }
    }
}

#[test]
fn the_time_step_of_a_table_is_its_index() {
    let model = diffusion("linear", "vp", "epsilon");
    for i in 0..1000 {
        assert_eq!(model.noise_input(model.level(f64::from(i) / 999.0)), f64::from(i));
    }
    assert_eq!(model.noise_input(Level::CLEAN), 0.0);
    // A flow network takes 1000 sigma, after the shift if there is one.
    let spec = DiffusionSpec {
        schedule: "shifted:base=flow,shift=3".into(),
        process: "flow".into(),
        time_input: "flow_time".into(),
        ..Default::default()
    };
    let model = Diffusion::new(&spec).unwrap();
    assert!(close(model.noise_input(model.level(0.5)), 750.0, 1e-12));
}

#[test]
fn ranges_are_kept_and_empty_ones_refused() {
    let model = diffusion("edm", "edm", "edm");
    let path = |spacing: &str, steps| SPACINGS.build(spacing).unwrap().path(&model, steps);
    let inside = path("karras:sigma_min=0.01,sigma_max=10", 5).unwrap();
    assert!(close(inside[0].sigma, 10.0, 1e-12) && close(inside[4].sigma, 0.01, 1e-12));
    let beyond = path("exponential:sigma_max=1000", 5).unwrap();
    assert!(close(beyond[0].sigma, 80.0, 1e-12), "a level the model has never seen");
    assert!(path("karras:sigma_min=10,sigma_max=10", 5).is_err());
    assert!(path("log_snr:min=3,max=2", 5).is_err());
    let poly = path("polyexponential:rho=2", 3).unwrap();
    let want = (0.25 * 80_f64.ln() + 0.75 * 0.002_f64.ln()).exp();
    assert!(close(poly[1].sigma, want, 1e-12));
}

#[test]
fn zero_terminal_snr_starts_at_pure_noise_with_a_useful_grid_below() {
    for (schedule, process) in [("flow", "flow"), ("rescaled", "vp"), ("cosine:steps=0", "vp")] {
        let model = diffusion(schedule, process, "v");
        for spacing in SPACINGS.names().filter(|name| *name != "leading") {
            let path = SPACINGS.build(spacing).unwrap().path(&model, 10).unwrap();
            assert_eq!(path[0], Level { alpha: 0.0, sigma: 1.0 }, "{schedule} {spacing}");
            assert!(path[1].alpha > 1e-3, "{schedule} {spacing}: {path:?}");
            let useful = path.iter().filter(|level| level.log_snr().abs() < 10.5).count();
            assert!(useful >= 5, "{schedule} {spacing}: {path:?}");
        }
    }
}

#[test]
fn every_level_distribution_stays_in_range_and_rises() {
    for schedule in schedules() {
        let model = diffusion(&schedule, "vp", "v");
        for distribution in LEVEL_DISTRIBUTIONS.names() {
            let built = LEVEL_DISTRIBUTIONS.build(distribution).unwrap();
            let times: Vec<f64> = stratified(64, 0.5).into_iter().map(|u| built.time(u, &model)).collect();
            assert!(times.iter().all(|t| (0.0..=1.0).contains(t)), "{schedule} {distribution}");
            assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{schedule} {distribution}");
            assert!([0.0, 1.0].iter().all(|u| (0.0..=1.0).contains(&built.time(*u, &model))));
        }
    }
}

#[test]
fn the_log_normal_distribution_has_its_moments_whatever_the_schedule() {
    let distribution = LEVEL_DISTRIBUTIONS.build("log_normal").unwrap();
    for (schedule, process) in [("edm", "edm"), ("flow", "flow"), ("linear:steps=0", "vp")] {
        let model = diffusion(schedule, process, "edm");
        let logs: Vec<f64> = stratified(4096, 0.5)
            .into_iter()
            .map(|u| model.level(distribution.time(u, &model)).ratio().ln())
            .collect();
        let mean = logs.iter().sum::<f64>() / 4096.0;
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 4096.0;
        assert!(
            (mean + 1.2).abs() < 0.01 && (variance.sqrt() - 1.2).abs() < 0.01,
            "{schedule} {mean} {variance}"
        );
    }
}
