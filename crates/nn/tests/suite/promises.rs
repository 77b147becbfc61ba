//! Bit-equal images in every batch and on every number of threads; initial weights; sizes; estimates; dropout.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Cond, Network, NoiseStreams, Purpose};
use langevin_nn::unet::{Resample, TimeFeatures};
use langevin_nn::{NetworkConfig, Tensors, UNet, export, load, parameter_count};

fn configs() -> Vec<NetworkConfig> {
    let base = NetworkConfig {
        channels: vec![16, 32],
        layers_per_block: 1,
        attention_levels: vec![1],
        attention_head_dim: Some(16),
        norm_groups: 8,
        classes: 3,
        ..NetworkConfig::default()
    };
    vec![
        base.clone(),
        NetworkConfig {
            scale_shift: true,
            resample: Resample::Resnet,
            time_features: TimeFeatures::Fourier,
            dropout: 0.1,
            output_scale_factor: 2_f64.sqrt(),
            ..base.clone()
        },
        NetworkConfig { patch: 2, classes: 0, downsample_padding: 0, ..base.clone() },
        NetworkConfig {
            channels: vec![8, 8, 24],
            attention_head_dim: None,
            mid_block: false,
            null_class: false,
            up_attention_levels: Some(vec![]),
            ..base
        },
    ]
}

/// A network that is conditioned on an image.
fn conditional() -> NetworkConfig {
    NetworkConfig { condition_channels: 2, patch: 2, ..configs().remove(0) }
}

/// Weights away from zero everywhere, so that nothing hides behind a zero-initialised layer.
fn stirred(config: &NetworkConfig, device: &Device) -> UNet {
    let model = config.init(1, device).unwrap();
    let mut tensors = export(&model);
    for (i, (_, values)) in tensors.values_mut().enumerate() {
        for (j, value) in values.iter_mut().enumerate() {
            *value += 0.05 * ((i * 31 + j * 17) as f32).sin();
        }
    }
    load(model, &tensors).unwrap()
}

fn forward(config: &NetworkConfig, model: &UNet, images: &[u64]) -> Vec<u32> {
    let device = Device::flex();
    let streams = NoiseStreams::new(5, images.iter().copied());
    let x = streams.normal(Purpose::Start, 0, [config.in_channels, 16, 8], &device);
    let time: Vec<f32> = images.iter().map(|image| *image as f32 * 3.7 - 2.0).collect();
    let time = Tensor::<1>::from_data(time.as_slice(), &device);
    let cond = Cond {
        labels: (config.classes > 0)
            .then(|| images.iter().map(|image| [None, Some(0), Some(2)][(*image % 3) as usize]).collect()),
        dropout: (config.dropout > 0.0).then(|| streams.clone()),
        image: (config.condition_channels > 0)
            .then(|| streams.normal(Purpose::Degradation, 0, [config.condition_channels, 16, 8], &device)),
        ..Cond::none()
    };
    let out = model.forward(x, time, &cond).into_data().try_to_vec::<f32>().unwrap();
    out.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn without_weights_for_it_the_image_that_is_told_changes_no_bit() {
    let device = Device::flex();
    for patch in [1, 2] {
        let plain = NetworkConfig { patch, classes: 0, ..configs().remove(0) };
        let config = NetworkConfig { condition_channels: 2, ..plain.clone() };
        let model = stirred(&plain, &device);
        let mut tensors = export(&model);
        let (shape, values) = tensors.get_mut("conv_in.weight").unwrap();
        let (own, all) = (3 * patch * patch * 9, 5 * patch * patch * 9);
        let rows = values.chunks_exact(own);
        *values = rows.flat_map(|row| row.iter().copied().chain(vec![0.0; all - own])).collect();
        shape[1] = 5 * patch * patch;
        let conditioned = load(config.init(3, &device).unwrap(), &tensors).unwrap();
        assert_eq!(
            forward(&config, &conditioned, &[4, 9]),
            forward(&plain, &model, &[4, 9]),
            "patch {patch}"
        );
        // And with them it does.
        tensors.get_mut("conv_in.weight").unwrap().1[own] = 0.5;
        let conditioned = load(conditioned, &tensors).unwrap();
        assert_ne!(forward(&config, &conditioned, &[4, 9]), forward(&plain, &model, &[4, 9]));
    }
}

#[test]
fn an_image_is_the_same_bytes_in_every_batch_and_on_every_number_of_threads() {
    let device = Device::flex();
    for config in configs().into_iter().chain([conditional()]) {
        let model = stirred(&config, &device);
        let all: Vec<u64> = (0..17).collect();
        let expected = forward(&config, &model, &all);
        let size = expected.len() / all.len();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for batch in [1, 2, 3, 5, 8, 16, 17] {
                let first = 17 - batch;
                let found = pool.install(|| forward(&config, &model, &all[first..]));
                assert_eq!(found, expected[first * size..], "{threads} threads, batch {batch}, {config:?}");
            }
        }
    }
}

