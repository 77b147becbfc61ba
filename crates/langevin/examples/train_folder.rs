//! Trains a small network on a folder of images and prints its progress.
//!
//! Run `cargo run --release -p langevin --example train_folder [FOLDER]`. Without a folder it first makes one with 64 images.
//! Expect a run in `runs/example-training/` after a few seconds, with a loss that falls; run again, it finds nothing left to do.

use std::path::Path;

use langevin::data::{OpenOptions, open};
use langevin::files::create_folder;
use langevin::job::{Context, Event, Files};
use langevin::train::Event as Training;
use langevin::training::{TrainRequest, job};
use langevin::{Device, ImageExt, Result, Stop};

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "runs/example-images".to_owned());
    if !Path::new(&folder).exists() {
        make_images(Path::new(&folder), 64)?;
    }
    let request = TrainRequest {
        data: folder,
        out: Some("runs/example-training".into()),
        preset: Some("tiny".to_owned()),
        images: Some(1024),
        // Any other setting, as `--set` takes it.
        set: vec!["train.checkpoint_every=512".to_owned()],
        ..TrainRequest::default()
    };
    let mut observer = |event: Event| match event {
        Event::Training(Training::Step(step)) if step.step % 16 == 0 => {
            println!("{} of {} images, loss {:.3}", step.images, step.images_total, step.loss);
        }
        Event::Training(Training::Saved { path }) => println!("saved {}", path.display()),
        _ => {}
    };
    let (device, mut sink, stop) = (Device::flex(), Files::new(false), Stop::new());
    let mut context = Context { device: &device, observer: &mut observer, sink: &mut sink, stop: &stop };
    let outcome = job::run(&request, &mut context)?;
    println!("{} images in {:.1} s", outcome.trained.images, outcome.trained.seconds);
    Ok(())
}

fn make_images(folder: &Path, count: u64) -> Result<()> {
    create_folder(folder)?;
    let shapes = open("builtin:shapes:size=16", &OpenOptions::default())?;
    for index in 0..count {
        shapes.item(index)?.image.save(folder.join(format!("{index:04}.png")))?;
    }
    Ok(())
}
