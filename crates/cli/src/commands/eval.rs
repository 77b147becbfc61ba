//! `langevin eval`: how good images are, measured by a data set.

use std::path::{Path, PathBuf};

use clap::Args;
use langevin::eval::Bound;
use langevin::evaluation::{EvalOutcome, EvalRequest, job};
use langevin::process::limits;
use langevin::{Error, ErrorKind, Result};

use crate::guide::GuideFlags;
use crate::headings::{ADVANCED, COMMON, OUTPUT, SAMPLING};
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `eval`.
#[derive(Args)]
#[command(
    after_help = "Every metric is shown with the same metric for held-out real images (floor: what perfect images get) and for real images with their pixels shuffled (ceiling). Errors are standard errors from the number of images. psnr, ssim and ms_ssim compare two folders image by image, by file name.

Examples:
  langevin eval runs/mnist --data mnist/ -n 2000
  langevin eval samples-000/ --data ~/photos --features random --json
  langevin eval runs/mnist --data mnist/ --metrics kid,memorisation --sheet a.png
  langevin eval runs/mnist --data mnist/ --fail-if 'kid>0.05'
  langevin eval runs/mnist --data mnist/ --cfg-scale 3 --guidance interval
  langevin eval restored/ --data originals/ --metrics psnr,ssim"
)]
pub struct Eval {
    /// A run folder, a model.safetensors, builtin:NAME, or images in any form that `--data` takes.
    #[arg(value_parser = shell::spec())]
    judged: String,
    /// Real images: a folder, IDX, CIFAR, parquet, zip, tar, or builtin:NAME; `PATH#test` takes a part.
    #[arg(long)]
    #[arg(value_parser = shell::spec())]
    data: String,
    /// Metrics, as in `langevin list metrics`, several with commas [default: those that fit].
    #[arg(long, value_name = "LIST")]
    metrics: Option<String>,
    /// Number of images of each set.
    #[arg(short, long = "samples", value_name = "N", default_value_t = 1000, value_parser = shell::from_1_to::<{ limits::COUNT }>())]
    n: usize,
    /// Exit with code 5 when this holds, such as `kid>0.01`; may be repeated.
    #[arg(long, value_name = "BOUND")]
    fail_if: Vec<Bound>,
    /// Sampling steps [default: the model's].
    #[arg(long, alias = "num-inference-steps", value_name = "N", value_parser = shell::from_1_to::<{ limits::STEPS }>(), help_heading = SAMPLING)]
    steps: Option<usize>,
    /// Sampler [default: the model's].
    #[arg(long, aliases = ["sampler-name", "sampling-method"], value_name = "NAME", help_heading = SAMPLING)]
    sampler: Option<String>,
    /// Spacing of noise levels [default: the model's].
    #[arg(long, aliases = ["scheduler", "schedule-type"], value_name = "NAME", help_heading = SAMPLING)]
    spacing: Option<String>,
    #[command(flatten)]
    guide: GuideFlags,
    /// Write the images nearest to training images, each next to its neighbour.
    #[arg(long, value_name = "FILE.png", help_heading = OUTPUT)]
    sheet: Option<PathBuf>,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
    /// Feature extractor: own (a classifier trained on the data), random, or a file with Inception's weights.
    #[arg(long, value_name = "own|random|FILE", default_value = "own", help_heading = ADVANCED)]
    #[arg(value_parser = shell::spec())]
    features: String,
    /// Seed of sampling and of choosing images.
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = shell::seed(), help_heading = ADVANCED)]
    seed: u64,
    /// Side in pixels that two sets of images are resized to [default: that of the data].
    #[arg(long, value_parser = shell::from_1_to::<4096>(), help_heading = ADVANCED)]
    size: Option<usize>,
    /// Images per batch; changes speed and memory only.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<{ limits::BATCH_SIZE }>(), help_heading = ADVANCED)]
    batch_size: usize,
    /// Folder of trained features [default: langevin/features in the user's cache folder].
    #[arg(long, value_name = "DIR", help_heading = ADVANCED)]
    cache: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Eval {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (json, force) = (self.json, self.force);
        let request = self.request();
        show(&shell.run(force, |context| job::run(&request, context))?, shell, json)
    }

    fn request(self) -> EvalRequest {
        EvalRequest {
            judged: self.judged,
            data: self.data,
            metrics: self.metrics.as_deref().map(specs).unwrap_or_default(),
            count: self.n,
            features: self.features,
            seed: self.seed,
            steps: self.steps,
            sampler: self.sampler,
            spacing: self.spacing,
            cfg_scale: self.guide.cfg_scale,
            guidance: self.guide.guidance,
            guide: self.guide.guide,
            size: self.size,
            batch_size: self.batch_size,
            fail_if: self.fail_if.iter().map(ToString::to_string).collect(),
            sheet: self.sheet,
            cache: self.cache.or_else(cache_folder),
        }
    }
}

fn show(outcome: &EvalOutcome, shell: &Shell, json: bool) -> Result<()> {
    let report = &outcome.report;
    let missed: Vec<String> = outcome.missed.iter().map(ToString::to_string).collect();
    if json {
        let mut result = serde_json::to_value(report).expect("a report is plain values");
        result["missed"] = missed.clone().into();
        outputs::result(&result.to_string())?;
    } else {
        if report.features != "none" {
            shell.say(&format!("features: {}", report.features));
        }
        outputs::result(&report.table())?;
    }
    if missed.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::BoundMissed, format!("missed: {}", missed.join(", "))))
}

/// The metrics of a list with commas; a part without a name (`k=5`) belongs to the one before it.
pub(super) fn specs(list: &str) -> Vec<String> {
    let mut specs: Vec<String> = Vec::new();
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match specs.last_mut() {
            Some(last) if part.contains('=') && !part.contains(':') => *last += &format!(",{part}"),
            _ => specs.push(part.to_owned()),
        }
    }
    specs
}

/// `langevin/features` in the user's cache folder.
pub(super) fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let base = base.or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(base.join(Path::new("langevin/features")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stay_with_their_metric() {
        assert_eq!(
            specs("kid:subsets=5,size=9, frechet,,density_coverage:k=3"),
            ["kid:subsets=5,size=9", "frechet", "density_coverage:k=3"]
        );
    }
}
