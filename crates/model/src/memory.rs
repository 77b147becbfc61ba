//! Whether a work fits into the memory that is free, said before it begins.

use std::fs;

use langevin_core::{Error, Result};
use langevin_nn::NetworkConfig;

/// Bytes this process may still take: what the system says is available, or what its control group leaves if that is
/// less; `None` where neither can be read.
pub fn available_bytes() -> Option<u64> {
    let system = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    });
    let number = |file: &str| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let limit = number("/sys/fs/cgroup/memory.max");
    let group =
        limit.zip(number("/sys/fs/cgroup/memory.current")).map(|(max, used)| max.saturating_sub(used));
    match (system, group) {
        (Some(system), Some(group)) => Some(system.min(group)),
        (system, group) => system.or(group),
    }
}

/// Whether sampling `batch_size` images of `[channels, height, width]` of what the network denoises at once fits.
///
/// # Errors
/// Failed, with the number of images at once that fits.
pub fn check_sampling(
    network: &NetworkConfig,
    [_, height, width]: [usize; 3],
    batch_size: usize,
) -> Result<()> {
    let Some(free) = available_bytes() else { return Ok(()) };
    let each = network.estimate(height, width).sampling_bytes;
    let needed = each.saturating_mul(batch_size as u64);
    if needed <= free {
        return Ok(());
    }
    Err(too_little("drawing", needed, free).hint(match free / each.max(1) {
        0 => "not even one image at a time fits".to_owned(),
        count => format!("try --batch-size {count}"),
    }))
}

/// The error where `needed` bytes are more than are `free`.
pub fn too_little(what: &str, needed: u64, free: u64) -> Error {
    let gib = |bytes: u64| bytes as f64 / (1_u64 << 30) as f64;
    Error::failed(format!(
        "{what} needs about {:.1} GiB of memory, and {:.1} GiB are free",
        gib(needed),
        gib(free)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_what_does() {
        let network = NetworkConfig { channels: vec![1024, 1024], ..NetworkConfig::default() };
        if available_bytes().is_none() {
            return;
        }
        let message = check_sampling(&network, [3, 4096, 4096], 1 << 20).unwrap_err().to_string();
        assert!(message.contains("needs about") && message.contains("are free"), "{message}");
        let small = NetworkConfig { channels: vec![32], ..NetworkConfig::default() };
        assert!(check_sampling(&small, [3, 32, 32], 4).is_ok());
    }
}
