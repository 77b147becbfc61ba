//! What the program runs on: what `langevin env` prints.

use serde::Serialize;

/// The machine and this build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// Version of the program.
    pub version: &'static str,
    /// Operating system and architecture.
    pub system: String,
    /// The processor's name, where the system tells.
    pub processor: Option<String>,
    /// The instruction sets that the kernels choose by.
    pub features: Vec<&'static str>,
    /// Threads that run at once.
    pub cores: usize,
    /// Bytes of memory, where the system tells.
    pub memory: Option<u64>,
    /// The devices of this build.
    pub devices: Vec<&'static str>,
    /// The shipped models, each with the bytes of its file.
    pub models: Vec<(&'static str, u64)>,
}

impl Environment {
    /// The one this program runs in.
    pub fn here() -> Self {
        let memory = proc_value("/proc/meminfo", "MemTotal:");
        let memory = memory.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        let processor = proc_value("/proc/cpuinfo", "model name");
        Self {
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor.map(|name| name.trim_start_matches([':', ' ', '\t']).to_owned()),
            features: features(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory.map(|kib| kib * 1024),
            devices: vec!["cpu"],
            models: langevin_model::SHIPPED
                .iter()
                .map(|model| (model.name, model.size().unwrap_or(0)))
                .collect(),
        }
    }
}

/// What follows `key` on its line of `file`.
fn proc_value(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line[key.len()..].trim().to_owned())
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let all = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
    ];
    all.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    vec![std::env::consts::ARCH]
}
