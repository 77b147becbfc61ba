//! `langevin denoise`: take the noise out of images of any size.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use langevin::core::Stop;
use langevin::denoising::{self, Denoised, Quality, Request, Values};
use langevin::files::write_file;
use langevin::model::windows::Plan;
use langevin::train::peak_bytes;
use langevin::{Device, Error, ErrorKind, Image, Model, Result, data, figures::png};
use serde_json::{Value, json};

use crate::outputs::{self, Claim};
use crate::shell::{self, Shell};

/// The arguments of `denoise`.
#[derive(Args)]
#[command(
    after_help = "The noise is taken for independent from pixel to pixel and as strong everywhere. Gray, RGB, RGBA and 16 bits stay what
they are, alpha stays as it is, sample for sample; a model of gray images takes each colour by itself.

Examples:
  langevin denoise runs/photo-gray photo.png --sigma 25 -o clean.png
  langevin denoise runs/photo-gray scans/*.png -o clean/             (the noise is estimated)
  langevin denoise runs/photo-gray photo.png --sigma 25 --samples 8  (mean and standard deviation of 8 draws)
  langevin denoise runs/photo-gray set12/*.png --sigma 25 --simulate --json"
)]
pub struct Denoise {
    /// A run folder, a model.safetensors, a diffusers folder, or builtin:NAME.
    model: String,
    /// Images: png, jpeg, webp, bmp, tiff or gif.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Standard deviation of the noise in units of 0 to 255 of the image, or `auto`: estimated from each image.
    #[arg(long, default_value = "auto", value_name = "SIGMA|auto", allow_hyphen_values = true)]
    sigma: String,
    /// mean: the one image of least expected error; sample: a draw of what the image may have been.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Draw so many samples, and write their mean and standard deviation too.
    #[arg(long, value_name = "K", value_parser = shell::from_1_to::<10_000>())]
    samples: Option<usize>,
    /// Steps of each draw.
    #[arg(long, default_value_t = 20, value_parser = shell::from_1_to::<10_000>())]
    steps: usize,
    /// Sampler of draws, as in `langevin list samplers`; one that adds noise.
    #[arg(long, default_value = "ddpm")]
    sampler: String,
    /// Answer with the mean over the eight turns and reflections of the image: a little nearer to the truth, for eight times the work.
    #[arg(long)]
    ensemble: bool,
    /// Take the images for clean ones and add noise first: of --sigma, or of the strength given here.
    #[arg(long, value_name = "SIGMA", num_args = 0..=1, require_equals = true, default_missing_value = "sigma")]
    simulate: Option<String>,
    /// The clean image, or a folder of clean images of the same names, to compare with; with --simulate the image itself.
    #[arg(long, value_name = "IMAGE|DIR")]
    reference: Option<PathBuf>,
    /// Seed of draws and of simulated noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Memory for the windows that an image is divided into, in MiB.
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = shell::from_1_to::<1_048_576>())]
    memory: usize,
    /// A folder, or a .png file for one image (samples: NAME-sample-0000.png...) [default: a fresh folder].
    #[arg(short, value_name = "DIR|FILE")]
    output: Option<String>,
    /// Leave the recipe out of the images.
    #[arg(long)]
    no_metadata: bool,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// An estimate below this, in units of 0 to 255, is no noise.
const LEAST: f64 = 0.1;

/// What is made of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    Mean,
    Sample,
}

/// A noise as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sigma {
    Known(f64),
    Auto,
}

/// One image's part of the work.
struct Task {
    image: PathBuf,
    reference: Option<PathBuf>,
    /// The file of the result.
    result: PathBuf,
    /// The file of the standard deviation.
    deviation: Option<PathBuf>,
    /// The files of the samples.
    samples: Vec<PathBuf>,
}

impl Denoise {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let sigma = self.sigma(shell)?;
        let simulated = self.simulated(sigma, shell)?;
        let draws = self.draws()?;
        let tasks = self.tasks(draws)?;
        let (device, line) = shell.compute("f32")?;
        let model = Model::open_pixels(&self.model, &device)?;
        for note in &model.notes {
            shell.warn(&format!("{}: {note}", self.model));
        }
        let files = tasks
            .iter()
            .flat_map(|task| [&task.result].into_iter().chain(&task.deviation).chain(&task.samples));
        let files: Vec<&Path> = files.map(PathBuf::as_path).collect();
        files.iter().try_for_each(|file| outputs::check_ending(file, "png"))?;
        let claim = Claim::new(files, self.force)?;
        shell.say(&format!("{line}, seed {}", self.seed));
        let signal = shell::signals()?;
        let mut reports = Vec::new();
        for (index, task) in tasks.iter().enumerate() {
            let work =
                Work { shell, model: &model, device: &device, signal: &signal, sigma, simulated, draws };
            reports.push(work.of(&self, task, index as u64)?);
        }
        drop(claim);
        self.summary(shell, &reports)
    }

    fn sigma(&self, shell: &Shell) -> Result<Sigma> {
        if self.sigma == "auto" {
            return Ok(Sigma::Auto);
        }
        number(&self.sigma, "--sigma", shell).map(Sigma::Known)
    }

    /// The noise to add.
    fn simulated(&self, sigma: Sigma, shell: &Shell) -> Result<Option<f64>> {
        match (self.simulate.as_deref(), sigma) {
            (None, _) => Ok(None),
            (Some("sigma"), Sigma::Known(sigma)) => Ok(Some(sigma)),
            (Some("sigma"), Sigma::Auto) => {
                Err(Error::usage("--simulate: how much noise to add is not said")
                    .hint("give --sigma 25, or --simulate=25"))
            }
            (Some(own), _) => number(own, "--simulate", shell).map(Some),
        }
    }

    fn draws(&self) -> Result<usize> {
        match (self.mode, self.samples) {
            (Some(Mode::Mean), Some(_)) => Err(Error::usage("--mode mean makes one image, and no samples")
                .hint("leave --samples out, or --mode: several samples come with their mean")),
            (_, Some(count)) => Ok(count),
            (Some(Mode::Sample), None) => Ok(1),
            (_, None) => Ok(0),
        }
    }

    fn tasks(&self, draws: usize) -> Result<Vec<Task>> {
        let folder = |path: &Path| path.is_dir();
        if let Some(reference) =
            self.reference.as_deref().filter(|path| !folder(path) && self.images.len() > 1)
        {
            return Err(Error::usage(format!(
                "{}: is one reference for {} images",
                reference.display(),
                self.images.len()
            ))
            .hint("give a folder of images with the same names"));
        }
        let wanted = self.output.as_deref();
        let bases = outputs::image_files(wanted, self.images.len(), "denoised");
        let named = wanted.is_some_and(|path| {
            !path.ends_with('/') && !Path::new(path).is_dir() && Path::new(path).extension().is_some()
        });
        let mut seen = BTreeSet::new();
        let task = |(image, base): (&PathBuf, PathBuf)| -> Result<Task> {
            let stem = image.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            // A folder takes the images' own names; two of the same name get numbers.
            let own = base.with_file_name(format!("{stem}.png"));
            let result = if named || !seen.insert(own.clone()) { base } else { own };
            let beside = |what: String| {
                let stem = result.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                result.with_file_name(format!("{stem}-{what}.png"))
            };
            let several = draws > 1;
            let reference = self.reference.as_deref().map(|reference| {
                if folder(reference) { same_name(reference, &stem) } else { Ok(reference.to_owned()) }
            });
            Ok(Task {
                image: image.clone(),
                reference: reference.transpose()?,
                deviation: several.then(|| beside("std".to_owned())),
                samples: if several {
                    (0..draws).map(|k| beside(format!("sample-{k:04}"))).collect()
                } else {
                    vec![]
                },
                result: if several { beside("mean".to_owned()) } else { result },
            })
        };
        self.images.iter().zip(bases).map(task).collect()
    }

    fn summary(&self, shell: &Shell, reports: &[Report]) -> Result<()> {
        let mean = |of: &dyn Fn(&Compared) -> Quality| {
            let all: Vec<Quality> =
                reports.iter().filter_map(|report| report.compared.as_ref()).map(of).collect();
            let count = all.len() as f64;
            let psnr = all.iter().map(|quality| quality.psnr).sum::<f64>() / count;
            let ssim = all.iter().map(|quality| quality.ssim).sum::<Option<f64>>().map(|sum| sum / count);
            (!all.is_empty()).then_some(Quality { psnr, ssim })
        };
        let (input, result) = (mean(&|c| c.input), mean(&|c| c.result));
        let classical = mean(&|c| c.classical);
        if let (Some(input), Some(result), Some(classical)) = (input, result, classical)
            && reports.len() > 1
        {
            shell.say(&format!(
                "mean of {}: input {}, result {}, non-local means {}",
                reports.len(),
                words(input),
                words(result),
                words(classical)
            ));
        }
        if self.json {
            let result = json!({
                "images": reports.iter().map(|report| &report.json).collect::<Vec<_>>(),
                "mean": result.map(|result| json!({ "input": input, "result": result, "non_local_means": classical })),
                "peak_bytes": peak_bytes(),
            });
            return outputs::result(&result.to_string());
        }
        reports
            .iter()
            .flat_map(|report| &report.files)
            .try_for_each(|file| outputs::result(&file.display().to_string()))
    }
}

/// A noise that was given as a number.
fn number(text: &str, flag: &str, shell: &Shell) -> Result<f64> {
    let value: f64 = text.trim().parse().map_err(|_| {
        Error::usage(format!("{flag} {text}: is no number"))
            .hint("give the noise in units of 0 to 255, or auto")
    })?;
    if !(value > 0.0 && value <= 255.0) {
        let error = Error::usage(format!("{flag} {text}: must be more than 0 and at most 255"));
        return Err(error.hint("it is a standard deviation in units of 0 to 255: 25 is strong noise"));
    }
    if value < 1.0 {
        shell.warn(&format!(
            "{flag} {text} is less than one step of 255; if it was meant for pixels from 0 to 1, it is {:.4}",
            value * 255.0
        ));
    }
    Ok(value)
}

/// The image called `stem` in `folder`.
fn same_name(folder: &Path, stem: &str) -> Result<PathBuf> {
    let bad = |what: String| Error::bad_input(format!("{}: {what}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(|error| bad(error.to_string()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && path.file_stem().is_some_and(|own| own == stem))
        .collect();
    found.sort();
    found.into_iter().next().ok_or_else(|| bad(format!("holds no image called {stem}")))
}

/// Qualities of one image.
#[derive(Debug, Clone, Copy)]
struct Compared {
    input: Quality,
    result: Quality,
    classical: Quality,
}

/// What became of one image.
struct Report {
    json: Value,
    files: Vec<PathBuf>,
    compared: Option<Compared>,
}

fn words(quality: Quality) -> String {
    let ssim = quality.ssim.map_or(String::new(), |ssim| format!(" ({ssim:.4})"));
    format!("{:.2} dB{ssim}", quality.psnr)
}

/// What the work on every image shares.
struct Work<'a> {
    shell: &'a Shell,
    model: &'a Model,
    device: &'a Device,
    signal: &'a Stop,
    sigma: Sigma,
    simulated: Option<f64>,
    draws: usize,
}

impl Work<'_> {
    fn of(&self, command: &Denoise, task: &Task, index: u64) -> Result<Report> {
        let start = Instant::now();
        let name = task.image.display().to_string();
        let image = data::read_image(&task.image)?;
        let reference = task.reference.as_ref().map(data::read_image).transpose()?;
        let mut noisy = Values::of(&image);
        if let Some(sigma) = self.simulated {
            noisy = noisy.with_noise(sigma / 127.5, command.seed, index);
        }
        let (sigma, estimated) = match self.sigma {
            Sigma::Known(sigma) => (sigma, false),
            Sigma::Auto => (denoising::estimate(&noisy).map_err(|error| error.within(&name))?, true),
        };
        let shape = [noisy.channels, noisy.height, noisy.width];
        let plan = denoising::plan(self.model, shape, (command.memory as u64) << 20)
            .map_err(|error| error.within(&name))?;
        self.announce(&name, &image, &plan, sigma, estimated);
        if estimated && sigma < LEAST {
            return Err(Error::usage(format!(
                "{name}: no noise is found in it, so there is nothing to remove"
            ))
            .hint("say how strong it is with --sigma, in units of 0 to 255"));
        }
        let request = Request {
            sigma: sigma.min(255.0),
            draws: self.draws,
            ensemble: command.ensemble,
            sampler: command.sampler.clone(),
            steps: command.steps,
            seed: command.seed,
            image: index,
        };
        let text = |what: &str| self.recipe(command, &request, &name, what);
        let mut files = Vec::new();
        let profile = data::read_profile(&task.image);
        let mut write = |file: &Path, image: &Image, what: &str| -> Result<()> {
            let profile = profile.as_deref().filter(|_| what != "std");
            write_file(file, &png::encode_with_profile(image, &text(what), profile)?)?;
            files.push(file.to_owned());
            Ok(())
        };
        let made = self.denoise(&plan, &noisy, &request, |draw, values| match task.samples.get(draw) {
            Some(file) => write(file, &values.to_image(&image), "sample"),
            None => Ok(()),
        })?;
        let result = made.mean.to_image(&image);
        write(&task.result, &result, if self.draws == 1 { "sample" } else { "mean" })?;
        if let (Some(file), Some(deviation)) = (&task.deviation, &made.deviation) {
            write(file, &deviation.deviations_to_image(sigma / 127.5), "std")?;
        }
        self.residual(&made, sigma);
        let seconds = start.elapsed().as_secs_f64();
        let clean = reference.as_ref().or(self.simulated.map(|_| &image));
        let compared = clean.map(|clean| self.compare(&image, noisy, &result, clean, sigma)).transpose();
        let compared = compared.map_err(|error| error.within(&name))?;
        let json = json!({
            "image": name, "files": files, "sigma": sigma, "estimated": estimated, "simulated": self.simulated,
            "residual": made.residual, "residual_error": made.residual_error,
            "std": made.deviation.as_ref().map(Values::mean_in_pixels),
            "input": compared.map(|c| c.input), "result": compared.map(|c| c.result),
            "non_local_means": compared.map(|c| c.classical), "seconds": seconds,
        });
        self.shell.say(&format!("  {seconds:.1} s"));
        Ok(Report { json, files, compared })
    }

    fn announce(&self, name: &str, image: &Image, plan: &Plan, sigma: f64, estimated: bool) {
        let how = if estimated { " as estimated, for noise alike in every pixel" } else { "" };
        let (side, bytes) = (plan.windows.side, shell::bytes(plan.bytes));
        let size = if plan.any_size { "" } else { ", the size it was trained on" };
        self.shell.say(&format!(
            "{name}: {}x{}, sigma {sigma:.2} of 255{how}; windows of up to {side} pixels{size}, {bytes} for them",
            image.width, image.height
        ));
        if plan.channels == 1 && image.channels > 2 {
            self.shell.say("  a model of gray images: each colour is taken by itself");
        }
        let (lowest, highest) = denoising::range(self.model);
        if sigma < lowest || sigma > highest {
            self.shell.warn(&format!(
                "{name}: the model was trained for noise from {lowest:.2} to {highest:.0} of 255, and this is {sigma:.2}"
            ));
        }
    }

    fn denoise(
        &self,
        plan: &Plan,
        noisy: &Values,
        request: &Request,
        drawn: impl FnMut(usize, &Values) -> Result<()>,
    ) -> Result<Denoised> {
        let bar = if self.shell.is_live() { ProgressBar::new(1000) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{bar:24} {percent}% {elapsed} eta {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let told = |share: f64| {
            bar.set_position((share * 1000.0) as u64);
            !self.signal.is_requested()
        };
        let made = denoising::denoise(self.model, plan, noisy, request, self.device, told, drawn);
        bar.finish_and_clear();
        made.map_err(|error| match self.signal.signal() {
            None => error,
            Some(signal) => Error::new(ErrorKind::Interrupted(signal), "denoising was interrupted"),
        })
    }

    fn residual(&self, made: &Denoised, sigma: f64) {
        let Denoised { residual, residual_error, deviation, .. } = made;
        let expected = if self.draws == 0 { "at most 1 for a mean" } else { "1 for draws" };
        self.shell.say(&format!(
            "  chi-square of what was taken out: {residual:.3} of the noise's variance for each value ({expected}, give or take {residual_error:.3})"
        ));
        if let Some(deviation) = deviation {
            self.shell.say(&format!(
                "  standard deviation of the draws: {:.2} of 255 on average; white in its image is {sigma:.2}",
                deviation.mean_in_pixels()
            ));
        }
    }

    fn compare(
        &self,
        image: &Image,
        noisy: Values,
        result: &Image,
        clean: &Image,
        sigma: f64,
    ) -> Result<Compared> {
        let input = denoising::quality(&noisy.to_image(image), clean)?;
        let classical = denoising::baseline(&noisy, sigma);
        drop(noisy);
        let classical = denoising::quality(&classical.to_image(image), clean)?;
        let compared = Compared { input, result: denoising::quality(result, clean)?, classical };
        self.shell.say(&format!(
            "  PSNR (SSIM): input {}, result {}, non-local means {}",
            words(compared.input),
            words(compared.result),
            words(compared.classical)
        ));
        Ok(compared)
    }

    fn recipe(
        &self,
        command: &Denoise,
        request: &Request,
        image: &str,
        what: &str,
    ) -> Vec<(&'static str, String)> {
        if command.no_metadata {
            return Vec::new();
        }
        let recipe = json!({
            "command": "denoise", "made": what, "image": image, "model": command.model, "model_hash": self.model.hash(),
            "sigma": request.sigma, "ensemble": request.ensemble, "samples": request.draws, "sampler": request.sampler, "steps": request.steps,
            "seed": request.seed, "simulated": self.simulated, "version": env!("CARGO_PKG_VERSION"),
        });
        vec![("langevin", recipe.to_string())]
    }
}
