//! `langevin noise`: what a diffusion does to an image.

use std::path::PathBuf;

use clap::Args;
use langevin::process::{Diffusion, DiffusionSpec};
use langevin::{Image, Result, data, figures::plot, figures::png, forward};

use crate::outputs::{self, Claim};
use crate::shell::{self, Shell};

/// The arguments of `noise`.
#[derive(Args)]
#[command(
    after_help = "Writes STEM-noise.png (the image at growing noise, with t, alpha, sigma and SNR), STEM-levels.png and .svg (alpha
and sigma against time) and STEM-schedules.png and .svg (all schedules).

Examples:
  langevin noise photo.jpg
  langevin noise photo.jpg --schedule linear --at 0,0.1,0.3,0.6,1
  langevin noise photo.jpg --schedule geometric --process ve -o out/"
)]
pub struct Noise {
    /// An image: png, jpeg, webp, bmp, tiff or gif.
    image: PathBuf,
    /// Noise schedule, as in `langevin list schedules`.
    #[arg(long, default_value = "cosine")]
    schedule: String,
    /// Process, as in `langevin list processes`.
    #[arg(long, default_value = "vp")]
    process: String,
    /// Times to show, from 0 (clean) to 1 (noise).
    #[arg(long, value_delimiter = ',', default_values_t = [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0])]
    at: Vec<f64>,
    /// Height of the image in the strip in pixels; larger images are scaled down.
    #[arg(long, default_value_t = 192, value_parser = shell::from_1_to::<4096>())]
    height: usize,
    /// Seed of the noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder to write to.
    #[arg(short, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
}

impl Noise {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let spec = DiffusionSpec {
            schedule: self.schedule.clone(),
            process: self.process.clone(),
            ..Default::default()
        };
        let diffusion = Diffusion::new(&spec)?;
        let image = smaller(data::read_image(&self.image)?, self.height)?;
        let stem = self.image.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let strip = forward::strip(&image, &diffusion, &self.at, self.seed)?;
        let (levels, schedules) = (forward::levels_plot(&diffusion), forward::schedules_plot());
        let files = [
            ("noise.png", png::encode(&strip, &[])?),
            ("levels.png", plot_png(&levels)?),
            ("levels.svg", levels.to_svg().into_bytes()),
            ("schedules.png", plot_png(&schedules)?),
            ("schedules.svg", schedules.to_svg().into_bytes()),
        ]
        .map(|(name, bytes)| (self.output.join(format!("{stem}-{name}")), bytes));
        let _claim = Claim::new(files.iter().map(|(file, _)| file.as_path()), self.force)?;
        shell.say(&format!("seed {}, schedule {}, process {}", self.seed, self.schedule, self.process));
        for (file, bytes) in &files {
            langevin::files::write_file(file, bytes)?;
            outputs::result(&file.display().to_string())?;
        }
        Ok(())
    }
}

fn plot_png(plot: &plot::Plot) -> Result<Vec<u8>> {
    png::encode(&plot.to_image(1.0), &[])
}

fn smaller(image: Image, height: usize) -> Result<Image> {
    if image.height <= height {
        return Ok(image);
    }
    let width = (image.width * height).div_ceil(image.height).max(1);
    let channels = if image.channels < 3 { 1 } else { 3 };
    data::fit(&image, &data::Prepare::new(width, height, channels))
}
