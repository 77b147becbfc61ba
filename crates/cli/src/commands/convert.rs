//! `langevin convert`: models from one form into another.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::conversion::{self, ConvertRequest, DiffusersPipeline};

use crate::headings::{COMMON, OUTPUT};
use crate::outputs;
use crate::shell::Shell;

/// The arguments of `convert`.
#[derive(Args)]
#[command(
    after_help = "An OUT that ends in .safetensors is a single file, any other a folder of diffusers, which Python loads with DDPMPipeline.from_pretrained(OUT), or the pipeline of Stable Diffusion that the model is. A PyTorch checkpoint (.bin, .pt, .ckpt) becomes a file of its tensors; it is read without running anything in it.

Examples:
  langevin convert runs/ddpm ddpm-diffusers
  langevin convert ddpm-diffusers model.safetensors
  langevin convert weights.ckpt weights.safetensors
  langevin convert sd-v1-5.ckpt sd-v1-5/       # one file becomes a folder"
)]
pub struct Convert {
    /// A run folder, a model.safetensors, a diffusers folder, builtin:NAME, or a PyTorch checkpoint.
    #[arg(value_parser = crate::shell::spec())]
    input: String,
    /// What to write: FILE.safetensors, or a folder.
    #[arg(value_name = "OUT", required_unless_present = "out")]
    output: Option<PathBuf>,
    /// The same as OUT.
    #[arg(short, long, alias = "output", value_name = "OUT", conflicts_with = "output", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    /// The pipeline that a folder is for.
    #[arg(long, value_name = "NAME", default_value = "ddpm", value_parser = ["ddpm", "ddim"])]
    pipeline: String,
    /// Store the weights of a file in 16 bits.
    #[arg(long)]
    half: bool,
    /// Overwrite what is there.
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
    /// Refuse weights that are not finite, or become so in 16 bits.
    #[arg(long)]
    strict: bool,
    /// Print the result as JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Convert {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let request = ConvertRequest {
            input: self.input,
            output: self.output.or(self.out).unwrap_or_default(),
            pipeline: match self.pipeline.as_str() {
                "ddim" => DiffusersPipeline::Ddim,
                _ => DiffusersPipeline::Ddpm,
            },
            half: self.half,
            overwrite: self.force,
            strict: self.strict,
        };
        let outcome = shell.run(self.force, |context| conversion::run(&request, context))?;
        if self.json {
            let outcome = serde_json::to_value(&outcome).expect("an outcome is plain values");
            return outputs::result(&outcome.to_string());
        }
        outputs::path(&outcome.output)
    }
}
