//! `langevin convert`: models from one form into another.

use std::path::{Path, PathBuf};

use clap::Args;
use langevin::files::write_file;
use langevin::model::save;
use langevin::{Device, Error, Model, Result, hub};

use crate::outputs::{self, Claim};
use crate::shell::Shell;

/// The arguments of `convert`.
#[derive(Args)]
#[command(
    after_help = "An OUT that ends in .safetensors is a single file, any other a folder of diffusers, which Python loads with
DDPMPipeline.from_pretrained(OUT), or the pipeline of Stable Diffusion that the model is. A PyTorch checkpoint (.bin, .pt, .ckpt) becomes a file of its tensors; it is read without
running anything in it.

Examples:
  langevin convert runs/ddpm ddpm-diffusers
  langevin convert ddpm-diffusers model.safetensors
  langevin convert weights.ckpt weights.safetensors
  langevin convert sd-v1-5.ckpt sd-v1-5/                             (a file of Stable Diffusion becomes a folder)"
)]
pub struct Convert {
    /// A run folder, a model.safetensors, a diffusers folder, builtin:NAME, or a PyTorch checkpoint.
    input: String,
    /// What to write: FILE.safetensors, or a folder.
    output: PathBuf,
    /// The pipeline that a folder is for.
    #[arg(long, value_name = "NAME", default_value = "ddpm", value_parser = ["ddpm", "ddim"])]
    pipeline: String,
    /// Store the weights of a file in 16 bits.
    #[arg(long)]
    half: bool,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Convert {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let single = self.output.extension().is_some_and(|ending| ending == "safetensors");
        if self.half && !single {
            return Err(
                Error::usage("--half is for a single file").hint("give an OUT that ends in .safetensors")
            );
        }
        let notes = match (is_checkpoint(Path::new(&self.input))?, single) {
            (true, true) => {
                self.write(|| save::checkpoint_to_file(Path::new(&self.input), self.half))?;
                Vec::new()
            }
            // A checkpoint becomes a folder where it is one of Stable Diffusion, whose networks are known by its names.
            _ => {
                let model = Model::open_any(&self.input, &Device::flex())?;
                let mut notes = model.notes.clone();
                if single {
                    self.write(|| save::to_file(&model, self.half))?;
                } else {
                    notes.extend(save::to_folder(&model, &self.output, &self.pipeline, self.force)?);
                }
                notes
            }
        };
        for note in &notes {
            shell.warn(note);
        }
        if self.json {
            return outputs::result(&serde_json::json!({"output": self.output, "notes": notes}).to_string());
        }
        outputs::result(&self.output.display().to_string())
    }

    fn write(&self, bytes: impl FnOnce() -> Result<Vec<u8>>) -> Result<()> {
        let _claim = Claim::new([self.output.as_path()], self.force)?;
        write_file(&self.output, &bytes()?)
    }
}

/// Whether `path` is a file that begins as a PyTorch checkpoint does.
fn is_checkpoint(path: &Path) -> Result<bool> {
    if !path.is_file() {
        return Ok(false);
    }
    let head = super::inspect::head(path)?;
    Ok(hub::is_checkpoint(&head) && head.get(8) != Some(&b'{'))
}
