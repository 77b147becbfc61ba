//! How fast a model trains and samples on this machine.

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use langevin_core::Denoiser;
use langevin_core::{Cond, Level, Levels, Network, NoiseStreams, Preconditioned, Purpose, Result};
use langevin_nn::{UNet, UNetConfig};
use langevin_process::{Diffusion, DiffusionSpec};
use serde::Serialize;

/// Measured cost of one network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Numbers in the network.
    pub parameters: usize,
    /// Pictures at once.
    pub batch: usize,
    /// Milliseconds of one forward pass: least, median and most.
    pub forward_ms: [f64; 3],
    /// Milliseconds of one forward and backward pass: least, median and most.
    pub train_ms: [f64; 3],
    /// Pictures a second through one forward pass, at the median.
    pub forward_images_per_second: f64,
    /// Pictures a second in training, at the median.
    pub train_images_per_second: f64,
}

/// Times `runs` passes of the network `config` on pictures of `height` x `width`, after one that is not counted.
///
/// # Errors
/// Usage, when the network cannot be made or does not take such pictures.
pub fn measure(
    config: &UNetConfig,
    diffusion: &DiffusionSpec,
    [height, width]: [usize; 2],
    batch: usize,
    runs: usize,
    device: &Device,
) -> Result<Cost> {
    config.check_size(height, width)?;
    let diffusion = Diffusion::new(diffusion)?;
    let level = diffusion.level(0.5);
    let shape = [config.in_channels, height, width];
    let noise =
        |device: &Device| NoiseStreams::new(0, 0..batch as u64).normal(Purpose::Start, 0, shape, device);
    let plain = Preconditioned::new(config.init(0, device)?, diffusion.clone());
    let forward_ms = time(runs, || forward(&plain, noise(device), level))?;
    let autodiff = device.clone().autodiff();
    let trained = Preconditioned::new(config.init(0, &autodiff)?, diffusion);
    let train_ms = time(runs, || train(&trained, noise(&autodiff), level))?;
    Ok(Cost {
        parameters: langevin_nn::parameter_count(&plain.network),
        batch,
        forward_images_per_second: 1e3 * batch as f64 / forward_ms[1],
        train_images_per_second: 1e3 * batch as f64 / train_ms[1],
        forward_ms,
        train_ms,
    })
}

fn forward(model: &Preconditioned<UNet>, x: Tensor<4>, level: Level) -> Result<()> {
    let batch = x.dims()[0];
    model.denoise(x, &Levels::all(level, batch), &Cond::none())?.into_data();
    Ok(())
}

fn train(model: &Preconditioned<UNet>, x: Tensor<4>, level: Level) -> Result<()> {
    let batch = x.dims()[0];
    let cond =
        if model.network.classes() > 0 { Cond::classes((0..batch).map(|_| Some(0))) } else { Cond::none() };
    let losses = model.loss(x.clone(), x, &Levels::all(level, batch), &cond, &vec![1.0; batch])?;
    losses.mean.backward();
    Ok(())
}

fn time(runs: usize, mut work: impl FnMut() -> Result<()>) -> Result<[f64; 3]> {
    work()?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        work()?;
        times.push(1e3 * start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok([times[0], times[times.len() / 2], times[times.len() - 1]])
}
