//! `langevin noise`: what a diffusion does to an image.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::forward::{ForwardRequest, job};

use super::eval::specs;
use crate::headings::OUTPUT;
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `noise`.
#[derive(Args)]
#[command(
    after_help = "Writes STEM-noise.png (the image at growing noise, with t, alpha, sigma and SNR), STEM-levels.png and .svg (alpha and sigma against time) and STEM-schedules.png and .svg (all schedules). With --schedules it writes STEM-comparison.png (a row for each schedule) and STEM-schedules.png and .svg (these schedules).

Examples:
  langevin noise photo.jpg
  langevin noise photo.jpg --schedule linear --at 0,0.1,0.3,0.6,1
  langevin noise photo.jpg --schedules linear,cosine,edm@edm,linear@flow -o out/
  langevin noise photo.jpg --schedule geometric --process ve -o out/"
)]
pub struct Noise {
    /// An image: png, jpeg, webp, bmp, tiff or gif.
    image: PathBuf,
    /// Noise schedule, as in `langevin list schedules`.
    #[arg(long, default_value = "cosine")]
    schedule: String,
    /// Schedules to compare on the image, a row each; SCHEDULE@PROCESS takes another process than --process.
    #[arg(long, value_name = "LIST", conflicts_with = "schedule")]
    schedules: Option<String>,
    /// Process, as in `langevin list processes`.
    #[arg(long, default_value = "vp")]
    process: String,
    /// Times to show, from 0 (clean) to 1 (noise).
    #[arg(long, value_delimiter = ',', default_values_t = [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0])]
    at: Vec<f64>,
    /// Height of each image in pixels; larger images are scaled down.
    #[arg(long, default_value_t = 192, value_parser = shell::from_1_to::<4096>())]
    height: usize,
    /// Seed of the noise.
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = shell::seed())]
    seed: u64,
    /// Folder to write to.
    #[arg(short, long = "out", alias = "output", value_name = "DIR", default_value = ".", help_heading = OUTPUT)]
    output: PathBuf,
    /// Leave the recipe out of the images.
    #[arg(long, help_heading = OUTPUT)]
    no_metadata: bool,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
}

impl Noise {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let force = self.force;
        let request = ForwardRequest {
            image: self.image,
            schedule: self.schedule,
            schedules: self.schedules.as_deref().map(specs).unwrap_or_default(),
            process: self.process,
            at: self.at,
            height: self.height,
            seed: self.seed,
            output: self.output,
            metadata: !self.no_metadata,
        };
        let files = shell.run(force, |context| job::run(&request, context))?;
        files.iter().try_for_each(|file| outputs::path(file))
    }
}
