//! Our side of `cargo xtask bench-peers`: the networks that `references/bench/peers.py` makes, timed on request.
//!
//! Each line on stdin is a request; each answer is one line of JSON on stdout.
//! * `load NAME FILE`: reads a network and compares its answer with the one in the file
//! * `train NAME`: makes a network of random weights for steps alone, so that `peak` is that of training
//! * `time NAME MODE WORK N`: seconds of one run; `MODE` is `f32` or `bf16`, `WORK` is `forward` or `step`, on `N` images
//! * `model NAME FILE`: writes the network as a model file with the linear schedule of DDPM
//! * `peak`: the peak memory of this process in bytes

use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Instant;

use burn::tensor::{Tensor, TensorData};
use langevin::core::tensor_file::{self, Storage};
use langevin::core::{Cond, Losses, NamedTensors, Network, Preconditioned, Workers, spin_workers};
use langevin::kernels::{AdamW, Arithmetic, allocator};
use langevin::nn::{Backbone, NetworkConfig, TransformerConfig};
use langevin::process::{Diffusion, DiffusionSpec};
use langevin::train::Learner;
use langevin::{Device, Error, ModelInfo, Result, SampleSettings};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// Images of one pass, as `langevin train` divides a batch with the preset of that name.
fn pass(name: &str) -> usize {
    if name == "ddpm" { 4 } else { 8 }
}

struct Side {
    channels: usize,
    network: Option<Backbone>,
    lanes: Workers,
    pass: usize,
    learner: Learner<Backbone>,
}

fn main() -> Result<()> {
    allocator::keep_freed_memory();
    let threads = std::env::var("BENCH_THREADS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Error::failed(error.to_string()))?;
    pool.install(|| {
        let mut sides = BTreeMap::new();
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|error| Error::failed(error.to_string()))?;
            let words: Vec<&str> = line.split_whitespace().collect();
            let answer =
                answer(&mut sides, &words).unwrap_or_else(|error| json!({ "error": error.to_string() }));
            println!("{answer}");
        }
        Ok(())
    })
}

fn answer(sides: &mut BTreeMap<String, Side>, words: &[&str]) -> Result<Value> {
    match *words {
        ["load", name, file] => {
            let (side, found) = Side::load(name, file)?;
            sides.insert(name.to_owned(), side);
            Ok(found)
        }
        ["train", name] => {
            sides.insert(name.to_owned(), Side::new(name, None, config(name)?.backbone(0, &autodiff())?)?);
            Ok(json!({}))
        }
        ["time", name, mode, work, n] => {
            let side = sides.get_mut(name).ok_or_else(|| Error::usage("not loaded"))?;
            let n = n.parse().map_err(|_| Error::usage("not a number of images"))?;
            Ok(json!({ "seconds": side.run(mode, work, n)? }))
        }
        ["model", name, file] => {
            let side = sides.get(name).ok_or_else(|| Error::usage("not loaded"))?;
            side.save(file)?;
            Ok(json!({}))
        }
        ["peak"] => Ok(json!({ "bytes": langevin::train::peak_bytes() })),
        _ => Err(Error::usage("no such request")),
    }
}

fn config(name: &str) -> Result<NetworkConfig> {
    let base = NetworkConfig { zero_init: false, ..NetworkConfig::default() };
    match name {
        "mnist" => Ok(NetworkConfig {
            in_channels: 1,
            out_channels: 1,
            channels: vec![32, 64, 128],
            layers_per_block: 1,
            attention_levels: vec![2],
            attention_head_dim: Some(8),
            ..base
        }),
        "cifar" => Ok(NetworkConfig { attention_levels: vec![1], ..base }),
        "ddpm" => Ok(NetworkConfig {
            channels: vec![128, 256, 256, 256],
            attention_levels: vec![1],
            attention_head_dim: None,
            downsample_padding: 0,
            flip_sin_to_cos: false,
            freq_shift: 1.0,
            norm_eps: 1e-6,
            ..base
        }),
        "dit" => Ok(NetworkConfig {
            patch: 4,
            classes: 10,
            transformer: Some(TransformerConfig { dim: 256, heads: 4, layers: 8, side: 8 }),
            ..base
        }),
        _ => Err(Error::usage("no such network")),
    }
}

fn tensor<const D: usize>(named: &NamedTensors, name: &str, device: &Device) -> Result<Tensor<D>> {
    let (shape, values) =
        named.get(name).ok_or_else(|| Error::bad_input(format!("{name} is not in the file")))?;
    Ok(Tensor::from_data(TensorData::new(values.to_vec(), shape.clone()), device))
}

fn autodiff() -> Device {
    let recompute = std::env::var_os("RECOMPUTE").is_some();
    let device = Device::flex().autodiff();
    if recompute { device.gradient_checkpointing() } else { device }
}

/// The golden tensors in a file, and the weights.
fn read(file: &str) -> Result<(NamedTensors, NamedTensors)> {
    let bytes = std::fs::read(file).map_err(|error| Error::failed(format!("{file}: {error}")))?;
    let (named, _) = tensor_file::decode(&bytes)?;
    Ok(named.into_iter().partition(|(name, _)| name.starts_with("golden.")))
}

