//! A small convolutional network that reads classes, whose inner maps serve as features.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use langevin_kernels as kernels;
use langevin_nn::{Conv2d, Draw, GroupNorm, Linear};

/// Channels of the first maps; each stage doubles them up to [`MOST`].
const FIRST: usize = 32;
const MOST: usize = 128;
/// Longest side that is looked at; larger images are halved first.
pub(super) const LARGEST: usize = 64;

/// A residual block after a step to half the size.
#[derive(Module, Debug)]
struct Stage {
    down: Conv2d,
    norm1: GroupNorm,
    conv1: Conv2d,
    norm2: GroupNorm,
    conv2: Conv2d,
}

/// The network.
#[derive(Module, Debug)]
pub(super) struct Classifier {
    conv_in: Conv2d,
    stages: Vec<Stage>,
    norm: GroupNorm,
    head: Linear,
}

impl Classifier {
    /// For images of `size` (width, height) with `channels`, told apart into `classes`; weights from `seed`.
    pub(super) fn new(
        size: (usize, usize),
        channels: usize,
        classes: usize,
        seed: u64,
        device: &Device,
    ) -> Self {
        let draw = Draw::new(seed, device);
        let mut width = FIRST;
        let conv_in = Conv2d::same(&draw.at("conv_in"), channels, width, 3);
        let stages = (0..stage_count(size)).map(|index| {
            let (inputs, draw) = (width, draw.at(format!("stages.{index}")));
            width = (2 * width).min(MOST);
            let norm = |name| GroupNorm::new(&draw.at(name), width, 8, 1e-5, true);
            Stage {
                down: Conv2d::new(&draw.at("down"), inputs, width, 3, kernels::Conv2d::padded(2, 1)),
                norm1: norm("norm1"),
                conv1: Conv2d::same(&draw.at("conv1"), width, width, 3),
                norm2: norm("norm2"),
                conv2: Conv2d::same(&draw.at("conv2"), width, width, 3),
            }
        });
        let stages: Vec<Stage> = stages.collect();
        let norm = GroupNorm::new(&draw.at("norm"), width, 8, 1e-5, true);
        Self { conv_in, norm, head: Linear::new(&draw.at("head"), width, classes), stages }
    }

    /// The features, `[n, d]`, and the scores of the classes, `[n, classes]`, of images `[n, c, h, w]` in [-1, 1].
    ///
    /// The features are the means over the map of what each stage gives, and of the last map as the scores see it.
    pub(super) fn forward(&self, x: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let mut x = shrunk(kernels::channels_last(x));
        x = self.conv_in.forward(x);
        let mut means = Vec::new();
        for stage in &self.stages {
            x = stage.down.forward(x);
            let inner = stage.conv1.forward(stage.norm1.forward(x.clone()));
            x = x + stage.conv2.forward(stage.norm2.forward(inner));
            means.push(mean(x.clone()));
        }
        let last = mean(self.norm.forward(x));
        means.push(last.clone());
        (Tensor::cat(means, 1), self.head.forward(last))
    }
}

/// How often the size is halved: down to about 7 pixels.
fn stage_count((width, height): (usize, usize)) -> usize {
    let side = width.max(height).min(LARGEST);
    if side >= 40 {
        3
    } else if side >= 12 {
        2
    } else {
        1
    }
}

/// `[n, h, w, c]` with sides of at most [`LARGEST`], by averaging blocks of 2 by 2.
fn shrunk(mut x: Tensor<4>) -> Tensor<4> {
    while x.dims()[1].max(x.dims()[2]) > LARGEST && x.dims()[1].min(x.dims()[2]) >= 2 {
        x = kernels::downsample2x(x);
    }
    x
}

/// The mean over the map: `[n, h, w, c]` to `[n, c]`.
pub(super) fn mean(x: Tensor<4>) -> Tensor<2> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h * w, c]).mean_dim(1).reshape([n, c])
}
