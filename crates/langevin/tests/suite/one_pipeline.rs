//! Every job asks a model in one way: the levels that reach its denoiser, and what becomes of the answer.

use std::sync::{Arc, Mutex};

use langevin::bench::restoration::{self as bench, RestorationTask, RestorersPlan};
use langevin::core::{Cond, Denoiser, Level, Levels, Magnitude, NoiseStreams, Planes, Result, Stop};
use langevin::denoising::{self, Request};
use langevin::evaluation::FeatureSpec;
use langevin::job::{Reporter, Silent};
use langevin::model::windows::Plan;
use langevin::model::{GuidanceConfig, Pipeline};
use langevin::process::{Diffusion, DiffusionSpec};
use langevin::restoration::{Degraded, RestorePlan, restore};
use langevin::restore::{NoImages, noises, operators};
use langevin::sampling::{SamplePlan, sample_tensor};
use langevin::{Device, Image, Model, Tensor};

const SIDE: usize = 16;
/// A sampler that asks at levels between those of its path, which the model's time map finds.
const BETWEEN: &str = "pndm:prk=true";

/// Answers with a constant, of which a class makes another one, and remembers the levels it was asked at.
#[derive(Clone)]
struct Recorder {
    seen: Arc<Mutex<Vec<Level>>>,
    plain: f64,
    of_class: f64,
}

impl Denoiser for Recorder {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        self.seen.lock().unwrap().extend(at.0.iter().copied());
        let conditioned = cond.labels.as_ref().is_some_and(|labels| labels.iter().all(Option::is_some));
        Ok(x.zeros_like().add_scalar(if conditioned { self.of_class } else { self.plain }))
    }
}

/// A model of DDPM's table of 1000 timesteps, and what it is asked.
fn model(plain: f64, of_class: f64) -> (Model, Arc<Mutex<Vec<Level>>>) {
    let spec = DiffusionSpec { schedule: "linear".into(), process: "vp".into(), ..DiffusionSpec::default() };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let recorder = Recorder { seen: Arc::clone(&seen), plain, of_class };
    let diffusion = Diffusion::new(&spec).unwrap();
    let mut model = Model::custom("recorder", (SIDE, SIDE), 1, diffusion, recorder);
    model.info.sample.spacing = "trailing".to_owned();
    model.info.sample.sampler = BETWEEN.to_owned();
    model.info.sample.steps = 5;
    model.info.sample.clip = true;
    model.info.sample.clip_range = 1.0;
    (model, seen)
}

fn gray() -> Image {
    Image::from_u8(SIDE, SIDE, 1, (0..=255).map(|v| v / 2).collect())
}

fn degraded(model: &Model, operator: &str, noise: &str) -> Degraded {
    let operator = operators::build(operator, model.image_shape(), &NoImages).unwrap();
    let noise = noises::build(noise).unwrap();
    Degraded::simulated(&gray(), operator, noise.as_ref(), 1, 0, &Device::flex()).unwrap()
}

fn restoring(model: &Model, method: &str) -> RestorePlan {
    RestorePlan { method: Some(method.to_owned()), steps: 5, seed: 1, ..RestorePlan::of(model) }
}

fn request(model: &Model) -> SamplePlan {
    SamplePlan { steps: 5, ..SamplePlan::of(model, 2, 1) }
}

