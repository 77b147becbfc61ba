//! Self-attention between the pixels of an image (Wang et al. 2018; Ho et al. 2020, appendix B).

use burn::module::Module;
use burn::tensor::Tensor;
use langevin_kernels as kernels;

use crate::draw::Draw;
use crate::layers::{GroupNorm, Linear};

/// Group norm, multi-head attention over pixels, and a residual connection.
#[derive(Module, Debug)]
pub struct AttentionBlock {
    group_norm: Option<GroupNorm>,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Vec<Linear>,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    rescale: f64,
}

/// What an [`AttentionBlock`] is made of.
#[derive(Debug, Clone, Copy)]
pub struct AttentionShape {
    /// Channels of the image.
    pub channels: usize,
    /// Channels of one head; there are `channels / head_dim` heads.
    pub head_dim: usize,
    /// Groups of the norm before it; `None` leaves the norm out.
    pub groups: Option<usize>,
    /// Epsilon of that norm.
    pub eps: f64,
    /// The sum of input and attention is divided by this.
    pub rescale: f64,
    /// Whether the last layer starts at zero.
    pub zero: bool,
}

impl AttentionBlock {
    /// Draws the block.
    pub fn new(draw: &Draw<'_>, shape: AttentionShape) -> Self {
        let AttentionShape { channels, head_dim, .. } = shape;
        let heads = channels / head_dim;
        let inner = heads * head_dim;
        let linear = |name: &str| Linear::new(&draw.at(name), channels, inner);
        Self {
            group_norm: shape
                .groups
                .map(|groups| GroupNorm::new(&draw.at("group_norm"), channels, groups, shape.eps, false)),
            to_q: linear("to_q"),
            to_k: linear("to_k"),
            to_v: linear("to_v"),
            to_out: vec![Linear::maybe_zero(&draw.at("to_out.0"), inner, channels, shape.zero)],
            heads,
            rescale: shape.rescale,
        }
    }

    /// `[n, h, w, channels]`, shape kept.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, h, w, _] = x.dims();
        let normed = match &self.group_norm {
            Some(norm) => norm.forward(x.clone()),
            None => x.clone(),
        };
        let [inner, _] = self.to_q.weight.val().dims();
        let tokens = |x: Tensor<4>| x.reshape([n, h * w, inner]);
        let q = tokens(self.to_q.forward_pixels(normed.clone()));
        let k = tokens(self.to_k.forward_pixels(normed.clone()));
        let v = tokens(self.to_v.forward_pixels(normed));
        let mixed = kernels::attention(q, k, v, self.heads).reshape([n, h, w, inner]);
        let out = self.to_out[0].forward_pixels(mixed) + x;
        if self.rescale == 1.0 { out } else { out / self.rescale }
    }
}
