//! Scheduler configs: the timesteps and levels of our paths against those of diffusers (`references/golden/parity_paths.py`).

use burn::tensor::Device;
use langevin_core::closed_form::Mixture;
use langevin_core::process::{Diffusion, SPACINGS};
use langevin_core::{Cond, NoiseStreams, Purpose, Run};
use langevin_hub::read_scheduler;
use langevin_sample::SAMPLERS;
use serde_json::{Value, json};

use crate::networks::golden;

#[test]
fn paths_are_those_of_diffusers() {
    let text = std::fs::read_to_string(golden("scheduler_paths.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&text.replace("-Infinity", "null")).unwrap();
    assert!(rows.len() >= 38);
    for row in &rows {
        let class = row["class"].as_str().unwrap();
        let config = row["config"].as_object().unwrap();
        let sampling = read_scheduler(class, config).unwrap();
        let diffusion = Diffusion::new(&sampling.diffusion).unwrap();
        let name = format!("{class} {}", sampling.spacing);
        let ignored = sampling.notes.iter().find(|note| note.contains("ignored"));
        assert_eq!(ignored, None, "{name}");
        // Levels between two timesteps are interpolated in sigma there, in its logarithm here.
        let curved = ["karras", "exponential"].iter().any(|curve| sampling.spacing.starts_with(curve));
        let fractional = sampling.spacing.contains("round=false");
        // Tables there are products of 32-bit floats, whose first entries have lost some digits.
        let tolerance = match (fractional, curved || sampling.diffusion.process == "flow") {
            (true, _) => 3e-4,
            (_, true) => 1e-4,
            _ => 2e-5,
        };
        // Timesteps of curved spacings are rounded by some classes.
        let flow = sampling.diffusion.process == "flow";
        let time_tolerance = match (curved, flow) {
            (true, _) if !class.starts_with("Euler") => 1.01,
            (_, true) => 1.01,
            // A level that is off by 1e-4 lies up to this many timesteps away.
            (true, _) => 3e-2,
            _ => 5e-3,
        };
        for wanted in row["paths"].as_array().unwrap() {
            let steps = wanted["steps"].as_u64().unwrap() as usize;
            let path = SPACINGS.build(&sampling.spacing).unwrap().path(&diffusion, steps).unwrap();
            let mut ratios: Vec<Option<f64>> = serde_json::from_value(wanted["ratios"].clone()).unwrap();
            let times: Vec<f64> = serde_json::from_value(wanted["timesteps"].clone()).unwrap();
            if ratios.len() > 1 && ratios[ratios.len() - 1] == ratios[ratios.len() - 2] {
                // A last step of no length, which our paths leave out.
                ratios.pop();
            }
            assert_eq!(path.len(), ratios.len(), "{name}, {steps} steps");
            for (index, (level, ratio)) in path.iter().zip(&ratios).enumerate() {
                let found = level.ratio();
                match ratio {
                    None => assert!(found > 1e5, "{name}, {steps} steps: {found} at {index}"),
                    Some(ratio) => assert!(
                        (found - ratio).abs() <= tolerance * ratio + 3e-6,
                        "{name}, {steps} steps: {found} at {index}, and was {ratio}"
                    ),
                }
                if let Some(time) = times.get(index).filter(|_| !level.is_clean()) {
                    let found = diffusion.noise_input(*level);
                    assert!(
                        (found - time).abs() <= time_tolerance,
                        "{name}, {steps} steps: timestep {found} at {index}, and was {time}"
                    );
                }
            }
            let init = wanted["init"].as_f64().unwrap();
            let start = if sampling.unit_start { path[0].magnitude() } else { path[0].sigma };
            // diffusers' Euler and Heun count in sigma / alpha.
            let start = if init > 1.0 { start / path[0].alpha } else { start };
            assert!((start / init - 1.0).abs() < 2e-3, "{name}: starts at {start}, and did at {init}");
        }
    }
}

/// The loop of `ScoreSdeVePipeline` with the same noise (`references/golden/score_sde.py`), to the last image.
#[test]
fn a_variance_exploding_walk_is_that_of_diffusers() {
    let text = std::fs::read_to_string(golden("score_sde.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let walks = golden["walks"].as_array().unwrap();
    assert_eq!(walks.len(), 9);
    for walk in walks {
        let sampling = read_scheduler("ScoreSdeVeScheduler", walk["config"].as_object().unwrap()).unwrap();
        let diffusion = Diffusion::new(&sampling.diffusion).unwrap();
        let steps = walk["steps"].as_u64().unwrap() as usize;
        let path = SPACINGS.build(&sampling.spacing).unwrap().path(&diffusion, steps).unwrap();
        let streams = NoiseStreams::new(0, 0..1);
        let start = streams.normal(Purpose::Start, 0, [2, 1, 1], &Device::flex());
        let mut made: Vec<Vec<f32>> = Vec::new();
        let mut run = Run::new(Cond::none(), streams)
            .on_progress(|at| made.push(at.x.clone().try_into_vec_as().unwrap()));
        let sampler = SAMPLERS.build(&sampling.sampler).unwrap();
        sampler.sample(&Mixture::three(), start.mul_scalar(path[0].sigma), &path, &mut run).unwrap();
        drop(run);
        let wanted: Vec<Vec<f64>> = serde_json::from_value(walk["states"].clone()).unwrap();
        // With its default of 1e-5 diffusers asks the network at other levels than those it steps over.
        let coincide = walk["config"]["sampling_eps"].as_f64().unwrap() < 1e-6;
        let tolerance = if coincide { 1e-4 } else { 1e-3 };
        assert_eq!((made.len(), path.len()), (wanted.len(), wanted.len() + 1));
        for (at, (made, wanted)) in made.iter().zip(&wanted).enumerate() {
            let size = wanted.iter().fold(path[at].sigma.max(0.1), |size, v| size.max(v.abs()));
            for (made, wanted) in made.iter().zip(wanted) {
                let off = (f64::from(*made) - wanted).abs() / size;
                assert!(
                    off < tolerance,
                    "{}, {steps} steps, {at}: {made} and not {wanted}",
                    sampling.sampler
                );
            }
        }
    }
}

#[test]
fn odd_defaults_are_the_classes_own() {
    let read = |class: &str, config: Value| read_scheduler(class, config.as_object().unwrap()).unwrap();
    let ddpm = read("DDPMScheduler", json!({}));
    assert_eq!(
        (ddpm.sampler.as_str(), ddpm.spacing.as_str(), ddpm.steps),
        ("ddpm:variance=fixed_small", "leading", 1000)
    );
    assert_eq!((ddpm.clip, ddpm.unit_start), (Some(1.0), true));
    let ddim = read(
        "DDIMScheduler",
        json!({"set_alpha_to_one": false, "steps_offset": 1, "clip_sample_range": 2.5}),
    );
    assert_eq!(
        (ddim.sampler.as_str(), ddim.spacing.as_str()),
        ("ddim:clip=2.5", "leading:offset=1,end=lowest")
    );
    assert_eq!(ddim.clip, None);
    assert_eq!(read("DDIMScheduler", json!({"clip_sample": false})).sampler, "ddim");
    let heun = read("HeunDiscreteScheduler", json!({}));
    assert_eq!(heun.diffusion.schedule, "linear:start=0.00085,end=0.012,steps=1000");
    let pndm = read("PNDMScheduler", json!({}));
    assert_eq!(
        (pndm.sampler.as_str(), pndm.spacing.as_str()),
        ("pndm:prk=true,limit=1000000000", "leading:end=lowest")
    );
    assert_eq!(read("PNDMScheduler", json!({"skip_prk_steps": true})).sampler, "pndm:limit=1000000000");
    assert_eq!(read("LCMScheduler", json!({})).spacing, "lcm:original=50");
    let tcd = read("TCDScheduler", json!({"original_inference_steps": 25}));
    assert_eq!((tcd.sampler.as_str(), tcd.spacing.as_str()), ("tcd", "lcm:original=25,end=lowest"));
    assert_eq!(read("SASolverScheduler", json!({})).spacing, "linspace:extra=1,end=lowest");
    assert_eq!(read("UniPCMultistepScheduler", json!({})).sampler, "unipc");
    let third = json!({"solver_order": 3, "solver_type": "bh1"});
    assert_eq!(read("UniPCMultistepScheduler", third).sampler, "unipc:order=3,solver_type=bh1");
    assert_eq!(read("DPMSolverMultistepScheduler", json!({"solver_order": 3})).sampler, "dpmpp_3m");
    let sde = json!({"algorithm_type": "sde-dpmsolver++", "use_lu_lambdas": true});
    let sde = read("DPMSolverMultistepScheduler", sde);
    assert_eq!((sde.sampler.as_str(), sde.spacing.as_str()), ("dpmpp_2m_sde", "lu_lambda"));
    let large = json!({"variance_type": "fixed_large", "thresholding": true, "sample_max_value": 2.0});
    let large = read("DDPMScheduler", large);
    assert_eq!((large.sampler.as_str(), large.clip), ("ddpm:variance=fixed_large", None));
    assert_eq!(large.threshold.unwrap().max, 2.0);
    let ve = read("ScoreSdeVeScheduler", json!({}));
    assert_eq!(
        (ve.sampler.as_str(), ve.spacing.as_str(), ve.steps),
        ("pc:snr=0.15,corrector_steps=1", "exponential:sigma_min=0.02", 2000)
    );
    assert_eq!(read("ScoreSdeVeScheduler", json!({"correct_steps": 0})).sampler, "pc:corrector=none");
    let unknown = read("DDPMScheduler", json!({"newer_key": 1}));
    assert!(unknown.notes[0].contains("newer_key"));
}

#[test]
fn what_is_not_read_is_named() {
    let message = |class: &str, config: Value| {
        let error = read_scheduler(class, config.as_object().unwrap()).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        error.to_string()
    };
    assert!(message("DDPMSchedular", json!({})).contains("near it is DDPMScheduler"));
    for (key, value) in [
        ("beta_schedule", json!("laplace")),
        ("prediction_type", json!("else")),
        ("timestep_spacing", json!("random")),
        ("variance_type", json!("none")),
        ("num_train_timesteps", json!(1)),
        ("trained_betas", json!(["x"])),
        ("beta_start", json!("a")),
    ] {
        let text = message("DDPMScheduler", json!({key: value}));
        assert!(text.contains(key), "{text}");
    }
    // Values that no schedule can have.
    message("DDPMScheduler", json!({"beta_end": 2.0}));
    message("DDPMScheduler", json!({"trained_betas": [0.1, 5.0]}));
    message("EulerDiscreteScheduler", json!({"interpolation_type": "log_linear"}));
    message("FlowMatchEulerDiscreteScheduler", json!({"use_dynamic_shifting": true}));
    message("EDMEulerScheduler", json!({"sigma_min": -1.0}));
    message("ScoreSdeVeScheduler", json!({"snr": 0.0}));
    message("ScoreSdeVeScheduler", json!({"correct_steps": 101}));
}
