//! Features without training: random convolutions at three sizes, seeded, so that they are the same for everybody. Random
//! networks keep much of what distinguishes images (Xu et al. 2018, arXiv 1806.07755; Naeem et al. 2020, section 4).

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use langevin_kernels as kernels;
use langevin_nn::{Conv2d, Draw};

/// Sizes: the image, its half and its quarter.
const SCALES: usize = 3;
/// Channels of the maps.
const WIDTH: usize = 32;
/// Parts each side of the map is divided into; each gives its own means.
const PARTS: usize = 2;

#[derive(Module, Debug)]
struct Scale {
    first: Conv2d,
    second: Conv2d,
}

/// The convolutions.
#[derive(Module, Debug)]
pub(super) struct RandomMaps {
    scales: Vec<Scale>,
}

impl RandomMaps {
    /// For images with `channels`, drawn from `seed`.
    pub(super) fn new(channels: usize, seed: u64, device: &Device) -> Self {
        let draw = Draw::new(seed, device);
        let scale = |index: usize| {
            let draw = draw.at(format!("scales.{index}"));
            // A gain that keeps the size of the numbers through SiLU.
            let conv = |name: &str, inputs: usize, outputs: usize| {
                let mut made = Conv2d::same(&draw.at(name), inputs, outputs, 3);
                let gain = (2.0_f64 / (9 * inputs) as f64).sqrt();
                made.weight = draw.at(name).normal("weight", [outputs, inputs, 3, 3], gain);
                made.bias = draw.at(name).normal("bias", [outputs], 0.5);
                made
            };
            Scale { first: conv("first", channels, WIDTH), second: conv("second", WIDTH, WIDTH) }
        };
        Self { scales: (0..SCALES).map(scale).collect() }
    }

    /// The features `[n, d]` of images `[n, c, h, w]` in [-1, 1].
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let mut x = kernels::channels_last(x);
        let mut means = Vec::new();
        for (index, scale) in self.scales.iter().enumerate() {
            if index > 0 && x.dims()[1].min(x.dims()[2]) >= 8 {
                x = kernels::downsample2x(x);
            }
            let maps = kernels::silu(scale.first.forward(x.clone()));
            means.push(parts(kernels::silu(scale.second.forward(maps))));
        }
        Tensor::cat(means, 1)
    }
}

/// The means over each part of the map.
fn parts(x: Tensor<4>) -> Tensor<2> {
    let [_, h, w, _] = x.dims();
    let edge = |side: usize, part: usize| part * side / PARTS;
    let mut means = Vec::new();
    for row in 0..PARTS.min(h) {
        for column in 0..PARTS.min(w) {
            let (top, bottom) = (edge(h, row), edge(h, row + 1).max(edge(h, row) + 1));
            let (left, right) = (edge(w, column), edge(w, column + 1).max(edge(w, column) + 1));
            let part = x.clone().narrow(1, top, bottom - top).narrow(2, left, right - left);
            means.push(super::classifier::mean(part));
        }
    }
    Tensor::cat(means, 1)
}