#[test]
fn gradients_are_the_same_bytes_at_every_run_and_on_every_number_of_threads() {
    let device = Device::flex().autodiff();
    let config = &configs()[1];
    let model = stirred(config, &device);
    let gradient = || {
        let x = Tensor::<4>::from_data(
            TensorData::new(
                (0..6 * 3 * 16 * 16).map(|i| (i as f32).sin()).collect::<Vec<_>>(),
                [6, 3, 16, 16],
            ),
            &device,
        )
        .require_grad();
        let time = Tensor::<1>::from_data([0.1, 0.2, 0.3, 0.4, 0.5, 0.6].as_slice(), &device);
        let grads = model.forward(x.clone(), time, &Cond::none()).powi_scalar(2).mean().backward();
        let grad = x.grad(&grads).unwrap().into_data().try_to_vec::<f32>().unwrap();
        grad.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    let expected = gradient();
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(gradient), expected, "{threads} threads");
    }
}

#[test]
fn computing_again_gives_the_same_gradients() {
    for config in configs() {
        // Without dropout, whose masks are drawn again.
        let config = NetworkConfig { dropout: 0.0, ..config };
        let gradients = |device: Device| {
            let model = stirred(&config, &device);
            let values: Vec<f32> = (0..2 * 3 * 16 * 16).map(|i| (i as f32 * 0.37).sin()).collect();
            let x = Tensor::<4>::from_data(TensorData::new(values, [2, 3, 16, 16]), &device);
            let time = Tensor::<1>::from_data([0.3, 1.7].as_slice(), &device);
            let mut grads = model.forward(x, time, &Cond::none()).powi_scalar(2).mean().backward();
            let found = langevin_core::parameters::gradients(&model, &mut grads);
            let bits = |tensor: &Tensor<1>| {
                let values = langevin_core::parameters::values(tensor);
                values.into_iter().map(f32::to_bits).collect::<Vec<u32>>()
            };
            found.iter().map(|(name, tensor)| (name.clone(), bits(tensor))).collect::<Vec<_>>()
        };
        let device = Device::flex().autodiff();
        let kept = gradients(device.clone());
        assert!(kept.len() > 20);
        assert!(gradients(device.gradient_checkpointing()) == kept, "{config:?}");
    }
}

