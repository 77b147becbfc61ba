//! Trains a small network on a folder of images and prints its progress.
//!
//! Run `cargo run --release -p langevin --example train_folder [FOLDER]`. Without a folder it first makes one with 64 images.
//! Expect a run in `runs/example-training/` after a few seconds, with a loss that falls; run again, it finds nothing left to do.

use std::path::Path;

use langevin::data::{OpenOptions, open};
use langevin::figures::png;
use langevin::files::{create_folder, write_file};
use langevin::train::Event;
use langevin::training::{TrainRequest, prepare, presets};
use langevin::{Device, Result, Stop};

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "runs/example-images".to_owned());
    if !Path::new(&folder).exists() {
        make_images(Path::new(&folder), 64)?;
    }
    // The settings of a preset, with changes on top as `--set` takes them.
    let changes = ["train.images=1024", "train.checkpoint_every=512"];
    let (preset, settings) = presets::settings_layers("tiny", &changes.map(str::to_owned))?;
    let request = TrainRequest {
        data: folder,
        settings,
        preset,
        out: "runs/example-training".into(),
        strict: false,
        dry_run: false,
        half: false,
        stop: Stop::new(),
        weights: None,
        lesson: None,
    };
    let prepared = prepare(request)?;
    let outcome = prepared.train(&Device::flex(), |event| match event {
        Event::Step(step) if step.step % 16 == 0 => {
            println!("{} of {} images, loss {:.3}", step.images, step.images_total, step.loss);
        }
        Event::Saved { path } => println!("saved {}", path.display()),
        _ => {}
    })?;
    println!("{} images in {:.1} s", outcome.images, outcome.seconds);
    Ok(())
}

fn make_images(folder: &Path, count: u64) -> Result<()> {
    create_folder(folder)?;
    let shapes = open("builtin:shapes:size=16", &OpenOptions::default())?;
    for index in 0..count {
        let bytes = png::encode(&shapes.item(index)?.image, &[])?;
        write_file(&folder.join(format!("{index:04}.png")), &bytes)?;
    }
    Ok(())
}
