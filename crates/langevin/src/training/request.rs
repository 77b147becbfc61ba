//! What a user asks of a training, as plain data, and the settings that it comes to.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use burn::tensor::Device;
use langevin_core::{Error, NamedTensors, Result, Stop, path_of};
use langevin_data::{Dataset, OpenOptions};
use langevin_model::Model;
use langevin_process::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fine_tuning;
use super::presets::{PRESETS, settings_layers};
use super::settings::{Origin, Settings, TextSettings, layered};
use langevin_inference::job::check_ranges;

/// What a model is trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TrainTask {
    /// To generate images.
    Generate,
    /// To take noise out of photographs.
    Denoise,
    /// To restore images that were made smaller.
    Upscale,
    /// To fill holes in images.
    Inpaint,
    /// To encode images into the latents that another model learns.
    Autoencoder,
}

impl TrainTask {
    /// All of them by name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("generate", Self::Generate),
        ("denoise", Self::Denoise),
        ("upscale", Self::Upscale),
        ("inpaint", Self::Inpaint),
        ("autoencoder", Self::Autoencoder),
    ];
}

impl FromStr for TrainTask {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, task)| task).ok_or_else(|| {
            Error::usage(format!("no task is called \"{name}\""))
                .hint(format!("there are: {}", Self::ALL.map(|(name, _)| name).join(", ")))
        })
    }
}

/// A model to train. What is absent is the preset's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainRequest {
    /// A folder of images (class = first sub-folder), IDX, CIFAR, parquet, zip or tar, or builtin:shapes. Empty with `resume`:
    /// those that the run in `out` was begun with.
    pub data: String,
    /// The run's folder; a run that is there already goes on. Absent: runs/NAME, after the data.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub out: Option<PathBuf>,
    /// What the model is for.
    pub task: Option<TrainTask>,
    /// With the task `upscale`: how many times smaller images are made, by bicubic interpolation.
    #[schemars(range(min = 1, max = 64))]
    pub scale: Option<usize>,
    /// A preset's name, or a .toml file with settings. Absent: chosen by task, data and `init`.
    pub preset: Option<String>,
    /// The model whose weights, network, noise and kind of images training begins with: a run, a file or builtin:NAME.
    pub init: Option<String>,
    /// The autoencoder whose latents are learned in place of pixels: a run, or its model.safetensors.
    pub latent: Option<String>,
    /// Side of the images in pixels.
    #[schemars(range(max = limits::SIDE))]
    pub size: Option<usize>,
    /// Images to see in all.
    #[schemars(range(min = 1, max = limits::IMAGES))]
    pub images: Option<u64>,
    /// Minutes of training after which to stop.
    pub minutes: Option<f64>,
    /// Images for one update.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: Option<usize>,
    /// The seed of everything random.
    #[schemars(range(max = limits::TRAINING_SEED))]
    pub seed: Option<u64>,
    /// Learning rate.
    pub learning_rate: Option<f64>,
    /// Compute convolutions without transforms: slower, and a digit closer to the real numbers.
    pub exact: bool,
    /// Condition the network on the class of each image.
    pub class_conditional: bool,
    /// Condition the network on the caption of each image, through an encoder that learns with it.
    pub captions: bool,
    /// Any other setting, as `section.key=value`.
    pub set: Vec<String>,
    /// Refuse to begin: only a run that is there goes on.
    pub resume: bool,
    /// Make one unreadable image, or anything else of the data that is not used, an error.
    pub strict: bool,
    /// Store the weights of model.safetensors in 16 bits, half the size.
    pub half: bool,
    /// Forecast what the run would take, and write nothing.
    pub dry_run: bool,
}

/// A request with the settings that it comes to, before the data decided what they decide.
pub(super) struct Resolved {
    /// The data.
    pub(super) data: String,
    /// Store the weights of model.safetensors in 16 bits.
    pub(super) half: bool,
    /// The preset's name, for the record.
    pub(super) preset: String,
    pub(super) settings: Settings,
    /// The weights to begin with; without, random ones.
    pub(super) weights: Option<NamedTensors>,
    /// The data, where they were opened to choose the preset.
    pub(super) dataset: Option<Arc<dyn Dataset>>,
}

