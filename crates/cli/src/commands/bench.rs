//! `langevin bench`: how fast a model or preset is here.

use std::path::PathBuf;

use clap::Args;
use langevin::measure::{Cost, measure};
use langevin::nn::UNetConfig;
use langevin::process::DiffusionSpec;
use langevin::{Error, Model, Preset, Result};
use serde_json::{Value, json};

use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `bench`.
#[derive(Args)]
#[command(after_help = "Times are least, median and most of several runs; other work on the machine shows in them.

Examples:
  langevin bench builtin:shapes
  langevin bench mnist --batch-size 64 --json > before.json
  langevin bench mnist --batch-size 64 --compare before.json")]
pub struct Bench {
    /// A model (run folder, file, builtin:NAME) or a preset's name.
    what: String,
    /// Pictures at once.
    #[arg(long, default_value_t = 16)]
    batch_size: usize,
    /// Counted runs.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// A result of `bench --json` to compare with.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Bench {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        if self.batch_size == 0 || self.runs == 0 {
            return Err(Error::usage("--batch-size and --runs must be at least 1"));
        }
        let before = self.compare.as_deref().map(read).transpose()?;
        let (device, line) = shell.compute()?;
        let (network, diffusion, size) = self.network(&device)?;
        shell.say(&line);
        let cost = measure(&network, &diffusion, size, self.batch_size, self.runs, &device)?;
        let memory = peak_bytes();
        if self.json {
            let mut report = serde_json::to_value(&cost).expect("numbers are plain values");
            report["what"] = self.what.into();
            report["peak_bytes"] = json!(memory);
            return outputs::result(&report.to_string());
        }
        show(&cost)?;
        if let Some(memory) = memory {
            outputs::result(&format!("peak memory     {}", shell::bytes(memory)))?;
        }
        before.map_or(Ok(()), |before| compare(&cost, &before))
    }

    fn network(&self, device: &langevin::Device) -> Result<(UNetConfig, DiffusionSpec, [usize; 2])> {
        match Preset::find(&self.what) {
            Ok(preset) => {
                let settings = preset.settings()?;
                let mut network = settings.network;
                let channels = if settings.data.channels == 0 { 3 } else { settings.data.channels };
                (network.in_channels, network.out_channels) = (channels, channels);
                network.classes = if settings.data.class_conditional { 10 } else { 0 };
                Ok((network, settings.diffusion, [settings.data.size.max(8); 2]))
            }
            Err(unknown) => match Model::open(&self.what, device) {
                Ok(model) => {
                    let [_, height, width] = model.shape();
                    Ok((model.info.network, model.info.diffusion, [height, width]))
                }
                Err(_) if !std::path::Path::new(&self.what).exists() && !self.what.contains(':') => Err(unknown),
                Err(error) => Err(error),
            },
        }
    }
}

fn show(cost: &Cost) -> Result<()> {
    let row = |[least, median, most]: [f64; 3]| format!("{median:8.1} ms ({least:.1} to {most:.1})");
    outputs::result(&format!("parameters      {}", cost.parameters))?;
    outputs::result(&format!("batch           {}", cost.batch))?;
    outputs::result(&format!("forward        {}, {:.1} img/s", row(cost.forward_ms), cost.forward_images_per_second))?;
    outputs::result(&format!("forward+back   {}, {:.1} img/s", row(cost.train_ms), cost.train_images_per_second))
}

fn read(file: &std::path::Path) -> Result<Value> {
    let bad = |error: &dyn std::fmt::Display| Error::bad_input(format!("{}: {error}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| bad(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| bad(&error).hint("give a file that `bench --json` wrote"))
}

fn compare(now: &Cost, before: &Value) -> Result<()> {
    for (name, key, now) in
        [("forward", "forward_ms", now.forward_ms[1]), ("forward+back", "train_ms", now.train_ms[1])]
    {
        let then = before[key][1].as_f64().ok_or_else(|| Error::bad_input(format!("--compare: has no {key}")))?;
        outputs::result(&format!("{name:<14} {:.2} times as fast as before", then / now))?;
    }
    Ok(())
}

/// The most memory this process has held, where the system tells.
fn peak_bytes() -> Option<u64> {
    langevin::train::peak_bytes()
}
