//! `langevin train`: train a model on images.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use langevin::data::OpenOptions;
use langevin::train::{Event, Forecast, Step};
use langevin::training::fine_tuning;
use langevin::training::presets::settings_layers;
use langevin::training::{self, Prepared, TrainRequest};
use langevin::{Device, Error, Model, Result};

use crate::outputs;
use crate::shell::{self, Shell};

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
    /// The run's folder; a run that is there already is taken up again.
    #[arg(short, long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// What for: generate draws images; denoise takes noise out of photographs; upscale and inpaint train a restorer, which
    /// is told of the degraded image; autoencoder learns the latents for --latent [default: the preset's].
    #[arg(long, value_enum)]
    task: Option<Purpose>,
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
    /// Images to see in all; 64Ki and 2Mi are understood.
    #[arg(long, value_parser = count)]
    images: Option<u64>,
    /// Stop after so many minutes of training.
    #[arg(long)]
    minutes: Option<f64>,
    /// Images for one update.
    #[arg(long)]
    batch_size: Option<usize>,
    /// Seed of everything random.
    #[arg(long)]
    seed: Option<u64>,
    /// Learning rate.
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Convolve without transforms: slower, and a digit closer to the real numbers.
    #[arg(long)]
    exact: bool,
    /// Tell the network the class of each image.
    #[arg(long)]
    class_conditional: bool,
    /// Tell the network the caption of each image, through an encoder that learns with it: metadata.jsonl, or a .txt file beside
    /// each image.
    #[arg(long)]
    captions: bool,
    /// Any other setting, as `section.key=value`, for instance `train.decay="cosine"`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Go on with the run in --out; refused when there is none.
    #[arg(long)]
    resume: bool,
    /// Make one unreadable image an error.
    #[arg(long)]
    strict: bool,
    /// Store the weights of model.safetensors in 16 bits, half the size.
    #[arg(long)]
    half: bool,
    /// Say what the run would take, and stop.
    #[arg(long)]
    dry_run: bool,
    /// Print the settings as TOML, and stop.
    #[arg(long)]
    print_config: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// What a model is trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Purpose {
    Generate,
    Denoise,
    Upscale,
    Inpaint,
    Autoencoder,
}

