//! `langevin env` and `langevin devices`: what this program runs on.

use clap::Args;
use langevin::Result;

use crate::{outputs, shell};

/// The arguments of `env`.
#[derive(Args)]
#[command(after_help = "Paste the output into a report of a problem.

Examples:
  langevin env
  langevin env --json")]
pub struct Env {
    /// Print JSON.
    #[arg(long)]
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
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = proc_value("/proc/meminfo", "MemTotal:")
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .map_or("unknown".to_owned(), |kib| shell::bytes(kib * 1024));
    vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("system", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        (
            "processor",
            proc_value("/proc/cpuinfo", "model name")
                .map_or("unknown".to_owned(), |v| v.trim_start_matches([':', ' ', '\t']).to_owned()),
        ),
        ("features", features()),
        ("cores", cores.to_string()),
        ("memory", memory),
        ("devices", "cpu".to_owned()),
        (
            "models",
            langevin::model::SHIPPED
                .iter()
                .map(|m| format!("builtin:{} ({})", m.name, shell::bytes(m.size().unwrap_or(0))))
                .collect::<Vec<_>>()
                .join(", "),
        ),
    ]
}

fn proc_value(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line[key.len()..].trim().to_owned())
}

#[cfg(target_arch = "x86_64")]
fn features() -> String {
    let mut found = Vec::new();
    for (name, has) in [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
    ] {
        if has {
            found.push(name);
        }
    }
    found.join(" ")
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> String {
    std::env::consts::ARCH.to_owned()
}
