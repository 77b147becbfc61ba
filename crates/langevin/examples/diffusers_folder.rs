//! Opens a diffusers folder and evaluates its bare denoiser, without sampler, guidance or clipping.
//!
//! Run `cargo run --release -p langevin --example diffusers_folder [FOLDER]`. Without a folder it writes a small one with random
//! weights first, which Python's `DDPMPipeline.from_pretrained` loads too. Expect mean and deviation of the clean estimate.

use std::path::Path;

use langevin::core::{NoiseStreams, Preconditioned, Purpose};
use langevin::model::save;
use langevin::nn::NetworkConfig;
use langevin::process::{Diffusion, DiffusionSpec};
use langevin::{Cond, Denoiser, Device, Levels, Model, Pipeline, Result};

fn main() -> Result<()> {
    let device = Device::flex();
    let folder = std::env::args().nth(1).unwrap_or_else(|| "runs/example-diffusers".to_owned());
    if !Path::new(&folder).exists() {
        save::to_folder(&small(&device)?, Path::new(&folder), "ddpm", false)?;
    }
    let model = Model::open(&folder, &device)?;
    let [channels, height, width] = model.shape();
    println!("{folder}: {width}x{height}, {channels} channels, {}", model.info.diffusion.schedule);

    // Two noisy images at the level where the signal is as strong as the noise.
    let level = model.denoiser.diffusion().curve().level_at(0.0);
    let noise = NoiseStreams::new(0, 0..2).normal(Purpose::Start, 0, [channels, height, width], &device);
    let x = noise.mul_scalar(level.sigma);
    let pipeline = Pipeline::new(&model, 2).with_clip(false);
    let denoised = pipeline.denoiser(|_, _| true)?.denoise(x, &Levels::all(level, 2), &Cond::none())?;
    let (variance, mean) = denoised.flatten::<1>(0, 3).var_mean(0);
    println!(
        "E[x0 | x]: mean {:.3}, deviation {:.3}",
        mean.into_scalar::<f32>(),
        variance.sqrt().into_scalar::<f32>()
    );
    Ok(())
}

/// A network with random weights that diffusers can express.
fn small(device: &Device) -> Result<Model> {
    let mut config = NetworkConfig { channels: vec![16, 32], norm_groups: 8, ..NetworkConfig::default() };
    config.attention_head_dim = Some(16);
    let spec = DiffusionSpec {
        schedule: "linear".to_owned(),
        parameterisation: "epsilon".to_owned(),
        ..DiffusionSpec::default()
    };
    let network = Preconditioned::new(config.backbone(0, device)?, Diffusion::new(&spec)?);
    Model::of_network("small", (32, 32), network)
}
