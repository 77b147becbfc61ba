//! What `restore`, `inpaint`, `upscale`, `deblur` and `edit` share: flags, files, the work and what is said of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use langevin::files::write_file;
use langevin::kernels::Arithmetic;
use langevin::model::Prompts;
use langevin::model::{Task, TaskKind};
use langevin::restoration::{self, Degraded, Mode, RestorePlan, Restored, Trained};
use langevin::restore::{METHODS, Noise, Operator, Shape, noises};
use langevin::{Device, Error, ErrorKind, Image, Model, Result, Tensor, data, figures::png};
use serde_json::{Value, json};

use super::calibrating::Calibrating;
use super::trained::Serves;
use crate::adapt::AdaptFlags;
use crate::outputs::{self, Claim};
use crate::shell::{self, Shell, Stages};
use langevin::sampling::{random_seed, read_noise};

/// The flags of every command that restores.
#[derive(Args)]
pub struct Common {
    /// A run folder, a model.safetensors, a diffusers folder, a checkpoint of Stable Diffusion, or builtin:NAME.
    pub model: String,
    /// Images: png, jpeg, webp, bmp, tiff or gif.
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// Steps [default: 50; of a model that was trained to restore, its own].
    #[arg(long, value_parser = shell::from_1_to::<10_000>())]
    steps: Option<usize>,
    /// Begin at this noise, in units of 0 to 255, around the image as it is restored without a model, rather than with noise alone:
    /// fewer steps, and nearer to what was measured [default: noise alone; 50 for a model of parts of images, such as
    /// builtin:photo-gray, unless --spacing is named].
    #[arg(long, value_name = "SIGMA")]
    start_sigma: Option<f64>,
    /// Spacing of noise levels, as in `langevin list spacings` [default: the model's].
    #[arg(long)]
    spacing: Option<String>,
    /// Images to draw for each input; several give their mean and standard deviation too.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = shell::from_1_to::<100_000>())]
    samples: usize,
    /// Seed [default: random, and said].
    #[arg(long)]
    seed: Option<u64>,
    /// Start from this noise: float32 NumPy file of shape n,c,h,w with variance 1, n for --samples, the others those of what the
    /// model denoises.
    #[arg(long, value_name = "FILE.npy")]
    init_noise: Option<PathBuf>,
    /// The class of the images, by name or number.
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// What the images show, in words, for a model that is told of texts.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// What they should not show; guidance leads away from it.
    #[arg(long, value_name = "TEXT", requires = "prompt")]
    negative: Option<String>,
    /// Strength of guidance towards class or words; 1 is none [default: with --prompt the model's, else 1].
    #[arg(long, value_name = "SCALE")]
    cfg_scale: Option<f64>,
    #[command(flatten)]
    adapt: AdaptFlags,
    /// Do not clamp denoised images to the range of images.
    #[arg(long)]
    no_clip: bool,
    /// Compute convolutions without transforms: slower, and nearer to other programs.
    #[arg(long)]
    exact: bool,
    /// Images at once; changes speed and memory alone.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<65_536>())]
    batch_size: usize,
    /// Memory for the windows that an image of another size than the model's is divided into, in MiB.
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = shell::from_1_to::<1_048_576>())]
    memory: usize,
    /// A folder, or for one input a .png file; what else is written is named after it [default: a fresh folder].
    #[arg(short, value_name = "DIR|FILE")]
    output: Option<String>,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// The flags of commands that take a measurement for what it is.
#[derive(Args)]
pub struct Measuring {
    /// How to restore, as in `langevin list methods` [default: by operator and noise exact, diffpir, ddnm or dps].
    #[arg(long, value_name = "NAME:key=value")]
    pub method: Option<String>,
    /// Noise of the images: a standard deviation in units of 0 to 255, or one of `langevin list noises` [default: 0, and for a
    /// blurred image that of its rounding].
    #[arg(long, value_name = "S|NAME:key=value", allow_negative_numbers = true)]
    pub noise: Option<String>,
    /// The images are clean: degrade them first, and compare with them.
    #[arg(long)]
    pub simulate: bool,
    /// The true image, to compare with.
    #[arg(long, value_name = "IMAGE", conflicts_with = "simulate")]
    pub reference: Option<PathBuf>,
}

/// One command's own part of the work.
pub struct Job<'a> {
    /// The method, if one is named.
    pub method: Option<String>,
    /// The noise, if one is named.
    pub noise: Option<&'a str>,
    /// Whether an image without a named noise has that of its rounding, for methods that take noise.
    pub rounded: bool,
    /// Whether the images are clean.
    pub simulate: bool,
    /// The true image.
    pub reference: Option<&'a Path>,
    /// The operator for an image with the channels of the model.
    pub operator: &'a dyn Fn(&Image, usize) -> Result<Box<dyn Operator>>,
    /// Whether agreement with the measurement is worth saying.
    pub reports: bool,
    /// What it can do with a model that was trained for a task.
    pub serves: Serves<'a>,
}

