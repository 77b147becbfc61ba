//! `langevin inspect`: what a file or folder is.

use std::path::PathBuf;

use clap::Args;
use langevin::Result;
use langevin::inspection::{self, InspectRequest};
use langevin::job::Context;
use serde_json::Value;

use crate::headings::COMMON;
use crate::outputs;
use crate::shell::Shell;

/// The arguments of `inspect`.
#[derive(Args)]
#[command(after_help = "With -v every fact that --json has is listed too.

Examples:
  langevin inspect runs/mnist
  langevin inspect runs/mnist --plot loss.png
  langevin inspect samples-000/0003.png   # what made it, and how to make it again
  langevin inspect ~/photos               # what a data set holds")]
pub struct Inspect {
    /// A run folder, a model, a LoRA, an image, a data set, or builtin:NAME.
    #[arg(value_parser = crate::shell::spec())]
    file: String,
    /// Write the curves of a run: the loss over training, and the loss by noise level.
    #[arg(long, value_name = "FILE.png")]
    plot: Option<PathBuf>,
    /// Overwrite the file of --plot.
    #[arg(long, requires = "plot")]
    force: bool,
    /// Print JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Inspect {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let request = InspectRequest { plot: self.plot, ..InspectRequest::new(self.file) };
        let inspect = |context: &mut Context<'_>| inspection::run(&request, context);
        let found =
            if request.plot.is_some() { shell.run(self.force, inspect) } else { shell.look(inspect) }?;
        let report = serde_json::to_value(&found).expect("facts are plain values");
        if self.json {
            return outputs::result(&report.to_string());
        }
        found.lines(&request.what).iter().try_for_each(|line| outputs::result(line))?;
        if shell.verbose {
            print("", &report)?;
        }
        request.plot.as_deref().map_or(Ok(()), outputs::path)
    }
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