/// The settings that `request` comes to, before the data decide size and channels where these are left open.
///
/// # Errors
/// Usage: unknown presets or settings, and what does not go together. Bad input: data or models that cannot be read.
pub fn resolved_settings(request: &TrainRequest) -> Result<Settings> {
    Ok(request.resolve(&Stop::new())?.settings)
}

impl TrainRequest {
    /// The run's folder.
    pub fn run_folder(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(name_of(&self.data)))
    }

    /// Opens the model to begin with, and puts preset, fields and `set` together.
    ///
    /// # Errors
    /// As [`resolved_settings`].
    pub(super) fn resolve(&self, stop: &Stop) -> Result<Resolved> {
        check_ranges(self)?;
        if self.data.is_empty() {
            return self.taken_up();
        }
        let init = self.init.as_ref().map(|name| Model::open_any(name, &Device::flex())).transpose()?;
        let known = |model: &&Model| PRESETS.iter().any(|preset| preset.name == model.info.preset);
        let (preset, dataset) = match (&self.preset, init.as_ref().filter(known)) {
            (Some(preset), _) => (preset.as_str(), None),
            (None, Some(model)) => (model.info.preset.as_str(), None),
            (None, None) => self.default_preset(stop)?,
        };
        if init.is_some() {
            self.check_init()?;
        }
        let (preset, mut settings) = settings_layers(preset, &self.flags(preset)?)?;
        settings.run = None;
        self.check_task(&preset, &settings)?;
        let weights = match (init.as_ref().zip(self.init.as_ref()), settings.init.clone()) {
            (Some((model, name)), _) => Some(fine_tuning::begin_with(&mut settings, model, name)?),
            (None, Some(named)) => Some(fine_tuning::begin_again(&mut settings, &named)?),
            (None, None) => None,
        };
        Ok(Resolved { data: self.data.clone(), half: self.half, preset, settings, weights, dataset })
    }

    /// The run in `out` with the data and the settings that its `run.toml` says, under the fields that may be new.
    fn taken_up(&self) -> Result<Resolved> {
        let Some(out) = self.out.as_ref().filter(|_| self.resume) else {
            return Err(Error::usage("DATA is missing")
                .hint("give the data, or --resume --out RUN to go on with a run"));
        };
        let file = out.join("run.toml");
        if !file.is_file() {
            return Err(Error::usage(format!("{}: there is no run to go on with", out.display()))
                .hint("it has no run.toml; give DATA and leave --resume out to begin one"));
        }
        let owned = [
            ("--task", self.task.is_some()),
            ("--scale", self.scale.is_some()),
            ("--preset", self.preset.is_some()),
            ("--init", self.init.is_some()),
            ("--latent", self.latent.is_some()),
            ("--captions", self.captions),
        ];
        if let Some((flag, _)) = owned.iter().find(|(_, given)| *given) {
            return Err(Error::usage(format!("{flag}: a run that goes on has its own"))
                .hint("leave it out; --images and --minutes may be new"));
        }
        let name = file.display().to_string();
        let text = langevin_files::text::read(&file, MOST_BYTES)?;
        let mut settings = layered(&name, &text, &self.flags_over(&name, &text)?)?;
        let origin = settings.run.take().ok_or_else(|| {
            Error::usage(format!("{name}: does not say what data the run was begun with"))
                .hint("an earlier version wrote it: give the data and the flags that it was begun with")
        })?;
        if settings.distill.is_some() {
            return Err(Error::usage(format!("{}: holds a distillation", out.display()))
                .hint("go on with the `langevin distill` command that began it"));
        }
        let begun = settings.init.clone();
        let weights = begun.map(|named| fine_tuning::begin_again(&mut settings, &named)).transpose()?;
        let Origin { data, preset, half } = origin;
        Ok(Resolved { data, half: half || self.half, preset, settings, weights, dataset: None })
    }

    /// The fields that go over the settings of a run in the file `name`; how long it trains may be new.
    fn flags_over(&self, name: &str, text: &str) -> Result<Vec<String>> {
        let mut flags = self.shared()?;
        flags.extend(self.size.map(|size| format!("data.size={size}")));
        flags.extend(self.class_conditional.then(|| "data.class_conditional=true".to_owned()));
        match (self.images, self.minutes) {
            (Some(_), None) => flags.push("train.minutes=0.0".to_owned()),
            (None, Some(_)) => {
                let before = layered(name, text, &[])?;
                flags.extend(until_time(&before));
            }
            _ => {}
        }
        flags.extend(self.set.iter().cloned());
        Ok(flags)
    }

    fn shared(&self) -> Result<Vec<String>> {
        let Self { images, minutes, batch_size, seed, learning_rate, exact, .. } = self;
        shared_flags(*images, *minutes, *batch_size, *seed, *learning_rate, *exact)
    }

    /// The fields as settings over `preset`, later ones over earlier ones.
    fn flags(&self, preset: &str) -> Result<Vec<String>> {
        let mut flags = self.shared()?;
        let mut flag = |key: &str, value: Option<String>| flags.extend(value.map(|v| format!("{key}={v}")));
        flag("data.size", self.size.map(|v| v.to_string()));
        flag("latent.autoencoder", self.latent.as_ref().map(|name| format!("{name:?}")));
        flag("data.class_conditional", self.class_conditional.then(|| "true".to_owned()));
        flag("text.layers", self.captions.then(|| TextSettings::default().layers.to_string()));
        match (self.task, self.scale) {
            (Some(TrainTask::Upscale), scale) => {
                flag("task.kind", Some("upscale".to_owned()));
                flag("task.operator", scale.map(|scale| format!("bicubic:scale={scale}")));
            }
            (Some(TrainTask::Inpaint), None) => flag("task.kind", Some("inpaint".to_owned())),
            (_, None) => {}
            (_, Some(_)) => {
                return Err(Error::usage("--scale says how many times images are enlarged")
                    .hint("give --task upscale with it"));
            }
        }
        if self.minutes.is_some() && self.images.is_none() {
            // Time alone decides when to stop; the learning rate falls as in the preset.
            let (_, settings) = settings_layers(preset, &self.set)?;
            flags.extend(until_time(&settings));
        }
        flags.extend(self.set.iter().cloned());
        Ok(flags)
    }

    /// Whether the settings of the preset called `name` train what is asked for.
    fn check_task(&self, name: &str, settings: &Settings) -> Result<()> {
        let learns_latents = self.task == Some(TrainTask::Autoencoder);
        if settings.autoencoder.is_some() && settings.latent.is_some() {
            return Err(Error::usage("an autoencoder is trained on pixels, not on the latents of another")
                .hint("leave --latent out"));
        }
        if self.task.is_some() && learns_latents != settings.autoencoder.is_some() {
            let what = if learns_latents { "trains no autoencoder" } else { "trains an autoencoder" };
            return Err(Error::usage(format!("{name}: {what}")).hint("choose another --preset or --task"));
        }
        let generates = matches!(self.task, Some(TrainTask::Generate | TrainTask::Denoise));
        match settings.task.as_ref().filter(|_| generates) {
            Some(task) => Err(Error::usage(format!("{name}: trains a restorer, {}", task.words()))
                .hint("leave --task out, or choose another --preset")),
            None => Ok(()),
        }
    }

    /// What a training that begins with a model takes from there, and cannot be given.
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

    /// The preset when none is named, and the data where they had to be opened to choose it.
    fn default_preset(&self, stop: &Stop) -> Result<(&'static str, Option<Arc<dyn Dataset>>)> {
        let preset = match self.task {
            Some(TrainTask::Upscale) => "upscale4",
            Some(TrainTask::Inpaint) => "inpaint",
            Some(TrainTask::Autoencoder) => "autoencoder",
            Some(TrainTask::Denoise) => {
                let data = langevin_data::open(&self.data, &OpenOptions::stopped_by(stop))?;
                let preset = if data.info().channels == 1 { "photo-gray" } else { "photo" };
                return Ok((preset, Some(data)));
            }
            Some(TrainTask::Generate) | None if self.latent.is_some() => "latent",
            Some(TrainTask::Generate) | None if self.data.starts_with("builtin:") => "builtin",
            Some(TrainTask::Generate) | None => "folder32",
        };
        Ok((preset, None))
    }
}

