//! `langevin env` and `langevin devices`: what this program runs on.

use clap::Args;

use crate::headings::COMMON;

use langevin::Result;
use langevin::environment::Environment;

use crate::{outputs, shell};

/// The arguments of `env`.
#[derive(Args)]
#[command(after_help = "Paste the output into a bug report.

Examples:
  langevin env
  langevin env --json")]
pub struct Env {
    /// Print JSON.
    #[arg(long, help_heading = COMMON)]
    json: bool,
}

impl Env {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let facts = facts();
        if self.json {
            let object: serde_json::Map<String, serde_json::Value> =
                facts.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            return outputs::result(&serde_json::Value::Object(object).to_string());
        }
        facts.iter().try_for_each(|(key, value)| outputs::result(&format!("{key:<10} {value}")))
    }
}

/// Lists the devices of this build.
///
/// # Errors
/// Failed, when stdout is closed.
pub fn devices() -> Result<()> {
    outputs::result("cpu    Burn's Flex backend, f32; threads by --threads")
}

fn facts() -> Vec<(&'static str, String)> {
    let here = Environment::here();
    let model = |(name, bytes): &(&str, u64)| format!("builtin:{name} ({})", shell::bytes(*bytes));
    let unknown = || "unknown".to_owned();
    vec![
        ("version", here.version.to_owned()),
        ("system", here.system),
        ("processor", here.processor.unwrap_or_else(unknown)),
        ("features", here.features.join(" ")),
        ("cores", here.cores.to_string()),
        ("memory", here.memory.map_or_else(unknown, shell::bytes)),
        ("devices", here.devices.join(" ")),
        ("models", here.models.iter().map(model).collect::<Vec<_>>().join(", ")),
    ]
}