#[test]
fn a_seed_is_one_network_and_it_starts_by_answering_zero() {
    let device = Device::flex();
    for config in configs() {
        let tensors: Tensors = export(&config.init(9, &device).unwrap());
        assert_eq!(tensors, export(&config.init(9, &device).unwrap()));
        assert_ne!(tensors, export(&config.init(10, &device).unwrap()));
        let zero =
            |name: &str| name.contains("conv2.") || name.contains("to_out.") || name.starts_with("conv_out.");
        for (name, (_, values)) in &tensors {
            let all_zero = values.iter().all(|value| *value == 0.0);
            let norm_bias = name.ends_with(".bias") && name.contains("norm");
            assert_eq!(all_zero, zero(name) || norm_bias, "{name}");
        }
        let out = forward(&config, &config.init(9, &device).unwrap(), &[0, 1]);
        assert!(out.iter().all(|bits| f32::from_bits(*bits) == 0.0));
        let started = NetworkConfig { zero_init: false, ..config.clone() };
        assert!(forward(&started, &started.init(9, &device).unwrap(), &[0]).iter().any(|bits| *bits != 0));
    }
    // PyTorch's bound for a 3 x 3 convolution of 3 channels is 1 / sqrt(27), and it is nearly reached.
    let (_, values) = &export(&configs()[0].init(3, &device).unwrap())["conv_in.weight"];
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    assert!(largest < 27_f32.sqrt().recip() && largest > 0.95 * 27_f32.sqrt().recip(), "{largest}");
}

#[test]
fn estimates_count_every_parameter() {
    let device = Device::flex();
    for config in configs().into_iter().chain([NetworkConfig::default(), conditional()]) {
        let model = config.init(0, &device).unwrap();
        let estimate = config.estimate(32, 32);
        assert_eq!(estimate.parameters, parameter_count(&model) as u64, "{config:?}");
        assert!(estimate.training_bytes > estimate.sampling_bytes);
    }
    // The three networks of the performance table: parameters in millions, GFLOP per 32 x 32 image.
    let mnist = NetworkConfig {
        in_channels: 1,
        out_channels: 1,
        channels: vec![32, 64, 128],
        layers_per_block: 1,
        attention_levels: vec![2],
        attention_head_dim: Some(8),
        ..NetworkConfig::default()
    };
    let ddpm = NetworkConfig {
        channels: vec![128, 256, 256, 256],
        attention_levels: vec![1],
        attention_head_dim: None,
        ..NetworkConfig::default()
    };
    let cifar =
        NetworkConfig { channels: vec![64, 128, 128], attention_levels: vec![1], ..NetworkConfig::default() };
    for (name, config, parameters, gflop) in
        [("mnist", mnist, 2.73, 0.76), ("cifar", cifar, 6.47, 3.18), ("ddpm", ddpm, 35.75, 12.4)]
    {
        let estimate = config.estimate(32, 32);
        let (millions, giga) = (estimate.parameters as f64 / 1e6, estimate.flops as f64 / 1e9);
        assert!((millions / parameters - 1.0).abs() < 0.02, "{name}: {millions} million parameters");
        assert!((giga / gflop - 1.0).abs() < 0.05, "{name}: {giga} GFLOP");
    }
}

#[test]
fn configs_that_cannot_be_built_say_which_field() {
    let base = NetworkConfig::default();
    let cases = [
        (NetworkConfig { channels: vec![], ..base.clone() }, "levels"),
        (NetworkConfig { channels: vec![40], ..base.clone() }, "norm_groups"),
        (NetworkConfig { attention_levels: vec![3], ..base.clone() }, "level 3"),
        (NetworkConfig { attention_head_dim: Some(256), ..base.clone() }, "attention_head_dim"),
        (NetworkConfig { dropout: 1.0, ..base.clone() }, "dropout"),
        (NetworkConfig { patch: 0, ..base.clone() }, "patch"),
        (NetworkConfig { norm_eps: f64::NAN, ..base.clone() }, "norm_eps"),
    ];
    for (config, word) in cases {
        let message = config.init(0, &Device::flex()).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(base.size_multiple(), 4);
    assert!(base.check_size(32, 20).is_ok());
    assert!(base.check_size(30, 32).unwrap_err().to_string().contains("multiples of 4"));
    let unknown = serde_json::from_str::<NetworkConfig>("{\"chanels\": [32]}");
    assert!(unknown.unwrap_err().to_string().contains("chanels"));
}