/// Images that no training sees: time decides when to stop.
const ENDLESS: u64 = 1 << 40;

/// Most bytes of the settings of a run.
const MOST_BYTES: u64 = 1 << 20;

/// What lets time alone end a training with `settings`, whose learning rate falls as before.
fn until_time(settings: &Settings) -> Vec<String> {
    let decay = (settings.train.decay_images == 0 && settings.train.images != ENDLESS)
        .then(|| format!("train.decay_images={}", settings.train.images));
    decay.into_iter().chain([format!("train.images={ENDLESS}")]).collect()
}

/// The settings that trainings and distillations have fields for.
///
/// # Errors
/// Usage: no time to train in.
pub(super) fn shared_flags(
    images: Option<u64>,
    minutes: Option<f64>,
    batch_size: Option<usize>,
    seed: Option<u64>,
    learning_rate: Option<f64>,
    exact: bool,
) -> Result<Vec<String>> {
    if let Some(minutes) = minutes.filter(|minutes| *minutes <= 0.0) {
        return Err(Error::usage(format!("--minutes {}: must be more than 0", limits::shown(&minutes))));
    }
    let flags = [
        ("images", images.map(|v| v.to_string())),
        ("minutes", minutes.map(|v| format!("{v:?}"))),
        ("batch_size", batch_size.map(|v| v.to_string())),
        ("seed", seed.map(|v| v.to_string())),
        ("learning_rate", learning_rate.map(|v| format!("{v:?}"))),
        ("exact", exact.then(|| "true".to_owned())),
    ];
    let given = flags.into_iter().filter_map(|(key, value)| value.map(|v| format!("train.{key}={v}")));
    Ok(given.collect())
}

