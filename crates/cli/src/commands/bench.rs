//! `langevin bench`: how fast a model or preset is here.

use std::path::{Path, PathBuf};

use clap::Args;
use langevin::bench::algorithms::{AlgorithmTimes, measure_algorithms};
use langevin::bench::layers::measure_layers;
use langevin::bench::networks::{Cost, measure};
use langevin::kernels::{Algorithm, Isa};
use langevin::nn::NetworkConfig;
use langevin::process::DiffusionSpec;
use langevin::training::presets::Preset;
use langevin::{Error, Model, Result};
use serde_json::{Map, Value, json};

use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `bench`.
#[derive(Args)]
#[command(
    after_help = "Times are least, median and most of several runs; other work on the machine shows in them.

Examples:
  langevin bench builtin:shapes
  langevin bench mnist --batch-size 64 --json > before.json
  langevin bench mnist --batch-size 64 --compare before.json
  langevin bench --kernels"
)]
pub struct Bench {
    /// A model (run folder, file, diffusers folder, builtin:NAME) or a preset's name.
    #[arg(required_unless_present_any = ["kernels", "algorithms"])]
    what: Option<String>,
    /// Time single layers, beside what the processor can do at most.
    #[arg(long, conflicts_with_all = ["what", "compare"])]
    kernels: bool,
    /// Time each way of multiplying 3x3 convolutions, for many shapes, beside the one that is chosen.
    #[arg(long, conflicts_with_all = ["what", "compare", "kernels"])]
    algorithms: bool,
    /// Images at once.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<65_536>())]
    batch_size: usize,
    /// Counted runs.
    #[arg(long, default_value_t = 7, value_parser = shell::from_1_to::<100_000>())]
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
        if self.algorithms {
            return self.algorithms(shell);
        }
        let Some(what) = &self.what else { return self.layers(shell) };
        let before = self.compare.as_deref().map(Before::read).transpose()?;
        let (device, line) = shell.compute("f32")?;
        let (network, diffusion, size) = network(what, &device)?;
        shell.say(&line);
        let cost = measure(&network, &diffusion, size, self.batch_size, self.runs, &device)?;
        let memory = peak_bytes();
        if self.json {
            let mut report = serde_json::to_value(&cost).expect("numbers are plain values");
            report["what"] = what.as_str().into();
            report["peak_bytes"] = json!(memory);
            if let Some(before) = &before {
                let times: Map<String, Value> = before
                    .times(&cost)
                    .into_iter()
                    .map(|(key, _, times)| (key.to_owned(), times.into()))
                    .collect();
                report["times_as_fast"] = times.into();
            }
            return outputs::result(&report.to_string());
        }
        show(&cost)?;
        if let Some(memory) = memory {
            outputs::result(&format!("peak memory     {}", shell::bytes(memory)))?;
        }
        for (_, name, times) in before.iter().flat_map(|before| before.times(&cost)) {
            outputs::result(&format!("{name:<14} {times:.2} times as fast as before"))?;
        }
        Ok(())
    }

    fn layers(&self, shell: &Shell) -> Result<()> {
        let (_, line) = shell.compute("f32")?;
        shell.say(&format!("{line}, {}", Isa::best().name()));
        let report = measure_layers(self.batch_size, self.runs);
        if self.json {
            let report = serde_json::to_value(&report).expect("numbers are plain values");
            return outputs::result(&report.to_string());
        }
        let peak = report.peak_gflops;
        outputs::result(&format!(
            "peak {peak:.0} GFLOP/s; batch {}; GFLOP/s and percent of the peak",
            report.batch
        ))?;
        outputs::result(&format!("{:<40} {:>16} {:>20}", "layer", "forward", "forward + backward"))?;
        report.layers.iter().try_for_each(|layer| {
            let part = |speed: f64| format!("{speed:.0} {:4.0}%", 100.0 * speed / peak);
            outputs::result(&format!(
                "{:<40} {:>16} {:>20}",
                layer.layer,
                part(layer.forward_gflops),
                part(layer.training_gflops)
            ))
        })
    }

    fn algorithms(&self, shell: &Shell) -> Result<()> {
        let (_, line) = shell.compute("f32")?;
        shell.say(&format!("{line}, {}", Isa::best().name()));
        let times = measure_algorithms(self.batch_size, self.runs);
        if self.json {
            let report = json!({ "batch": self.batch_size, "algorithms": times });
            return outputs::result(&report.to_string());
        }
        let ways = Algorithm::ALL.map(|way| format!("{:>11}", way.name())).join(" ");
        outputs::result(&format!("microseconds an image; batch {}", self.batch_size))?;
        outputs::result(&format!("{:<24} {ways} {:>11} {:>7}", "map, channels, pass", "chosen", "slower"))?;
        times.iter().try_for_each(|times| {
            let AlgorithmTimes { side, inputs, outputs, pass, .. } = times;
            let shape = format!("{side}x{side} {inputs} -> {outputs} {pass}");
            let each = times.microseconds.map(|time| format!("{time:>11.1}")).join(" ");
            let slower = format!("{:.0}%", 100.0 * times.regret());
            outputs::result(&format!("{shape:<24} {each} {:>11} {slower:>7}", times.chosen))
        })
    }
}

