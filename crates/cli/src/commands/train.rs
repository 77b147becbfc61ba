//! `langevin train`: train a model on images.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use langevin::Result;
use langevin::core::spelled;
use langevin::training::{TrainOutcome, TrainRequest, TrainTask, job, resolved_settings};

use crate::outputs;
use crate::shell::{self, Shell};
use crate::training_flags::TrainingFlags;

/// The arguments of `train`.
#[derive(Args)]
#[command(
    after_help = "The same command resumes a stopped run, and gives the same bytes as a run that was never stopped; so does --resume --out RUN, which takes the data and all settings from the run (--images and --minutes may be new).

Examples:
  langevin train builtin:shapes --out runs/shapes
  langevin train ~/photos --preset folder64 --minutes 60 --out runs/photos
  langevin train --resume --out runs/shapes --images 2Mi
  langevin train mnist/ --preset mnist --minutes 20 --out runs/mnist
  langevin train ~/scans --init builtin:photo-gray --minutes 30 --out runs/scans
  langevin train ~/photos --task denoise --minutes 60 --out runs/denoise
  langevin train ~/photos --task upscale --scale 4 --out runs/upscale4
  langevin train ~/photos --task inpaint --set data.channels=1 --out runs/inpaint
  langevin train ~/photos --task autoencoder --size 64 --out runs/ae
  langevin train ~/photos --latent runs/ae --size 64 --out runs/latent
  langevin train ~/photos --latent runs/ae --captions --size 64 --out runs/latent"
)]
pub struct Train {
    /// A folder of images (class = first sub-folder), IDX, CIFAR, parquet, zip or tar, or builtin:shapes [default with --resume:
    /// what the run was begun with].
    #[arg(required_unless_present = "resume", value_parser = shell::spec())]
    data: Option<String>,
    /// What the model is for: generate samples new images; denoise removes noise from photographs; upscale and inpaint restore, and
    /// are conditioned on the degraded image; autoencoder learns the latents for --latent [default: the preset's].
    #[arg(long, value_parser = task())]
    task: Option<TrainTask>,
    /// With --task upscale: the scale factor; images are downscaled by bicubic interpolation [default: the preset's]. For another
    /// kernel: --set task.operator=average:scale=4.
    #[arg(long, value_parser = shell::from_1_to::<64>())]
    scale: Option<usize>,
    /// A preset's name, or a .toml file with settings [default: builtin for builtin:..., else folder32; with --task photo or
    /// photo-gray, upscale4, inpaint, autoencoder].
    #[arg(long, value_name = "NAME|FILE.toml")]
    #[arg(value_parser = shell::spec())]
    preset: Option<String>,
    /// Fine-tune this model (a run, a file or builtin:NAME): start from its weights, with its network, noise and kind of images (a
    /// preset for colour can start from a model of gray images) [default preset: the model's].
    #[arg(long, value_name = "MODEL")]
    #[arg(value_parser = shell::spec())]
    init: Option<String>,
    /// Train a latent diffusion model on the latents of this autoencoder: a run of --task autoencoder or its model.safetensors
    /// [default preset: latent].
    #[arg(long, value_name = "AUTOENCODER")]
    #[arg(value_parser = shell::spec())]
    latent: Option<String>,
    /// Side of the images in pixels.
    #[arg(long)]
    size: Option<usize>,
    /// Condition the network on the class of each image.
    #[arg(long)]
    class_conditional: bool,
    /// Condition the network on the caption of each image (metadata.jsonl, or a .txt file next to each image), through a text encoder
    /// that is trained with it.
    #[arg(long)]
    captions: bool,
    #[command(flatten)]
    training: TrainingFlags,
}

fn task() -> impl TypedValueParser<Value = TrainTask> {
    PossibleValuesParser::new(TrainTask::ALL.map(|(name, _)| name)).try_map(|name| name.parse::<TrainTask>())
}

impl Train {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let (print_config, json) = (self.training.print_config, self.training.json);
        let request = self.request();
        if print_config {
            return outputs::result(resolved_settings(&request)?.to_toml().trim_end());
        }
        let outcome = shell.run(false, |context| job::run(&request, context))?;
        if request.dry_run { Ok(()) } else { show(&outcome, shell, json) }
    }

    fn request(self) -> TrainRequest {
        let training = self.training;
        TrainRequest {
            data: self.data.unwrap_or_default(),
            out: training.out,
            task: self.task,
            scale: self.scale,
            preset: self.preset,
            init: self.init,
            latent: self.latent,
            size: self.size,
            images: training.images,
            minutes: training.minutes,
            batch_size: training.batch_size,
            seed: training.seed,
            learning_rate: training.learning_rate,
            exact: training.exact,
            class_conditional: self.class_conditional,
            captions: self.captions,
            set: training.set,
            resume: training.resume,
            strict: training.strict,
            half: training.half,
            dry_run: training.dry_run,
        }
    }
}

fn show(outcome: &TrainOutcome, shell: &Shell, json: bool) -> Result<()> {
    let TrainOutcome { run, model, trained, .. } = outcome;
    shell.say(&format!(
        "{} images in {}{}; {}",
        trained.images,
        shell::duration(trained.seconds),
        if trained.images_now == 0 { ", nothing left to do" } else { "" },
        outcome.advice(),
    ));
    if json {
        let speed = trained.images_now as f64 / trained.seconds_now.max(1e-9);
        return outputs::result(
            &serde_json::json!({
                "run": spelled(run), "model": spelled(model), "images": trained.images, "seconds": trained.seconds,
                "images_per_second": speed, "complete": trained.complete,
            })
            .to_string(),
        );
    }
    outputs::path(model)
}
