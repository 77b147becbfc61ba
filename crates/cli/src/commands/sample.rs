//! `langevin sample`: draw pictures with a model.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use langevin::core::batch_to_pictures;
use langevin::files::write_file;
use langevin::kernels::Arithmetic;
use langevin::model::GuidanceConfig;
use langevin::model::Prompts;
use langevin::model::resolve::{self, Asked};
use langevin::sampling::sheet;
use langevin::sampling::{self, Recipe, SamplePlan};
use langevin::{Device, Error, Model, Picture, Result, Tensor, figures::gif, figures::npy, figures::png};

use crate::adapt::AdaptFlags;
use crate::guide::GuideFlags;
use crate::outputs::{self, Claim};
use crate::shell::{self, Shell};

/// Pictures a trajectory shows.
const FILM: usize = 16;

/// The arguments of `sample`.
#[derive(Args)]
#[command(after_help = "Picture I of seed S is the same bytes alone, in any batch, on any number of threads.

Examples:
  langevin sample builtin:shapes -n 64 --grid shapes.png
  langevin sample runs/mnist --class 7 -n 9 -o sevens/
  langevin sample runs/mnist --trajectory film.gif --steps 30
  langevin sample runs/mnist --class 7 --cfg-scale 4 --guidance apg:norm=1
  langevin sample runs/mnist --guide runs/mnist-short --cfg-scale 2
  langevin sample runs/latent --prompt \"a red star at night\" --cfg-scale 3 --grid stars.png
  langevin sample sd15.safetensors --prompt \"a lighthouse\" --lora ink.safetensors:0.8 --clip-skip 1 -n 1
  langevin sample --from sevens/0003.png -o again.png")]