/// The files that one input gives.
struct Files {
    main: PathBuf,
    drawn: Vec<PathBuf>,
    deviation: Option<PathBuf>,
    degraded: Option<PathBuf>,
}

impl Common {
    /// Does the work.
    pub fn run(&self, shell: &Shell, job: &Job<'_>) -> Result<()> {
        let (device, line) = shell.compute("f32")?;
        let noise = job.noise.map(|spec| noise(spec, shell)).transpose()?;
        if let Some(method) = &job.method {
            METHODS.build(method)?;
        }
        let mut model = self.adapt.open(&self.model, &device)?;
        if self.exact {
            model.denoiser = model.denoiser.with_arithmetic(Arithmetic::Exact);
        }
        let trained = job.serves.of(&model)?;
        for note in &model.notes {
            shell.warn(&format!("{}: {note}", self.model));
        }
        let mut restoring = self.restoring(job.method.as_deref(), &model)?;
        restoring.sampler = job.serves.sampler().map(str::to_owned);
        restoring.start = self.start(&device)?;
        let degraded = self.degraded(job, &model, noise.as_deref(), restoring.seed, &device)?;
        let files = self.files(job.simulate)?;
        let all = files.iter().flat_map(Files::all);
        let _claim = Claim::new(all, self.force)?;
        let steps = match &trained {
            Some(Trained { mode: Mode::Mean, .. }) => "one step".to_owned(),
            _ => format!("{} steps", restoring.steps),
        };
        shell.say(&format!("{line}, seed {}; {}, {steps}", restoring.seed, self.model));
        let signal = shell::signals()?;
        let mut stages = Stages::new(shell);
        let mut results = Vec::new();
        for ((image, degraded), files) in self.images.iter().zip(degraded).zip(&files) {
            let name = image.display().to_string();
            let start = Instant::now();
            let looks = degraded.image.clone();
            let told = |done| {
                stages.at(&name, done);
            };
            let restored = match &trained {
                None => restoration::restore(&model, degraded, &restoring, &device, told),
                Some(how) => restoration::restore_trained(&model, degraded, &restoring, how, &device, told),
            };
            let restored = restored.map_err(|error| match signal.signal() {
                None => error.within(&name),
                Some(signal) => {
                    Error::new(ErrorKind::Interrupted(signal), format!("{name}: was interrupted"))
                }
            })?;
            let seconds = start.elapsed().as_secs_f64();
            stages.finish();
            let recipe = self.recipe(job, &model, &restored, &restoring);
            let written = files.write(&restored, &looks, &recipe, data::read_profile(image).as_deref())?;
            self.tell(shell, job, &name, &restored, seconds);
            results.push(self.result(&name, &restored, &written, seconds));
            if !self.json {
                written.iter().try_for_each(|file| outputs::result(&file.display().to_string()))?;
            }
        }
        if self.json {
            let result = json!({"images": results, "seed": restoring.seed, "model_hash": model.hash()});
            return outputs::result(&result.to_string());
        }
        Ok(())
    }

    /// Says how far the draws of methods can be trusted on these images.
    pub fn calibrate(
        &self,
        shell: &Shell,
        operator: &dyn Fn(Shape) -> Result<Box<dyn Operator>>,
        method: Option<&str>,
        noise_spec: Option<&str>,
    ) -> Result<()> {
        let (device, line) = shell.compute("f32")?;
        let noise = noise(noise_spec.unwrap_or("0"), shell)?;
        let model = Model::open_pixels(&self.model, &device)?;
        let mut restoring = self.restoring(None, &model)?;
        // Nine draws give intervals of 80, 60, 40 and 20%.
        restoring.samples = if self.samples > 1 { self.samples } else { 9 };
        shell.say(&format!(
            "{line}, seed {}; {}, {} steps, {} draws",
            restoring.seed, self.model, restoring.steps, restoring.samples
        ));
        let (model, images, noise) = (&model, self.images.as_slice(), noise.as_ref());
        Calibrating { model, images, operator, noise, method, restoring, json: self.json }.run(shell, &device)
    }

    fn restoring(&self, method: Option<&str>, model: &Model) -> Result<RestorePlan> {
        Ok(RestorePlan {
            method: method.map(str::to_owned),
            steps: self.steps.unwrap_or(if model.info.task.is_some() { model.info.sample.steps } else { 50 }),
            start_sigma: self.start_sigma,
            spacing: self.spacing.clone(),
            samples: self.samples,
            batch_size: self.batch_size,
            seed: self.seed.unwrap_or_else(random_seed),
            start: None,
            sampler: None,
            class: self.class.as_deref().map(|name| model.class(name)).transpose()?,
            words: self.prompt.clone().map(|prompt| Prompts {
                each: vec![prompt],
                negative: self.negative.clone().unwrap_or_default(),
            }),
            cfg_scale: self.cfg_scale.unwrap_or(if self.prompt.is_some() { model.cfg_scale() } else { 1.0 }),
            clip: !self.no_clip,
            memory: (self.memory as u64) << 20,
            stop: shell::signals()?,
        })
    }

