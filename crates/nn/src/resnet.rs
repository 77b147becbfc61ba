//! The residual block of DDPM (Ho et al. 2020, appendix B) and ADM (Dhariwal and Nichol 2021, section 3).
//!
//! `norm, SiLU, [resample], conv, + or modulate by the time embedding, norm, SiLU, dropout, conv`, added to the
//! (resampled, projected) input.

use std::cell::Cell;

use burn::module::Module;
use burn::tensor::Tensor;
use langevin_core::{NoiseStreams, Purpose};
use langevin_kernels as kernels;

use crate::activation::Activation;
use crate::draw::Draw;
use crate::fir;
use crate::layers::{Conv2d, GroupNorm, Linear};

/// What every block of one forward pass is conditioned on.
#[derive(Debug)]
pub struct Pass<'a> {
    /// The activated embedding of noise level and class, `[n, dim]`; absent in a network that is conditioned on none.
    pub embedding: Option<Tensor<2>>,
    /// Where dropout masks come from; `None` drops nothing.
    pub dropout: Option<&'a NoiseStreams>,
    /// How many dropout layers were passed; numbers the masks.
    layer: Cell<u64>,
}

impl<'a> Pass<'a> {
    /// A pass with this activated embedding.
    pub fn new(embedding: Tensor<2>, dropout: Option<&'a NoiseStreams>) -> Self {
        Self { embedding: Some(embedding), dropout, layer: Cell::new(0) }
    }

    /// A pass through a network that is conditioned on no noise level.
    pub fn plain() -> Self {
        Self { embedding: None, dropout: None, layer: Cell::new(0) }
    }

    /// Sets each number to zero with chance `rate` and divides the others by `1 - rate` (Srivastava et al. 2014).
    fn drop_out(&self, x: Tensor<4>, rate: f64) -> Tensor<4> {
        let (Some(streams), true) = (self.dropout, rate > 0.0) else { return x };
        let layer = self.layer.replace(self.layer.get() + 1);
        let [_, h, w, c] = x.dims();
        let uniform = streams.uniform(Purpose::Dropout, layer, [h, w, c], &x.device());
        x * uniform.greater_equal_elem(rate).float() / (1.0 - rate)
    }
}

/// What a residual block is made of.
#[derive(Debug, Clone, Copy)]
pub struct ResnetShape {
    /// Channels in.
    pub inputs: usize,
    /// Channels out; where they differ from `inputs`, a 1 x 1 convolution carries the input over.
    pub outputs: usize,
    /// Length of the embedding; 0 for a block that is conditioned on none.
    pub embedding: usize,
    /// Groups of the first norm.
    pub groups: usize,
    /// Groups of the second norm.
    pub groups_out: usize,
    /// Epsilon of both norms.
    pub eps: f64,
    /// Chance of a number being dropped before the second convolution.
    pub dropout: f64,
    /// Whether the embedding scales and shifts the second norm, rather than being added before it.
    pub scale_shift: bool,
    /// The sum of input and block is divided by this.
    pub rescale: f64,
    /// Whether the second convolution starts at zero.
    pub zero: bool,
    /// The function after each norm.
    pub activation: Activation,
}

/// A change of size inside a residual block, on both branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// No change.
    Keep,
    /// Twice the size, by repeating pixels.
    Up,
    /// Half the size, by averaging 2 x 2 blocks.
    Down,
    /// Twice the size, through the filter `[1, 3, 3, 1]`.
    SmoothUp,
    /// Half the size, through the filter `[1, 3, 3, 1]`.
    SmoothDown,
}

/// A residual block.
#[derive(Module, Debug)]
pub struct ResnetBlock {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
    #[module(skip)]
    options: ResnetOptions,
}

/// What a residual block needs to know beside its weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResnetOptions {
    pub(crate) resize: Resize,
    pub(crate) scale_shift: bool,
    pub(crate) dropout: f64,
    pub(crate) rescale: f64,
    pub(crate) activation: Activation,
}

/// The layers of a residual block, borrowed from whoever holds them.
pub(crate) struct ResnetParts<'a> {
    pub(crate) norm1: &'a GroupNorm,
    pub(crate) conv1: &'a Conv2d,
    pub(crate) time_emb_proj: Option<&'a Linear>,
    pub(crate) norm2: &'a GroupNorm,
    pub(crate) conv2: &'a Conv2d,
    pub(crate) conv_shortcut: Option<&'a Conv2d>,
    pub(crate) options: ResnetOptions,
}

impl ResnetBlock {
    /// Draws the block.
    pub fn new(draw: &Draw<'_>, shape: ResnetShape) -> Self {
        Self::resized(draw, shape, Resize::Keep)
    }

