//! `langevin invert`: the noise from which a model generates given images.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::core::spelled;
use langevin::process::limits;
use langevin::sampling::{INVERTIBLE as SAMPLER, InvertOutcome, InvertRequest, invert};

use crate::headings::{ADVANCED, COMMON, OUTPUT};
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `invert`.
#[derive(Args)]
#[command(
    after_help = "Writes the noise as a float32 NumPy file of shape n,c,h,w with variance 1, generates the images again from it, and reports how close they are (PSNR in dB). `sample --sampler ddim --init-noise FILE.npy` with the same steps and spacing generates them too.

Examples:
  langevin invert runs/mnist seven.png -o seven.npy
  langevin sample runs/mnist --sampler ddim --init-noise seven.npy -n 1
  langevin invert builtin:shapes a.png b.png --steps 100 --iterations 5 --json"
)]
pub struct Invert {
    /// A run folder, a model.safetensors, a diffusers folder, or builtin:NAME.
    #[arg(value_parser = shell::spec())]
    model: String,
    /// Images: png, jpeg, webp, bmp, tiff or gif; of another size than the model's they are scaled and cropped.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Sampling steps.
    #[arg(long, alias = "num-inference-steps", value_name = "N", default_value_t = 50, value_parser = shell::from_1_to::<{ limits::STEPS }>())]
    steps: usize,
    /// Spacing of noise levels, as in `langevin list spacings` [default: the model's].
    #[arg(long, aliases = ["scheduler", "schedule-type"], value_name = "NAME")]
    spacing: Option<String>,
    /// Network evaluations per step: 1 is DDIM inversion. More reproduce the image better, but the noise found is less Gaussian.
    #[arg(long, default_value_t = 1, value_parser = shell::from_1_to::<1000>())]
    iterations: usize,
    /// The class of the images by name or number, or one for each with commas [default: none].
    #[arg(long, value_name = "NAME|none")]
    class: Option<String>,
    /// File for the noise.
    #[arg(short, long = "out", alias = "output", value_name = "FILE.npy", default_value = "noise.npy", help_heading = OUTPUT)]
    output: PathBuf,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
    /// Do not clamp denoised images to the range of images.
    #[arg(long, help_heading = ADVANCED)]
    no_clip: bool,
    /// Images per batch; changes speed and memory only.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<{ limits::BATCH_SIZE }>(), help_heading = ADVANCED)]
    batch_size: usize,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Invert {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (json, force) = (self.json, self.force);
        let request = self.request();
        let outcome = shell.run(force, |context| invert::run(&request, context))?;
        if json { show_json(&outcome, &request) } else { show(&outcome, &request, shell) }
    }

    fn request(self) -> InvertRequest {
        InvertRequest {
            model: self.model,
            images: self.images,
            steps: self.steps,
            spacing: self.spacing,
            iterations: self.iterations,
            class: self.class,
            clip: !self.no_clip,
            batch_size: self.batch_size,
            output: self.output,
        }
    }
}

fn show_json(outcome: &InvertOutcome, request: &InvertRequest) -> Result<()> {
    let images = request.images.iter().zip(&outcome.psnr);
    let images: Vec<_> = images
        // JSON has no infinity: an image that comes back exactly has null.
        .map(|(file, psnr)| serde_json::json!({ "file": spelled(file), "psnr": psnr.is_finite().then_some(psnr) }))
        .collect();
    let result = serde_json::json!({
        "noise": spelled(&request.output), "deviation": outcome.deviation, "images": images, "steps": outcome.plan.steps,
        "spacing": outcome.plan.spacing, "iterations": request.iterations, "model_hash": outcome.model.hash(),
    });
    outputs::result(&result.to_string())
}

fn show(outcome: &InvertOutcome, request: &InvertRequest, shell: &Shell) -> Result<()> {
    for (file, psnr) in request.images.iter().zip(&outcome.psnr) {
        outputs::result(&format!("{psnr:6.2} dB  {}", file.display()))?;
    }
    let classes = if outcome.model.info.classes.is_empty() {
        String::new()
    } else {
        format!(" --class {} --cfg-scale 1", request.class.as_deref().unwrap_or("none"))
    };
    let clip = if request.clip { "" } else { " --no-clip" };
    shell.say(&format!(
        "noise of deviation {:.3}; the images again: langevin sample {} --sampler {SAMPLER} --steps {} --spacing {} \
         --init-noise {} -n {}{classes}{clip}",
        outcome.deviation,
        request.model,
        outcome.plan.steps,
        outcome.plan.spacing,
        request.output.display(),
        outcome.psnr.len()
    ));
    outputs::path(&request.output)
}
