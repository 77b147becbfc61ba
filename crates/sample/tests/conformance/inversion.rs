//! DDIM inversion against the exact flow and against DDIM itself.

use langevin_core::{Cond, Level, NoiseStreams, Run};
use langevin_sample::invert;
use langevin_testkit::samplers::{tensor, values};
use langevin_testkit::{Exact, Mixture};

use super::{path, sampler};

const IMAGES: [f64; 6] = [0.4, 0.5, -0.7, 0.2, 0.3, -0.8];
const SHAPE: [usize; 4] = [3, 2, 1, 1];

fn run<'a>() -> Run<'a> {
    Run::new(Cond::none(), NoiseStreams::new(0, 0..3))
}

fn inverted(path: &[Level], iterations: usize) -> Vec<f32> {
    let mixture = Mixture::three();
    values(invert(&mixture, tensor(&IMAGES, SHAPE), path, iterations, &mut run()).unwrap())
}

fn largest_difference(made: &[f32], wanted: &[f64]) -> f64 {
    made.iter().zip(wanted).map(|(made, wanted)| (f64::from(*made) - wanted).abs()).fold(0.0, f64::max)
}

#[test]
fn many_steps_reach_the_noise_of_the_exact_flow() {
    let path = path("linear", "vp", "linspace", 600);
    // The flow is exact between noisy levels; the last step of the path is too short to matter.
    let (from, to) = (path[0], path[path.len() - 2]);
    let mixture = Mixture::three();
    let noise = inverted(&path[..path.len() - 1], 1);
    for (noise, image) in noise.chunks(2).zip(IMAGES.chunks(2)) {
        let noise: Vec<f64> = noise.iter().map(|v| f64::from(*v)).collect();
        let back = mixture.flow(from, to, &noise);
        assert!(back.iter().zip(image).all(|(a, b)| (a - b).abs() < 0.03), "{back:?} and {image:?}");
    }
}

#[test]
fn iterations_make_ddim_lead_back() {
    let mixture = Mixture::three();
    for (schedule, process) in [("linear", "vp"), ("edm", "edm"), ("cosine", "vp")] {
        let path = path(schedule, process, "trailing", 20);
        let back = |iterations: usize| {
            let noise =
                tensor(&inverted(&path, iterations).iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), SHAPE);
            let made = values(sampler("ddim").sample(&mixture, noise, &path, &mut run()).unwrap());
            largest_difference(&made, &IMAGES)
        };
        let (once, often) = (back(1), back(30));
        assert!(often < 0.5 * once && often < 0.02, "{schedule}: {once} and {often}");
    }
}

#[test]
fn every_step_is_reported_and_pure_noise_is_reached() {
    let path = path("flow", "flow", "trailing", 5);
    assert_eq!(path[0], Level { alpha: 0.0, sigma: 1.0 });
    let mut levels = Vec::new();
    let mut run = run().on_progress(|at| levels.push((at.step, at.steps, at.level)));
    let made = invert(&Mixture::three(), tensor(&IMAGES, SHAPE), &path, 2, &mut run).unwrap();
    drop(run);
    let wanted: Vec<_> = (1..=5).map(|step| (step, 5, path[5 - step])).collect();
    assert_eq!(levels, wanted);
    assert!(values(made).iter().all(|value| value.is_finite() && value.abs() < 6.0));
}
