//! `langevin bench-samplers`: which sampler and spacing serve a model best at a number of network evaluations.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::bench::samplers::{CompareSamplersRequest, job};
use langevin::process::limits;

use super::eval::specs;
use crate::guide::GuideFlags;
use crate::headings::{ADVANCED, COMMON, OUTPUT};
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `bench-samplers`.
#[derive(Args)]
#[command(
    after_help = "Every sampler generates the same images from the same noise; they are compared with those of a finely solved trajectory. The best at each number of network evaluations (NFE) is written into the model's file: `sample MODEL --steps N` uses it when no sampler and no spacing are named. With a guidance other than the model's own, nothing is written.

Examples:
  langevin bench-samplers runs/mnist
  langevin bench-samplers runs/mnist --optimise-grid --samplers ddim,dpmpp_2m
  langevin bench-samplers builtin:shapes --samplers euler,heun --nfe 5,10 -n 16"
)]
pub struct BenchSamplers {
    /// A run folder, a model.safetensors, or builtin:NAME.
    #[arg(value_parser = shell::spec())]
    model: String,
    /// Numbers of network evaluations (NFE) per image.
    #[arg(long, visible_alias = "calls", value_name = "LIST", value_delimiter = ',', default_values_t = [5, 10, 20, 50], value_parser = shell::from_1_to::<1000>())]
    nfe: Vec<usize>,
    /// Samplers, several with commas [default: all].
    #[arg(long, value_name = "LIST")]
    samplers: Option<String>,
    /// Spacings, several with commas [default: the model's, trailing, karras, log_snr].
    #[arg(long, value_name = "LIST")]
    spacings: Option<String>,
    /// First optimise noise levels for the model: those for which the measured errors of single steps sum to the least. Compare
    /// them as the spacing `own`; `sample --spacing own` uses them.
    #[arg(long)]
    optimise_grid: bool,
    #[command(flatten)]
    guide: GuideFlags,
    /// Number of images.
    #[arg(short, long = "samples", value_name = "N", default_value_t = 32, value_parser = shell::from_to::<2, 100_000>())]
    n: usize,
    /// Seed of the noise.
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = shell::seed())]
    seed: u64,
    /// Write table.md, table.json, plot.png and plot.svg into this folder.
    #[arg(short, long = "out", alias = "output", value_name = "DIR", help_heading = OUTPUT)]
    output: Option<PathBuf>,
    /// Leave the model's file as it is.
    #[arg(long, help_heading = OUTPUT)]
    no_write: bool,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
    /// Steps of the fine trajectory, each of two network evaluations.
    #[arg(long, default_value_t = 100, value_parser = shell::from_1_to::<5000>(), help_heading = ADVANCED)]
    reference_steps: usize,
    /// Images per batch; changes speed and memory only.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<{ limits::BATCH_SIZE }>(), help_heading = ADVANCED)]
    batch_size: usize,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl BenchSamplers {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (json, force) = (self.json, self.force);
        let request = self.request();
        let found = shell.run(force, |context| job::run(&request, context))?;
        outputs::result(&if json { found.json() } else { found.markdown().trim_end().to_owned() })
    }

    fn request(self) -> CompareSamplersRequest {
        CompareSamplersRequest {
            model: self.model,
            nfe: self.nfe,
            samplers: self.samplers.as_deref().map(specs).unwrap_or_default(),
            spacings: self.spacings.as_deref().map(specs).unwrap_or_default(),
            optimise_grid: self.optimise_grid,
            cfg_scale: self.guide.cfg_scale,
            guidance: self.guide.guidance,
            guide: self.guide.guide,
            count: self.n,
            seed: self.seed,
            reference_steps: self.reference_steps,
            batch_size: self.batch_size,
            output: self.output,
            write: !self.no_write,
        }
    }
}