    /// The noise to start from, for one image.
    fn start(&self, device: &Device) -> Result<Option<Tensor<4>>> {
        let Some(file) = &self.init_noise else { return Ok(None) };
        if self.images.len() > 1 {
            return Err(Error::usage("--init-noise is for one image")
                .hint("restore the images one by one, or leave it out"));
        }
        read_noise(file, device).map(Some)
    }

    /// Every input read and checked, before time is spent on any.
    fn degraded(
        &self,
        job: &Job<'_>,
        model: &Model,
        noise: Option<&dyn Noise>,
        seed: u64,
        device: &Device,
    ) -> Result<Vec<Degraded>> {
        if job.reference.is_some() && self.images.len() > 1 {
            return Err(Error::usage(format!("one --reference cannot go with {} images", self.images.len()))
                .hint("restore them one by one, or degrade clean ones with --simulate"));
        }
        let truth = job.reference.map(data::read_image).transpose()?;
        let rounded = job.rounded && !job.simulate && takes_noise(job.method.as_deref())?;
        let one = |(number, file): (usize, &PathBuf)| {
            let image = data::read_image(file)?;
            let make = || {
                let operator = match &model.info.task {
                    Some(task) => trained_operator(job, model, task, &image)?,
                    None => {
                        let operator = (job.operator)(&image, model.info.channels)?;
                        restoration::check_shape(model, operator.input())?;
                        operator
                    }
                };
                let number = number as u64;
                let assumed;
                let noise = match noise {
                    Some(noise) => noise,
                    None => {
                        assumed = noises::build(&if rounded { rounding(&image) } else { 0.0 }.to_string())?;
                        assumed.as_ref()
                    }
                };
                if job.simulate {
                    return Degraded::simulated(&image, operator, noise, seed, number, device);
                }
                Degraded::measured(&image, operator, noise, truth.as_ref(), number)
            };
            make().map_err(|error| error.within(file.display()))
        };
        self.images.iter().enumerate().map(one).collect()
    }

    fn files(&self, simulate: bool) -> Result<Vec<Files>> {
        let wanted = self.output.as_deref();
        let count = self.images.len();
        let plain = outputs::image_files(wanted, count, "restored");
        let one_file = wanted.is_some_and(|path| count == 1 && plain[0] == Path::new(path));
        let mut stems: Vec<String> = Vec::new();
        for (index, image) in self.images.iter().enumerate() {
            let stem = image.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            // Images of one name from several folders are told apart by their number.
            stems.push(if stems.contains(&stem) { format!("{stem}-{index}") } else { stem });
        }
        let files: Vec<Files> = plain
            .iter()
            .zip(&stems)
            .map(|(plain, stem)| {
                let folder = plain.parent().unwrap_or(Path::new("")).to_owned();
                // A folder takes the inputs' names, a file gives its own.
                let named = wanted
                    .is_some_and(|path| Path::new(path).extension().is_some() && !Path::new(path).is_dir());
                let stem = match named {
                    true => plain.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                    false => stem.clone(),
                };
                let with = |end: &str| folder.join(format!("{stem}{end}.png"));
                let several = self.samples > 1;
                let main = match (one_file, several) {
                    (true, _) => plain.clone(),
                    (_, true) => with("-mean"),
                    _ => with(""),
                };
                Files {
                    main,
                    drawn: if several {
                        (0..self.samples).map(|k| with(&format!("-{k:04}"))).collect()
                    } else {
                        Vec::new()
                    },
                    deviation: several.then(|| with("-deviation")),
                    degraded: simulate.then(|| with("-degraded")),
                }
            })
            .collect();
        let same =
            |a: &Path, b: &Path| a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
        for file in files.iter().flat_map(Files::all) {
            outputs::check_ending(file, "png")?;
            if let Some(input) = self.images.iter().find(|input| same(file, input)) {
                return Err(Error::usage(format!("{}: would be overwritten by its result", input.display()))
                    .hint("give another folder or file with -o"));
            }
        }
        Ok(files)
    }

    fn recipe(&self, job: &Job<'_>, model: &Model, restored: &Restored, restoring: &RestorePlan) -> String {
        format!(
            "Steps: {}, Method: {:?}, Noise: {:?}, Seed: {}, Model hash: {}, Model: {}{}, Version: langevin {}",
            restoring.steps,
            restored.method,
            job.noise.map_or_else(|| restored.report.noise.to_string(), str::to_owned),
            restoring.seed,
            model.hash(),
            model.name,
            model.adaptation().to_a1111(),
            env!("CARGO_PKG_VERSION")
        )
    }