impl Side {
    fn load(name: &str, file: &str) -> Result<(Self, Value)> {
        let (golden, named) = read(file)?;
        let (device, config) = (Device::flex(), config(name)?);
        let network = langevin::nn::load(config.backbone(0, &device)?, &named)?;
        let answer = network.forward(
            tensor(&golden, "golden.x", &device)?,
            tensor(&golden, "golden.t", &device)?,
            &Cond::none(),
        );
        let expected = tensor(&golden, "golden.y", &device)?;
        let difference: f32 = (answer - expected).abs().max().into_scalar();
        let parameters = langevin::nn::parameter_count(&network);
        let found = json!({ "parameters": parameters, "difference": difference });
        let trained = langevin::nn::load(config.backbone(0, &autodiff())?, &named)?;
        Ok((Self::new(name, Some(network), trained)?, found))
    }

    fn new(name: &str, network: Option<Backbone>, trained: Backbone) -> Result<Self> {
        let config = config(name)?;
        let diffusion = Diffusion::new(&DiffusionSpec::default())?;
        Ok(Self {
            channels: config.in_channels,
            network,
            lanes: Workers::new(rayon::current_num_threads())?,
            learner: Learner::new(Preconditioned::new(trained, diffusion), 16 / pass(name))?,
            pass: pass(name),
        })
    }

    fn network(&self) -> Result<&Backbone> {
        self.network.as_ref().ok_or_else(|| Error::usage("loaded for steps alone"))
    }

    fn save(&self, file: &str) -> Result<()> {
        let spec = DiffusionSpec {
            schedule: "linear".into(),
            process: "vp".into(),
            parameterisation: "epsilon".into(),
            time_input: "timestep".into(),
            ..DiffusionSpec::default()
        };
        let info = ModelInfo {
            version: 1,
            size: langevin::core::Size::square(32),
            channels: self.channels,
            classes: Vec::new(),
            network: self.network()?.config().clone(),
            task: None,
            latent: None,
            text: None,
            diffusion: spec,
            sample: SampleSettings::default(),
            data: String::new(),
            preset: String::new(),
            images: 0,
            seed: 0,
        };
        let weights = langevin::nn::export(self.network()?);
        langevin::files::replace_file(
            file.as_ref(),
            &tensor_file::encode(&weights, &info.to_metadata(), Storage::F32),
        )
    }

    fn input(&self, range: std::ops::Range<usize>, device: &Device) -> (Tensor<4>, Tensor<1>) {
        let size = self.channels * 32 * 32;
        let noise = |i: usize| (0.5 + 1.7 * i as f32).sin();
        let values: Vec<f32> = (range.start * size..range.end * size).map(noise).collect();
        let times: Vec<f32> = range.clone().map(|k| 10.0 + 60.0 * k as f32).collect();
        let x = TensorData::new(values, [range.len(), self.channels, 32, 32]);
        (Tensor::from_data(x, device), Tensor::from_data(times.as_slice(), device))
    }

    fn run(&mut self, mode: &str, work: &str, n: usize) -> Result<f64> {
        let device = Device::flex();
        match (mode, work) {
            ("f32" | "bf16", "forward") => {
                let arithmetic = if mode == "bf16" { Arithmetic::Bf16 } else { Arithmetic::Fast };
                let network = self.network()?.clone().with_arithmetic(arithmetic);
                let share = n.div_ceil(rayon::current_num_threads()).max(1);
                let parts = (0..n).step_by(share).map(|k| self.input(k..(k + share).min(n), &device));
                let parts: Vec<_> = parts.collect();
                let start = Instant::now();
                let forward = |(x, t)| network.forward(x, t, &Cond::none());
                if parts.len() == 1 {
                    spin_workers(|| parts.into_iter().map(forward).for_each(drop));
                } else {
                    self.lanes.run(parts, forward);
                }
                Ok(start.elapsed().as_secs_f64())
            }
            ("f32", "step") => {
                let device = autodiff();
                let parts = (0..n).step_by(self.pass).map(|k| self.input(k..(k + self.pass).min(n), &device));
                let parts: Vec<_> = parts.collect();
                let start = Instant::now();
                let gradients = self.learner.gradients(parts, |(x, t), model| {
                    let [count, ..] = x.dims();
                    let answer = model.network.forward(x.clone(), t, &Cond::none());
                    let per_image = (answer - x).square().reshape([count as i32, -1]).mean_dim(1);
                    let per_image = per_image.reshape([count]);
                    Ok(Losses { mean: per_image.clone().sum() / n as f32, per_image, terms: None })
                })?;
                let (beta1, beta2) = (0.9, 0.999);
                let step = AdamW {
                    learning_rate: 0.0,
                    beta1,
                    beta2,
                    eps: 1e-8,
                    weight_decay: 0.0,
                    step: 1,
                    grad_scale: 1.0,
                    ema_decay: 0.999,
                };
                self.learner.step(gradients, &step);
                Ok(start.elapsed().as_secs_f64())
            }
            _ => Err(Error::usage("no such work")),
        }
    }
}
