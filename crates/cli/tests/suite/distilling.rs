//! Distillations: students that draw by themselves as they were taught to, resumes to the byte, and models and data that do
//! not fit; averages made after training.

use langevin::core::{NamedTensors, tensor_file};
use serde_json::Value;

use crate::world::{World, classed_run, plain_run};

const SMALL: &str = "--images 96 --batch-size 16 --set train.validation_images=4";

/// What the model in `folder` says of how it is drawn with.
fn sample_settings(world: &World, folder: &str) -> Value {
    let (_, metadata) = tensor_file::decode(&world.read(&format!("{folder}/model.safetensors"))).unwrap();
    let info: Value = serde_json::from_str(&metadata["langevin"]).unwrap();
    info["sample"].clone()
}

#[test]
fn a_progressive_student_is_made_in_stages_and_draws_as_it_was_taught() {
    let world = World::new();
    let words = format!("distill {} builtin:shapes --from 8 --steps 2 {SMALL} --out run", plain_run());
    let ran = world.run(&words).ok();
    assert_eq!(ran.out, "run/model.safetensors\n");
    for said in ["stage 1 of 2: 4 steps of 8", "stage 2 of 2: 2 steps of 4"] {
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    for (folder, steps) in [("run/steps-004", 4), ("run", 2)] {
        let sample = sample_settings(&world, folder);
        assert_eq!(sample["sampler"], "ddim");
        assert_eq!(sample["spacing"], "trailing");
        assert_eq!(sample["steps"], steps);
        for name in ["run.toml", "log.jsonl", "metrics.jsonl", "samples/step-000000096.png"] {
            assert!(world.path(folder).join(name).exists(), "{folder}/{name}");
        }
    }
    world.run("sample run -n 1 --seed 1 -o by-itself.png").ok();
    world.run("sample run -n 1 --seed 1 --sampler ddim --spacing trailing --steps 2 -o named.png").ok();
    // Even the recipe is the same.
    assert!(world.read("by-itself.png") == world.read("named.png"));
    // Nothing is left to do, and another teacher is another run.
    let again = world.run(&format!("{words} --json")).ok();
    assert!(again.err.contains("nothing left to do"), "{}", again.err);
    assert_eq!(again.json()["stages"].as_array().unwrap().len(), 2);
    let other =
        words.replace(plain_run(), "run/steps-004").replace("--from 8", "--from 8 --spacing trailing");
    world
        .run(&other)
        .refused(2, &["run/steps-004: holds a run with other settings", "distill.teacher_hash was"]);
    // The student of four steps goes on to one, along its own levels.
    let on = format!("distill run/steps-004 builtin:shapes --steps 1 {SMALL} --out on");
    assert!(world.run(&on).ok().err.contains("stage 1 of 2: 2 steps of 4"));
}

#[test]
fn consistency_models_are_sampled_with_fresh_noise_and_keep_the_lowest_level() {
    let world = World::new();
    for (method, out) in [("consistency:most=40", "cd"), ("consistency_training:most=40", "ct")] {
        world
            .run(&format!("distill {} builtin:shapes --method {method} {SMALL} --out {out}", classed_run()))
            .ok();
        let sample = sample_settings(&world, out);
        assert_eq!((&sample["sampler"], &sample["steps"]), (&"lcm".into(), &2.into()));
        world.run(&format!("sample {out} -n 1 --class 1 -o {out}.png")).ok();
        let (_, metadata) = tensor_file::decode(&world.read(&format!("{out}/model.safetensors"))).unwrap();
        assert!(metadata["langevin"].contains("consistency:of=v,end="), "{}", metadata["langevin"]);
    }
    // How it is sampled is no part of the run.
    let one = "--method consistency:most=40 --steps 1";
    let words = format!("distill {} builtin:shapes {one} {SMALL} --out cd", classed_run());
    assert!(world.run(&words).ok().err.contains("nothing left to do"));
    assert_eq!(sample_settings(&world, "cd")["steps"], 1);
    // A consistency model teaches none, but may be trained on.
    world
        .run("distill cd builtin:shapes --method consistency --out no")
        .refused(2, &["cd: is a consistency model", "no trajectories"]);
    world.run(&format!("distill cd builtin:shapes --method ict:most=40 {SMALL} --out more")).ok();
}

#[test]
fn a_distillation_that_was_stopped_ends_with_the_same_bytes() {
    let world = World::new();
    let distill = |out: &str| {
        format!(
            "distill {} builtin:shapes --method consistency:most=40 --images 512 --batch-size 16 --out {out}",
            plain_run()
        )
    };
    let running = world.start(&distill("cut"));
    world.wait_for_lines("cut/metrics.jsonl", 8);
    running.signal("TERM").refused(143, &["stopped by signal 15", "run the same command"]);
    assert!(world.run(&distill("cut")).ok().err.contains("going on after"));
    world.run(&distill("whole")).ok();
    for name in ["model.safetensors", "metrics.jsonl"] {
        assert!(world.read(&format!("cut/{name}")) == world.read(&format!("whole/{name}")), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let world = World::new();
    let (plain, classed) = (plain_run(), classed_run());
    world.write("small/a/1.png", &crate::world::image(8, 8, 3, 1));
    world.write("small/b/2.png", &crate::world::image(8, 8, 3, 2));
    let before = world.contents();
    let refused = |words: &str, code: i32, parts: &[&str]| {
        world.run(&format!("distill {words} --out run")).refused(code, parts);
        assert_eq!(world.contents(), before, "{words}");
    };
    refused(&format!("{plain} small"), 2, &["small: its images are 8x8x3", "draws 16x16x3"]);
    refused(&format!("{classed} small"), 2, &["small: its classes are a, b"]);
    refused(&format!("{plain} nowhere"), 3, &["nowhere"]);
    refused("nowhere builtin:shapes", 3, &["nowhere"]);
    refused("builtin:ring8 builtin:ring8", 2, &["builtin:ring8: is a closed-form model"]);
    let with = |flags: &str| format!("{plain} builtin:shapes {flags}");
    refused(&with("--from 12 --steps 4"), 2, &["halving 12 steps", "begin from 16"]);
    refused(&with("--from 4 --steps 4"), 2, &["halving 4 steps"]);
    refused(&with("--method progresive"), 2, &["did you mean \"progressive\"?"]);
    refused(&with("--method consistency:target=1"), 2, &["target=1"]);
    refused(&with("--method consistency --from 8"), 2, &["--from 8"]);
    refused(&with("--cfg-scale 2"), 2, &["without classes"]);
    refused(&with("--scratch"), 2, &["--scratch", "consistency_training"]);
    refused(&with("--set network.patch=1"), 2, &["the network, the noise and the images"]);
    refused(&with("--spacing sideways"), 2, &["sideways"]);
    refused(&with("--resume"), 2, &["there is no run to go on with"]);
    world.run("train builtin:shapes --preset tiny --set diffusion.parameterisation=epsilon --set diffusion.schedule=linear --images 16 --out eps").ok();
    let noise = world.run("distill eps builtin:shapes --out run");
    noise.refused(2, &["eps: predicts the noise", "--method consistency"]);
    // The settings of a distillation are no settings of a training.
    world.run(&format!("distill {plain} builtin:shapes --steps 8 --print-config")).ok();
    let printed = world.run(&format!("distill {plain} builtin:shapes --steps 8 --print-config")).out;
    world.write("distill.toml", printed.as_bytes());
    world.run("train builtin:shapes --preset distill.toml --out run").refused(2, &["langevin distill"]);
}

#[test]
fn an_average_made_afterwards_is_the_one_that_was_tracked() {
    let world = World::new();
    let settings = "--set train.ema_width=0.08 --set train.ema_snapshots=64 --set train.warmup_images=32";
    world
        .run(&format!("train builtin:shapes --preset tiny --seed 5 --images 1024 {settings} --out run"))
        .ok();
    let ran = world.run("ema run --width 0.08 --json").ok();
    let found = ran.json();
    assert_eq!((found["images"].as_u64(), found["snapshots"].as_u64()), (Some(1024), Some(16)));
    assert!(found["profile_error"].as_f64().unwrap() < 4e-3, "{found}");
    let tensors = |name: &str| tensor_file::decode(&world.read(name)).unwrap();
    let distance = |a: &NamedTensors, b: &NamedTensors| {
        assert!(a.keys().eq(b.keys()));
        let squares = a.values().zip(b.values()).flat_map(|((_, a), (_, b))| a.iter().zip(b));
        squares.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    let (tracked, metadata) = tensors("run/model.safetensors");
    let (made, made_metadata) = tensors("run/ema-0.08.safetensors");
    assert_eq!(metadata, made_metadata);
    let (last, _) = tensors("run/checkpoints/images-000000001024/weights.safetensors");
    // The profile is met to 0.3%, the weights to a thousandth of the way from the average to the newest ones.
    let (off, way) = (distance(&made, &tracked), distance(&last, &tracked));
    assert!(off < 0.001 * way, "{off} of {way}");
    // One of another width is another, and as far from this as from the newest weights or nearer.
    world.run("ema run --width 0.2 -o wide.safetensors").ok();
    let wide = distance(&tensors("wide.safetensors").0, &tracked);
    assert!(wide > 20.0 * off, "{wide} {off}");
    world.run("sample run/ema-0.08.safetensors -n 1 -o one.png").ok();
    let early = world.run("ema run --width 0.1 --at 512 -o early.safetensors --json").ok().json();
    assert_eq!((early["images"].as_u64(), early["snapshots"].as_u64()), (Some(512), Some(8)));
    world.run("ema run --width 0.08").refused(1, &["ema-0.08.safetensors: exists already", "--force"]);
    world.run("ema run --width 0.3").refused(2, &["width 0.3"]);
    world.run("ema run --width 0.1 --at 500 -o x.safetensors").refused(2, &["no snapshot after 500", "512"]);
    world
        .run(&format!("ema {} --width 0.1 -o x.safetensors", plain_run()))
        .refused(3, &["without snapshots"]);
    let path = "run/snapshots/images-000000000512.safetensors";
    let bytes = world.read(path);
    world.write(path, &bytes[..bytes.len() / 2]);
    world.run("ema run --width 0.1 -o x.safetensors").refused(3, &["images-000000000512.safetensors"]);
}