/// The network of a preset or a model, with the side of its images.
fn network(what: &str, device: &langevin::Device) -> Result<(NetworkConfig, DiffusionSpec, [usize; 2])> {
    match Preset::find(what) {
        Ok(preset) => {
            let settings = preset.settings()?;
            let mut network = settings.network;
            let channels = if settings.data.channels == 0 { 3 } else { settings.data.channels };
            (network.in_channels, network.out_channels) = (channels, channels);
            network.condition_channels = settings.task.map_or(0, |task| task.condition_channels(channels));
            network.classes = if settings.data.class_conditional { 10 } else { 0 };
            Ok((network, settings.diffusion, [settings.data.size.max(8); 2]))
        }
        Err(unknown) => match Model::open_any(what, device) {
            Ok(model) if model.denoiser.network().is_none() => {
                Err(Error::usage(format!("{what}: is closed-form, so there is no network to time")))
            }
            Ok(model) => {
                let [_, height, width] = model.shape();
                Ok((model.info.network, model.info.diffusion, [height, width]))
            }
            Err(_) if !Path::new(what).exists() && !what.contains(':') => Err(unknown),
            Err(error) => Err(error),
        },
    }
}

fn show(cost: &Cost) -> Result<()> {
    let row = |[least, median, most]: [f64; 3]| format!("{median:8.1} ms ({least:.1} to {most:.1})");
    outputs::result(&format!("parameters      {}", cost.parameters))?;
    outputs::result(&format!("batch           {}", cost.batch))?;
    outputs::result(&format!(
        "forward        {}, {:.1} img/s",
        row(cost.forward_ms),
        cost.forward_images_per_second
    ))?;
    outputs::result(&format!(
        "training step  {}, {:.1} img/s",
        row(cost.train_ms),
        cost.train_images_per_second
    ))
}

/// What an earlier `bench --json` measured: the medians in milliseconds.
struct Before {
    forward_ms: f64,
    train_ms: f64,
}

impl Before {
    fn read(file: &Path) -> Result<Self> {
        let bad = |error: &dyn std::fmt::Display| {
            Error::bad_input(format!("{}: {error}", file.display()))
                .hint("give a file that `bench --json` wrote")
        };
        let bytes = std::fs::read(file).map_err(|error| bad(&error))?;
        let report: Value = serde_json::from_slice(&bytes).map_err(|error| bad(&error))?;
        let median = |key: &str| {
            let value = report[key][1].as_f64().filter(|value| *value > 0.0);
            value.ok_or_else(|| bad(&format!("has no {key}")))
        };
        Ok(Self { forward_ms: median("forward_ms")?, train_ms: median("train_ms")? })
    }

    /// Key, name and how many times as fast `now` is.
    fn times(&self, now: &Cost) -> [(&'static str, &'static str, f64); 2] {
        [
            ("forward", "forward", self.forward_ms / now.forward_ms[1]),
            ("train", "forward+back", self.train_ms / now.train_ms[1]),
        ]
    }
}

/// The most memory this process has held, where the system tells.
fn peak_bytes() -> Option<u64> {
    langevin::train::peak_bytes()
}
