//! The trainer on a network of a few weights: resuming to the byte from any point, and stopping at numbers that are not
//! finite before anything of them is saved.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use langevin_core::closed_form::Gaussian;
use langevin_core::process::{Diffusion, DiffusionSpec};
use langevin_core::{Cond, ErrorKind, NamedTensors, Network, Preconditioned, Result, Stop};
use langevin_data::{Held, Loader, LoaderOptions, OpenOptions, Pool, PoolOptions, Prepare};
use langevin_train::{
    DISTILLATIONS, Denoising, DistillSchedule, Distilled, Event, Hooks, Job, ModelFile, Objective, Outcome,
    Preview, Snapshot, TrainConfig, checkpoints, train,
};

/// Scale and shift per channel; a poisoned one answers image 40 of the run with NaN.
#[derive(Module, Debug)]
struct Toy {
    scale: Param<Tensor<4>>,
    shift: Param<Tensor<4>>,
    #[module(skip)]
    poison: bool,
}

impl Toy {
    fn new(device: &Device, poison: bool) -> Self {
        let scale = Tensor::<4>::full([1, 3, 1, 1], 0.5, device);
        let shift = Tensor::<4>::zeros([1, 3, 1, 1], device);
        Self { scale: Param::from_tensor(scale), shift: Param::from_tensor(shift), poison }
    }
}

impl Network for Toy {
    fn forward(&self, x: Tensor<4>, _noise_input: Tensor<1>, cond: &Cond) -> Tensor<4> {
        let y = x * self.scale.val() + self.shift.val();
        // Image 40 of the run, wherever its batch begins.
        let bad = cond.dropout.as_ref().is_some_and(|streams| streams.images().contains(&40));
        if self.poison && bad { y.mul_scalar(f32::NAN) } else { y }
    }

    fn classes(&self) -> usize {
        0
    }
}

struct Quiet {
    stop_at: Option<(u64, Stop)>,
    warnings: Vec<String>,
}

impl Hooks<Toy> for Quiet {
    fn event(&mut self, event: &Event) {
        match (event, &self.stop_at) {
            (Event::Step(step), Some((at, stop))) if step.images >= *at => stop.request(15),
            (Event::Warning { text }, _) => self.warnings.push(text.clone()),
            _ => {}
        }
    }

    fn preview(&mut self, _model: &Preconditioned<Toy>, _images: u64) -> Result<Option<Preview>> {
        Ok(None)
    }

    fn model_file(&mut self, images: u64, tensors: NamedTensors) -> Result<ModelFile> {
        Ok(ModelFile { tensors, metadata: BTreeMap::from([("images".to_owned(), images.to_string())]) })
    }
}

fn config() -> TrainConfig {
    TrainConfig {
        images: 96,
        batch_size: 8,
        micro_batch: 3,
        learning_rate: 0.05,
        warmup_images: 16,
        ema_half_life: 50,
        flip: true,
        validation_images: 4,
        validate_every: 32,
        checkpoint_every: 24,
        ..TrainConfig::default()
    }
}

fn run(
    out: &Path,
    config: TrainConfig,
    poison: bool,
    stop_at: Option<u64>,
) -> (Result<Outcome>, Vec<String>) {
    let objective = Box::new(Denoising::new(&config).unwrap());
    run_with(out, config, objective, poison, stop_at)
}

/// A consistency distillation of a Gaussian, which has a target of averaged weights.
fn consistency() -> Box<dyn Objective<Toy>> {
    let diffusion = Diffusion::new(&DiffusionSpec::default()).unwrap();
    let course = DistillSchedule { diffusion, path: Vec::new(), images: 96 };
    let method = DISTILLATIONS.build("consistency:most=40,target=0.9").unwrap();
    Box::new(Distilled::new(method, course, Some(Box::new(Gaussian::same(0.1, 0.25)))))
}

