//! `langevin bench-samplers`: which sampler and spacing serve a model best at a number of calls.

use std::path::PathBuf;

use clap::Args;
use langevin::bench::levels::{self, GridRequest};
use langevin::bench::samplers::{BenchRequest, Comparison, compare};
use langevin::core::Stop;
use langevin::files::write_file;
use langevin::model::resolve::OWN;
use langevin::model::save::write_tuned;
use langevin::{Device, Error, ErrorKind, Model, Result, figures::png};

use super::eval::specs;
use crate::guide::GuideFlags;
use crate::outputs::{self, Claim};
use crate::shell::{self, Shell};

/// The arguments of `bench-samplers`.
#[derive(Args)]
#[command(
    after_help = "Every sampler draws the same images from the same noise; what counts is how near they are to those of a finely
solved trajectory. The best at each number of calls is written into the model's file: `sample MODEL --steps N` uses it
when no sampler and no spacing are named. With a guidance other than the model's own, nothing is written.

Examples:
  langevin bench-samplers runs/mnist
  langevin bench-samplers runs/mnist --optimise-grid --samplers ddim,dpmpp_2m
  langevin bench-samplers builtin:shapes --samplers euler,heun,dpmpp_2m --calls 5,10 -n 16 -o comparison/"
)]
pub struct BenchSamplers {
    /// A run folder, a model.safetensors, or builtin:NAME.
    model: String,
    /// Budgets: calls of the network for an image.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [5, 10, 20, 50], value_parser = shell::from_1_to::<1000>())]
    calls: Vec<usize>,
    /// Samplers, several with commas [default: all].
    #[arg(long, value_name = "LIST")]
    samplers: Option<String>,
    /// Spacings, several with commas [default: the model's, trailing, karras, log_snr].
    #[arg(long, value_name = "LIST")]
    spacings: Option<String>,
    /// First find noise levels at these budgets for which the measured errors of single steps sum to the least, and compare
    /// them as the spacing `own`; `sample --spacing own` uses them.
    #[arg(long)]
    optimise_grid: bool,
    #[command(flatten)]
    guide: GuideFlags,
    /// Images.
    #[arg(short, default_value_t = 32, value_parser = shell::from_1_to::<100_000>())]
    n: usize,
    /// Seed of their noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Steps of the fine trajectory, each of two calls.
    #[arg(long, default_value_t = 100, value_parser = shell::from_1_to::<5000>())]
    reference_steps: usize,
    /// Images at once; changes speed and memory alone.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<65_536>())]
    batch_size: usize,
    /// Write table.md, table.json, plot.png and plot.svg into this folder.
    #[arg(short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Leave the model's file as it is.
    #[arg(long)]
    no_write: bool,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl BenchSamplers {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (device, line) = shell.compute("f32")?;
        let mut model = Model::open(&self.model, &device)?;
        let mut calls = self.calls.clone();
        calls.sort_unstable();
        calls.dedup();
        let guiding = self.guide.open(shell, None, &device)?;
        let request = BenchRequest {
            cfg_scale: self.guide.cfg_scale,
            guidance: guiding,
            calls,
            samplers: self.samplers.as_deref().map(specs).unwrap_or_default(),
            spacings: self.spacings(),
            count: self.n,
            seed: self.seed,
            batch_size: self.batch_size,
            reference_steps: self.reference_steps,
            stop: shell::signals()?,
        };
        let files = ["table.md", "table.json", "plot.png", "plot.svg"]
            .map(|name| self.output.as_ref().map(|folder| folder.join(name)));
        let _claim = Claim::new(files.iter().flatten().map(PathBuf::as_path), self.force)?;
        shell.say(&format!("{line}, seed {}; {}, {} images", self.seed, self.model, self.n));
        let signal = shell::signals()?;
        let mut stages = shell::Stages::new(shell);
        if self.optimise_grid {
            model.info.sample.grids = self.grids(&model, &request, &device, &mut stages, &signal)?;
        }
        let found = compare(&model, &request, &device, |what, share| {
            stages.at(what, share);
            match signal.signal() {
                None => Ok(()),
                Some(signal) => {
                    Err(Error::new(ErrorKind::Interrupted(signal), "the comparison was interrupted"))
                }
            }
        });
        stages.finish();
        let found = found?;
        self.write(shell, &found, &files, self.guide.differ_from(&model))
    }

    /// The spacings to compare; none for the usual ones, the model's own levels among them.
    fn spacings(&self) -> Vec<String> {
        let mut named = self.spacings.as_deref().map(specs).unwrap_or_default();
        if self.optimise_grid && !named.is_empty() {
            named.push(OWN.to_owned());
        }
        named
    }

    /// Levels for the model, found on images that are not among those of the comparison.
    fn grids(
        &self,
        model: &Model,
        compared: &BenchRequest,
        device: &Device,
        stages: &mut shell::Stages<'_>,
        signal: &Stop,
    ) -> Result<Vec<langevin::model::Grid>> {
        let request = GridRequest {
            steps: compared.calls.clone(),
            cfg_scale: compared.cfg_scale,
            guidance: compared.guidance.clone(),
            count: self.n,
            first: self.n as u64,
            seed: self.seed,
            batch_size: self.batch_size,
            stop: signal.clone(),
        };
        let found = levels::optimise(model, &request, device, |done| {
            stages.at("levels for this model", done);
        });
        found.map_err(|error| match (error.kind(), signal.signal()) {
            (ErrorKind::Interrupted(_), Some(signal)) => {
                Error::new(ErrorKind::Interrupted(signal), "the measurement of levels was interrupted")
            }
            _ => error,
        })
    }

    fn write(
        &self,
        shell: &Shell,
        found: &Comparison,
        files: &[Option<PathBuf>; 4],
        guided_otherwise: bool,
    ) -> Result<()> {
        let json = serde_json::to_string(found).expect("a comparison is plain values");
        let plot = found.plot();
        if let [Some(table), Some(values), Some(image), Some(drawing)] = files {
            write_file(table, found.markdown().as_bytes())?;
            write_file(values, json.as_bytes())?;
            write_file(image, &png::encode(&plot.to_image(1.0), &[])?)?;
            write_file(drawing, plot.to_svg().as_bytes())?;
        }
        let table = found.markdown();
        outputs::result(if self.json { &json } else { table.trim_end() })?;
        let grids = self.optimise_grid.then_some(found.grids.as_slice());
        if self.no_write || found.best.is_empty() && grids.is_none() {
            return Ok(());
        }
        if guided_otherwise {
            shell.say(
                "measured with a guidance that is not the model's own, so its file stays as it is: name the sampler and the spacing",
            );
            return Ok(());
        }
        if self.model.starts_with("builtin:") {
            shell
                .say("a shipped model is not changed: name the sampler and the spacing when drawing with it");
            return Ok(());
        }
        let path = write_tuned(&self.model, &found.best, grids)?;
        shell.say(&format!("the best at each number of calls are now in {}", path.display()));
        Ok(())
    }
}
