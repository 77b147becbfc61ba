//! `langevin inspect`: what a file or folder is.

use clap::Args;
use langevin::Result;
use langevin::inspection::{self, InspectRequest};
use serde_json::Value;

use crate::headings::COMMON;
use crate::outputs;
use crate::shell::Shell;

/// The arguments of `inspect`.
#[derive(Args)]
#[command(after_help = "Examples:
  langevin inspect runs/mnist
  langevin inspect samples-000/0003.png   # how it was generated
  langevin inspect ~/photos               # what a data set holds")]
pub struct Inspect {
    /// A run folder, a model, a LoRA, an image, a data set, or builtin:NAME.
    #[arg(value_parser = crate::shell::spec())]
    file: String,
    /// Print JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Inspect {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        let request = InspectRequest::new(self.file);
        let found = shell.look(|context| inspection::run(&request, context))?;
        let report = serde_json::to_value(found).expect("facts are plain values");
        if self.json { outputs::result(&report.to_string()) } else { print("", &report) }
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