fn run_with(
    out: &Path,
    config: TrainConfig,
    objective: Box<dyn Objective<Toy>>,
    poison: bool,
    stop_at: Option<u64>,
) -> (Result<Outcome>, Vec<String>) {
    let device = Device::flex();
    let data = langevin_data::open("builtin:shapes", &OpenOptions::default()).unwrap();
    let pool = Pool::new(data, Prepare::new(8, 8, 3), PoolOptions::default()).unwrap();
    let count = config.validation_images as u64;
    let (pool, held) = pool.split(Held::Count(count), 0).unwrap();
    let stop = Stop::new();
    let (batch, seed) = (config.batch_size, config.seed);
    let job = Job {
        model: Preconditioned::new(
            Toy::new(&device.clone().autodiff(), poison),
            Diffusion::new(&DiffusionSpec::default()).unwrap(),
        ),
        objective,
        config,
        loader: Box::new(move |images_seen| {
            Loader::new(&pool, LoaderOptions { batch, seed, images_seen, ..LoaderOptions::default() })
        }),
        conditions: None,
        texts: None,
        validation: Some(held.batch(0..count).unwrap()),
        out: out.to_path_buf(),
        settings: "{}".to_owned(),
        stop: stop.clone(),
        device,
        dry_run: false,
        half: false,
    };
    let mut hooks = Quiet { stop_at: stop_at.map(|at| (at, stop)), warnings: Vec::new() };
    (train(job, &mut hooks), hooks.warnings)
}

/// Everything a run leaves that must be the same to the byte.
fn traces(out: &Path) -> Vec<Vec<u8>> {
    let newest = checkpoints(&out.join("checkpoints")).pop().expect("a checkpoint");
    let read =
        |path: std::path::PathBuf| std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut all: Vec<Vec<u8>> =
        ["weights", "average", "moments"].map(|name| read(newest.join(format!("{name}.safetensors")))).into();
    all.push(read(out.join("model.safetensors")));
    all.push(read(out.join("metrics.jsonl")));
    all
}

#[test]
fn a_run_stopped_anywhere_goes_on_to_the_same_bytes() {
    let whole = tempfile::tempdir().unwrap();
    assert!(run(whole.path(), config(), false, None).0.unwrap().complete);
    for stops in [vec![8], vec![24], vec![40, 48], vec![88]] {
        let cut = tempfile::tempdir().unwrap();
        for at in &stops {
            let error = run(cut.path(), config(), false, Some(*at)).0.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted(15), "{error}");
            assert_eq!(error.exit_code(), 143);
        }
        assert!(run(cut.path(), config(), false, None).0.unwrap().complete);
        assert!(traces(cut.path()) == traces(whole.path()), "stopped at {stops:?}");
    }
}

/// What the newest checkpoint of a run says of itself.
fn state(out: &Path) -> String {
    let newest = checkpoints(&out.join("checkpoints")).pop().expect("a checkpoint");
    std::fs::read_to_string(newest.join("state.json")).unwrap()
}

#[test]
fn a_validation_that_a_signal_cut_short_is_made_when_the_run_goes_on() {
    let whole = tempfile::tempdir().unwrap();
    run(whole.path(), config(), false, None).0.unwrap();
    // Validations are due after 32, 64 and 96 images; the last is the end.
    for stops in [vec![32], vec![64, 72], vec![32, 64, 96], vec![96]] {
        let cut = tempfile::tempdir().unwrap();
        for at in &stops {
            let error = run(cut.path(), config(), false, Some(*at)).0.unwrap_err();
            assert_eq!(error.exit_code(), 143, "{error}");
            let text = std::fs::read_to_string(cut.path().join("metrics.jsonl")).unwrap();
            let made = text.lines().filter(|line| line.contains("validation_loss")).count() as u64;
            // That before the first step, and those before this point.
            assert_eq!(made, 1 + (at - 1) / 32, "{text}");
            assert_eq!(state(cut.path()).contains("\"validation_due\": true"), at % 32 == 0);
        }
        assert!(run(cut.path(), config(), false, None).0.unwrap().complete);
        assert!(traces(cut.path()) == traces(whole.path()), "stopped at {stops:?}");
        assert!(!state(cut.path()).contains("validation_due"));
        // Nothing is left to do.
        assert!(run(cut.path(), config(), false, None).0.unwrap().complete);
        assert!(traces(cut.path()) == traces(whole.path()), "stopped at {stops:?}");
    }
}

