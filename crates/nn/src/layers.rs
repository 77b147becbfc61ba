//! Layers with weights in PyTorch's layout, drawn as PyTorch draws them by default: `U(-k, k)` with
//! `k = 1 / sqrt(fan in)` for weights and biases (He et al. 2015 with a = sqrt 5). Images are `[n, h, w, c]` inside a
//! network.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor};
use langevin_kernels as kernels;

use crate::draw::Draw;

/// A convolution with bias.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out, in, height, width]`.
    pub weight: Param<Tensor<4>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    options: kernels::Conv2d,
}

impl Conv2d {
    /// A square `kernel` x `kernel` convolution, walking as `options` say.
    pub fn new(
        draw: &Draw<'_>,
        inputs: usize,
        outputs: usize,
        kernel: usize,
        options: kernels::Conv2d,
    ) -> Self {
        let bound = 1.0 / ((inputs * kernel * kernel) as f64).sqrt();
        Self {
            weight: draw.uniform("weight", [outputs, inputs, kernel, kernel], bound),
            bias: draw.uniform("bias", [outputs], bound),
            options,
        }
    }

    /// One that keeps the image's size.
    pub fn same(draw: &Draw<'_>, inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self::new(draw, inputs, outputs, kernel, kernels::Conv2d::same(kernel))
    }

    /// The same, but starting at zero when `zero`: the block it ends then starts as the identity.
    pub fn maybe_zero(draw: &Draw<'_>, inputs: usize, outputs: usize, kernel: usize, zero: bool) -> Self {
        if zero {
            Self {
                weight: draw.constant("weight", [outputs, inputs, kernel, kernel], 0.0),
                bias: draw.constant("bias", [outputs], 0.0),
                options: kernels::Conv2d::same(kernel),
            }
        } else {
            Self::same(draw, inputs, outputs, kernel)
        }
    }

    /// `[n, h, w, in]` -> `[n, h', w', out]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        kernels::conv2d(x, self.weight.val(), self.bias.val().unsqueeze(), self.options)
    }

    /// Over the joined channels of two images.
    pub fn forward_joined(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        kernels::conv2d_joined(a, b, self.weight.val(), self.bias.val().unsqueeze(), self.options)
    }

    /// The same with `extra` `[n, out]` added to every pixel of its image.
    pub fn forward_adding(&self, x: Tensor<4>, extra: Tensor<2>) -> Tensor<4> {
        kernels::conv2d(x, self.weight.val(), self.bias.val().unsqueeze() + extra, self.options)
    }
}

/// A matrix product with bias.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
}

impl Linear {
    /// `inputs` to `outputs`.
    pub fn new(draw: &Draw<'_>, inputs: usize, outputs: usize) -> Self {
        let bound = 1.0 / (inputs as f64).sqrt();
        Self {
            weight: draw.uniform("weight", [outputs, inputs], bound),
            bias: draw.uniform("bias", [outputs], bound),
        }
    }

    /// The same, but starting at zero when `zero`.
    pub fn maybe_zero(draw: &Draw<'_>, inputs: usize, outputs: usize, zero: bool) -> Self {
        if zero {
            Self {
                weight: draw.constant("weight", [outputs, inputs], 0.0),
                bias: draw.constant("bias", [outputs], 0.0),
            }
        } else {
            Self::new(draw, inputs, outputs)
        }
    }

    /// `[n, in]` -> `[n, out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        kernels::linear(x, self.weight.val(), self.bias.val())
    }

    /// The same at every pixel: `[n, h, w, in]` -> `[n, h, w, out]`.
    pub fn forward_pixels(&self, x: Tensor<4>) -> Tensor<4> {
        let [outputs, inputs] = self.weight.val().dims();
        let weight = self.weight.val().reshape([outputs, inputs, 1, 1]);
        kernels::conv2d(x, weight, self.bias.val().unsqueeze(), kernels::Conv2d::same(1))
    }
}

/// Group norm (Wu and He 2018) with a scale and a shift for each channel, and SiLU after it where wanted.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// `[channels]`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    options: kernels::GroupNorm,
}

impl GroupNorm {
    /// `groups` must divide `channels`.
    pub fn new(draw: &Draw<'_>, channels: usize, groups: usize, eps: f64, silu: bool) -> Self {
        Self {
            weight: draw.constant("weight", [channels], 1.0),
            bias: draw.constant("bias", [channels], 0.0),
            options: kernels::GroupNorm { groups, eps, silu },
        }
    }

    /// `[n, h, w, channels]`, shape kept.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        kernels::group_norm(x, self.weight.val().unsqueeze(), self.bias.val().unsqueeze(), self.options)
    }

    /// Over the joined channels of two images.
    pub fn forward_joined(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.val().unsqueeze(), self.bias.val().unsqueeze());
        kernels::group_norm_joined(a, b, weight, bias, self.options)
    }

    /// With each image's own `scale` and `shift`, `[n, channels]`, applied after the affine map:
    /// `norm(x) * (1 + scale) + shift`. Both maps are folded into one.
    pub fn forward_modulated(&self, x: Tensor<4>, scale: Tensor<2>, shift: Tensor<2>) -> Tensor<4> {
        let scale = scale + 1.0;
        let shift = self.bias.val().unsqueeze() * scale.clone() + shift;
        kernels::group_norm(x, self.weight.val().unsqueeze() * scale, shift, self.options)
    }
}

/// A table of vectors, drawn from the standard normal distribution.
#[derive(Module, Debug)]
pub struct Embedding {
    /// `[rows, dim]`.
    pub weight: Param<Tensor<2>>,
}

impl Embedding {
    /// `rows` vectors of `dim` numbers.
    pub fn new(draw: &Draw<'_>, rows: usize, dim: usize) -> Self {
        Self { weight: draw.normal("weight", [rows, dim], 1.0) }
    }

    /// The rows numbered `indices`: `[n, dim]`.
    pub fn forward(&self, indices: &[usize]) -> Tensor<2> {
        let weight = self.weight.val();
        let indices: Vec<i64> = indices.iter().map(|index| *index as i64).collect();
        let indices = Tensor::<1, Int>::from_data(indices.as_slice(), &weight.device());
        weight.select(0, indices)
    }
}
