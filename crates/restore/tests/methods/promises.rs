//! What every method promises, for every entry of the list.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Tensor;
use langevin_core::{
    Cond, Cotangent, Denoiser, Differentiable, Level, Levels, NoiseStreams, Parallel, Result, Run,
};
use langevin_restore::{METHODS, Method, Needs, Operator, Prior, Problem};
use langevin_testkit::Correlated;

use crate::dense::{COUNT, Dense};
use crate::{RATIOS, data, flow, measurement, restored, ve, vp};

/// The cases of every entry: its defaults, and the options that change what it does.
static SPECS: LazyLock<Vec<&str>> =
    LazyLock::new(|| METHODS.entries.iter().flat_map(|entry| entry.cases).copied().collect());

#[test]
fn every_entry_names_cases_and_candidates_of_its_own() {
    for entry in METHODS.entries {
        assert!(!entry.cases.is_empty(), "{} has no case", entry.name);
        // Editing has no right answer that a comparison of restorations could measure.
        assert_eq!(entry.candidates.is_empty(), entry.name == "sdedit", "{} is compared", entry.name);
        for spec in entry.cases.iter().chain(entry.candidates) {
            assert_eq!(spec.split(':').next(), Some(entry.name), "{spec}");
            assert!(METHODS.build(spec).is_ok(), "{spec}");
        }
    }
}

/// An operator and a noise that a method can do with.
fn fitting(needs: Needs) -> (Dense, f64) {
    match needs {
        _ if needs.identity => (Dense::identity(), 0.2),
        _ if needs.noiseless => (Dense::mask(), 0.0),
        _ => (Dense::average(), 0.2),
    }
}

/// A model that counts how often it is asked.
struct Counted(Correlated, AtomicUsize);

impl Denoiser for Counted {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.denoise(x, at, cond)
    }
}

impl Differentiable for Counted {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.denoise_vjp(x, v, at, cond)
    }

    fn denoise_vjp_with(
        &self,
        x: Tensor<4>,
        at: &Levels,
        cond: &Cond,
        of: Cotangent<'_>,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.denoise_vjp_with(x, at, cond, of)
    }
}

#[test]
fn calls_are_as_stated_and_every_step_is_told() {
    for spec in SPECS.iter() {
        let method = METHODS.build(spec).unwrap();
        let (operator, sigma) = fitting(method.needs());
        let y = measurement(&operator, sigma);
        let problem =
            Problem::new(Box::new(operator.clone()), crate::repeated(&y, operator.output(), 2), sigma)
                .unwrap();
        let model = Counted(data(), AtomicUsize::new(0));
        for path in [vp(&RATIOS), ve(&RATIOS[5..])] {
            let mut reported = Vec::new();
            let mut run = Run::new(Cond::none(), NoiseStreams::new(1, 0..2))
                .on_progress(|progress| reported.push((progress.step, progress.steps, progress.level)));
            model.1.store(0, Ordering::Relaxed);
            let prior = Prior::with_derivative(&model, &model);
            method.restore(prior, &problem, &path, &mut run).unwrap();
            drop(run);
            assert_eq!(model.1.load(Ordering::Relaxed), method.calls(&path), "{spec}");
            let steps = reported.last().map_or(0, |last| last.1);
            let numbers: Vec<usize> = reported.iter().map(|reported| reported.0).collect();
            assert_eq!(numbers, (1..=steps).collect::<Vec<_>>(), "{spec}");
            assert_eq!(reported.last().unwrap().2, Level::CLEAN, "{spec}");
        }
    }
}

/// What `method` makes of images `images`, of which each has its own measurement.
fn together(method: &dyn Method, images: std::ops::Range<u64>, model: &dyn Differentiable) -> Vec<u32> {
    let (operator, sigma) = fitting(method.needs());
    let all: Vec<Tensor<4>> = images
        .clone()
        .map(|image| {
            let y: Vec<f64> =
                measurement(&operator, sigma).iter().map(|y| y * (1.0 - 0.2 * image as f64)).collect();
            crate::repeated(&y, operator.output(), 1)
        })
        .collect();
    let problem = Problem::new(Box::new(operator), Tensor::cat(all, 0), sigma).unwrap();
    let mut run = Run::new(Cond::none(), NoiseStreams::new(9, images));
    let denoiser = Asked(model);
    let prior = Prior::with_derivative(&denoiser, model);
    let made = method.restore(prior, &problem, &vp(&RATIOS), &mut run).unwrap();
    let values: Vec<f32> = made.into_data().try_to_vec().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

/// A differentiable model as a plain one.
struct Asked<'a>(&'a dyn Differentiable);

impl Denoiser for Asked<'_> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        self.0.denoise(x, at, cond)
    }
}

#[test]
fn an_image_is_the_same_alone_in_a_batch_and_in_lanes() {
    let lanes = Parallel::new(data(), 2).unwrap();
    for spec in SPECS.iter() {
        let method = METHODS.build(spec).unwrap();
        let batch = together(&*method, 0..3, &data());
        for image in 0..3 {
            let alone = together(&*method, image..image + 1, &data());
            let at = image as usize * COUNT;
            assert_eq!(batch[at..at + COUNT], alone[..], "{spec}: image {image}");
        }
        assert_eq!(batch, together(&*method, 0..3, &lanes), "{spec} in lanes");
        let differ = batch[..COUNT] != batch[COUNT..2 * COUNT];
        assert!(differ, "{spec}: two images are the same");
    }
}

