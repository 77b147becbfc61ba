//! `langevin train`: train a model on images.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use langevin::Result;
use langevin::training::{TrainOutcome, TrainRequest, TrainTask, job, resolved_settings};

use crate::outputs;
use crate::shell::{self, Shell};
use crate::training_flags::TrainingFlags;

/// The arguments of `train`.
#[derive(Args)]
#[command(after_help = "The same command goes on where a run was stopped, to the same bytes.

Examples:
  langevin train builtin:shapes --out runs/shapes
  langevin train ~/photos --preset folder64 --minutes 60 --out runs/photos
  langevin train mnist/ --preset mnist --minutes 20 --out runs/mnist
  langevin train ~/scans --init builtin:photo-gray --minutes 30 --out runs/scans
  langevin train ~/photos --task denoise --minutes 60 --out runs/denoise
  langevin train ~/photos --task upscale --scale 4 --minutes 60 --out runs/upscale4
  langevin train ~/photos --task inpaint --set data.channels=1 --minutes 60 --out runs/inpaint
  langevin train ~/photos --task autoencoder --size 64 --minutes 30 --out runs/ae
  langevin train ~/photos --latent runs/ae --size 64 --minutes 60 --out runs/latent
  langevin train ~/photos --latent runs/ae --captions --size 64 --minutes 60 --out runs/latent")]
pub struct Train {
    /// A folder of images (class = first sub-folder), IDX, CIFAR, parquet, zip or tar, or builtin:shapes.
    data: String,
    /// What for: generate makes images from nothing; denoise takes noise out of photographs; upscale and inpaint train a restorer,
    /// which is conditioned on the degraded image; autoencoder learns the latents for --latent [default: the preset's].
    #[arg(long, value_parser = task())]
    task: Option<TrainTask>,
    /// With --task upscale: how many times smaller images are made, by bicubic interpolation [default: the preset's].
    /// Another way to make them small: --set task.operator=average:scale=4.
    #[arg(long, value_parser = shell::from_1_to::<64>())]
    scale: Option<usize>,
    /// A preset's name, or a .toml file with settings [default: builtin for builtin:..., else folder32; with --task photo or
    /// photo-gray, upscale4, inpaint, autoencoder].
    #[arg(long, value_name = "NAME|FILE.toml")]
    preset: Option<String>,
    /// Begin with the weights of this model, a run, a file or builtin:NAME, and go on with its network, noise and kind of images
    /// (a preset for colour may begin with a model of gray images) [default preset: the model's].
    #[arg(long, value_name = "MODEL")]
    init: Option<String>,
    /// Learn the latents of this autoencoder, a run of --task autoencoder or its model.safetensors, in place of pixels [default
    /// preset: latent].
    #[arg(long, value_name = "AUTOENCODER")]
    latent: Option<String>,
    /// Side of the images in pixels.
    #[arg(long)]
    size: Option<usize>,
    /// Condition the network on the class of each image.
    #[arg(long)]
    class_conditional: bool,
    /// Condition the network on the caption of each image, through an encoder that learns with it: metadata.jsonl, or a .txt file
    /// beside each image.
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
            data: self.data,
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
                "run": run, "model": model, "images": trained.images, "seconds": trained.seconds,
                "images_per_second": speed, "complete": trained.complete,
            })
            .to_string(),
        );
    }
    outputs::result(&model.display().to_string())
}