/// What a run is called that is made of `data`, a data set or a model.
pub(super) fn name_of(data: &str) -> String {
    let path = path_of(data);
    let data = path.to_string_lossy();
    let data = data.strip_prefix("builtin:").unwrap_or(&data).trim_end_matches('/');
    let name = data.rsplit('/').next().unwrap_or("run");
    name.split(['.', '#', ':']).find(|part| !part.is_empty()).unwrap_or("run").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_named_after_their_data() {
        assert_eq!(name_of("builtin:shapes"), "shapes");
        assert_eq!(name_of("../data/mnist/"), "mnist");
        assert_eq!(name_of("images.zip"), "images");
        assert_eq!(name_of("/"), "run");
    }

    #[test]
    fn tasks_have_the_names_that_requests_write() {
        for (name, task) in TrainTask::ALL {
            assert_eq!(name.parse::<TrainTask>().unwrap(), task);
            assert_eq!(serde_json::to_value(task).unwrap(), name);
        }
        assert!("paint".parse::<TrainTask>().unwrap_err().to_string().contains("inpaint"));
    }

    #[test]
    fn fields_become_settings_and_set_goes_over_them() {
        let request = TrainRequest {
            data: "builtin:shapes".to_owned(),
            preset: Some("tiny".to_owned()),
            batch_size: Some(8),
            minutes: Some(2.0),
            set: vec!["train.batch_size=4".to_owned()],
            ..TrainRequest::default()
        };
        let settings = resolved_settings(&request).unwrap();
        let train = &settings.train;
        assert_eq!((train.batch_size, train.minutes, train.images), (4, 2.0, 1 << 40));
        assert_eq!(train.decay_images, 4096);
        let none = TrainRequest { minutes: Some(0.0), ..request };
        assert!(resolved_settings(&none).unwrap_err().to_string().contains("--minutes 0"));
    }

    #[test]
    fn a_request_is_plain_data() {
        let request: TrainRequest =
            serde_json::from_str(r#"{"data": "mnist/", "task": "denoise", "images": 64}"#).unwrap();
        assert_eq!((request.task, request.images), (Some(TrainTask::Denoise), Some(64)));
        assert_eq!(request.run_folder(), PathBuf::from("runs/mnist"));
        assert!(serde_json::from_str::<TrainRequest>(r#"{"dat": "mnist/"}"#).is_err());
    }
}