impl Train {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let init = self.init.as_ref().map(|name| Model::open_any(name, &Device::flex())).transpose()?;
        let (preset, mut settings) = self.settings(init.as_ref())?;
        let weights = match (init.as_ref().zip(self.init.as_ref()), settings.init.clone()) {
            (Some((model, name)), _) => Some(fine_tuning::begin_with(&mut settings, model, name)?),
            (None, Some(named)) => Some(fine_tuning::begin_again(&mut settings, &named)?),
            (None, None) => None,
        };
        if self.print_config {
            return outputs::result(settings.to_toml().trim_end());
        }
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(name_of(&self.data)));
        if self.resume && langevin::train::checkpoints(&out.join("checkpoints")).is_empty() {
            return Err(Error::usage(format!("{}: there is no run to go on with", out.display()))
                .hint("leave --resume out to begin one"));
        }
        let (device, line) = shell.compute("f32")?;
        let dry_folder = self.dry_run.then(Scratch::new).transpose()?;
        let request = TrainRequest {
            data: self.data.clone(),
            settings,
            preset,
            out: dry_folder.as_ref().map_or(out.clone(), |scratch| scratch.0.clone()),
            strict: self.strict,
            dry_run: self.dry_run,
            half: self.half,
            stop: shell::signals()?,
            weights,
            lesson: None,
        };
        let prepared = training::prepare(request)?;
        shell.say(&format!("{line}, seed {}", prepared.info.seed));
        tell_data(&prepared, shell);
        let settings = prepared.settings.clone();
        let mut display = Display::new(shell);
        let outcome = prepared.train(&device, |event| display.show(event))?;
        display.finish();
        if self.dry_run {
            return Ok(());
        }
        let model = out.join("model.safetensors");
        shell.say(&format!(
            "{} images in {}{}; {}",
            outcome.images,
            shell::duration(outcome.seconds),
            if outcome.images_now == 0 { ", nothing left to do" } else { "" },
            use_of(&settings, &out),
        ));
        if self.json {
            let speed = outcome.images_now as f64 / outcome.seconds_now.max(1e-9);
            return outputs::result(
                &serde_json::json!({
                    "run": out, "model": model, "images": outcome.images, "seconds": outcome.seconds,
                    "images_per_second": speed, "complete": outcome.complete,
                })
                .to_string(),
            );
        }
        outputs::result(&model.display().to_string())
    }

    fn settings(&self, init: Option<&Model>) -> Result<(String, langevin::training::settings::Settings)> {
        let known = |model: &&Model| {
            langevin::training::presets::PRESETS.iter().any(|preset| preset.name == model.info.preset)
        };
        let preset = match (&self.preset, init.filter(known)) {
            (Some(preset), _) => preset.as_str(),
            (None, Some(model)) => model.info.preset.as_str(),
            (None, None) => self.default_preset()?,
        };
        if init.is_some() {
            self.check_init()?;
        }
        if let Some(minutes) = self.minutes.filter(|minutes| *minutes <= 0.0) {
            return Err(Error::usage(format!("--minutes {minutes}: must be more than 0")));
        }
        let mut flags = Vec::new();
        let mut flag = |key: &str, value: Option<String>| flags.extend(value.map(|v| format!("{key}={v}")));
        flag("data.size", self.size.map(|v| v.to_string()));
        flag("train.images", self.images.map(|v| v.to_string()));
        flag("train.minutes", self.minutes.map(|v| format!("{v:?}")));
        flag("train.batch_size", self.batch_size.map(|v| v.to_string()));
        flag("train.seed", self.seed.map(|v| v.to_string()));
        flag("train.learning_rate", self.learning_rate.map(|v| format!("{v:?}")));
        flag("latent.autoencoder", self.latent.as_ref().map(|name| format!("{name:?}")));
        flag("train.exact", self.exact.then(|| "true".to_owned()));
        flag("data.class_conditional", self.class_conditional.then(|| "true".to_owned()));
        flag(
            "text.layers",
            self.captions.then(|| langevin::training::settings::TextSettings::default().layers.to_string()),
        );
        match (self.task, self.scale) {
            (Some(Purpose::Upscale), scale) => {
                flag("task.kind", Some("upscale".to_owned()));
                flag("task.operator", scale.map(|scale| format!("bicubic:scale={scale}")));
            }
            (Some(Purpose::Inpaint), None) => flag("task.kind", Some("inpaint".to_owned())),
            (_, None) => {}
            (_, Some(_)) => {
                return Err(Error::usage("--scale says how many times images are enlarged")
                    .hint("give --task upscale with it"));
            }
        }
        if self.minutes.is_some() && self.images.is_none() {
            // Time alone decides when to stop; the learning rate falls as in the preset.
            let (_, settings) = settings_layers(preset, &self.set)?;
            if settings.train.decay_images == 0 {
                flags.push(format!("train.decay_images={}", settings.train.images));
            }
            flags.push(format!("train.images={}", 1_u64 << 40));
        }
        flags.extend(self.set.iter().cloned());
        let (name, settings) = settings_layers(preset, &flags)?;
        let learns_latents = self.task == Some(Purpose::Autoencoder);
        if settings.autoencoder.is_some() && settings.latent.is_some() {
            return Err(Error::usage("an autoencoder is trained on pixels, not on the latents of another")
                .hint("leave --latent out"));
        }
        if self.task.is_some() && learns_latents != settings.autoencoder.is_some() {
            let what = if learns_latents { "trains no autoencoder" } else { "trains an autoencoder" };
            return Err(Error::usage(format!("{name}: {what}")).hint("choose another --preset or --task"));
        }
        let draws = matches!(self.task, Some(Purpose::Generate | Purpose::Denoise));
        if let Some(task) = settings.task.as_ref().filter(|_| draws) {
            return Err(Error::usage(format!("{name}: trains a restorer, {}", task.words()))
                .hint("leave --task out, or choose another --preset"));
        }
        Ok((name, settings))
    }

    /// What a training that begins with a model takes from there, and cannot be told.
    fn check_init(&self) -> Result<()> {
        let of_model =
            |flag: &&String| ["network.", "diffusion.", "task."].iter().any(|part| flag.starts_with(part));
        let given = match self.set.iter().find(of_model) {
            Some(flag) => format!("--set {flag}"),
            None if self.task.is_some() => "--task".to_owned(),
            None if self.scale.is_some() => "--scale".to_owned(),
            None => return Ok(()),
        };
        Err(Error::usage(format!(
            "{given}: a training that begins with a model has the network, the noise and the task of that"
        ))
        .hint("leave it out, or leave --init out to begin anew"))
    }

    /// The preset when none is named.
    fn default_preset(&self) -> Result<&'static str> {
        Ok(match self.task {
            Some(Purpose::Upscale) => "upscale4",
            Some(Purpose::Inpaint) => "inpaint",
            Some(Purpose::Autoencoder) => "autoencoder",
            Some(Purpose::Denoise) => {
                let data = langevin::data::open(&self.data, &OpenOptions::default())?;
                if data.info().channels == 1 { "photo-gray" } else { "photo" }
            }
            Some(Purpose::Generate) | None if self.latent.is_some() => "latent",
            Some(Purpose::Generate) | None if self.data.starts_with("builtin:") => "builtin",
            Some(Purpose::Generate) | None => "folder32",
        })
    }
}

