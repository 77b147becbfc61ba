//! The files of a run folder that training itself does not write: its settings and its sample sheets.

use std::path::{Path, PathBuf};

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

/// Whether the sheet of samples after `images` images is among those of the run's folder `out`.
pub(crate) fn is_stored(out: &Path, images: u64) -> bool {
    sheet_file(out, images).is_file()
}

fn sheet_file(out: &Path, images: u64) -> PathBuf {
    out.join("samples").join(format!("step-{images:09}.png"))
}

/// Writes `sheet` among the samples of the run's folder `out`, and reports it.
pub(crate) fn store(out: &Path, sheet: Image, images: u64, observer: &mut dyn Observer) -> Result<Preview> {
    let bytes = png::encode(&sheet, &[])?;
    replace_file(&sheet_file(out, images), &bytes)?;
    let (width, height) = (sheet.width as u32, sheet.height as u32);
    observer.event(Event::Preview { image: sheet });
    Ok(Preview { png: bytes, width, height })
}
