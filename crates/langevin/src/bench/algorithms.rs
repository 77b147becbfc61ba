//! How fast each way of multiplying a 3 x 3 convolution is on this machine, beside the one that is chosen.

use std::time::Instant;

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::tensor::TensorData;
use langevin_core::{NoiseStreams, Purpose};
use langevin_kernels::{Algorithm, Arithmetic, Conv2d, DiffusionOps, Pass};
use serde::Serialize;

/// The time of each way for one shape and pass.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlgorithmTimes {
    /// Rows and columns of the map.
    pub side: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// What is computed: `sampling` (weights laid out before), `bf16` (the same), `training` (weights new each time),
    /// `weights` (their gradient).
    pub pass: &'static str,
    /// Microseconds for an image by [`Algorithm::ALL`].
    pub microseconds: [f64; 3],
    /// The one that is chosen, by its name.
    pub chosen: &'static str,
}

impl AlgorithmTimes {
    /// How much longer the chosen one takes than the fastest: 0 at best.
    pub fn regret(&self) -> f64 {
        let fastest = self.microseconds.iter().copied().fold(f64::INFINITY, f64::min);
        let chosen = Algorithm::ALL.iter().position(|way| way.name() == self.chosen).expect("one of them");
        self.microseconds[chosen] / fastest - 1.0
    }
}

/// Maps of the networks people train: powers of two, and MNIST's.
const SIDES: [usize; 9] = [2, 4, 6, 7, 8, 14, 16, 28, 32];
const CHANNELS: [[usize; 2]; 5] = [[32, 32], [64, 64], [128, 128], [256, 128], [256, 256]];

/// Measures all shapes with `batch` images, `runs` times each, by turns; the median counts.
pub fn measure_algorithms(batch: usize, runs: usize) -> Vec<AlgorithmTimes> {
    let shapes = SIDES.iter().flat_map(|side| CHANNELS.iter().map(move |channels| (*side, *channels)));
    shapes.flat_map(|(side, channels)| measure(side, channels, batch, runs)).collect()
}

fn measure(side: usize, [inputs, outputs]: [usize; 2], batch: usize, runs: usize) -> [AlgorithmTimes; 4] {
    let streams = NoiseStreams::new(0, 0..batch as u64);
    let numbers = |count: usize| -> Vec<f32> {
        streams
            .normal(Purpose::Start, 0, [count.div_ceil(batch), 1, 1], &burn::tensor::Device::flex())
            .into_data()
            .try_to_vec::<f32>()
            .expect("f32 numbers")[..count]
            .to_vec()
    };
    let tensor = |shape: [usize; 4]| -> FloatTensor<Flex> {
        let values = numbers(shape.iter().product());
        Flex::float_from_data(TensorData::new(values, shape), &Default::default())
    };
    let (x, grad) = (tensor([batch, side, side, inputs]), tensor([batch, side, side, outputs]));
    let weights = numbers(outputs * inputs * 9);
    let fresh = || -> FloatTensor<Flex> {
        let data = TensorData::new(weights.clone(), [outputs, inputs, 3, 3]);
        Flex::float_from_data(data, &Default::default())
    };
    let bias =
        Flex::float_from_data(TensorData::new(vec![0.0_f32; outputs], [1, outputs]), &Default::default());
    let kept = fresh();
    ["sampling", "bf16", "training", "weights"].map(|pass| {
        let mut seconds = [const { Vec::new() }; 3];
        for run in 0..=runs {
            for (way, seconds) in Algorithm::ALL.iter().zip(&mut seconds) {
                let weight = if pass == "training" { fresh() } else { kept.clone() };
                let arithmetic = if pass == "bf16" { Arithmetic::Bf16 } else { Arithmetic::Fast };
                let options = Conv2d { arithmetic, ..Conv2d::same(3) };
                let start = Instant::now();
                way.within(|| {
                    if pass == "weights" {
                        let (x, grad) = (x.clone(), grad.clone());
                        drop(Flex::image_conv_backward(x, weight, grad, 1, options, false));
                    } else {
                        drop(Flex::image_conv(x.clone(), weight, bias.clone(), options));
                    }
                });
                if run > 0 {
                    seconds.push(start.elapsed().as_secs_f64());
                }
            }
        }
        let microseconds = seconds.map(|mut seconds| {
            seconds.sort_by(f64::total_cmp);
            seconds[seconds.len() / 2] / batch as f64 * 1e6
        });
        let choice = match pass {
            "weights" => Pass::Weights,
            "bf16" => Pass::ImageInBf16,
            _ => Pass::Image,
        };
        let chosen = Algorithm::choose(choice, [side, side], [inputs, outputs]).name();
        AlgorithmTimes { side, inputs, outputs, pass, microseconds, chosen }
    })
}
