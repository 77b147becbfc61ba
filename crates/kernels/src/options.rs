//! The options of the operations: what each is given beside its tensors.

use crate::arithmetic::Arithmetic;

/// How a convolution walks over its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Step between neighbouring outputs, in pixels; 1 or more.
    pub stride: usize,
    /// Zeros added before and after the rows.
    pub pad_rows: (usize, usize),
    /// Zeros added before and after the columns.
    pub pad_cols: (usize, usize),
    /// Whether the input is first doubled in size by repeating pixels.
    pub upsample: bool,
    /// How it is computed, unless the thread is within another [`Arithmetic::within`].
    pub arithmetic: Arithmetic,
}

impl Conv2d {
    /// Stride 1 with zeros around so that the output has the input's size (odd kernels).
    pub fn same(kernel: usize) -> Self {
        Self::padded(1, kernel / 2)
    }

    /// A stride, and the same padding on all four sides.
    pub fn padded(stride: usize, padding: usize) -> Self {
        Self {
            stride,
            pad_rows: (padding, padding),
            pad_cols: (padding, padding),
            upsample: false,
            arithmetic: Arithmetic::Fast,
        }
    }

    /// Whether it walks, upsampling aside, as [`Conv2d::same`] for this kernel.
    pub(crate) fn keeps_size(&self, kernel: usize) -> bool {
        let Self { upsample, arithmetic, .. } = *self;
        *self == Self { upsample, arithmetic, ..Self::same(kernel) }
    }

    /// Output size `[height, width]` for an input and a kernel of the given sizes.
    ///
    /// # Panics
    /// When the kernel is larger than the padded input.
    pub fn output(&self, [h, w]: [usize; 2], [kh, kw]: [usize; 2]) -> [usize; 2] {
        let (h, w) = if self.upsample { (2 * h, 2 * w) } else { (h, w) };
        let padded = [h + self.pad_rows.0 + self.pad_rows.1, w + self.pad_cols.0 + self.pad_cols.1];
        assert!(padded[0] >= kh && padded[1] >= kw, "a {kh}x{kw} kernel does not fit a {h}x{w} image");
        [(padded[0] - kh) / self.stride + 1, (padded[1] - kw) / self.stride + 1]
    }
}

/// How a group norm normalises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupNorm {
    /// Number of groups; divides the channels. 0 leaves the values as they are, so that only scale, shift and SiLU are left
    /// and a pixel does not depend on the size of the image around it.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f64,
    /// Whether SiLU follows.
    pub silu: bool,
}

/// Which function of the GELU family (Hendrycks and Gimpel 2016, 1606.08415).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gelu {
    /// `x Phi(x)`, with the normal distribution function.
    Exact,
    /// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    Tanh,
    /// `x sigmoid(1.702 x)`.
    Quick,
}

/// How attention divides its channels and scales its scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// Number of heads; divides the channels.
    pub heads: usize,
    /// The scores are `scale * q k^T`; usually `1 / sqrt(head dim)`.
    pub scale: f64,
}

/// The numbers of one AdamW step (Loshchilov and Hutter 2019, algorithm 2) and of the weight average that follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay; each step multiplies the weights by `1 - learning_rate * weight_decay`.
    pub weight_decay: f64,
    /// This step's number, from 1; corrects the moments' bias.
    pub step: u64,
    /// The gradient is multiplied by this first (clipping, accumulation).
    pub grad_scale: f64,
    /// The average becomes `ema_decay * average + (1 - ema_decay) * weights`.
    pub ema_decay: f64,
}

impl AdamW {
    /// `(learning_rate / (1 - beta1^step), 1 / sqrt(1 - beta2^step))`: the two bias corrections, in f64.
    pub(crate) fn step_sizes(&self) -> (f64, f64) {
        let power = |beta: f64| 1.0 - (beta.ln() * self.step as f64).exp();
        (self.learning_rate / power(self.beta1), 1.0 / power(self.beta2).sqrt())
    }
}