#[test]
fn a_validation_in_parts_is_that_of_the_whole() {
    let first = |batch_size: usize| {
        let out = tempfile::tempdir().unwrap();
        let config = TrainConfig { batch_size, validation_images: 40, images: 64, ..config() };
        run(out.path(), config, false, None).0.unwrap();
        let text = std::fs::read_to_string(out.path().join("metrics.jsonl")).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    let (parts, whole) = (first(8), first(64));
    assert!(whole.contains("validation_loss"), "{whole}");
    assert_eq!(parts, whole);
}

#[test]
fn what_was_written_after_the_last_checkpoint_is_done_again_to_the_same_bytes() {
    let whole = tempfile::tempdir().unwrap();
    run(whole.path(), config(), false, None).0.unwrap();
    let cut = tempfile::tempdir().unwrap();
    run(cut.path(), config(), false, Some(56)).0.unwrap_err();
    // As after a kill: a newer torn checkpoint, a leftover, and metrics beyond the checkpoint.
    let torn = cut.path().join("checkpoints/images-000000000064");
    std::fs::create_dir(&torn).unwrap();
    std::fs::write(torn.join("manifest.json"), "{").unwrap();
    std::fs::create_dir(cut.path().join("checkpoints/.staged-72")).unwrap();
    let metrics = cut.path().join("metrics.jsonl");
    let mut text = std::fs::read_to_string(&metrics).unwrap();
    text += "{\"images\":64,\"half a li";
    std::fs::write(&metrics, text).unwrap();
    let (outcome, warnings) = run(cut.path(), config(), false, None);
    assert!(outcome.unwrap().complete);
    assert!(warnings.iter().any(|text| text.contains("images-000000000064")), "{warnings:?}");
    assert!(traces(cut.path()) == traces(whole.path()));
}

#[test]
fn a_number_that_is_not_finite_stops_training_before_anything_is_saved() {
    let out = tempfile::tempdir().unwrap();
    let (outcome, _) = run(out.path(), config(), true, None);
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::Diverged, 4));
    assert!(error.to_string().contains("48 images"), "{error}");
    let saved = checkpoints(&out.path().join("checkpoints"));
    assert_eq!(saved.len(), 1, "{saved:?}");
    assert!(saved[0].ends_with("images-000000000024"));
    let sound = tempfile::tempdir().unwrap();
    let until = TrainConfig { images: 24, ..config() };
    run(sound.path(), until, false, None).0.unwrap();
    assert!(traces(out.path())[..4] == traces(sound.path())[..4]);
}

#[test]
fn the_size_of_a_pass_changes_rounding_alone() {
    let loss = |micro_batch: usize| {
        let out = tempfile::tempdir().unwrap();
        run(out.path(), TrainConfig { micro_batch, ..config() }, false, None).0.unwrap();
        let text = std::fs::read_to_string(out.path().join("metrics.jsonl")).unwrap();
        let last: serde_json::Value =
            text.lines().rfind(|l| l.contains("grad_norm")).unwrap().parse().unwrap();
        last["loss"].as_f64().unwrap()
    };
    let whole = loss(8);
    for micro in [1, 3, 5] {
        assert!((loss(micro) - whole).abs() < 1e-5 * whole, "micro_batch {micro}");
    }
}

#[test]
fn further_averages_go_on_to_the_same_bytes_too() {
    let config = || TrainConfig { ema_snapshots: 32, ..config() };
    let traces = |out: &Path| {
        let newest = checkpoints(&out.join("checkpoints")).pop().expect("a checkpoint");
        let snapshots = Snapshot::list(out);
        let times: Vec<u64> = snapshots.iter().map(|snapshot| snapshot.images).collect();
        assert_eq!(times, [32, 64, 96]);
        let mut all = traces(out);
        all.push(std::fs::read(newest.join("tracked.safetensors")).unwrap());
        all.extend(snapshots.iter().map(|snapshot| std::fs::read(&snapshot.path).unwrap()));
        all
    };
    let whole = tempfile::tempdir().unwrap();
    assert!(run_with(whole.path(), config(), consistency(), false, None).0.unwrap().complete);
    for stop in [16, 48] {
        let cut = tempfile::tempdir().unwrap();
        let error = run_with(cut.path(), config(), consistency(), false, Some(stop)).0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted(15), "{error}");
        assert!(run_with(cut.path(), config(), consistency(), false, None).0.unwrap().complete);
        assert!(traces(cut.path()) == traces(whole.path()), "stopped at {stop}");
    }
    // The target is an average of its own, and the stored ones differ from it and from each other.
    let read = Snapshot::list(whole.path())[2].read().unwrap();
    assert_eq!(read.len(), 2);
    assert!(read[0].len() == 2 && read[0].keys().eq(read[1].keys()) && read[0] != read[1]);
}

#[test]
fn what_happens_between_updates_is_reported_apart() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), config(), false, None).0.unwrap();
    let log = std::fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    let rows = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let maintained: Vec<u64> =
        rows.filter(|row| row["event"] == "maintained").map(|row| row["images"].as_u64().unwrap()).collect();
    // Checkpoints every 24 images, but for the last, and validations every 32.
    assert_eq!(maintained, [24, 32, 48, 64, 72, 96]);
}
