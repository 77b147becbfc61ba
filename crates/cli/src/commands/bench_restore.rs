//! `langevin bench-restore`: which method of restoration serves a model best at a number of calls.

use std::path::PathBuf;

use clap::Args;
use langevin::bench::restoration::{BenchRequest, Comparison, Task, compare};
use langevin::evaluation::FeatureSpec;
use langevin::files::write_file;
use langevin::{Error, ErrorKind, Model, Result, figures::png};

use super::eval::{cache_folder, specs};
use crate::outputs::{self, Claim};
use crate::shell::{self, Shell};

/// The arguments of `bench-restore`.
#[derive(Args)]
#[command(
    after_help = "The test part of the data is degraded, the same for all methods, and restored; the constants of a method are those that do best
on training images at each number of calls. A method named with options is taken as it is. A model of classes is
asked without one.

Examples:
  langevin bench-restore runs/mnist --data mnist/ -o comparison/
  langevin bench-restore runs/mnist --data mnist/ --methods ddnm,diffpir:zeta=1 --calls 5,20 -n 16
  langevin bench-restore runs/mnist --data mnist/ --task 'half=mask:random=0.5@0'"
)]
pub struct BenchRestore {
    /// A run folder, a model.safetensors, or builtin:NAME.
    model: String,
    /// The data set, as for train, without #test or #train.
    #[arg(long)]
    data: String,
    /// What to undo, NAME=OPERATOR@NOISE with the noise of 255; may be given several times [default: inpaint, upscale, deblur,
    /// denoise].
    #[arg(long, value_name = "TASK")]
    task: Vec<String>,
    /// Methods, several with commas [default: all that restore].
    #[arg(long, value_name = "LIST")]
    methods: Option<String>,
    /// Budgets: calls of the network for an image.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [10, 20, 100], value_parser = shell::from_1_to::<10_000>())]
    calls: Vec<usize>,
    /// Images.
    #[arg(short, default_value_t = 32, value_parser = shell::from_1_to::<100_000>())]
    n: usize,
    /// Training images that constants are chosen on; fewer above 20 calls.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<100_000>())]
    tune: usize,
    /// Seed of all noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Images at once; changes speed and memory alone.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<65_536>())]
    batch_size: usize,
    /// What tells images apart: own, random, or a file with Inception's weights.
    #[arg(long, default_value = "own")]
    features: String,
    /// Where trained features are kept [default: langevin/features in the user's cache folder].
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Write table.md, table.json and a sheet for each task into this folder.
    #[arg(short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl BenchRestore {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (device, line) = shell.compute("f32")?;
        let request = self.request()?;
        let model = Model::open_pixels(&self.model, &device)?;
        let named = |task: &Task| format!("{}.png", task.name);
        let sheets = request.tasks.iter().map(named);
        let names = ["table.md".to_owned(), "table.json".to_owned()].into_iter().chain(sheets);
        let files: Vec<PathBuf> =
            self.output.iter().flat_map(|folder| names.clone().map(move |name| folder.join(name))).collect();
        let _claim = Claim::new(files.iter().map(PathBuf::as_path), self.force)?;
        shell.say(&format!("{line}, seed {}; {}, {} images of {}", self.seed, self.model, self.n, self.data));
        let signal = shell::signals()?;
        let mut stages = shell::Stages::new(shell);
        let found = compare(&model, &request, &device, &mut |what, share| {
            stages.at(what, share);
            match signal.signal() {
                None => Ok(()),
                Some(signal) => {
                    Err(Error::new(ErrorKind::Interrupted(signal), "the comparison was interrupted"))
                }
            }
        });
        stages.finish();
        self.write(&found?)
    }

    fn request(&self) -> Result<BenchRequest> {
        let mut tasks = self.task.iter().map(|task| Task::parse(task)).collect::<Result<Vec<_>>>()?;
        if tasks.is_empty() {
            tasks = Task::usual();
        }
        let mut calls = self.calls.clone();
        calls.sort_unstable();
        calls.dedup();
        Ok(BenchRequest {
            data: self.data.clone(),
            tasks,
            methods: self.methods.as_deref().map(specs).unwrap_or_default(),
            calls,
            count: self.n,
            tune: self.tune,
            seed: self.seed,
            batch_size: self.batch_size,
            features: FeatureSpec::parse(&self.features)?,
            cache: self.cache.clone().or_else(cache_folder),
            stop: shell::signals()?,
        })
    }

    fn write(&self, found: &Comparison) -> Result<()> {
        let json = serde_json::to_string(found).expect("a comparison is plain values");
        let table = found.markdown();
        if let Some(folder) = &self.output {
            write_file(&folder.join("table.md"), table.as_bytes())?;
            write_file(&folder.join("table.json"), json.as_bytes())?;
            for (name, sheet, _) in &found.sheets {
                write_file(&folder.join(format!("{name}.png")), &png::encode(sheet, &[])?)?;
            }
        }
        outputs::result(if self.json { &json } else { table.trim_end() })
    }
}
