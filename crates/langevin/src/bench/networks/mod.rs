//! How fast a model trains and samples on this machine.

pub mod job;

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use langevin_core::{
    Cond, Denoiser, Levels, Network, NoiseStreams, Parallel, Preconditioned, Purpose, Result,
};
use langevin_kernels::AdamW as StepSettings;
use langevin_nn::NetworkConfig;
use langevin_process::{Diffusion, DiffusionSpec};
use langevin_train::{Learner, TrainConfig};
use serde::Serialize;

use langevin_inference::job::Reporter;

pub use job::{MeasureNetworkOutcome, MeasureNetworkRequest, Speedup};

/// Measured cost of one network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Numbers in the network.
    pub parameters: usize,
    /// Images at once.
    pub batch: usize,
    /// Milliseconds of one forward pass: least, median and most.
    pub forward_ms: [f64; 3],
    /// Milliseconds of one training step, from noise to changed weights: least, median and most.
    pub train_ms: [f64; 3],
    /// Images a second through one forward pass, at the median.
    pub forward_images_per_second: f64,
    /// Images a second in training, at the median.
    pub train_images_per_second: f64,
}

/// Times `runs` passes of the network `config` on images of `height` x `width`, after one that is not counted.
///
/// # Errors
/// Usage, when the network cannot be made or does not take such images. Interrupted, when stopped.
pub fn measure(
    config: &NetworkConfig,
    diffusion: &DiffusionSpec,
    [height, width]: [usize; 2],
    batch: usize,
    runs: usize,
    device: &Device,
    reporter: &mut Reporter<'_>,
) -> Result<Cost> {
    config.check_size(height, width)?;
    let diffusion = Diffusion::new(diffusion)?;
    let level = diffusion.level(0.5);
    let shape = [config.in_channels, height, width];
    let noise = |device: &Device, from: usize, to: usize| {
        NoiseStreams::new(0, from as u64..to as u64).normal(Purpose::Start, 0, shape, device)
    };
    // What a restorer is conditioned on; its values change no time.
    let condition = |device: &Device, count: usize| {
        let shape = [count, config.condition_channels, height, width];
        (config.condition_channels > 0).then(|| Tensor::<4>::zeros(shape, device))
    };
    let network = config.backbone(0, device)?;
    let parameters = langevin_nn::parameter_count(&network);
    let model = Parallel::new(Preconditioned::new(network, diffusion.clone()), batch)?;
    let x = noise(device, 0, batch);
    let forward_ms = time(runs, "forward", reporter, || {
        let cond = Cond { image: condition(device, batch), ..Cond::none() };
        model.denoise(x.clone(), &Levels::all(level, batch), &cond)?.into_data();
        Ok(())
    })?;
    let autodiff = device.clone().autodiff();
    let network = config.backbone(0, &autodiff)?;
    let TrainConfig { micro_batch, beta1, beta2, epsilon: eps, .. } = TrainConfig::default();
    let mut learner = Learner::new(Preconditioned::new(network, diffusion), batch.div_ceil(micro_batch))?;
    // A rate of zero, so that every step finds the same weights.
    let step = StepSettings {
        learning_rate: 0.0,
        beta1,
        beta2,
        eps,
        weight_decay: 0.0,
        step: 1,
        grad_scale: 1.0,
        ema_decay: 1.0,
    };
    let train_ms = time(runs, "training step", reporter, || {
        let passes = (0..batch).step_by(micro_batch).map(|from| (from, (from + micro_batch).min(batch)));
        let gradients = learner.gradients(passes.collect(), |(from, to), model| {
            let x = noise(&autodiff, from, to);
            let known = model.network.classes() > 0;
            let cond = if known { Cond::classes((from..to).map(|_| Some(0))) } else { Cond::none() };
            let cond = Cond { image: condition(&autodiff, to - from), ..cond };
            let levels = Levels::all(level, to - from);
            model.loss(x.clone(), x, &levels, &cond, &vec![1.0; to - from])
        })?;
        learner.step(gradients, &step);
        Ok(())
    })?;
    Ok(Cost {
        parameters,
        batch,
        forward_images_per_second: 1e3 * batch as f64 / forward_ms[1],
        train_images_per_second: 1e3 * batch as f64 / train_ms[1],
        forward_ms,
        train_ms,
    })
}

fn time(
    runs: usize,
    stage: &str,
    reporter: &mut Reporter<'_>,
    mut work: impl FnMut() -> Result<()>,
) -> Result<[f64; 3]> {
    work()?;
    let mut times = Vec::with_capacity(runs);
    for run in 0..runs.max(1) {
        reporter.at(stage, run as f64 / runs.max(1) as f64)?;
        let start = Instant::now();
        work()?;
        times.push(1e3 * start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok([times[0], times[times.len() / 2], times[times.len() - 1]])
}
