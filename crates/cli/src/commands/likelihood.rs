//! `langevin likelihood`: how likely a data set is under a model, in bits per dimension.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::eval::Mean;
use langevin::evaluation::likelihood::{
    LikelihoodOutcome, LikelihoodRequest, ModelLikelihood, TraceMethod, job,
};
use langevin::process::limits;
use serde_json::Value;

use crate::headings::{ADVANCED, COMMON, OUTPUT};
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `likelihood`.
#[derive(Args)]
#[command(
    after_help = "Bits per dimension of 8-bit images, lower is better: by the probability flow ODE of uniformly dequantised bytes, and as the variational bound for the bytes. MNIST and CIFAR take their test part as FOLDER#test.

Examples:
  langevin likelihood runs/mnist mnist/#test -n 256
  langevin likelihood runs/vp mnist/#test -n 512 --compare runs/subvp
  langevin likelihood builtin:shapes builtin:shapes -n 16 --probes 4
  langevin likelihood builtin:ring8 builtin:ring8 --json"
)]
pub struct Likelihood {
    /// A run folder, a model.safetensors, or builtin:NAME.
    #[arg(value_parser = shell::spec())]
    model: String,
    /// A data set, as `train` takes it; FOLDER#test is its test part.
    #[arg(value_parser = shell::spec())]
    data: String,
    /// Number of images, spread evenly over the set.
    #[arg(short, long = "samples", value_name = "N", default_value_t = 64, value_parser = shell::from_1_to::<{ limits::COUNT }>())]
    n: usize,
    /// Seed of probes and noise.
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = shell::seed())]
    seed: u64,
    /// A second model, measured on the same images with the same noise and probes; the difference is reported with its error.
    #[arg(long, value_name = "MODEL")]
    #[arg(value_parser = shell::spec())]
    compare: Option<String>,
    /// Do not condition a class-conditional model on the classes.
    #[arg(long)]
    unconditional: bool,
    /// Write what each image takes as a JSON list.
    #[arg(long, value_name = "FILE.json", help_heading = OUTPUT)]
    per_image: Option<PathBuf>,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
    /// How the trace of the derivative is found: exact takes as many backward passes as an image has values [default: exact
    /// up to 16 values, else rademacher].
    #[arg(long, value_parser = ["exact", "rademacher", "gaussian"], help_heading = ADVANCED)]
    trace: Option<String>,
    /// Trajectories for each image, with random probes of their own.
    #[arg(long, default_value_t = 1, value_parser = shell::from_1_to::<10_000>(), help_heading = ADVANCED)]
    probes: usize,
    /// Noise levels for the variational bound of each image; 0 leaves it out.
    #[arg(long, default_value_t = 32, help_heading = ADVANCED)]
    bound_draws: usize,
    /// Error allowed of a step of the equation.
    #[arg(long, default_value_t = 1e-4, help_heading = ADVANCED)]
    tolerance: f64,
    /// Lowest noise sigma / alpha that is followed [default: the model's, at least 0.001].
    #[arg(long, value_name = "RATIO", help_heading = ADVANCED)]
    sigma_min: Option<f64>,
    /// Images per batch; changes speed and memory only.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<{ limits::BATCH_SIZE }>(), help_heading = ADVANCED)]
    batch_size: usize,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Likelihood {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (json, force) = (self.json, self.force);
        let request = self.request();
        let outcome = shell.run(force, |context| job::run(&request, context))?;
        if json { outputs::result(&as_json(&outcome, &request).to_string()) } else { show(&outcome) }
    }

    fn request(self) -> LikelihoodRequest {
        LikelihoodRequest {
            model: self.model,
            data: self.data,
            count: self.n,
            seed: self.seed,
            compare: self.compare,
            trace: self.trace.as_deref().map(|name| match name {
                "exact" => TraceMethod::Exact,
                "gaussian" => TraceMethod::Gaussian,
                _ => TraceMethod::Rademacher,
            }),
            probes: self.probes,
            bound_draws: self.bound_draws,
            tolerance: self.tolerance,
            sigma_min: self.sigma_min,
            batch_size: self.batch_size,
            unconditional: self.unconditional,
            per_image: self.per_image,
        }
    }
}

fn as_json(outcome: &LikelihoodOutcome, request: &LikelihoodRequest) -> Value {
    let of = |one: &ModelLikelihood| {
        let mut json = serde_json::to_value(&one.report).expect("a report is plain values");
        json["model"] = one.model.clone().into();
        json["model_hash"] = one.hash.clone().into();
        json["seconds"] = one.seconds.into();
        json
    };
    let mut json = of(&outcome.first);
    json["data"] = request.data.clone().into();
    json["seed"] = request.seed.into();
    if let Some((second, difference)) = &outcome.compared {
        json["compared"] = of(second);
        json["difference"] = serde_json::to_value(difference).expect("a report is plain values");
    }
    json
}

fn show(outcome: &LikelihoodOutcome) -> Result<()> {
    let first = &outcome.first;
    show_one(first)?;
    let Some((second, difference)) = &outcome.compared else { return Ok(()) };
    outputs::result(&format!("compared        {}", second.model))?;
    show_one(second)?;
    let bound = difference.bound.map_or_else(String::new, |bound| format!("; bound {}", signed(bound)));
    outputs::result(&format!(
        "difference      {}  probability flow{bound}; {} less {}, image by image",
        signed(difference.bits),
        first.model,
        second.model
    ))
}

fn with(Mean { mean, error }: Mean) -> String {
    match error {
        Some(error) => format!("{mean:.4} +- {error:.4}"),
        None => format!("{mean:.4}"),
    }
}

fn signed(Mean { mean, error }: Mean) -> String {
    let sign = if mean < 0.0 { '-' } else { '+' };
    format!("{sign}{}", with(Mean { mean: mean.abs(), error }))
}

fn show_one(ModelLikelihood { report, seconds, .. }: &ModelLikelihood) -> Result<()> {
    outputs::result(&format!("bits/dim        {}  probability flow", with(report.bits)))?;
    if let Some(error) = report.probe_error {
        outputs::result(&format!("                of the error {error:.4} from the probes"))?;
    }
    if let Some(exact) = report.exact {
        outputs::result(&format!("closed form     {}", with(exact)))?;
    }
    if let Some(bound) = &report.bound {
        let steps = bound.steps.map_or("continuous".to_owned(), |steps| format!("{steps} steps"));
        outputs::result(&format!(
            "bound           {}  variational, {steps}: prior {:.4}, steps {:.4}, bytes {:.4}",
            with(bound.bits),
            bound.prior,
            bound.diffusion,
            bound.decoder
        ))?;
    }
    outputs::result(&format!(
        "images          {} of {} values; trace {}, {:.0} calls each, noise {:.4} to {:.1}, {}",
        report.count,
        report.dimensions,
        report.trace,
        report.calls,
        report.noise.0,
        report.noise.1,
        shell::duration(*seconds)
    ))
}
