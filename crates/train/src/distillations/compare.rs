//! How far a student's answers are from what they should be, as a loss.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::process::{OptionDoc, Options};
use langevin_core::{Error, Losses, Result};

use crate::passes::Pass;

/// A distance between images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Distance {
    /// The mean squared error of their values.
    Squared,
    /// `sqrt(|a - b|^2 + c^2) - c` with the Euclidean norm (Song and Dhariwal 2024, eq. 8); `None` is their
    /// `c = 0.00054 sqrt(values)`.
    PseudoHuber(Option<f64>),
}

pub(super) const METRIC: OptionDoc = OptionDoc {
    key: "metric",
    default: "pseudo_huber",
    doc: "distance of two outputs: pseudo_huber, or squared (the mean squared error)",
};

pub(super) const HUBER: OptionDoc = OptionDoc {
    key: "c",
    default: "auto",
    doc: "where pseudo_huber turns from squared to linear; auto is 0.00054 times the root of an image's values",
};

impl Distance {
    /// Reads [`METRIC`] and [`HUBER`].
    pub(super) fn read(options: &Options) -> Result<Self> {
        let c = match options.text("c") {
            "auto" => None,
            _ => Some(options.number("c", 1e-9, 1e6)?),
        };
        match options.text("metric") {
            "pseudo_huber" => Ok(Self::PseudoHuber(c)),
            "squared" => Ok(Self::Squared),
            other => Err(Error::usage(format!("option metric={other} is not known"))
                .hint("use pseudo_huber or squared")),
        }
    }

    /// The loss of `answer` against `target`, one weight for each image, over the part of the batch that `share` says.
    pub(super) fn losses(self, answer: Tensor<4>, target: Tensor<4>, weights: &[f64], share: f64) -> Losses {
        let [batch, channels, height, width] = answer.dims();
        let values = channels * height * width;
        let squares = (answer - target).square().reshape([batch, values]);
        let per_image = squares.clone().mean_dim(1).reshape([batch]);
        let distances = match self {
            Self::Squared => per_image.clone(),
            Self::PseudoHuber(c) => {
                let c = c.unwrap_or(0.00054 * (values as f64).sqrt());
                squares.sum_dim(1).reshape([batch]).add_scalar(c * c).sqrt().sub_scalar(c)
            }
        };
        let weights: Vec<f32> = weights.iter().map(|w| (w * share / batch as f64) as f32).collect();
        let weights = Tensor::<1>::from_data(TensorData::new(weights, [batch]), &distances.device());
        let terms = distances * weights;
        Losses { mean: terms.clone().sum(), per_image, terms: Some(terms) }
    }
}

/// One number for each image, as a tensor that broadcasts over it.
pub(super) fn column(values: impl IntoIterator<Item = f64>, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count, 1, 1, 1]), device)
}

/// The noisy images of `pass` at `levels`, without gradients.
pub(super) fn noisy(pass: &Pass, levels: &[langevin_core::Level]) -> Tensor<4> {
    let (x0, noise) = (pass.x0.clone().without_autodiff(), pass.noise.clone().without_autodiff());
    let device = x0.device();
    x0 * column(levels.iter().map(|level| level.alpha), &device)
        + noise * column(levels.iter().map(|level| level.sigma), &device)
}
