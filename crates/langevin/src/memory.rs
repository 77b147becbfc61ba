//! Whether a work fits into the memory that is free, said before it begins.

use std::fs;

use langevin_core::{Error, Result};
use langevin_nn::NetworkConfig;
use langevin_train::TrainConfig;

/// What is kept for each parameter in training, in numbers: weight, gradient, two moments, average.
const TRAINING_COPIES: u64 = 5;

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

/// Bytes that training takes: the weights with what is kept for each, and the passes that run at once.
pub fn training_bytes(network: &NetworkConfig, size: usize, train: &TrainConfig, threads: usize) -> u64 {
    let estimate = network.estimate(size, size);
    let passes = train.passes().min(threads.max(1)) as u64;
    let pictures = passes * train.micro_batch.min(train.batch_size) as u64;
    // Each pass has gradients of its own.
    4 * estimate.parameters * (TRAINING_COPIES + passes) + estimate.training_bytes * pictures
}

/// Whether [`training_bytes`] are free.
///
/// # Errors
/// Failed, with the number of pictures for one pass that fits.
pub fn check_training(
    network: &NetworkConfig,
    size: usize,
    train: &TrainConfig,
    threads: usize,
) -> Result<()> {
    let Some(free) = available_bytes() else { return Ok(()) };
    let needed =
        |micro_batch| training_bytes(network, size, &TrainConfig { micro_batch, ..train.clone() }, threads);
    let fits = |micro_batch: &usize| needed(*micro_batch) <= free;
    if fits(&train.micro_batch) {
        return Ok(());
    }
    let smaller = (1..train.micro_batch).rev().find(fits);
    Err(too_little("training", needed(train.micro_batch), free).hint(match smaller {
        Some(count) => format!("try --set train.micro_batch={count}, or smaller pictures"),
        None => "try smaller pictures or a smaller network".to_owned(),
    }))
}

/// Whether drawing `batch_size` pictures at once fits.
///
/// # Errors
/// Failed, with the number of pictures at once that fits.
pub fn check_sampling(
    network: &NetworkConfig,
    (height, width): (usize, usize),
    batch_size: usize,
) -> Result<()> {
    let Some(free) = available_bytes() else { return Ok(()) };
    let each = network.estimate(height, width).sampling_bytes;
    let needed = each.saturating_mul(batch_size as u64);
    if needed <= free {
        return Ok(());
    }
    Err(too_little("drawing", needed, free).hint(match free / each.max(1) {
        0 => "not even one picture at a time fits".to_owned(),
        count => format!("try --batch-size {count}"),
    }))
}

fn too_little(what: &str, needed: u64, free: u64) -> Error {
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
        let train = TrainConfig { batch_size: 1 << 20, micro_batch: 1 << 20, ..TrainConfig::default() };
        if available_bytes().is_none() {
            return;
        }
        let message = check_training(&network, 256, &train, 2).unwrap_err().to_string();
        assert!(message.contains("needs about") && message.contains("are free"), "{message}");
        assert!(check_sampling(&network, (4096, 4096), 1 << 20).is_err());
        let small = NetworkConfig { channels: vec![32], ..NetworkConfig::default() };
        assert!(check_training(&small, 32, &TrainConfig::default(), 2).is_ok());
        assert!(check_sampling(&small, (32, 32), 4).is_ok());
    }
}
