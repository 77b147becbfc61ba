//! Attention at a level of a U-Net: between pixels, or to a text too.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::attention::{AttentionBlock, AttentionShape};
use crate::draw::Draw;
use crate::transformer::{Transformer2d, TransformerShape};

/// Attention after a residual block: between pixels alone, or to a text too.
#[derive(Module, Debug)]
pub enum Attention {
    /// Between pixels.
    Pixels(AttentionBlock),
    /// To a text too.
    Text(Transformer2d),
}

impl Attention {
    /// Draws the one that `text` describes, or else the one that `pixels` does.
    pub(super) fn new(draw: &Draw<'_>, text: Option<TransformerShape>, pixels: AttentionShape) -> Self {
        match text {
            Some(shape) => Self::Text(Transformer2d::new(draw, shape)),
            None => Self::Pixels(AttentionBlock::new(draw, pixels)),
        }
    }

    /// `x` `[n, h, w, channels]`, shape kept; `context` `[n, tokens, dim]`.
    pub fn forward(&self, x: Tensor<4>, context: Option<&Tensor<3>>) -> Tensor<4> {
        match self {
            Self::Pixels(block) => block.forward(x),
            Self::Text(stack) => stack.forward(x, context.expect("a text-conditioned network needs a text")),
        }
    }
}
