//! `langevin sample`: generate images with a model.

use std::path::PathBuf;

use clap::Args;
use langevin::core::{Size, spelled};
use langevin::process::limits;
use langevin::redraw::{Redraw, Redrawn};
use langevin::sampling::{Dtype, SampleOutcome, SampleRequest, job};
use langevin::{Error, Result};

use crate::adapt::AdaptFlags;
use crate::guide::GuideFlags;
use crate::headings::{ADVANCED, COMMON, GUIDANCE, OUTPUT};
use crate::image_flags::ImageFlags;
use crate::outputs;
use crate::shell::{self, Shell};

/// The arguments of `sample`.
#[derive(Args)]
#[command(
    after_help = "Image I of seed S has the same bytes alone, in any batch and on any number of threads.

Examples:
  langevin sample builtin:shapes -n 64 --grid shapes.png
  langevin sample runs/mnist --class 7 -n 9 -o sevens/
  langevin sample runs/mnist --trajectory film.gif --steps 30
  langevin sample runs/mnist --class 7 --cfg-scale 4 --guidance apg:norm=1
  langevin sample runs/mnist --guide runs/mnist-short --cfg-scale 2
  langevin sample runs/latent --prompt \"a red star\" --cfg-scale 3 -o stars/
  langevin sample sd15.safetensors --prompt \"a lighthouse\" --lora ink.st
  langevin sample --from sevens/0003.png -o again.png"
)]
pub struct Sample {
    /// A run folder, a model.safetensors, a diffusers folder, a checkpoint of Stable Diffusion, or builtin:NAME.
    #[arg(required_unless_present = "from")]
    #[arg(value_parser = shell::spec())]
    model: Option<String>,
    /// Number of images [default: 16; 1 of a pipeline from texts through latents].
    #[arg(short, long = "samples", value_name = "N", value_parser = shell::from_1_to::<{ limits::COUNT }>(), aliases = ["batch-count", "num-images-per-prompt"])]
    n: Option<usize>,
    /// Sampling steps [default: the model's].
    #[arg(long, alias = "num-inference-steps", value_name = "N", value_parser = shell::from_1_to::<{ limits::STEPS }>())]
    steps: Option<usize>,
    /// Sampler, as in `langevin list samplers` [default: the model's; with --steps or --nfe what `bench-samplers` found best].
    #[arg(long, aliases = ["sampler-name", "sampling-method"], value_name = "NAME")]
    sampler: Option<String>,
    /// Spacing of noise levels, as in `langevin list spacings`, or `own` for levels measured on the model [default: the model's].
    #[arg(long, aliases = ["scheduler", "schedule-type"], value_name = "NAME")]
    spacing: Option<String>,
    /// Width of the images in pixels, for models that take any size [default: the model's, or --height].
    #[arg(short = 'W', long, value_name = "PIXELS", value_parser = shell::from_1_to::<{ limits::SIDE }>())]
    width: Option<usize>,
    /// Height of the images in pixels [default: the model's, or --width].
    #[arg(short = 'H', long, value_name = "PIXELS", value_parser = shell::from_1_to::<{ limits::SIDE }>())]
    height: Option<usize>,
    /// Width and height in one: 512, or 640x480.
    #[arg(long, value_name = "SIDE|WxH", conflicts_with_all = ["width", "height"], value_parser = size)]
    size: Option<Size>,
    /// Seed [default: random, and printed].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = shell::seed())]
    seed: Option<u64>,
    /// Generate this image again, from the recipe in its metadata: a sample, or an edited, restored or denoised image.
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["class", "init_noise"])]
    from: Option<PathBuf>,
    /// Class by name or number, several with commas, or `all` in turn [default: all].
    #[arg(long, value_name = "NAME|all|none", help_heading = GUIDANCE)]
    class: Option<String>,
    /// Prompt, for a text-to-image model.
    #[arg(short, long, value_name = "TEXT", conflicts_with = "prompts", help_heading = GUIDANCE)]
    prompt: Option<String>,
    /// A file with one prompt per line; the images take them in turn.
    #[arg(long, value_name = "FILE", help_heading = GUIDANCE)]
    prompts: Option<PathBuf>,
    /// Negative prompt.
    #[arg(long, alias = "negative-prompt", value_name = "TEXT", help_heading = GUIDANCE)]
    negative: Option<String>,
    #[command(flatten)]
    guide: GuideFlags,
    #[command(flatten)]
    adapt: AdaptFlags,
    /// A folder, or a file (several images: NAME-0000.png...) [default: a fresh folder, or none with --grid or --trajectory].
    #[arg(short, long = "out", alias = "output", value_name = "DIR|FILE", help_heading = OUTPUT)]
    #[arg(value_parser = shell::spec())]
    output: Option<String>,
    /// Write all images as one grid.
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    grid: Option<PathBuf>,
    /// Write the reverse process as an animated GIF.
    #[arg(long, value_name = "FILE.gif", help_heading = OUTPUT)]
    trajectory: Option<PathBuf>,
    #[command(flatten)]
    files: ImageFlags,
    /// Number of network evaluations (NFE), instead of steps.
    #[arg(long, visible_alias = "calls", value_name = "N", conflicts_with = "steps", value_parser = shell::from_1_to::<20_000>(), help_heading = ADVANCED)]
    nfe: Option<usize>,
    /// Number of the first image: `-n 1 --first 5` is image 5 of a larger batch.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1 << 53), help_heading = ADVANCED)]
    first: u64,
    /// Do not clamp denoised images to the range of images.
    #[arg(long, help_heading = ADVANCED)]
    no_clip: bool,
    /// Number format of convolutions; bf16 has 8 significant bits, at about the speed of f32 [default: f32].
    #[arg(long, value_parser = ["f32", "bf16"], help_heading = ADVANCED)]
    dtype: Option<String>,
    /// Slower convolutions with slightly less rounding error.
    #[arg(long, help_heading = ADVANCED)]
    exact: bool,
    /// Images per batch; changes speed and memory only.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<{ limits::BATCH_SIZE }>(), help_heading = ADVANCED)]
    batch_size: usize,
    /// Decode the latents of --trajectory with a tiny decoder (TAESD): the folder of a diffusers AutoencoderTiny [default: a rough linear preview].
    #[arg(long, value_name = "DIR", requires = "trajectory", help_heading = ADVANCED)]
    preview_decoder: Option<PathBuf>,
    /// Start from this noise: float32 NumPy file of shape n,c,h,w with variance 1.
    #[arg(long, value_name = "FILE.npy", help_heading = ADVANCED)]
    init_noise: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Sample {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let json = self.json;
        let force = self.files.force;
        let request = self.request()?;
        if let Some(redraw) = Redraw::of(&request)? {
            return show_redrawn(&shell.run(force, |context| redraw.run(context))?, json);
        }
        let outcome = shell.run(force, |context| job::run(&request, context));
        show(outcome?, shell, json)
    }

    fn request(self) -> Result<SampleRequest> {
        Ok(SampleRequest {
            model: self.model.unwrap_or_default(),
            count: self.n,
            width: self.width.or(self.size.map(|size| size.width)),
            height: self.height.or(self.size.map(|size| size.height)),
            first: self.first,
            seed: self.seed,
            steps: self.steps,
            nfe: self.nfe,
            sampler: self.sampler,
            spacing: self.spacing,
            class: self.class,
            prompt: self.prompt,
            prompts: self.prompts.as_deref().map_or(Ok(Vec::new()), prompts_in)?,
            negative: self.negative,
            cfg_scale: self.guide.cfg_scale,
            guidance: self.guide.guidance,
            guide: self.guide.guide,
            lora: self.adapt.lora,
            clip_skip: self.adapt.clip_skip,
            clip: !self.no_clip,
            dtype: self.dtype.map(|name| if name == "bf16" { Dtype::Bf16 } else { Dtype::F32 }),
            exact: self.exact,
            batch_size: self.batch_size,
            output: self.output,
            format: self.files.format,
            quality: self.files.quality,
            grid: self.grid,
            trajectory: self.trajectory,
            preview_decoder: self.preview_decoder,
            init_noise: self.init_noise,
            from: self.from,
            metadata: !self.files.no_metadata,
        })
    }
}

