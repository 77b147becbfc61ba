//! Each block's gradients against finite differences.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::NoiseStreams;
use langevin_nn::attention::AttentionShape;
use langevin_nn::resnet::{Resize, ResnetShape};
use langevin_nn::{Activation, AttentionBlock, Draw, Embedding, Pass, Resampler, ResnetBlock, TimeEmbedding};

fn waves(count: usize, phase: f64) -> Vec<f32> {
    (0..count).map(|i| ((i as f64 * 1.7 + phase).sin()) as f32).collect()
}

fn image(values: &[f32], shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// Compares the gradient of `sum(block(x) * probe)` by `x` with differences.
fn check<M: Module>(name: &str, block: &M, shape: [usize; 4], run: impl Fn(&M, Tensor<4>) -> Tensor<4>) {
    let device = Device::flex().autodiff();
    let values = waves(shape.iter().product(), 0.3);
    let x = image(&values, shape, &device).require_grad();
    let out = run(block, x.clone());
    let probe = waves(out.dims().iter().product(), 1.1);
    let dims = out.dims();
    let grads = (out * image(&probe, dims, &device)).sum().backward();
    let grad = x.grad(&grads).unwrap().into_data().try_to_vec::<f32>().unwrap();
    let loss = |values: &[f32]| {
        let out = run(block, image(values, shape, &device)).into_data().try_to_vec::<f32>().unwrap();
        out.iter().zip(&probe).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    for position in (0..values.len()).step_by(values.len() / 7) {
        let shifted = |by: f32| {
            let mut values = values.clone();
            values[position] += by;
            loss(&values)
        };
        let step = 1e-2;
        let measured = (8.0 * (shifted(step) - shifted(-step))
            - (shifted(2.0 * step) - shifted(-2.0 * step)))
            / (12.0 * f64::from(step));
        let error = (measured - f64::from(grad[position])).abs();
        assert!(
            error < 3e-3 * measured.abs().max(0.3),
            "{name} at {position}: {measured} measured, {} computed",
            grad[position]
        );
    }
}

fn shape(scale_shift: bool) -> ResnetShape {
    ResnetShape {
        inputs: 4,
        outputs: 6,
        embedding: 5,
        groups: 2,
        groups_out: 2,
        eps: 1e-5,
        dropout: 0.3,
        scale_shift,
        rescale: 1.3,
        zero: false,
        activation: Activation::Silu,
    }
}

fn embedding(n: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(waves(n * 5, 0.9), [n, 5]), device)
}

#[test]
fn residual_blocks() {
    let device = Device::flex().autodiff();
    for scale_shift in [false, true] {
        let block = ResnetBlock::new(&Draw::new(1, &device), shape(scale_shift));
        let streams = NoiseStreams::new(2, [0, 1]);
        check("residual block", &block, [2, 5, 3, 4], |block, x| {
            block.forward(x, &Pass::new(embedding(2, &device), Some(&streams)))
        });
    }
}

#[test]
fn resamplers() {
    let device = Device::flex().autodiff();
    let draw = Draw::new(1, &device);
    let pass = || Pass::new(embedding(2, &device), None);
    let blocks = [
        ("conv down, padding 1", Resampler::conv_down(&draw, shape(false), 1)),
        ("conv down, padding 0", Resampler::conv_down(&draw, shape(false), 0)),
        ("conv up", Resampler::conv_up(&draw, shape(false))),
        ("residual down", Resampler::residual(&draw, shape(true), Resize::Down)),
        ("residual up", Resampler::residual(&draw, shape(false), Resize::Up)),
    ];
    for (name, block) in blocks {
        check(name, &block, [2, 4, 6, 6], |block, x| block.forward(x, &pass()));
    }
}

#[test]
fn attention_blocks() {
    let device = Device::flex().autodiff();
    for groups in [Some(2), None] {
        let shape = AttentionShape { channels: 6, head_dim: 3, groups, eps: 1e-5, rescale: 1.0, zero: false };
        let block = AttentionBlock::new(&Draw::new(1, &device), shape);
        check("attention block", &block, [2, 3, 4, 6], |block, x| block.forward(x));
    }
}

#[test]
fn embeddings_reach_every_weight() {
    let device = Device::flex().autodiff();
    let time = TimeEmbedding::new(&Draw::new(1, &device), 4, 6);
    let table = Embedding::new(&Draw::new(1, &device).at("table"), 3, 6);
    let features = Tensor::<2>::from_data([[0.1, 0.2, -0.3, 0.4], [0.5, 0.1, 0.2, 0.9]], &device);
    let out = time.forward(features) + table.forward(&[2, 0]);
    let grads = out.sum().backward();
    let by_table = table.weight.val().grad(&grads).unwrap().into_data().try_to_vec::<f32>().unwrap();
    assert_eq!(by_table[..6], [1.0; 6]);
    assert_eq!(by_table[6..12], [0.0; 6]);
    assert_eq!(by_table[12..], [1.0; 6]);
}
