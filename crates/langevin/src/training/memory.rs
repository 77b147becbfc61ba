//! Whether a training fits into the memory that is free, said before it begins.

use langevin_core::Result;
use langevin_model::memory::{available_bytes, too_little};
use langevin_nn::NetworkConfig;
use langevin_train::TrainConfig;

/// What is kept for each parameter in training, in numbers: weight, gradient, two moments, average.
const TRAINING_COPIES: u64 = 5;

/// Bytes that training takes: the weights with what is kept for each, and the passes that run at once.
pub fn training_bytes(network: &NetworkConfig, size: usize, train: &TrainConfig, threads: usize) -> u64 {
    let estimate = network.estimate(size, size);
    let passes = train.passes().min(threads.max(1)) as u64;
    let images = passes * train.micro_batch.min(train.batch_size) as u64;
    // Each pass has gradients of its own.
    4 * estimate.parameters * (TRAINING_COPIES + passes) + estimate.training_bytes * images
}

/// Whether [`training_bytes`] are free.
///
/// # Errors
/// Failed, with the number of images for one pass that fits.
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
        Some(count) => format!("try --set train.micro_batch={count}, or smaller images"),
        None => "try smaller images or a smaller network".to_owned(),
    }))
}

/// Whether `count` held-out images of `shape` fit into the memory that is free.
///
/// # Errors
/// Failed, with the number of images that fit.
pub fn check_held(count: u64, shape: [usize; 3]) -> Result<()> {
    let Some(free) = available_bytes() else { return Ok(()) };
    let each = 4 * shape.iter().product::<usize>().max(1) as u64;
    if count <= free / each {
        return Ok(());
    }
    let what = format!("holding out {count} images");
    Err(too_little(&what, count.saturating_mul(each), free)
        .hint(format!("hold out fewer: --set train.validation_images={}", free / each / 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_held_out_images_than_memory_holds_are_refused() {
        if available_bytes().is_none() {
            return;
        }
        let message = check_held(1_000_000, [3, 4096, 4096]).unwrap_err().to_string();
        for part in ["holding out 1000000 images", "needs about", "--set train.validation_images="] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(check_held(128, [3, 32, 32]).is_ok());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_does() {
        let network = NetworkConfig { channels: vec![1024, 1024], ..NetworkConfig::default() };
        let train = TrainConfig { batch_size: 1 << 20, micro_batch: 1 << 20, ..TrainConfig::default() };
        if available_bytes().is_none() {
            return;
        }
        let message = check_training(&network, 256, &train, 2).unwrap_err().to_string();
        assert!(message.contains("needs about") && message.contains("are free"), "{message}");
        let small = NetworkConfig { channels: vec![32], ..NetworkConfig::default() };
        assert!(check_training(&small, 32, &TrainConfig::default(), 2).is_ok());
    }
}