#[test]
fn a_process_is_only_a_scale() {
    for spec in SPECS.iter() {
        let method = METHODS.build(spec).unwrap();
        let (operator, sigma) = fitting(method.needs());
        let y = measurement(&operator, sigma);
        let made = |path: &[Level]| restored(spec, operator.clone(), &y, sigma, path, 4).unwrap().concat();
        let wanted = made(&vp(&RATIOS));
        for (process, path) in [("ve", ve(&RATIOS)), ("flow", flow(&RATIOS))] {
            // Heun's limit and the multistep length are of the ratio too.
            for (a, b) in made(&path).iter().zip(&wanted) {
                assert!((a - b).abs() < 2e-3, "{spec}, {process}: {a} and {b}");
            }
        }
    }
}

#[test]
fn no_signal_at_the_start_is_no_exception() {
    for spec in SPECS.iter() {
        let method = METHODS.build(spec).unwrap();
        let (operator, sigma) = fitting(method.needs());
        let y = measurement(&operator, sigma);
        for ratios in [&RATIOS[1..], &RATIOS[7..]] {
            let mut path = vec![Level { alpha: 0.0, sigma: 1.0 }];
            path.extend(vp(ratios));
            let made = restored(spec, operator.clone(), &y, sigma, &path, 2).unwrap().concat();
            assert!(made.iter().all(|v| v.is_finite() && v.abs() < 6.0), "{spec}: {made:?}");
        }
    }
}

#[test]
fn what_is_known_for_certain_is_kept() {
    for spec in [
        "replacement",
        "repaint:jump=2,repeat=2",
        "blended",
        "ddrm",
        "ddnm",
        "ddnm_plus",
        "diffpir",
        "consistency",
        "consistency:correction=pinv",
    ] {
        for (name, operator) in Dense::all() {
            let y = measurement(&operator, 0.0);
            let made = restored(spec, operator.clone(), &y, 0.0, &vp(&RATIOS), 2).unwrap();
            for image in made {
                for (a, b) in operator.apply(&image).iter().zip(&y) {
                    assert!((a - b).abs() < 1e-4, "{spec}, {name}: {a} and {b}");
                }
            }
        }
    }
}

#[test]
fn the_decomposition_is_not_needed_where_it_is_not_asked_for() {
    for spec in
        ["ddnm", "diffpir", "pigdm", "consistency", "repaint:jump=2,repeat=2", "replacement", "blended"]
    {
        let method = METHODS.build(spec).unwrap();
        let sigma = if method.needs().noiseless { 0.0 } else { 0.1 };
        let operator = Dense::average();
        let y = measurement(&operator, sigma);
        let with = restored(spec, operator.clone(), &y, sigma, &vp(&RATIOS), 2).unwrap().concat();
        let without = restored(spec, operator.without_spectrum(), &y, sigma, &vp(&RATIOS), 2);
        for (a, b) in with.iter().zip(&without.unwrap().concat()) {
            assert!((a - b).abs() < 1e-4, "{spec}: {a} and {b}");
        }
    }
}

#[test]
fn stopped_work_says_so() {
    let stop = langevin_core::Stop::new();
    stop.request(2);
    for spec in SPECS.iter() {
        let method = METHODS.build(spec).unwrap();
        let (operator, sigma) = fitting(method.needs());
        let y = measurement(&operator, sigma);
        let output = operator.output();
        let problem = Problem::new(Box::new(operator), crate::repeated(&y, output, 1), sigma).unwrap();
        let mut run = Run::new(Cond::none(), NoiseStreams::new(1, [0])).stopped_by(&stop);
        let model = data();
        let prior = Prior::with_derivative(&model, &model);
        let error = method.restore(prior, &problem, &vp(&RATIOS), &mut run).unwrap_err();
        assert_eq!(error.exit_code(), 130, "{spec}: {error}");
    }
}

/// A model that keeps the first image that it is asked for, and its level.
struct First(Correlated, std::sync::Mutex<Option<(Tensor<4>, Level)>>);

impl Denoiser for First {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        self.1.lock().unwrap().get_or_insert_with(|| (x.clone(), at.0[0]));
        self.0.denoise(x, at, cond)
    }
}

impl Differentiable for First {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        self.1.lock().unwrap().get_or_insert_with(|| (x.clone(), at.0[0]));
        self.0.denoise_vjp(x, v, at, cond)
    }
}

#[test]
fn a_walk_begins_around_the_image_that_the_problem_begins_with() {
    for spec in SPECS.iter() {
        let method = METHODS.build(spec).unwrap();
        let (operator, sigma) = fitting(method.needs());
        let y = crate::repeated(&measurement(&operator, sigma), operator.output(), 2);
        let [c, h, w] = operator.input();
        let x0 = NoiseStreams::new(8, 0..2).normal(langevin_core::Purpose::Start, 0, [c, h, w], &y.device());
        let path = vp(&RATIOS[4..]);
        let first = |problem: &Problem| -> (Vec<f64>, f64) {
            let model = First(data(), std::sync::Mutex::default());
            let mut run = Run::new(Cond::none(), NoiseStreams::new(1, 0..2));
            method.restore(Prior::with_derivative(&model, &model), problem, &path, &mut run).unwrap();
            let (x, at) = model.1.into_inner().unwrap().unwrap();
            (x.into_data().convert::<f64>().try_to_vec().unwrap(), at.alpha)
        };
        let problem = Problem::new(Box::new(operator), y, sigma).unwrap();
        let ((alone, _), (around, alpha)) = (first(&problem), first(&problem.beginning_with(x0.clone())));
        let x0: Vec<f64> = x0.into_data().convert::<f64>().try_to_vec().unwrap();
        for ((alone, around), x0) in alone.iter().zip(around).zip(x0) {
            let moved = if method.begins() { alpha * x0 } else { 0.0 };
            assert!((around - alone - moved).abs() < 1e-5, "{spec}: {alone} {around}");
        }
    }
}
