//! `langevin likelihood`: how likely a data set is under a model, in bits per dimension.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use indicatif::ProgressBar;
use langevin::evaluation::likelihood::{LikelihoodReport, LikelihoodRequest, Mean, check_other, measure};
use langevin::files::write_file;
use langevin::sample::Trace;
use langevin::{Device, Model, Result};

use crate::outputs::{self, Claim};
use crate::shell::{self, Shell};

/// The arguments of `likelihood`.
#[derive(Args)]
#[command(
    after_help = "Bits per dimension of 8-bit images, lower is better: by the probability flow with bytes spread over their steps,
and the variational bound on the bytes beside it. MNIST and CIFAR take their test part as FOLDER#test.

Examples:
  langevin likelihood runs/mnist mnist/#test -n 256
  langevin likelihood runs/vp mnist/#test -n 512 --compare runs/subvp
  langevin likelihood builtin:shapes builtin:shapes -n 16 --probes 4
  langevin likelihood builtin:ring8 builtin:ring8 --json"
)]
pub struct Likelihood {
    /// A run folder, a model.safetensors, or builtin:NAME.
    model: String,
    /// A data set, as `train` takes it; FOLDER#test is its test part.
    data: String,
    /// Images, spread evenly over the set.
    #[arg(short, default_value_t = 64, value_parser = shell::from_1_to::<1_000_000>())]
    n: usize,
    /// Seed of probes and noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A second model, measured on the same images with the same noise and probes; the difference is told with its error.
    #[arg(long, value_name = "MODEL")]
    compare: Option<String>,
    /// How the trace of the derivative is found: exact takes as many backward passes as an image has values [default: exact
    /// up to 16 values, else rademacher].
    #[arg(long, value_parser = ["exact", "rademacher", "gaussian"])]
    trace: Option<String>,
    /// Trajectories for each image, with random probes of their own.
    #[arg(long, default_value_t = 1, value_parser = shell::from_1_to::<10_000>())]
    probes: usize,
    /// Noise levels for the variational bound of each image; 0 leaves it out.
    #[arg(long, default_value_t = 32)]
    bound_draws: usize,
    /// Error allowed of a step of the equation.
    #[arg(long, default_value_t = 1e-4)]
    tolerance: f64,
    /// Lowest noise sigma / alpha that is followed [default: the model's, at least 0.001].
    #[arg(long, value_name = "RATIO")]
    sigma_min: Option<f64>,
    /// Images at once; changes speed and memory alone.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<65_536>())]
    batch_size: usize,
    /// Do not tell a class-conditional model the classes.
    #[arg(long)]
    unconditional: bool,
    /// Write what each image takes as a JSON list.
    #[arg(long, value_name = "FILE.json")]
    per_image: Option<PathBuf>,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Likelihood {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (device, line) = shell.compute("f32")?;
        let model = Model::open_pixels(&self.model, &device)?;
        let request = self.request();
        let other = match &self.compare {
            Some(name) => {
                let other = Model::open_pixels(name, &device)?;
                check_other(&model, &other, &request)?;
                Some(other)
            }
            None => None,
        };
        let _claim = Claim::new(self.per_image.iter().map(PathBuf::as_path), self.force)?;
        shell.say(&format!("{line}, seed {}; {} under {}", self.seed, self.data, self.model));
        let found = self.measure(shell, &model, &request, &device)?;
        if found.report.count < self.n {
            shell.warn(&format!("{} images, not {}: {} has no more", found.report.count, self.n, self.data));
        }
        let compared = match &other {
            Some(other) => {
                shell.say(&format!("{} under {}", self.data, other.name));
                let second = self.measure(shell, other, &request, &device)?;
                let difference = found.report.less(&second.report)?;
                Some((second, difference))
            }
            None => None,
        };
        if let Some(file) = &self.per_image {
            let mut list = serde_json::to_value(&found.report.images).expect("a report is plain values");
            let others = compared.iter().flat_map(|(second, _)| &second.report.images);
            for (one, other) in list.as_array_mut().into_iter().flatten().zip(others) {
                one["compared"] = serde_json::json!({"bits": other.bits, "bound": other.bound});
            }
            let list = serde_json::to_string_pretty(&list).expect("a report is plain values");
            write_file(file, list.as_bytes())?;
        }
        if self.json {
            let mut json = found.json();
            json["data"] = self.data.into();
            json["seed"] = self.seed.into();
            if let Some((second, difference)) = &compared {
                json["compared"] = second.json();
                json["difference"] = serde_json::to_value(difference).expect("a report is plain values");
            }
            return outputs::result(&json.to_string());
        }
        show(&found)?;
        let Some((second, difference)) = &compared else { return Ok(()) };
        outputs::result(&format!("compared        {}", second.name))?;
        show(second)?;
        let bound = difference.bound.map_or_else(String::new, |bound| format!("; bound {}", signed(bound)));
        outputs::result(&format!(
            "difference      {}  probability flow{bound}; {} less {}, image by image",
            signed(difference.bits),
            found.name,
            second.name
        ))
    }

    fn request(&self) -> LikelihoodRequest {
        LikelihoodRequest {
            data: self.data.clone(),
            count: self.n,
            seed: self.seed,
            trace: self.trace.as_deref().map(|name| match name {
                "exact" => Trace::Exact,
                "gaussian" => Trace::Gaussian,
                _ => Trace::Rademacher,
            }),
            probes: self.probes,
            bound_draws: self.bound_draws,
            tolerance: self.tolerance,
            lowest: self.sigma_min,
            batch_size: self.batch_size,
            unconditional: self.unconditional,
        }
    }

    fn measure(
        &self,
        shell: &Shell,
        model: &Model,
        request: &LikelihoodRequest,
        device: &Device,
    ) -> Result<Measured> {
        let bar = if shell.is_live() { ProgressBar::new(self.n as u64) } else { ProgressBar::hidden() };
        let start = Instant::now();
        let report = measure(model, request, device, |done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        for note in &report.notes {
            shell.warn(note);
        }
        let seconds = start.elapsed().as_secs_f64();
        Ok(Measured { name: model.name.clone(), hash: model.hash().to_owned(), report, seconds })
    }
}

/// One model's likelihoods.
struct Measured {
    name: String,
    hash: String,
    report: LikelihoodReport,
    seconds: f64,
}

impl Measured {
    fn json(&self) -> serde_json::Value {
        let mut json = serde_json::to_value(&self.report).expect("a report is plain values");
        json["model"] = self.name.clone().into();
        json["model_hash"] = self.hash.clone().into();
        json["seconds"] = self.seconds.into();
        json
    }
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

fn show(Measured { report, seconds, .. }: &Measured) -> Result<()> {
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
        "images        {} of {} values; trace {}, {:.0} calls each, noise {:.4} to {:.1}, {}",
        report.count,
        report.dimensions,
        report.trace,
        report.calls,
        report.noise.0,
        report.noise.1,
        shell::duration(*seconds)
    ))
}
