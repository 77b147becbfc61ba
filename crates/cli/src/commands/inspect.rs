//! `langevin inspect`: what a file or folder is.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::Args;
use langevin::data::{self, OpenOptions};
use langevin::sampling::Recipe;
use langevin::train::{Checkpoint, checkpoints};
use langevin::{Device, Error, Model, Result, hub, nn};
use serde_json::{Value, json};

use crate::outputs;
use crate::shell::Shell;

/// The arguments of `inspect`.
#[derive(Args)]
#[command(after_help = "Examples:
  langevin inspect runs/mnist
  langevin inspect samples-000/0003.png      the settings that redraw it
  langevin inspect ~/photos                  what a data set holds, and what is wrong with it")]
pub struct Inspect {
    /// A run folder, a model, an image, a data set, or builtin:NAME.
    file: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    /// Runs the command.
    pub fn run(self, _shell: &Shell) -> Result<()> {
        let report = self.look()?;
        if self.json {
            return outputs::result(&report.to_string());
        }
        print("", &report)
    }

    fn look(&self) -> Result<Value> {
        let path = Path::new(&self.file);
        if path.join("run.toml").is_file() || path.join("checkpoints").is_dir() {
            return run_folder(path);
        }
        if self.file.starts_with("builtin:") && Model::is_named(&self.file) {
            // A model and the data it was trained on share the name.
            return Ok(json!({"model": model(&self.file)?, "data": data_set(&self.file)?}));
        }
        if path.is_file() {
            let head = head(path)?;
            if head.starts_with(b"\x89PNG")
                && let Ok(recipe) =
                    std::fs::read(path).map_or_else(|_| Recipe::read(&[]), |bytes| Recipe::read(&bytes))
            {
                let mut report = json!({"kind": "image with a recipe"});
                report["recipe"] = serde_json::to_value(&recipe).expect("a recipe is plain values");
                if recipe.header.command == "sample" {
                    report["redraw"] = format!("langevin sample --from {}", self.file).into();
                }
                return Ok(report);
            }
            // A zip may hold images, or a PyTorch checkpoint, which is refused with the reason.
            let is_model = head.get(8) == Some(&b'{')
                || head.starts_with(b"GGUF")
                || matches!(head.as_slice(), [0x80, 0..=5, ..])
                || head.starts_with(b"PK") && data::open(&self.file, &OpenOptions::default()).is_err();
            if is_model {
                return model(&self.file);
            }
        } else if path.join("model.safetensors").is_file() || hub::is_folder(path) {
            return model(&self.file);
        }
        data_set(&self.file)
    }
}

/// The first bytes of a file.
pub(super) fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    read.map_err(|error| Error::bad_input(format!("{}: {error}", path.display())))?;
    Ok(head)
}

fn model(file: &str) -> Result<Value> {
    let model = Model::open_any(file, &Device::flex())?;
    let info = &model.info;
    let mut report = json!({
        "kind": "model", "name": model.name, "hash": model.hash(),
        "parameters": model.denoiser.network().map_or(0, nn::parameter_count),
        "size": info.size, "channels": info.channels, "classes": info.classes,
        "trained": {"data": info.data, "preset": info.preset, "images": info.images, "seed": info.seed},
        "diffusion": info.diffusion, "sample": info.sample,
        "network": model.denoiser.network().map(|_| &info.network),
    });
    if let Some(task) = &info.task {
        report["task"] = json!(task);
    }
    if !model.notes.is_empty() {
        report["notes"] = json!(model.notes);
    }
    Ok(report)
}

fn run_folder(path: &Path) -> Result<Value> {
    let (newest, torn) = Checkpoint::newest(&path.join("checkpoints"))?;
    let mut report = json!({"kind": "run", "folder": path, "passed_over": torn});
    report["checkpoints"] = checkpoints(&path.join("checkpoints")).len().into();
    match newest {
        Some(checkpoint) => {
            report["images"] = checkpoint.standing.images.into();
            report["steps"] = checkpoint.standing.step.into();
            report["seconds"] = checkpoint.standing.seconds.into();
        }
        None => report["images"] = 0.into(),
    }
    if path.join("model.safetensors").is_file() {
        report["model"] = model(&path.display().to_string())?;
    }
    Ok(report)
}

fn data_set(spec: &str) -> Result<Value> {
    let dataset = data::open(spec, &OpenOptions::default())?;
    let mut report = json!({"kind": "data set"});
    report["info"] = serde_json::to_value(dataset.info()).expect("facts are plain values");
    if dataset.info().len.is_some() {
        report["lint"] = serde_json::to_value(data::lint(dataset.as_ref())).expect("facts are plain values");
    }
    Ok(report)
}

/// Prints nested facts, one `path value` a line.
fn print(path: &str, value: &Value) -> Result<()> {
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            print(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value)
        }),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().try_for_each(|(index, item)| print(&format!("{path}.{index}"), item))
        }
        Value::Array(items) => {
            let text: Vec<String> = items.iter().map(plain).collect();
            outputs::result(&format!("{path:<34} {}", text.join(" ")))
        }
        other => outputs::result(&format!("{path:<34} {}", plain(other))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
