//! The narrow waist: every diffusion model, whatever its family, is a denoiser.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_process::{Level, Result};

use crate::cond::Cond;

/// Given noisy images and their noise levels, the posterior mean `E[x0 | x]` of the clean ones.
///
/// By Tweedie's formula this is the score, the predicted noise, EDM's residual and the flow velocity in one coordinate.
pub trait Denoiser: Send + Sync {
    /// The posterior mean for each image of the batch.
    ///
    /// # Shapes
    /// `x`: `[batch, channels, height, width]`, each image `alpha * x0 + sigma * n` at its own level, data in [-1, 1].
    /// The result has the same shape.
    ///
    /// # Errors
    /// Usage, when the model has no answer at a level (an epsilon or score network at `alpha = 0`) or cannot
    /// take the conditioning.
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>>;

    /// A new batch begins. Guidance with momentum forgets the last one; nothing else remembers any.
    fn begin(&self) {}
}

/// What points to a denoiser is one.
macro_rules! forward {
    ($pointer:ty) => {
        impl<D: Denoiser + ?Sized> Denoiser for $pointer {
            fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
                (**self).denoise(x, at, cond)
            }

            fn begin(&self) {
                (**self).begin();
            }
        }
    };
}

forward!(&D);
forward!(Box<D>);

/// The noise level of each image of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels(pub Vec<Level>);

impl Levels {
    /// The same level for `batch` images.
    pub fn all(level: Level, batch: usize) -> Self {
        Self(vec![level; batch])
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One number per image, made from its level, as a tensor `[batch, 1, 1, 1]` that broadcasts over an image.
    pub fn map(&self, device: &Device, of: impl Fn(Level) -> f64) -> Tensor<4> {
        let values: Vec<f32> = self.0.iter().map(|level| of(*level) as f32).collect();
        Tensor::from_data(TensorData::new(values, [self.len(), 1, 1, 1]), device)
    }
}
