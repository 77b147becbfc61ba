//! Every type of block of `UNet2DModel`, against the outputs that `references/golden/parity_networks.py` recorded: read as a folder
//! whose weights are made by the same formula there and here.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::tensor_file::{self, Storage};
use langevin_core::{Cond, NamedTensors, Network};
use langevin_hub::read_folder;
use serde_json::{Value, json};

pub fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../references/golden").join(name)
}

/// Numbers in [-1, 1) from SplitMix64 of (tensor, position).
pub fn numbers(tensor: u64, shape: &[usize]) -> Vec<f64> {
    let count = shape.iter().product::<usize>() as u64;
    let mixed = |position: u64| {
        let mut z = (tensor << 32).wrapping_add(position).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f64 / 8_388_608.0 - 1.0
    };
    (0..count).map(mixed).collect()
}

fn weight(tensor: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let fan_in = shape[1..].iter().product::<usize>() as f64;
    let (scale, shift) = if name.contains("norm") && name.ends_with("weight") {
        (0.5, 1.0)
    } else if name.starts_with("time_proj") && shape.len() == 1 {
        (4.0, 0.0)
    } else if shape.len() == 1 {
        (0.25, 0.0)
    } else {
        ((3.0 / fan_in).sqrt(), 0.0)
    };
    numbers(tensor, shape).into_iter().map(|value| (shift + scale * value) as f32).collect()
}

/// The tensors of a case.
pub fn weights(case: &Value) -> NamedTensors {
    let shapes = case["tensors"].as_object().unwrap();
    let named = shapes.iter().enumerate().map(|(index, (name, shape))| {
        let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
        let values = weight(index as u64, name, &shape);
        (name.clone(), (shape, values.into()))
    });
    named.collect()
}

/// The recorded cases, and the outputs.
pub fn cases() -> (serde_json::Map<String, Value>, NamedTensors) {
    let bytes = std::fs::read(golden("networks.safetensors")).unwrap();
    let (outputs, metadata) = tensor_file::decode(&bytes).unwrap();
    let cases: Value = serde_json::from_str(&metadata["cases"]).unwrap();
    (cases.as_object().unwrap().clone(), outputs)
}

/// Writes the network of a case as a folder of the old sort, all at the root.
pub fn write_model(folder: &Path, case: &Value) {
    std::fs::write(folder.join("config.json"), case["config"].to_string()).unwrap();
    let bytes = tensor_file::encode(&weights(case), &Default::default(), Storage::F32);
    std::fs::write(folder.join("diffusion_pytorch_model.safetensors"), bytes).unwrap();
    if case["config"]["time_embedding_type"] == "fourier" {
        let scheduler = json!({"_class_name": "ScoreSdeVeScheduler"});
        std::fs::write(folder.join("scheduler_config.json"), scheduler.to_string()).unwrap();
    }
}

#[test]
fn every_type_of_block_gives_the_recorded_output() {
    let (cases, outputs) = cases();
    assert!(cases.len() >= 19);
    let device = Device::flex();
    for (name, case) in &cases {
        let folder = tempfile::tempdir().unwrap();
        write_model(folder.path(), case);
        let pipeline = read_folder(folder.path()).unwrap();
        let config = &pipeline.network;
        let (width, height) = pipeline.size;
        let network = langevin_nn::load(config.init(0, &device).unwrap(), &pipeline.tensors).unwrap();
        let claimed = config.estimate(height, width).parameters;
        assert_eq!(claimed, langevin_nn::parameter_count(&network) as u64, "{name}");
        let shape = [2, config.in_channels, height, width];
        let values: Vec<f32> = numbers(10_000, &shape).into_iter().map(|v| (1.5 * v) as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, shape), &device);
        let time = Tensor::<1>::from_data([17.0, 620.0].as_slice(), &device);
        let cond = if config.classes > 0 { Cond::classes([Some(1), Some(3)]) } else { Cond::none() };
        let found = network.forward(x, time, &cond).try_into_vec_as::<f32>().unwrap();
        let (_, expected) = &outputs[name];
        assert_eq!(found.len(), expected.len(), "{name}");
        let half = expected.len() / 2;
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            // A network of Fourier features divides by the timestep there; here that is left to the parameterisation.
            let divisor = match (config.fourier_log, index < half) {
                (false, _) => 1.0,
                (true, true) => 17.0,
                (true, false) => 620.0,
            };
            let off = (found / divisor - expected).abs();
            assert!(off < 2e-5, "{name}: number {index} is {found} / {divisor}, and was {expected}");
        }
    }
}