/// The command for a finished model.
fn use_of(settings: &langevin::training::settings::Settings, out: &Path) -> String {
    let out = out.display();
    match &settings.task {
        _ if settings.autoencoder.is_some() => format!("go on with: langevin train DATA --latent {out}"),
        None => format!("draw with: langevin sample {out}"),
        Some(task) => format!("restore with: {} {out} IMAGE", task.command()),
    }
}

/// Says what is trained on.
pub(super) fn tell_data(prepared: &Prepared, shell: &Shell) {
    let info = &prepared.info;
    let count = prepared.images.map_or("unlimited".to_owned(), |n| n.to_string());
    shell.say(&format!(
        "data {}: {count} images, {}x{}, {} channels{}",
        prepared.data.name,
        info.size.0,
        info.size.1,
        info.channels,
        if info.classes.is_empty() { String::new() } else { format!(", {} classes", info.classes.len()) }
    ));
    for skipped in &prepared.skipped {
        shell.warn(&format!("passed over {}", skipped.reason));
    }
}

/// A folder for a forecast that leaves nothing behind.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("langevin-dry-run-{}", std::process::id()));
        langevin::files::create_folder(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn name_of(data: &str) -> String {
    let data = data.strip_prefix("builtin:").unwrap_or(data).trim_end_matches('/');
    let name = data.rsplit('/').next().unwrap_or("run");
    name.split(['.', '#', ':']).find(|part| !part.is_empty()).unwrap_or("run").to_owned()
}

pub(super) fn count(text: &str) -> std::result::Result<u64, String> {
    let (digits, factor) = if let Some(digits) = text.strip_suffix("Ki") {
        (digits, 1 << 10)
    } else if let Some(digits) = text.strip_suffix("Mi") {
        (digits, 1 << 20)
    } else if let Some(digits) = text.strip_suffix('k') {
        (digits, 1_000)
    } else if let Some(digits) = text.strip_suffix('M') {
        (digits, 1_000_000)
    } else {
        (text, 1)
    };
    let whole =
        digits.parse::<u64>().map_err(|_| "not a number of images; for instance 50000, 64Ki or 2Mi")?;
    whole
        .checked_mul(factor)
        .filter(|n| *n > 0)
        .ok_or_else(|| "must be at least 1 and not astronomical".to_owned())
}

/// The live line, or one plain line now and then where stderr is no terminal.
pub(super) struct Display<'a> {
    shell: &'a Shell,
    bar: Option<ProgressBar>,
    next_line: f64,
    validation: Option<f64>,
    smoothed: Option<(f64, f64)>,
}

