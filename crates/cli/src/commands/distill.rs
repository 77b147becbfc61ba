//! `langevin distill`: teach a model to draw in few steps.

use std::path::{Path, PathBuf};

use clap::Args;
use langevin::training::distilling::{self, DistillRequest};
use langevin::{Error, Result};

use super::train::{Display, Scratch, count, name_of, tell_data};
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `distill`.
#[derive(Args)]
#[command(
    after_help = "progressive halves the steps again and again, one student after the other; the students on the way stay in RUN/steps-N.
consistency and consistency_training give models for one or two steps. What is made draws by itself as it was taught to:
`langevin sample RUN`. The same command goes on where a run was stopped, to the same bytes.

Examples:
  langevin distill runs/mnist mnist/ --steps 4 --out runs/mnist-4
  langevin distill runs/mnist mnist/ --method consistency --steps 2 --minutes 10 --out runs/mnist-cd
  langevin distill runs/mnist mnist/ --method consistency_training:most=160 --scratch --out runs/mnist-ct"
)]
pub struct Distill {
    /// The teacher, or the model to begin from: a run folder, a model.safetensors, or builtin:NAME.
    model: String,
    /// The images it was trained on, as `train` takes them.
    data: String,
    /// The run's folder; a run that is there already is taken up again.
    #[arg(short, long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// How, with options as NAME:key=value; see `langevin list distillations`.
    #[arg(long, value_name = "NAME", default_value = "progressive")]
    method: String,
    /// Steps that the last student takes [default: 4; 2 for consistency models].
    #[arg(long, value_parser = shell::from_1_to::<1024>())]
    steps: Option<usize>,
    /// Steps of the teacher to begin with: the student's times a power of two [default: at least 16].
    #[arg(long, value_name = "STEPS", value_parser = shell::from_1_to::<10_000>())]
    from: Option<usize>,
    /// The spacing of the steps, as in `langevin list spacings` [default: trailing].
    #[arg(long, value_name = "NAME")]
    spacing: Option<String>,
    /// Strength of the teacher's classifier-free guidance, which the student learns; 1 is none.
    #[arg(long, value_name = "SCALE", default_value_t = 1.0)]
    cfg_scale: f64,
    /// Begin with random weights; for consistency_training.
    #[arg(long)]
    scratch: bool,
    /// Images that each student sees; 64Ki and 2Mi are understood.
    #[arg(long, value_parser = count)]
    images: Option<u64>,
    /// Stop each student after so many minutes of training.
    #[arg(long)]
    minutes: Option<f64>,
    /// Images for one update.
    #[arg(long)]
    batch_size: Option<usize>,
    /// Seed of everything random.
    #[arg(long)]
    seed: Option<u64>,
    /// Learning rate.
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Any other setting of `train` or `sample`, as `train.key=value`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Go on with the run in --out; refused when there is none.
    #[arg(long)]
    resume: bool,
    /// Make one unreadable image an error.
    #[arg(long)]
    strict: bool,
    /// Say what the first student would take, and stop.
    #[arg(long)]
    dry_run: bool,
    /// Print the settings as TOML, and stop.
    #[arg(long)]
    print_config: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Distill {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let flags = self.flags()?;
        let out = self
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from("runs").join(format!("{}-distilled", name_of(&self.model))));
        let (device, line) = shell.compute("f32")?;
        let dry_folder = self.dry_run.then(Scratch::new).transpose()?;
        let plan = distilling::plan(
            DistillRequest {
                model: self.model.clone(),
                data: self.data.clone(),
                method: self.method.clone(),
                steps: self.steps,
                from: self.from,
                spacing: self.spacing.clone(),
                cfg_scale: self.cfg_scale,
                scratch: self.scratch,
                flags,
                out: dry_folder.as_ref().map_or(out.clone(), |scratch| scratch.0.clone()),
                strict: self.strict,
                dry_run: self.dry_run,
                stop: shell::signals()?,
            },
            &device,
        )?;
        if self.print_config {
            return outputs::result(plan.settings.to_toml().trim_end());
        }
        let begun = |out: &Path| !langevin::train::checkpoints(&out.join("checkpoints")).is_empty();
        if self.resume && !plan.stages.iter().any(|stage| begun(&stage.out)) {
            return Err(Error::usage(format!("{}: there is no run to go on with", out.display()))
                .hint("leave --resume out to begin one"));
        }
        shell.say(&format!("{line}, seed {}", plan.settings.train.seed));
        let mut outcomes = Vec::new();
        for (index, stage) in plan.stages.iter().enumerate() {
            let prepared = plan.prepare(index, &device)?;
            if index == 0 {
                tell_data(&prepared, shell);
            }
            if stage.from > 0 {
                let of = plan.stages.len();
                shell.say(&format!("stage {} of {of}: {} steps of {}", index + 1, stage.steps, stage.from));
            }
            let mut display = Display::new(shell);
            let outcome = prepared.train(&device, |event| display.show(event))?;
            display.finish();
            if self.dry_run {
                return Ok(());
            }
            outcomes.push((stage, outcome));
        }
        let model = out.join("model.safetensors");
        let seconds: f64 = outcomes.iter().map(|(_, outcome)| outcome.seconds).sum();
        let now: u64 = outcomes.iter().map(|(_, outcome)| outcome.images_now).sum();
        shell.say(&format!(
            "{} student{} in {}{}; draw with: langevin sample {}",
            outcomes.len(),
            if outcomes.len() == 1 { "" } else { "s" },
            shell::duration(seconds),
            if now == 0 { ", nothing left to do" } else { "" },
            out.display(),
        ));
        if self.json {
            let stages: Vec<_> = outcomes
                .iter()
                .map(|(stage, outcome)| {
                    serde_json::json!({
                        "run": stage.out, "steps": stage.steps, "images": outcome.images,
                        "seconds": outcome.seconds, "complete": outcome.complete,
                    })
                })
                .collect();
            let result =
                serde_json::json!({"run": out, "model": model, "seconds": seconds, "stages": stages});
            return outputs::result(&result.to_string());
        }
        outputs::result(&model.display().to_string())
    }

    fn flags(&self) -> Result<Vec<String>> {
        if let Some(minutes) = self.minutes.filter(|minutes| *minutes <= 0.0) {
            return Err(Error::usage(format!("--minutes {minutes}: must be more than 0")));
        }
        let mut flags = Vec::new();
        let mut flag =
            |key: &str, value: Option<String>| flags.extend(value.map(|v| format!("train.{key}={v}")));
        flag("images", self.images.map(|v| v.to_string()));
        flag("minutes", self.minutes.map(|v| format!("{v:?}")));
        flag("batch_size", self.batch_size.map(|v| v.to_string()));
        flag("seed", self.seed.map(|v| v.to_string()));
        flag("learning_rate", self.learning_rate.map(|v| format!("{v:?}")));
        flags.extend(self.set.iter().cloned());
        Ok(flags)
    }
}
