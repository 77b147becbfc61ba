//! Attention between the pixels of an image and the words of a text (Rombach et al. 2022, 2112.10752, section 3.3 and
//! appendix E.2.1), with the gated feed-forward layer of Shazeer 2020 (2002.05202).
//!
//! Each parameter's path is the name its tensor has in diffusers' `Transformer2DModel`.

use burn::module::Module;
use burn::tensor::Tensor;
use langevin_kernels::{self as kernels, Gelu};

use crate::draw::Draw;
use crate::layers::{Conv2d, GroupNorm, Linear};
use crate::norm::{LayerNorm, Matrix};

/// A stack of [`TransformerBlock`]s over the pixels of an image, between two projections, added to the image.
#[derive(Module, Debug)]
pub struct Transformer2d {
    norm: GroupNorm,
    proj_in: Projection,
    transformer_blocks: Vec<TransformerBlock>,
    proj_out: Projection,
}

/// What a [`Transformer2d`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransformerShape {
    /// Channels of the image.
    pub channels: usize,
    /// Heads of every attention; they divide the channels.
    pub heads: usize,
    /// Length of each vector of the text.
    pub context: usize,
    /// Blocks.
    pub depth: usize,
    /// Groups of the norm before them.
    pub groups: usize,
    /// Whether the projections are stored as matrices rather than as 1 x 1 convolutions; they compute the same.
    pub linear: bool,
    /// Whether the first attention of each block is to the text too, rather than between pixels.
    pub only_cross: bool,
    /// Whether the last projection starts at zero.
    pub zero: bool,
}

/// A matrix for every pixel.
#[derive(Module, Debug)]
enum Projection {
    Matrix(Linear),
    Pixels(Conv2d),
}

impl Projection {
    fn new(draw: &Draw<'_>, channels: usize, linear: bool, zero: bool) -> Self {
        if linear {
            Self::Matrix(Linear::maybe_zero(draw, channels, channels, zero))
        } else {
            Self::Pixels(Conv2d::maybe_zero(draw, channels, channels, 1, zero))
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Matrix(layer) => layer.forward_pixels(x),
            Self::Pixels(layer) => layer.forward(x),
        }
    }
}

impl Transformer2d {
    /// Draws the stack.
    pub fn new(draw: &Draw<'_>, shape: TransformerShape) -> Self {
        let TransformerShape { channels, linear, .. } = shape;
        let blocks = draw.at("transformer_blocks");
        Self {
            // Epsilon of this norm is not that of the network.
            norm: GroupNorm::new(&draw.at("norm"), channels, shape.groups, 1e-6, false),
            proj_in: Projection::new(&draw.at("proj_in"), channels, linear, false),
            transformer_blocks: (0..shape.depth)
                .map(|i| TransformerBlock::new(&blocks.at(i), shape))
                .collect(),
            proj_out: Projection::new(&draw.at("proj_out"), channels, linear, shape.zero),
        }
    }

    /// `x` `[n, h, w, channels]`, `context` `[n, tokens, dim]`; the shape of `x` is kept.
    pub fn forward(&self, x: Tensor<4>, context: &Tensor<3>) -> Tensor<4> {
        let context = as_pixels(context.clone());
        let mut hidden = self.proj_in.forward(self.norm.forward(x.clone()));
        for block in &self.transformer_blocks {
            hidden = block.forward(hidden, &context);
        }
        self.proj_out.forward(hidden) + x
    }
}

/// Tokens as the pixels of an image one pixel wide: `[n, tokens, dim]` -> `[n, tokens, 1, dim]`.
pub(crate) fn as_pixels(x: Tensor<3>) -> Tensor<4> {
    let [n, tokens, dim] = x.dims();
    x.reshape([n, tokens, 1, dim])
}

/// Attention between the pixels, attention from the pixels to a text, and a feed-forward layer, each after a norm and added to
/// its input.
#[derive(Module, Debug)]
pub struct TransformerBlock {
    norm1: LayerNorm,
    attn1: CrossAttention,
    norm2: LayerNorm,
    attn2: CrossAttention,
    norm3: LayerNorm,
    ff: FeedForward,
    #[module(skip)]
    only_cross: bool,
}

