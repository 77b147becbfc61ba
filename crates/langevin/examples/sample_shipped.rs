//! Samples images with a model that ships with the library, and saves them as PNG files with their recipe.
//!
//! Run `cargo run --release -p langevin --example sample_shipped [FOLDER]`. Expect four stars in `runs/example-stars/` after about
//! a second, with the same bytes at every run.

use langevin::job::{Context, Event, Files};
use langevin::sampling::{SampleRequest, job};
use langevin::{Device, Result, Stop};

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "runs/example-stars/".to_owned());
    // What is left out is the model's own: its sampler, steps and strength of guidance.
    let request = SampleRequest {
        class: Some("star".to_owned()),
        seed: Some(7),
        output: Some(folder),
        ..SampleRequest::new("builtin:shapes", 4)
    };
    let mut observer = |event: Event| match event {
        Event::Started { what, .. } => println!("{what}"),
        Event::Output { file } => println!("{}", file.display()),
        _ => {}
    };
    let outcome = job::run(
        &request,
        &mut Context {
            device: &Device::flex(),
            observer: &mut observer,
            // Files that are there already are overwritten; `job::Memory` would write none.
            sink: &mut Files::new(true),
            stop: &Stop::new(),
        },
    )?;
    println!("{} images in {:.1} s", outcome.images.len(), outcome.seconds);
    Ok(())
}
