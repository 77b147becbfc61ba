//! `langevin bench-restore`: which method of restoration serves a model best at a number of network evaluations.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::bench::restoration::{CompareRestorersRequest, job};
use langevin::process::limits;

use super::eval::{cache_folder, specs};
use crate::headings::{ADVANCED, COMMON, OUTPUT};
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `bench-restore`.
#[derive(Args)]
#[command(
    after_help = "The test part of the data is degraded, the same for all methods, and restored; the constants of a method are those that do best on training images at each number of network evaluations (NFE). A method named with options is taken as it is. A model of classes is evaluated without one.

Examples:
  langevin bench-restore runs/mnist --data mnist/ -o comparison/
  langevin bench-restore runs/mnist --data mnist/ --methods ddnm,dps --nfe 20
  langevin bench-restore runs/mnist --data mnist/ --task half=mask:random=0.5@0"
)]
pub struct BenchRestore {
    /// A run folder, a model.safetensors, or builtin:NAME.
    #[arg(value_parser = shell::spec())]
    model: String,
    /// The data set, as for train, without #test or #train.
    #[arg(long)]
    #[arg(value_parser = shell::spec())]
    data: String,
    /// Degradation, as NAME=OPERATOR@NOISE with the noise in units of 0 to 255; may be repeated [default: inpaint, upscale, deblur,
    /// denoise].
    #[arg(long, value_name = "TASK")]
    task: Vec<String>,
    /// Methods, several with commas [default: all that restore].
    #[arg(long, value_name = "LIST")]
    methods: Option<String>,
    /// Numbers of network evaluations (NFE) per image.
    #[arg(long, visible_alias = "calls", value_name = "LIST", value_delimiter = ',', default_values_t = [10, 20, 100], value_parser = shell::from_1_to::<10_000>())]
    nfe: Vec<usize>,
    /// Number of images.
    #[arg(short, long = "samples", value_name = "N", default_value_t = 32, value_parser = shell::from_1_to::<100_000>())]
    n: usize,
    /// Seed of all noise.
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = shell::seed())]
    seed: u64,
    /// Write table.md, table.json and a sheet for each task into this folder.
    #[arg(short, long = "out", alias = "output", value_name = "DIR", help_heading = OUTPUT)]
    output: Option<PathBuf>,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
    /// Training images to tune each method on; fewer above 20 network evaluations.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<100_000>(), help_heading = ADVANCED)]
    tune: usize,
    /// Images per batch; changes speed and memory only.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<{ limits::BATCH_SIZE }>(), help_heading = ADVANCED)]
    batch_size: usize,
    /// Feature extractor: own (a classifier trained on the data), random, or a file with Inception's weights.
    #[arg(long, default_value = "own", help_heading = ADVANCED)]
    #[arg(value_parser = shell::spec())]
    features: String,
    /// Folder of trained features [default: langevin/features in the user's cache folder].
    #[arg(long, value_name = "DIR", help_heading = ADVANCED)]
    cache: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl BenchRestore {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (json, force) = (self.json, self.force);
        let request = self.request();
        let found = shell.run(force, |context| job::run(&request, context))?;
        outputs::result(&if json { found.json() } else { found.markdown().trim_end().to_owned() })
    }

    fn request(self) -> CompareRestorersRequest {
        CompareRestorersRequest {
            model: self.model,
            data: self.data,
            tasks: self.task,
            methods: self.methods.as_deref().map(specs).unwrap_or_default(),
            nfe: self.nfe,
            count: self.n,
            tune: self.tune,
            seed: self.seed,
            batch_size: self.batch_size,
            features: self.features,
            cache: self.cache.or_else(cache_folder),
            output: self.output,
        }
    }
}