impl<'a> Display<'a> {
    pub(super) fn new(shell: &'a Shell) -> Self {
        Self { shell, bar: None, next_line: 0.0, validation: None, smoothed: None }
    }

    pub(super) fn show(&mut self, event: &Event) {
        match event {
            Event::Resumed { images } => self.line(&format!("going on after {images} images")),
            Event::Warning(text) => self.shell.warn(text),
            Event::Encoding { done, of } => self.line(&format!("encoded {done} of {of} images")),
            Event::Forecast(forecast) => self.forecast(forecast),
            Event::Step(step) => self.step(step),
            Event::Validated { images, loss, by_level } => {
                self.validation = Some(*loss);
                let levels: Vec<String> = by_level.iter().map(|(_, loss)| format!("{loss:.3}")).collect();
                if self.shell.verbose {
                    self.line(&format!(
                        "{images} images: validation {loss:.4}, from little to much noise {}",
                        levels.join(" ")
                    ));
                }
            }
            Event::Judged { images, values } => {
                let values: Vec<String> = values
                    .iter()
                    .map(|(name, value)| match name.strip_prefix("psnr_") {
                        Some(of) => format!("{} {value:.2} dB", of.replace('_', " ")),
                        None => format!("{} {value:.3}", name.replace('_', " ")),
                    })
                    .collect();
                self.line(&format!("{images} images: held out, {}", values.join(", ")));
            }
            Event::Saved { path } if self.shell.verbose => self.line(&format!("saved {}", path.display())),
            Event::Saved { .. } => {}
        }
    }

    fn forecast(&self, forecast: &Forecast) {
        let memory =
            forecast.peak_bytes.map_or(String::new(), |b| format!(", {} of memory", shell::bytes(b)));
        self.line(&format!(
            "{} parameters; {:.2} s a step, {:.0} img/s{memory}; about {} for {} images",
            forecast.parameters,
            forecast.seconds_per_step,
            forecast.images_per_second,
            shell::duration(forecast.seconds_left),
            forecast.images_left,
        ));
    }

    fn step(&mut self, step: &Step) {
        let (loss, speed) = self.smoothed.unwrap_or((step.loss, step.images_per_second));
        let smooth = (0.95 * loss + 0.05 * step.loss, 0.9 * speed + 0.1 * step.images_per_second);
        self.smoothed = Some(smooth);
        let validation = self.validation.map_or(String::new(), |v| format!(" val {v:.4}"));
        let status = format!(
            "loss {:.4}{validation} grad {:.2} lr {:.1e} {:.0} img/s",
            smooth.0, step.gradient_norm, step.learning_rate, smooth.1
        );
        if self.shell.is_live() {
            let bar = self.bar.get_or_insert_with(|| {
                let bar = ProgressBar::new(step.images_total.min(1 << 40));
                let bounded = step.images_total < 1 << 40;
                let template = if bounded {
                    "{bar:24} {human_pos}/{human_len} {elapsed} eta {eta} {msg}"
                } else {
                    "{spinner} {human_pos} {elapsed} {msg}"
                };
                bar.set_style(
                    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
                );
                bar
            });
            bar.set_position(step.images);
            bar.set_message(status);
        } else if step.seconds >= self.next_line {
            self.next_line = step.seconds + 15.0;
            self.shell.say(&format!("{} images, {}: {status}", step.images, shell::duration(step.seconds)));
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.shell.say(text)),
            None => self.shell.say(text),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_take_the_usual_suffixes() {
        assert_eq!(count("50000"), Ok(50_000));
        assert_eq!(count("64Ki"), Ok(65_536));
        assert_eq!(count("2Mi"), Ok(2 << 20));
        assert_eq!(count("3k"), Ok(3_000));
        assert!(count("0").is_err() && count("many").is_err() && count("99999999999999999Mi").is_err());
    }

    #[test]
    fn runs_are_named_after_their_data() {
        assert_eq!(name_of("builtin:shapes"), "shapes");
        assert_eq!(name_of("../data/mnist/"), "mnist");
        assert_eq!(name_of("images.zip"), "images");
        assert_eq!(name_of("/"), "run");
    }
}
