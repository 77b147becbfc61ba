//! Layers of transformers: the norm over the numbers of one token, and matrix products with and without bias.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use langevin_kernels as kernels;

use crate::draw::Draw;
use crate::layers::Linear;

/// Layer norm (Ba et al. 2016, 1607.06450): each token's numbers are normalised together, then scaled and shifted.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// `[channels]`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    eps: f64,
}

impl LayerNorm {
    /// Over `channels` numbers, with `eps` added to their variance.
    pub fn new(draw: &Draw<'_>, channels: usize, eps: f64) -> Self {
        Self {
            weight: draw.constant("weight", [channels], 1.0),
            bias: draw.constant("bias", [channels], 0.0),
            eps,
        }
    }

    /// Over the last side of `[n, h, w, channels]` or any other shape, which is kept.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let shape = x.dims();
        let channels = shape[D - 1];
        let tokens = shape.iter().product::<usize>() / channels;
        let (weight, bias) = (self.weight.val().unsqueeze(), self.bias.val().unsqueeze());
        kernels::layer_norm(x.reshape([1, 1, tokens, channels]), weight, bias, self.eps).reshape(shape)
    }
}

/// Layer norm whose scale is `1 + scale` and whose shift is `shift`, both `[n, channels]`: "adaptive" (Perez et al. 2018,
/// 1709.07871; Peebles and Xie 2023, 2212.09748). `x` `[n, h, w, channels]`, shape kept; `eps` is added to the variance.
pub fn modulated(x: Tensor<4>, scale: Tensor<2>, shift: Tensor<2>, eps: f64) -> Tensor<4> {
    kernels::layer_norm(x, scale + 1.0, shift, eps)
}

/// Layer norm without weights: each token's numbers get the mean 0 and the variance 1.
///
/// `x` `[n, h, w, channels]`, shape kept; `eps` is added to the variance.
pub fn normalised(x: Tensor<4>, eps: f64) -> Tensor<4> {
    let ([.., channels], device) = (x.dims(), x.device());
    kernels::layer_norm(x, Tensor::ones([1, channels], &device), Tensor::zeros([1, channels], &device), eps)
}

/// A matrix product, with or without bias.
#[derive(Module, Debug)]
pub enum Matrix {
    /// With one.
    Biased(Linear),
    /// Without.
    Unbiased(Unbiased),
}

impl Matrix {
    /// `inputs` to `outputs`.
    pub fn new(draw: &Draw<'_>, inputs: usize, outputs: usize, bias: bool) -> Self {
        if bias {
            Self::Biased(Linear::new(draw, inputs, outputs))
        } else {
            Self::Unbiased(Unbiased::new(draw, inputs, outputs))
        }
    }

    /// At every pixel: `[n, h, w, in]` -> `[n, h, w, out]`.
    pub fn forward_pixels(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Biased(layer) => layer.forward_pixels(x),
            Self::Unbiased(layer) => layer.forward_pixels(x),
        }
    }
}

/// A matrix product without bias.
#[derive(Module, Debug)]
pub struct Unbiased {
    /// `[out, in]`.
    pub weight: Param<Tensor<2>>,
}

impl Unbiased {
    /// `inputs` to `outputs`, drawn as the weights of [`crate::Linear`].
    pub fn new(draw: &Draw<'_>, inputs: usize, outputs: usize) -> Self {
        let bound = 1.0 / (inputs as f64).sqrt();
        Self { weight: draw.uniform("weight", [outputs, inputs], bound) }
    }

    /// `[n, in]` -> `[n, out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let weight = self.weight.val();
        let bias = Tensor::zeros([weight.dims()[0]], &weight.device());
        kernels::linear(x, weight, bias)
    }

    /// The same at every pixel: `[n, h, w, in]` -> `[n, h, w, out]`.
    pub fn forward_pixels(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        let [outputs, inputs] = weight.dims();
        let bias = Tensor::zeros([1, outputs], &weight.device());
        kernels::conv2d(x, weight.reshape([outputs, inputs, 1, 1]), bias, kernels::Conv2d::same(1))
    }
}
