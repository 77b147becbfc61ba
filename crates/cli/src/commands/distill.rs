//! `langevin distill`: teach a model to sample in few steps.

use clap::Args;
use langevin::Result;
use langevin::core::spelled;
use langevin::process::limits;
use langevin::training::distilling::{DistillOutcome, DistillRequest, job, resolved_settings};

use crate::outputs;
use crate::shell::{self, Shell};
use crate::training_flags::TrainingFlags;

/// The arguments of `distill`.
#[derive(Args)]
#[command(
    after_help = "progressive halves the number of steps repeatedly, one student after the other; intermediate students stay in RUN/steps-N. consistency and consistency_training give models for one or two steps. `langevin sample RUN` uses the sampler and the steps the model was distilled for. The same command resumes a stopped run, and gives the same bytes as a run that was never stopped.

Examples:
  langevin distill runs/mnist mnist/ --steps 4 --out runs/mnist-4
  langevin distill runs/mnist mnist/ --method consistency --steps 2 --out runs/cd
  langevin distill runs/mnist mnist/ --method consistency_training --scratch"
)]
pub struct Distill {
    /// The teacher, or the model to start from: a run folder, a model.safetensors, or builtin:NAME.
    #[arg(value_parser = shell::spec())]
    model: String,
    /// The images it was trained on, as `train` takes them.
    #[arg(value_parser = shell::spec())]
    data: String,
    /// Kind of distillation, as in `langevin list distillations`.
    #[arg(long, value_name = "NAME", default_value = "progressive")]
    method: String,
    /// Sampling steps of the last student [default: 4; 2 for consistency models].
    #[arg(long, value_parser = shell::from_1_to::<1024>())]
    steps: Option<usize>,
    /// Sampling steps of the teacher at first: the student's times a power of two [default: at least 16].
    #[arg(long, value_name = "STEPS", value_parser = shell::from_1_to::<{ limits::STEPS }>())]
    from: Option<usize>,
    /// The spacing of the steps, as in `langevin list spacings` [default: trailing].
    #[arg(long, aliases = ["scheduler", "schedule-type"], value_name = "NAME")]
    spacing: Option<String>,
    /// Guidance scale of the teacher, which the student learns; 1 is no guidance.
    #[arg(long, aliases = ["cfg", "guidance-scale"], value_name = "SCALE", default_value_t = 1.0, allow_negative_numbers = true)]
    cfg_scale: f64,
    /// Start from random weights, for consistency_training.
    #[arg(long)]
    scratch: bool,
    #[command(flatten)]
    training: TrainingFlags,
}

impl Distill {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (print_config, json) = (self.training.print_config, self.training.json);
        let request = self.request();
        if print_config {
            let (device, _) = shell.compute()?;
            return outputs::result(resolved_settings(&request, &device)?.to_toml().trim_end());
        }
        let outcome = shell.run(false, |context| job::run(&request, context))?;
        if request.dry_run { Ok(()) } else { show(&outcome, shell, json) }
    }

    fn request(self) -> DistillRequest {
        let training = self.training;
        DistillRequest {
            model: self.model,
            data: self.data,
            out: training.out,
            method: self.method,
            steps: self.steps,
            from: self.from,
            spacing: self.spacing,
            cfg_scale: self.cfg_scale,
            scratch: self.scratch,
            images: training.images,
            minutes: training.minutes,
            batch_size: training.batch_size,
            seed: training.seed,
            learning_rate: training.learning_rate,
            exact: training.exact,
            set: training.set,
            resume: training.resume,
            strict: training.strict,
            half: training.half,
            dry_run: training.dry_run,
        }
    }
}

fn show(outcome: &DistillOutcome, shell: &Shell, json: bool) -> Result<()> {
    let DistillOutcome { run, model, stages } = outcome;
    let seconds: f64 = stages.iter().map(|(_, trained)| trained.seconds).sum();
    let now: u64 = stages.iter().map(|(_, trained)| trained.images_now).sum();
    shell.say(&format!(
        "{} student{} in {}{}; generate with: langevin sample {}",
        stages.len(),
        if stages.len() == 1 { "" } else { "s" },
        shell::duration(seconds),
        if now == 0 { ", nothing left to do" } else { "" },
        run.display(),
    ));
    if json {
        let stages: Vec<_> = stages
            .iter()
            .map(|(stage, trained)| {
                serde_json::json!({
                    "run": spelled(&stage.out), "steps": stage.steps, "images": trained.images,
                    "seconds": trained.seconds, "complete": trained.complete,
                })
            })
            .collect();
        let result = serde_json::json!({"run": spelled(run), "model": spelled(model), "seconds": seconds, "stages": stages});
        return outputs::result(&result.to_string());
    }
    outputs::path(model)
}
