//! `langevin bench`: how fast a model or preset is here.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::bench::algorithms::{AlgorithmTimes, measure_algorithms};
use langevin::bench::layers::measure_layers;
use langevin::bench::networks::{MeasureNetworkOutcome, MeasureNetworkRequest, Speedup, job};
use langevin::kernels::{Algorithm, Isa};
use langevin::process::limits;
use serde_json::json;

use crate::headings::COMMON;
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `bench`.
#[derive(Args)]
#[command(
    after_help = "Times are the minimum, median and maximum of several runs; other work on the machine affects them.

Examples:
  langevin bench builtin:shapes
  langevin bench mnist --batch-size 64 --json > before.json
  langevin bench mnist --batch-size 64 --compare before.json
  langevin bench --kernels"
)]
pub struct Bench {
    /// A model (run folder, file, diffusers folder, builtin:NAME) or a preset's name.
    #[arg(required_unless_present_any = ["kernels", "algorithms"])]
    #[arg(value_parser = shell::spec())]
    what: Option<String>,
    /// Time single layers, next to what the processor can do at most.
    #[arg(long, conflicts_with_all = ["what", "compare"])]
    kernels: bool,
    /// Time each way of multiplying 3x3 convolutions, for many shapes, next to the one that is chosen.
    #[arg(long, conflicts_with_all = ["what", "compare", "kernels"])]
    algorithms: bool,
    /// Images per batch.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<{ limits::BATCH_SIZE }>())]
    batch_size: usize,
    /// Counted runs.
    #[arg(long, default_value_t = 7, value_parser = shell::from_1_to::<100_000>())]
    runs: usize,
    /// A result of `bench --json` to compare with.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Bench {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        if self.algorithms {
            return self.algorithms(shell);
        }
        let Some(what) = &self.what else { return self.layers(shell) };
        let request = MeasureNetworkRequest {
            what: what.clone(),
            batch_size: self.batch_size,
            runs: self.runs,
            compare: self.compare.clone(),
        };
        let outcome = shell.run(false, |context| job::run(&request, context))?;
        if self.json { show_json(&outcome, what) } else { show(&outcome) }
    }

    fn layers(&self, shell: &Shell) -> Result<()> {
        let (_, line) = shell.compute()?;
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
        let (_, line) = shell.compute()?;
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

fn show_json(outcome: &MeasureNetworkOutcome, what: &str) -> Result<()> {
    let mut report = serde_json::to_value(&outcome.cost).expect("numbers are plain values");
    report["what"] = what.into();
    report["peak_bytes"] = json!(outcome.peak_bytes);
    if let Some(speedup) = &outcome.speedup {
        report["times_as_fast"] = json!(speedup);
    }
    outputs::result(&report.to_string())
}

fn show(MeasureNetworkOutcome { cost, peak_bytes, speedup }: &MeasureNetworkOutcome) -> Result<()> {
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
    ))?;
    if let Some(memory) = peak_bytes {
        outputs::result(&format!("peak memory     {}", shell::bytes(*memory)))?;
    }
    let Some(Speedup { forward, train }) = speedup else { return Ok(()) };
    outputs::result(&format!("forward        {forward:.2} times as fast as before"))?;
    outputs::result(&format!("forward+back   {train:.2} times as fast as before"))
}