    fn tell(&self, shell: &Shell, job: &Job<'_>, name: &str, restored: &Restored, seconds: f64) {
        shell.say(&format!(
            "{name}: {}, {} calls, {seconds:.1} s",
            restored.method,
            restored.report.calls * self.samples
        ));
        if job.reports {
            restored.report.lines().iter().for_each(|line| shell.say(&format!("  {line}")));
            if let Some(doubt) = restored.report.doubt() {
                shell.warn(&format!("{name}: {doubt}"));
            }
        }
        if let Some(deviation) = &restored.deviation {
            shell.say(&format!(
                "  standard deviation {:.2} of 255; white in its image is {:.2}",
                deviation.mean, deviation.white
            ));
        }
    }

    fn result(&self, name: &str, restored: &Restored, written: &[&Path], seconds: f64) -> Value {
        let deviation = restored.deviation.as_ref();
        json!({
            "input": name, "files": written, "method": restored.method, "seconds": seconds,
            "report": restored.report,
            "deviation": deviation.map(|deviation| json!({"mean": deviation.mean, "white": deviation.white})),
        })
    }
}

impl Files {
    fn all(&self) -> impl Iterator<Item = &Path> {
        let more = self.deviation.iter().chain(&self.degraded);
        [&self.main].into_iter().chain(&self.drawn).chain(more).map(PathBuf::as_path)
    }

    fn write(
        &self,
        restored: &Restored,
        degraded: &Image,
        recipe: &str,
        profile: Option<&[u8]>,
    ) -> Result<Vec<&Path>> {
        let text = [("parameters", recipe.to_owned())];
        let main = restored.mean.as_ref().unwrap_or(&restored.drawn[0]);
        write_file(&self.main, &png::encode_with_profile(main, &text, profile)?)?;
        for (file, image) in self.drawn.iter().zip(&restored.drawn) {
            write_file(file, &png::encode_with_profile(image, &text, profile)?)?;
        }
        if let (Some(file), Some(deviation)) = (&self.deviation, &restored.deviation) {
            write_file(file, &png::encode(&deviation.image, &text)?)?;
        }
        if let Some(file) = &self.degraded {
            write_file(file, &png::encode_with_profile(degraded, &[], profile)?)?;
        }
        Ok(self.all().collect())
    }
}

/// The operator that a restorer undoes: its own, where it enlarges.
fn trained_operator(job: &Job<'_>, model: &Model, task: &Task, image: &Image) -> Result<Box<dyn Operator>> {
    let operator = match task.kind {
        TaskKind::Inpaint => (job.operator)(image, model.info.channels)?,
        TaskKind::Upscale => {
            let shape = clean_shape(task.operator(), image, model.info.channels, job.simulate)?;
            restoration::known_operator(task, shape)?
        }
    };
    restoration::check_trained(model, task, operator.as_ref())?;
    Ok(operator)
}

/// The noise that `--noise` asks for.
fn noise(spec: &str, shell: &Shell) -> Result<Box<dyn Noise>> {
    let made = noises::build(spec).map_err(|error| error.within("--noise"))?;
    if spec.parse::<f64>().is_ok_and(|sigma| sigma > 0.0 && sigma < 1.0) {
        shell.warn(&format!("--noise {spec} is less than one step of 255; 25 is strong noise"));
    }
    Ok(made)
}

/// Whether the method, if one is named, can do with noise.
fn takes_noise(method: Option<&str>) -> Result<bool> {
    Ok(method.map(|method| METHODS.build(method)).transpose()?.is_none_or(|method| !method.needs().noiseless))
}

/// The noise of rounding the samples of `image`: `1 / sqrt(12)` of a step, in units of 0 to 255.
fn rounding(image: &Image) -> f64 {
    let steps = if matches!(image.samples, data::Samples::U8(_)) { 255.0 } else { 65535.0 };
    255.0 / steps / 12.0_f64.sqrt()
}

/// The image in a file, for masks and kernels.
pub fn open(name: &str) -> Result<Image> {
    data::read_image(name)
}

/// The shape of the clean image: that of an image that is clean, or of one that `spec` makes the image from. A model of gray
/// images restores the colours of an image one by one.
pub fn clean_shape(spec: &str, image: &Image, channels: usize, simulate: bool) -> Result<Shape> {
    let shape = restoration::shape_of(image);
    if simulate {
        return Ok(shape);
    }
    let channels = if channels == 1 { shape[0] } else { channels };
    langevin::restore::operators::shape_for(spec, shape, channels, &open)
}