/// One side, or `WIDTHxHEIGHT`.
fn size(text: &str) -> std::result::Result<Size, String> {
    let (width, height) = text.split_once(['x', 'X']).unwrap_or((text, text));
    let side =
        |text: &str| text.trim().parse().ok().filter(|side| (1..=limits::SIDE as usize).contains(side));
    let size = side(width).zip(side(height)).map(Size::from);
    size.ok_or_else(|| format!("must be a side from 1 to {}, or two: 640x480", limits::SIDE))
}

/// Most bytes of a file of prompts.
const MOST_PROMPTS: u64 = 64 << 20;

/// The lines of a file of prompts.
fn prompts_in(file: &std::path::Path) -> Result<Vec<String>> {
    let text = langevin::files::text::read(file, MOST_PROMPTS)?;
    let lines: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    match lines.is_empty() {
        true => Err(Error::bad_input(format!("{}: holds no line of text", file.display()))),
        false => Ok(lines),
    }
}

fn show_redrawn(redrawn: &Redrawn, json: bool) -> Result<()> {
    if json {
        let files: Vec<String> = redrawn.files.iter().map(spelled).collect();
        return outputs::result(&serde_json::json!({ "files": files, "seed": redrawn.seed }).to_string());
    }
    redrawn.files.iter().try_for_each(|file| outputs::path(file))
}

fn show(outcome: SampleOutcome, shell: &Shell, json: bool) -> Result<()> {
    let SampleOutcome { model, plan, images, files, sheets, seconds } = outcome;
    let count = images.len();
    let speed = count as f64 / seconds;
    shell.say(&format!(
        "{count} image{} in {seconds:.1} s, {speed:.1} img/s",
        if count == 1 { "" } else { "s" }
    ));
    if json {
        let result = serde_json::json!({
            "files": files.iter().chain(&sheets).map(spelled).collect::<Vec<_>>(), "seed": plan.seed, "seconds": seconds,
            "images_per_second": speed, "model_hash": model.hash(),
        });
        return outputs::result(&result.to_string());
    }
    // A fresh or named folder is one line; the files in it speak for themselves.
    match files.first().and_then(|file| file.parent()) {
        Some(folder) if files.len() > 1 => outputs::path(folder)?,
        _ => {}
    }
    let listed = if files.len() > 1 { &[][..] } else { &files[..] };
    listed.iter().chain(&sheets).try_for_each(|file| outputs::path(file))
}
