//! The files of a run folder that training itself does not write: its settings and its sample sheets.

use std::path::Path;

use langevin_core::{Image, Result};
use langevin_figures::png;
use langevin_files::{create_folder, replace_file};
use langevin_train::Preview;

use langevin_inference::job::{Event, Observer};

/// Makes the folder of samples in the run's folder `out`, and writes its settings.
pub(crate) fn begin(out: &Path, toml: &str) -> Result<()> {
    create_folder(&out.join("samples"))?;
    replace_file(&out.join("run.toml"), toml.as_bytes())
}

/// Writes `sheet` among the samples of the run's folder `out`, and reports it.
pub(crate) fn store(out: &Path, sheet: Image, images: u64, observer: &mut dyn Observer) -> Result<Preview> {
    let bytes = png::encode(&sheet, &[])?;
    replace_file(&out.join("samples").join(format!("step-{images:09}.png")), &bytes)?;
    let (width, height) = (sheet.width as u32, sheet.height as u32);
    observer.event(Event::Preview { image: sheet });
    Ok(Preview { png: bytes, width, height })
}
