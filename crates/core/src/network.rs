//! What a trainable network must be able to do.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::cond::Cond;

/// A network from scaled noisy images to its training target (noise, clean image, velocity...).
///
/// It knows nothing of schedules: [`crate::Preconditioned`] scales its input, gives it the noise input, and turns its
/// output into a denoised image.
pub trait Network: Module + Sync {
    /// One forward pass.
    ///
    /// # Shapes
    /// `x`: `[batch, channels, height, width]`; `noise_input`: `[batch]`, one number per image telling its noise
    /// level; the result has the shape of `x`.
    fn forward(&self, x: Tensor<4>, noise_input: Tensor<1>, cond: &Cond) -> Tensor<4>;

    /// How many classes the network is conditioned on; 0 when it is unconditional.
    fn classes(&self) -> usize;

    /// Channels of the image that the network must be conditioned on beside the noisy one ([`Cond::image`]); 0 when there is
    /// none.
    fn condition_channels(&self) -> usize {
        0
    }

    /// The texts that the network must be conditioned on ([`Cond::context`]); `None` when it takes none.
    fn context(&self) -> Option<ContextShape> {
        None
    }

    /// Length of the vectors of a text that the network attends to; `None` when it takes no text.
    fn context_dim(&self) -> Option<usize> {
        self.context().map(|shape| shape.dim)
    }
}

/// What a network takes as a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextShape {
    /// Length of each token's vector.
    pub dim: usize,
    /// Where the network takes [`crate::Added`] too: how long the pooled vector and the features of all numbers are together, and how
    /// many features each number becomes.
    pub added: Option<(usize, usize)>,
}