impl TransformerBlock {
    fn new(draw: &Draw<'_>, shape: TransformerShape) -> Self {
        let TransformerShape { channels, heads, context, only_cross, .. } = shape;
        let norm = |name: &str| LayerNorm::new(&draw.at(name), channels, 1e-5);
        let attention = |name: &str, from| CrossAttention::new(&draw.at(name), channels, from, heads, false);
        Self {
            norm1: norm("norm1"),
            attn1: attention("attn1", if only_cross { context } else { channels }),
            norm2: norm("norm2"),
            attn2: attention("attn2", context),
            norm3: norm("norm3"),
            ff: FeedForward::new(&draw.at("ff"), channels, true),
            only_cross,
        }
    }

    fn forward(&self, x: Tensor<4>, context: &Tensor<4>) -> Tensor<4> {
        let normed = self.norm1.forward(x.clone());
        let from = if self.only_cross { context.clone() } else { normed.clone() };
        let x = self.attn1.forward(normed, from) + x;
        let x = self.attn2.forward(self.norm2.forward(x.clone()), context.clone()) + x;
        self.ff.forward(self.norm3.forward(x.clone())) + x
    }
}

/// Multi-head attention (Vaswani et al. 2017) from pixels to whatever is given.
#[derive(Module, Debug)]
pub struct CrossAttention {
    to_q: Matrix,
    to_k: Matrix,
    to_v: Matrix,
    to_out: Vec<Linear>,
    #[module(skip)]
    heads: usize,
}

impl CrossAttention {
    /// From pixels of `channels` to vectors of `context` numbers, with as many heads as divide the channels. The last layer has a
    /// bias, the others where `bias` says so.
    pub fn new(draw: &Draw<'_>, channels: usize, context: usize, heads: usize, bias: bool) -> Self {
        Self {
            to_q: Matrix::new(&draw.at("to_q"), channels, channels, bias),
            to_k: Matrix::new(&draw.at("to_k"), context, channels, bias),
            to_v: Matrix::new(&draw.at("to_v"), context, channels, bias),
            to_out: vec![Linear::new(&draw.at("to_out.0"), channels, channels)],
            heads,
        }
    }

    /// `x` `[n, h, w, channels]`, `context` `[n, h', w', dim]`; the shape of `x` is kept.
    pub fn forward(&self, x: Tensor<4>, context: Tensor<4>) -> Tensor<4> {
        let [n, h, w, channels] = x.dims();
        let [_, rows, columns, _] = context.dims();
        let q = self.to_q.forward_pixels(x).reshape([n, h * w, channels]);
        let [k, v] = [&self.to_k, &self.to_v]
            .map(|layer| layer.forward_pixels(context.clone()).reshape([n, rows * columns, channels]));
        let mixed = kernels::attention(q, k, v, self.heads).reshape([n, h, w, channels]);
        self.to_out[0].forward_pixels(mixed)
    }
}

/// Two matrices with a function between them, four times as wide in the middle: `W (a * gelu(b))` with `[a, b] = V x`, or
/// `W gelu(V x)` with the approximation by a hyperbolic tangent (Hendrycks and Gimpel 2016).
#[derive(Module, Debug)]
pub struct FeedForward {
    net: Vec<Part>,
}

/// What stands in the list of a feed-forward layer: the first matrix with its function, the place of a dropout that no network
/// uses, and the last matrix.
#[derive(Module, Debug)]
enum Part {
    Gated(First),
    Smooth(First),
    Dropout(Vec<Linear>),
    Last(Linear),
}

#[derive(Module, Debug)]
struct First {
    proj: Linear,
}

impl FeedForward {
    /// From and to `channels`, gated or not.
    pub fn new(draw: &Draw<'_>, channels: usize, gated: bool) -> Self {
        let draw = draw.at("net");
        let inner = 4 * channels;
        let wide = if gated { 2 * inner } else { inner };
        let first = First { proj: Linear::new(&draw.at("0.proj"), channels, wide) };
        Self {
            net: vec![
                if gated { Part::Gated(first) } else { Part::Smooth(first) },
                Part::Dropout(Vec::new()),
                Part::Last(Linear::new(&draw.at("2"), inner, channels)),
            ],
        }
    }

    /// `[n, h, w, channels]`, shape kept.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.net.iter().fold(x, |x, part| match part {
            Part::Gated(first) => kernels::gated_gelu(first.proj.forward_pixels(x), Gelu::Exact),
            Part::Smooth(first) => kernels::gelu(first.proj.forward_pixels(x), Gelu::Tanh),
            Part::Dropout(_) => x,
            Part::Last(last) => last.forward_pixels(x),
        })
    }
}
