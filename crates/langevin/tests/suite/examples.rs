//! The programs in `examples/`, run as their readers run them, in a folder of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs that `cargo xtask` uses, which are no examples.
const TOOLS: [&str; 2] = ["bench_peer", "sampler_shape"];
const EXAMPLES: [&str; 7] = [
    "denoise_image",
    "diffusers_folder",
    "own_denoiser",
    "own_operator",
    "own_sampler",
    "sample_shipped",
    "train_folder",
];

/// The program, which cargo builds beside the tests.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("examples");
    let program = built.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{}: build it with `cargo build --release --examples`", program.display());
    program
}

/// What the example `name` prints in `folder`.
fn printed(name: &str, folder: &Path) -> String {
    let output = Command::new(program(name)).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The numbers of a text, in order.
fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().filter_map(|word| word.trim_end_matches(',').parse().ok()).collect()
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn every_example_is_tested_short_and_in_the_document() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("../../docs/embedding.md")).unwrap();
    let mut names = Vec::new();
    for file in std::fs::read_dir(root.join("examples")).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if TOOLS.contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! ") && text.contains(&format!("--example {name}")), "{name}");
        assert!(document.contains(&format!("`{name}`")), "docs/embedding.md does not name {name}");
        names.push(name);
    }
    names.sort();
    assert_eq!(names, EXAMPLES);
}

#[test]
fn sample_shipped_saves_images() {
    let folder = scratch();
    let text = printed("sample_shipped", folder.path());
    for index in 0..4 {
        let file = format!("runs/example-stars/{index:04}.png");
        assert!(text.contains(&file) && folder.path().join(&file).is_file(), "{text}");
    }
}

#[test]
fn train_folder_leaves_a_model_and_goes_on_from_there() {
    let folder = scratch();
    let text = printed("train_folder", folder.path());
    assert!(text.contains("1024 of 1024 images, loss"), "{text}");
    assert!(folder.path().join("runs/example-training/model.safetensors").is_file());
    assert!(!printed("train_folder", folder.path()).contains("loss"));
}

#[test]
fn denoise_image_takes_noise_away() {
    let text = printed("denoise_image", scratch().path());
    let decibels: Vec<f64> = text.lines().map(|line| numbers(line)[0]).collect();
    assert!(decibels[1] > decibels[0] + 6.0, "{text}");
}

#[test]
fn own_sampler_is_nearer_than_ddim() {
    let text = printed("own_sampler", scratch().path());
    let distances: Vec<f64> = text.lines().map(|line| numbers(line)[0]).collect();
    assert!(distances[0] < distances[1], "{text}");
}

#[test]
fn own_operator_is_met_and_the_image_is_nearer_than_the_classical_one() {
    let text = printed("own_operator", scratch().path());
    let after = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(start)).expect(start);
        numbers(line)[0]
    };
    assert!(after("left of the measurement") < 0.01, "{text}");
    assert!(after("restored") > after("wiener"), "{text}");
}

#[test]
fn own_denoiser_repeats_its_images() {
    let text = printed("own_denoiser", scratch().path());
    assert!(text.starts_with("32 of 32 "), "{text}");
}

#[test]
fn diffusers_folder_is_written_and_opened() {
    let folder = scratch();
    let text = printed("diffusers_folder", folder.path());
    assert!(text.contains("32x32, 3 channels, linear"), "{text}");
    assert!(folder.path().join("runs/example-diffusers/unet/config.json").is_file());
}