    /// Draws a block that changes the size; one that does so smoothly always has the 1 x 1 convolution.
    pub fn resized(draw: &Draw<'_>, shape: ResnetShape, resize: Resize) -> Self {
        let ResnetShape { inputs, outputs, groups, groups_out, eps, .. } = shape;
        let silu = shape.activation == Activation::Silu;
        let smooth = matches!(resize, Resize::SmoothUp | Resize::SmoothDown);
        let modulation = if shape.scale_shift { 2 * outputs } else { outputs };
        Self {
            norm1: GroupNorm::new(&draw.at("norm1"), inputs, groups, eps, silu),
            conv1: Conv2d::same(&draw.at("conv1"), inputs, outputs, 3),
            time_emb_proj: (shape.embedding > 0)
                .then(|| Linear::new(&draw.at("time_emb_proj"), shape.embedding, modulation)),
            norm2: GroupNorm::new(&draw.at("norm2"), outputs, groups_out, eps, silu),
            conv2: Conv2d::maybe_zero(&draw.at("conv2"), outputs, outputs, 3, shape.zero),
            conv_shortcut: (inputs != outputs || smooth)
                .then(|| Conv2d::same(&draw.at("conv_shortcut"), inputs, outputs, 1)),
            options: shape.options(resize),
        }
    }

    /// `[n, h, w, inputs]` -> `[n, h, w, outputs]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        self.parts().forward(x, pass)
    }

    /// The same for an input in two parts, `[n, h, w, a]` and `[n, h, w, inputs - a]`, which are not copied together.
    pub fn forward_joined(&self, a: Tensor<4>, b: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        self.parts().forward_joined(a, b, pass)
    }

    fn parts(&self) -> ResnetParts<'_> {
        ResnetParts {
            norm1: &self.norm1,
            conv1: &self.conv1,
            time_emb_proj: self.time_emb_proj.as_ref(),
            norm2: &self.norm2,
            conv2: &self.conv2,
            conv_shortcut: self.conv_shortcut.as_ref(),
            options: self.options,
        }
    }
}

impl ResnetShape {
    pub(crate) fn options(&self, resize: Resize) -> ResnetOptions {
        let Self { scale_shift, dropout, rescale, activation, .. } = *self;
        ResnetOptions { resize, scale_shift, dropout, rescale, activation }
    }
}

impl ResnetParts<'_> {
    pub(crate) fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let resize = self.options.resize;
        let hidden = self.hidden(self.norm1.forward(x.clone()), pass);
        let x = resize.apply(x);
        let x = match self.conv_shortcut {
            Some(conv) => conv.forward(x),
            None => x,
        };
        self.sum(x, hidden)
    }

    pub(crate) fn forward_joined(&self, a: Tensor<4>, b: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        match self.conv_shortcut {
            Some(shortcut) if self.options.resize == Resize::Keep => {
                let hidden = self.hidden(self.norm1.forward_joined(a.clone(), b.clone()), pass);
                self.sum(shortcut.forward_joined(a, b), hidden)
            }
            _ => self.forward(kernels::join_channels(a, b), pass),
        }
    }

    /// The branch of two convolutions, from its first norm on.
    fn hidden(&self, normalised: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let ResnetOptions { resize, scale_shift, dropout, activation, .. } = self.options;
        // SiLU is part of the norm.
        let activate = |x| if activation == Activation::Silu { x } else { activation.of(x) };
        let hidden = resize.apply(activate(normalised));
        let modulation = self
            .time_emb_proj
            .zip(pass.embedding.as_ref())
            .map(|(layer, embedding)| layer.forward(embedding.clone()));
        let hidden = match modulation {
            Some(modulation) if scale_shift => {
                let hidden = self.conv1.forward(hidden);
                let [scale, shift] = modulation.chunk(2, 1).try_into().expect("a split in two");
                self.norm2.forward_modulated(hidden, scale, shift)
            }
            Some(modulation) => self.norm2.forward(self.conv1.forward_adding(hidden, modulation)),
            None => self.norm2.forward(self.conv1.forward(hidden)),
        };
        self.conv2.forward(pass.drop_out(activate(hidden), dropout))
    }

    fn sum(&self, x: Tensor<4>, hidden: Tensor<4>) -> Tensor<4> {
        let out = x + hidden;
        if self.options.rescale == 1.0 { out } else { out / self.options.rescale }
    }
}

impl Resize {
    fn apply(self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Keep => x,
            Self::Up => kernels::upsample_nearest2x(x),
            Self::Down => kernels::downsample2x(x),
            Self::SmoothUp => fir::double(x),
            Self::SmoothDown => fir::halve(x),
        }
    }
}