pub struct Sample {
    /// A run folder, a model.safetensors, a diffusers folder, a checkpoint of Stable Diffusion, or builtin:NAME.
    #[arg(required_unless_present = "from")]
    model: Option<String>,
    /// Pictures to draw.
    #[arg(short, default_value_t = 16, value_parser = shell::from_1_to::<1_000_000>())]
    n: usize,
    /// Steps [default: the model's].
    #[arg(long, value_parser = shell::from_1_to::<10_000>())]
    steps: Option<usize>,
    /// Calls of the network in place of steps: as many steps as fit.
    #[arg(long, value_name = "N", conflicts_with = "steps", value_parser = shell::from_1_to::<20_000>())]
    calls: Option<usize>,
    /// Sampler, as in `langevin list samplers` [default: the model's; with --steps or --calls what `bench-samplers` found best].
    #[arg(long)]
    sampler: Option<String>,
    /// Spacing of noise levels, as in `langevin list spacings`, or `own` for levels measured on the model [default: the model's].
    #[arg(long)]
    spacing: Option<String>,
    /// Seed [default: random, and said].
    #[arg(long)]
    seed: Option<u64>,
    /// Number of the first picture: `-n 1 --first 5` redraws picture 5 of a larger batch.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1 << 53))]
    first: u64,
    /// A class by name or number, several with commas, or `all` for one after the other [default: all in turn].
    #[arg(long, value_name = "NAME|all|none")]
    class: Option<String>,
    /// What the pictures show, in words, of a model that is told of texts.
    #[arg(long, value_name = "TEXT", conflicts_with = "prompts")]
    prompt: Option<String>,
    /// A file with one text a line; the pictures take them in turn.
    #[arg(long, value_name = "FILE")]
    prompts: Option<PathBuf>,
    /// What the pictures should not show; guidance leads away from it.
    #[arg(long, value_name = "TEXT")]
    negative: Option<String>,
    #[command(flatten)]
    guide: GuideFlags,
    #[command(flatten)]
    adapt: AdaptFlags,
    /// Do not clamp denoised pictures to the range of pictures.
    #[arg(long)]
    no_clip: bool,
    /// Numbers that convolutions multiply; bf16 rounds them to 8 significant bits, at about the speed of f32 [default: f32].
    #[arg(long, value_parser = ["f32", "bf16"])]
    dtype: Option<String>,
    /// Convolve without transforms: slower, and a digit closer to the real numbers.
    #[arg(long)]
    exact: bool,
    /// Pictures at once; changes speed and memory alone.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<65_536>())]
    batch_size: usize,
    /// A folder, or a .png file (several pictures: NAME-0000.png...) [default: a fresh folder, or none with --grid or --trajectory].
    #[arg(short, value_name = "DIR|FILE")]
    output: Option<String>,
    /// Write all pictures as one sheet.
    #[arg(long, value_name = "FILE")]
    grid: Option<PathBuf>,
    /// Write the reverse process as an animated GIF.
    #[arg(long, value_name = "FILE.gif")]
    trajectory: Option<PathBuf>,
    /// Watch latents through a tiny decoder (TAESD), the folder of a diffusers AutoencoderTiny [default: colours by one product].
    #[arg(long, value_name = "DIR", requires = "trajectory")]
    preview_decoder: Option<PathBuf>,
    /// Start from this noise: float32 NumPy file of shape n,c,h,w with variance 1.
    #[arg(long, value_name = "FILE.npy")]
    init_noise: Option<PathBuf>,
    /// Redraw the picture in this PNG by the recipe it carries.
    #[arg(long, value_name = "PICTURE.png", conflicts_with_all = ["class", "init_noise"])]
    from: Option<PathBuf>,
    /// Leave the recipe out of the pictures.
    #[arg(long)]
    no_metadata: bool,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Sample {
    /// Runs the command.
    pub fn run(mut self, shell: &Shell) -> Result<()> {
        let recipe = self.from.as_deref().map(read_recipe).transpose()?;
        let name = self.take_recipe(recipe.as_ref());
        let (device, line) = shell.compute(self.dtype.as_deref().unwrap_or("f32"))?;
        let mut model = self.adapt.open(&name, &device)?.require_generator()?;
        if let Some(folder) = &self.preview_decoder {
            model = model.with_preview_decoder(folder, &device)?;
        }
        for note in &model.notes {
            shell.warn(&format!("{name}: {note}"));
        }
        if let Some(recipe) = recipe.as_ref().filter(|recipe| recipe.model_hash != model.hash()) {
            shell.warn(&format!(
                "{name} is not the model the picture was drawn with (its hash is {}, the recipe's {}): the picture will differ",
                model.hash(), recipe.model_hash
            ));
        }
        let guide_hash = recipe.as_ref().and_then(|recipe| recipe.guide_hash.as_deref());
        let guiding = self.guide.open(shell, guide_hash, &device)?;
        let (drawing, measured_at) = self.drawing(shell, &model, guiding, &device)?;
        let guided = drawing.guidance.named().map_or(String::new(), |rule| format!(", guided by {rule}"));
        shell.say(&format!(
            "{line}, seed {}; {}, {} steps of {} over {}{guided}",
            drawing.seed, name, drawing.steps, drawing.sampler, drawing.spacing
        ));
        if let Some(calls) = measured_at {
            shell.say(&format!("these served this model best at {calls} calls, as bench-samplers measured"));
        }
        let separate = self.output.is_some() || (self.grid.is_none() && self.trajectory.is_none());
        let files = if separate {
            outputs::picture_files(self.output.as_deref(), self.n, "samples")
        } else {
            Vec::new()
        };
        let sheets = [&self.grid, &self.trajectory].into_iter().flatten();
        let signal = shell::signals()?;
        for (file, kind) in files
            .iter()
            .chain(&self.grid)
            .map(|file| (file, "png"))
            .chain(self.trajectory.iter().map(|file| (file, "gif")))
        {
            outputs::check_ending(file, kind)?;
        }
        let _claim = Claim::new(files.iter().chain(sheets).map(PathBuf::as_path), self.force)?;
        let start = Instant::now();
        let (pictures, film) = self.draw(shell, &model, &drawing, &device, &signal)?;
        let seconds = start.elapsed().as_secs_f64();
        shell.say(&format!(
            "{} picture{} in {seconds:.1} s, {:.1} img/s",
            self.n,
            if self.n == 1 { "" } else { "s" },
            self.n as f64 / seconds
        ));
        self.write(&model, &drawing, &pictures, &film, &files, seconds)
    }

    /// Fills in what the recipe says and no flag says otherwise; gives the model's name.
    fn take_recipe(&mut self, recipe: Option<&Recipe>) -> String {
        let Some(recipe) = recipe else { return self.model.clone().unwrap_or_default() };
        self.n = 1;
        self.first = recipe.image;
        self.seed = self.seed.or(Some(recipe.seed));
        if self.calls.is_none() {
            self.steps = self.steps.or(Some(recipe.steps));
        }
        self.sampler = self.sampler.take().or(Some(recipe.sampler.clone()));
        self.spacing = self.spacing.take().or(Some(recipe.spacing.clone()));
        self.guide.cfg_scale = self.guide.cfg_scale.or(Some(recipe.cfg_scale));
        self.guide.guidance = self.guide.guidance.take().or_else(|| recipe.guidance.clone());
        self.guide.guide = self.guide.guide.take().or_else(|| recipe.guide.clone());
        self.no_clip |= !recipe.clip;
        self.exact |= recipe.exact;
        self.dtype = self.dtype.take().or(Some(recipe.dtype.clone()));
        if self.prompts.is_none() {
            self.prompt = self.prompt.take().or_else(|| recipe.prompt.clone());
            self.negative = self.negative.take().or_else(|| recipe.negative.clone());
        }
        self.adapt.take(&recipe.lora, recipe.clip_skip);
        self.class = Some(recipe.class.clone().unwrap_or_else(|| "none".to_owned()));
        self.model.clone().unwrap_or_else(|| recipe.model.clone())
    }

    /// What is drawn; and the budget at which its sampler was measured best, where that decided.
    fn drawing(
        &self,
        shell: &Shell,
        model: &Model,
        guiding: GuidanceConfig,
        device: &Device,
    ) -> Result<(SamplePlan, Option<usize>)> {
        let defaults = &model.info.sample;
        let asked = Asked {
            steps: self.steps,
            calls: self.calls,
            sampler: self.sampler.as_deref(),
            spacing: self.spacing.as_deref(),
        };
        let resolved = resolve::resolve(defaults, model.denoiser.diffusion(), asked)?;
        let start = self.init_noise.as_deref().map(|file| noise_for(file, self.n, model.shape(), device));
        let drawing = SamplePlan {
            count: self.n,
            first: self.first,
            seed: self.seed.unwrap_or_else(random_seed),
            steps: resolved.steps,
            sampler: resolved.sampler,
            spacing: resolved.spacing,
            cfg_scale: self.guide.cfg_scale.unwrap_or_else(|| model.cfg_scale()),
            guidance: guiding,
            clip: defaults.clip && !self.no_clip,
            labels: self.labels(model)?,
            prompts: self.told(model, shell)?,
            arithmetic: match self.dtype.as_deref() {
                Some("bf16") if self.exact => {
                    return Err(Error::usage("--exact computes in f32, so it does not go with --dtype bf16"));
                }
                Some("bf16") => Arithmetic::Bf16,
                _ if self.exact => Arithmetic::Exact,
                _ => Arithmetic::Fast,
            },
            batch_size: self.batch_size,
            start: start.transpose()?,
            cancel: Arc::new(AtomicBool::new(false)),
        };
        Ok((drawing, resolved.measured_at))
    }

    /// The text of each picture: picture number I takes the line after that of picture I - 1.
    fn told(&self, model: &Model, shell: &Shell) -> Result<Option<Prompts>> {
        let lines: Vec<String> = match (&self.prompt, &self.prompts) {
            (Some(prompt), _) => vec![prompt.clone()],
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| Error::bad_input(format!("{}: {error}", file.display())))?;
                let lines: Vec<String> =
                    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
                if lines.is_empty() {
                    return Err(Error::bad_input(format!("{}: holds no line of text", file.display())));
                }
                lines
            }
            (None, None) if self.negative.is_some() => {
                return Err(Error::usage("--negative says what pictures should not show, beside a --prompt")
                    .hint("give --prompt too; \"\" leaves it open"));
            }
            (None, None) => return Ok(None),
        };
        let cut: Vec<usize> = lines.iter().map(|line| model.truncated_tokens(line)).collect();
        let cut = cut.into_iter().max().unwrap_or(0);
        if cut > 0 {
            shell.warn(&format!("{cut} tokens at the end of the text found no room, and are left out"));
        }
        let line = |index: u64| lines[((self.first + index) % lines.len() as u64) as usize].clone();
        let each = (0..self.n as u64).map(line).collect();
        let prompts = Prompts { each, negative: self.negative.clone().unwrap_or_default() };
        Prompts::check(Some(&prompts), model)?;
        Ok(Some(prompts))
    }

    /// The class of each picture: picture number I takes the class after that of picture I - 1.
    fn labels(&self, model: &Model) -> Result<Option<Vec<Option<u32>>>> {
        let count = model.info.classes.len() as u64;
        let wanted: Vec<u32> = match self.class.as_deref() {
            None | Some("all") if count > 0 => (0..count as u32).collect(),
            None | Some("none") => return Ok(None),
            Some("all") => return model.class("all").map(|_| None),
            Some(names) => names.split(',').map(|name| model.class(name.trim())).collect::<Result<_>>()?,
        };
        let of = |index: u64| Some(wanted[(index % wanted.len() as u64) as usize]);
        Ok(Some((0..self.n as u64).map(|index| of(self.first + index)).collect()))
    }

    fn draw(
        &self,
        shell: &Shell,
        model: &Model,
        drawing: &SamplePlan,
        device: &Device,
        signal: &AtomicI32,
    ) -> Result<(Vec<Picture>, Vec<Picture>)> {
        let bar = if shell.is_live() { ProgressBar::new(1000) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{bar:24} {percent}% {elapsed} eta {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let mut frames: Vec<Vec<Picture>> = Vec::new();
        let wants_film = self.trajectory.is_some();
        let made = sampling::sample(model, drawing, device, |at| {
            bar.set_position((at.fraction() * 1000.0) as u64);
            if signal.load(Ordering::Relaxed) != 0 {
                drawing.cancel.store(true, Ordering::Relaxed);
            }
            if wants_film && at.offset < FILM {
                let frame = at.progress.step - 1;
                frames.resize(frames.len().max(frame + 1), Vec::new());
                // Shown at the scale of pictures, whatever the process makes of it.
                let level = at.progress.level;
                let shown = at
                    .progress
                    .x
                    .clone()
                    .div_scalar((level.alpha * level.alpha + level.sigma * level.sigma).sqrt().max(1e-9));
                frames[frame]
                    .extend(batch_to_pictures(model.previews(shown)).into_iter().take(FILM - at.offset));
            }
        });
        bar.finish_and_clear();
        let made = made.map_err(|error| interrupted(error, signal))?;
        let film = frames.iter().map(|pictures| sheet(&model.info, pictures)).collect();
        Ok((made, film))
    }

    fn write(
        &self,
        model: &Model,
        drawing: &SamplePlan,
        pictures: &[Picture],
        film: &[Picture],
        files: &[PathBuf],
        seconds: f64,
    ) -> Result<()> {
        let text = |index| {
            if self.no_metadata { Vec::new() } else { Recipe::of(model, drawing, index).to_text() }
        };
        let mut written: Vec<&Path> = Vec::new();
        for (index, (file, picture)) in files.iter().zip(pictures).enumerate() {
            write_file(file, &png::encode(picture, &text(index))?)?;
            written.push(file);
        }
        if let Some(file) = &self.grid {
            write_file(file, &png::encode(&sheet(&model.info, pictures), &[])?)?;
            written.push(file);
        }
        if let Some(file) = &self.trajectory {
            write_file(file, &gif::encode(film, 8)?)?;
            written.push(file);
        }
        if self.json {
            let result = serde_json::json!({
                "files": written, "seed": drawing.seed, "seconds": seconds,
                "images_per_second": pictures.len() as f64 / seconds, "model_hash": model.hash(),
            });
            return outputs::result(&result.to_string());
        }
        // A fresh or named folder is one line; the files in it speak for themselves.
        match files.first().and_then(|file| file.parent()) {
            Some(folder) if files.len() > 1 => outputs::result(&folder.display().to_string())?,
            _ => {}
        }
        let rest = if files.len() > 1 { &written[files.len()..] } else { &written[..] };
        rest.iter().try_for_each(|file| outputs::result(&file.display().to_string()))
    }
}

fn interrupted(error: Error, signal: &AtomicI32) -> Error {
    match signal.load(Ordering::Relaxed) {
        0 => error,
        signal => Error::new(
            langevin::ErrorKind::Interrupted(signal),
            "sampling was interrupted; nothing was written",
        ),
    }
}

fn read_recipe(file: &Path) -> Result<Recipe> {
    let bytes =
        std::fs::read(file).map_err(|error| Error::bad_input(format!("{}: {error}", file.display())))?;
    let recipe = Recipe::read(&bytes).map_err(|error| error.within(file.display()))?;
    if recipe.init_noise {
        return Err(Error::usage(format!(
            "{}: was drawn from noise in a file, which it does not carry",
            file.display()
        ))
        .hint("draw again with the same --init-noise"));
    }
    Ok(recipe)
}

/// The start noise in `file`.
pub(super) fn read_noise(file: &Path, device: &Device) -> Result<Tensor<4>> {
    let bytes =
        std::fs::read(file).map_err(|error| Error::bad_input(format!("{}: {error}", file.display())))?;
    npy::decode(&bytes, device).map_err(|error| error.within(file.display()))
}

/// The start noise in `file`, which must be for `count` pictures of the model's shape.
fn noise_for(file: &Path, count: usize, [c, h, w]: [usize; 3], device: &Device) -> Result<Tensor<4>> {
    let noise = read_noise(file, device)?;
    let (found, wanted) = (noise.dims(), [count, c, h, w]);
    if found == wanted {
        return Ok(noise);
    }
    let error =
        Error::bad_input(format!("{}: noise of shape {found:?}, where {wanted:?} is needed", file.display()));
    Err(if found[1..] == wanted[1..] { error.hint(format!("or draw with -n {}", found[0])) } else { error })
}

/// A seed from the clock, short enough to type.
pub(super) fn random_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = now.map_or(0, |d| d.as_nanos() as u64) ^ u64::from(std::process::id()).rotate_left(32);
    // One round of a mixing function, so that close times give far seeds.
    (nanos.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) & 0xffff_ffff
}