/// One job by its name, run on a model.
type Job = (&'static str, fn(&Model));

fn jobs() -> Vec<Job> {
    vec![
        ("sample", |model| drop(sample_tensor(model, &request(model), &Device::flex(), |_| {}).unwrap())),
        ("restore", |model| {
            let plan = restoring(model, &format!("blended:sampler={BETWEEN}"));
            restore(model, degraded(model, "mask", "0"), &plan, &Device::flex(), |_| {}).unwrap();
        }),
        ("denoise", |model| {
            let noisy = Planes::of(&gray());
            let plan = denoising::plan(model, [1, SIDE, SIDE], 1 << 30).unwrap();
            let request = Request {
                sigma: 200.0,
                draws: 1,
                ensemble: true,
                sampler: BETWEEN.to_owned(),
                steps: 5,
                seed: 1,
                image: 0,
            };
            denoised(model, &plan, &noisy, &request);
        }),
    ]
}

fn denoised(model: &Model, plan: &Plan, noisy: &Planes, request: &Request) -> Vec<f32> {
    let device = Device::flex();
    let made = denoising::denoise(model, plan, noisy, request, &device, &Stop::new(), |_| {}, |_, _| Ok(()));
    made.unwrap().mean.values
}

#[test]
fn levels_between_those_of_the_path_lie_on_the_models_schedule() {
    for (name, job) in jobs() {
        let (model, seen) = model(0.2, 0.2);
        job(&model);
        let diffusion = model.denoiser.diffusion();
        let table: Vec<f64> = (0..1000).map(|t| diffusion.level(f64::from(t) / 999.0).ratio()).collect();
        let seen = seen.lock().unwrap();
        let first = diffusion.level(0.0).ratio();
        let off = seen.iter().find(|level| {
            level.ratio() > first && table.iter().all(|known| (known - level.ratio()).abs() > 1e-6 * known)
        });
        assert!(seen.len() > 5, "{name} asked {} times", seen.len());
        // Denoising begins at the noise of the image, which need be no level of the table.
        if name != "denoise" {
            assert!(off.is_none(), "{name}: asked at {off:?}");
        }
    }
}

#[test]
fn what_is_guided_is_clipped_afterwards() {
    // 0 + 3 (0.5 - 0) leaves the range; clipped before it was guided it would be 1.5 still.
    let classes = |model: &mut Model| {
        model.info.classes = vec!["a".to_owned()];
        model.info.sample.sampler = "ddim".to_owned();
    };
    let (mut sampled, _) = model(0.0, 0.5);
    classes(&mut sampled);
    let plan = SamplePlan { cfg_scale: 3.0, sampler: "ddim".to_owned(), ..request(&sampled) };
    let made = sample_tensor(&sampled, &plan, &Device::flex(), |_| {}).unwrap();
    let (least, most) = (made.clone().min().into_scalar::<f32>(), made.max().into_scalar::<f32>());
    assert!((least - 1.0).abs() < 1e-5 && (most - 1.0).abs() < 1e-5, "sample: {least} to {most}");

    let plan = RestorePlan { class: Some(0), cfg_scale: 3.0, ..restoring(&sampled, "ddnm") };
    let masked = degraded(&sampled, "mask:box=0.5", "0");
    let made = restore(&sampled, masked, &plan, &Device::flex(), |_| {}).unwrap();
    let middle = made.drawn[0].to_signed()[SIDE * SIDE / 2 + SIDE / 2];
    assert!((middle - 1.0).abs() < 0.01, "restore: {middle}");

    let pipeline = Pipeline::new(&sampled, 1).with_guidance(GuidanceConfig::default(), 3.0);
    let at = Levels::all(Level { alpha: 0.6, sigma: 0.8 }, 1);
    let x = Tensor::zeros([1, 1, SIDE, SIDE], &Device::flex());
    let taught =
        pipeline.within_pass().unwrap().denoise(x, &at, &Cond::labelled(Some(vec![Some(0)]))).unwrap();
    assert_eq!(taught.max().into_scalar::<f32>(), 1.0, "distillation");
}

#[test]
fn every_job_clips_as_the_model_says() {
    // Answers of 3 in a model whose range is 2: what leaves the pipeline is 2, and the images are white.
    let answer = |clip: bool, range: f64| {
        let (mut model, _) = model(3.0, 3.0);
        (model.info.sample.clip, model.info.sample.clip_range) = (clip, range);
        model.info.sample.sampler = "ddim".to_owned();
        let plan = SamplePlan { sampler: "ddim".to_owned(), ..request(&model) };
        let made = sample_tensor(&model, &plan, &Device::flex(), |_| {}).unwrap();
        let plan = denoising::plan(&model, [1, SIDE, SIDE], 1 << 30).unwrap();
        let request = Request {
            sigma: 200.0,
            draws: 1,
            ensemble: false,
            sampler: "ddim:eta=1".to_owned(),
            steps: 5,
            seed: 1,
            image: 0,
        };
        let denoised = denoised(&model, &plan, &Planes::of(&gray()), &request);
        (made.max().into_scalar::<f32>(), denoised.into_iter().fold(f32::MIN, f32::max))
    };
    for (clip, range, wanted) in [(true, 1.0, 1.0), (true, 2.0, 2.0), (false, 1.0, 3.0)] {
        let (sampled, denoised) = answer(clip, range);
        assert!((sampled - wanted).abs() < 1e-4, "sample with clip {clip} to {range}: {sampled}");
        assert!((denoised - wanted).abs() < 1e-4, "denoise with clip {clip} to {range}: {denoised}");
    }
}

#[test]
fn runs_start_as_the_models_settings_say() {
    let (mut model, _) = model(0.0, 0.0);
    for (unit, magnitude) in [(false, Magnitude::Sigma), (true, Magnitude::Unit)] {
        model.info.sample.unit_start = unit;
        let run = Pipeline::new(&model, 1).run(Cond::none(), NoiseStreams::new(1, [0]));
        assert_eq!(run.start.magnitude, magnitude);
        let at = model.denoiser.diffusion().level(0.9);
        let half = run.time_map.part_of(at, 0.5);
        let table = model.denoiser.diffusion().level((0.45_f64 * 999.0 + 1e-6).floor() / 999.0);
        assert!((half.ratio() - table.ratio()).abs() < 1e-9, "{half:?} {table:?}");
    }
}

#[test]
fn the_benchmark_restores_as_restoring_does() {
    let (mut model, seen) = model(0.3, 0.3);
    model.info.sample.threshold = Some([0.99, 1.0]);
    model.info.sample.unit_start = true;
    let plan = RestorersPlan {
        data: "builtin:shapes:size=16".to_owned(),
        tasks: vec![RestorationTask::parse("fill=mask@0").unwrap()],
        methods: vec![format!("blended:sampler={BETWEEN}")],
        calls: vec![20],
        count: 2,
        tune: 1,
        seed: 0,
        batch_size: 2,
        features: FeatureSpec::Random { seed: 0 },
        cache: None,
    };
    let (mut silent, stop) = (Silent, Stop::new());
    let mut reporter = Reporter::new(&mut silent, &stop, "the comparison");
    let found = bench::compare(&model, &plan, &Device::flex(), &mut reporter).unwrap();
    assert!(found.left_out.is_empty(), "{:?}", found.left_out);
    let diffusion = model.denoiser.diffusion();
    let table: Vec<f64> = (0..1000).map(|t| diffusion.level(f64::from(t) / 999.0).ratio()).collect();
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 10);
    for level in seen.iter().filter(|level| level.ratio() > table[0]) {
        let near = table.iter().any(|known| (known - level.ratio()).abs() <= 1e-6 * known);
        assert!(near, "asked at {level:?}");
    }
}
