//! Between two levels: a strided convolution, pixel repetition and a convolution, or a residual block that resamples.

use burn::module::Module;
use burn::tensor::Tensor;
use langevin_kernels as kernels;

use crate::activation::Activation;
use crate::draw::Draw;
use crate::layers::{Conv2d, GroupNorm, Linear};
use crate::resnet::{Pass, Resize, ResnetOptions, ResnetParts, ResnetShape};

/// Halves or doubles the size of an image.
///
/// It holds either `conv` alone, or the layers of a residual block: one struct, so that each parameter's path is the
/// name its tensor has in diffusers (`downsamplers.0.conv.weight`, `downsamplers.0.conv1.weight`).
#[derive(Module, Debug)]
pub struct Resampler {
    conv: Option<Conv2d>,
    norm1: Option<GroupNorm>,
    conv1: Option<Conv2d>,
    time_emb_proj: Option<Linear>,
    norm2: Option<GroupNorm>,
    conv2: Option<Conv2d>,
    #[module(skip)]
    options: ResnetOptions,
}

impl Resampler {
    /// A 3 x 3 convolution of stride 2. `padding` 1 puts a zero on every side; 0 puts one after the last row and
    /// column only, as the original DDPM code did.
    pub fn conv_down(draw: &Draw<'_>, shape: ResnetShape, padding: usize) -> Self {
        let ends = if padding == 0 { (0, 1) } else { (padding, padding) };
        let options = kernels::Conv2d { pad_rows: ends, pad_cols: ends, ..kernels::Conv2d::padded(2, 1) };
        let conv = Conv2d::new(&draw.at("conv"), shape.outputs, shape.outputs, 3, options);
        Self::from_conv(conv, shape.options(Resize::Down))
    }

    /// Pixel repetition, then a 3 x 3 convolution.
    pub fn conv_up(draw: &Draw<'_>, shape: ResnetShape) -> Self {
        let options = kernels::Conv2d { upsample: true, ..kernels::Conv2d::same(3) };
        let conv = Conv2d::new(&draw.at("conv"), shape.outputs, shape.outputs, 3, options);
        Self::from_conv(conv, shape.options(Resize::Up))
    }

    /// A residual block of `shape.outputs` channels that resamples both its branches (Dhariwal and Nichol 2021).
    pub fn residual(draw: &Draw<'_>, shape: ResnetShape, resize: Resize) -> Self {
        let ResnetShape { outputs: channels, groups, groups_out, eps, .. } = shape;
        let silu = shape.activation == Activation::Silu;
        let modulation = if shape.scale_shift { 2 * channels } else { channels };
        Self {
            conv: None,
            norm1: Some(GroupNorm::new(&draw.at("norm1"), channels, groups, eps, silu)),
            conv1: Some(Conv2d::same(&draw.at("conv1"), channels, channels, 3)),
            time_emb_proj: Some(Linear::new(&draw.at("time_emb_proj"), shape.embedding, modulation)),
            norm2: Some(GroupNorm::new(&draw.at("norm2"), channels, groups_out, eps, silu)),
            conv2: Some(Conv2d::maybe_zero(&draw.at("conv2"), channels, channels, 3, shape.zero)),
            options: shape.options(resize),
        }
    }

    fn from_conv(conv: Conv2d, options: ResnetOptions) -> Self {
        Self {
            conv: Some(conv),
            norm1: None,
            conv1: None,
            time_emb_proj: None,
            norm2: None,
            conv2: None,
            options,
        }
    }

    /// `[n, h, w, c]` -> `[n, h/2, w/2, c]` or `[n, 2h, 2w, c]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        if let Some(conv) = &self.conv {
            return conv.forward(x);
        }
        match (&self.norm1, &self.conv1, &self.time_emb_proj, &self.norm2, &self.conv2) {
            (Some(norm1), Some(conv1), Some(time_emb_proj), Some(norm2), Some(conv2)) => ResnetParts {
                norm1,
                conv1,
                time_emb_proj: Some(time_emb_proj),
                norm2,
                conv2,
                conv_shortcut: None,
                options: self.options,
            }
            .forward(x, pass),
            _ => unreachable!("a resampler holds one convolution or a whole residual block"),
        }
    }
}
