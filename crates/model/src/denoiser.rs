//! The denoiser of a model: a network with its coefficients, a distribution in closed form, or a denoiser of one's own.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use langevin_core::closed_form::{ClosedForm, Mixture};
use langevin_core::{
    Autodiff, Cond, Denoiser, Differentiable, Error, Level, Levels, Parallel, Preconditioned, Result,
};
use langevin_kernels::Arithmetic;
use langevin_nn::Backbone;
use langevin_process::Diffusion;

/// The denoiser of a model.
#[derive(Clone)]
pub enum ModelDenoiser {
    /// A trained network.
    Network(Box<Preconditioned<Backbone>>),
    /// The exact denoiser of a distribution, sampled under the noise of a diffusion.
    ClosedForm(Mixture, Diffusion),
    /// A denoiser of one's own, sampled under the noise of a diffusion: see [`Model::custom`](crate::Model::custom).
    Custom(Arc<dyn Denoiser>, Diffusion),
}

impl Debug for ModelDenoiser {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(model) => f.debug_tuple("Network").field(model).finish(),
            Self::ClosedForm(known, diffusion) => {
                f.debug_tuple("ClosedForm").field(known).field(diffusion).finish()
            }
            Self::Custom(_, diffusion) => f.debug_tuple("Custom").field(diffusion).finish_non_exhaustive(),
        }
    }
}

impl ModelDenoiser {
    /// The noise.
    pub fn diffusion(&self) -> &Diffusion {
        match self {
            Self::Network(model) => &model.diffusion,
            Self::ClosedForm(_, diffusion) | Self::Custom(_, diffusion) => diffusion,
        }
    }

    /// The network, if it is one.
    pub fn network(&self) -> Option<&Backbone> {
        match self {
            Self::Network(model) => Some(&model.network),
            Self::ClosedForm(..) | Self::Custom(..) => None,
        }
    }

    /// What it is, after "is", in a message that says why something is not to be had from it.
    pub fn described(&self) -> &'static str {
        match self {
            Self::Network(_) => "a network",
            Self::ClosedForm(..) => "a closed-form model",
            Self::Custom(..) => "a custom denoiser",
        }
    }

    /// The same, its convolutions computed as `arithmetic` says.
    #[must_use]
    pub fn with_arithmetic(&self, arithmetic: Arithmetic) -> Self {
        match self {
            Self::Network(model) => {
                let network = model.network.clone().with_arithmetic(arithmetic);
                Self::Network(Box::new(Preconditioned::new(network, model.diffusion.clone())))
            }
            Self::ClosedForm(..) | Self::Custom(..) => self.clone(),
        }
    }

    /// The same with its derivative by the image, batches divided into up to `parts` parts among the threads.
    ///
    /// # Errors
    /// Failed, when the system gives no threads. Usage: a denoiser of one's own, whose derivative is not known.
    pub fn differentiable(&self, parts: usize, device: &Device) -> Result<Box<dyn Differentiable>> {
        Ok(match self {
            Self::Network(model) => Box::new(Parallel::new(Autodiff::new(model, device), parts)?),
            Self::ClosedForm(known, _) => Box::new(known.clone()),
            Self::Custom(..) => {
                return Err(Error::usage(format!("the derivative is needed of {}", self.described()))
                    .hint("take a method that needs none"));
            }
        })
    }

    /// `ln p` of a clean image in nats, for a model that is known in closed form.
    pub fn log_density(&self, values: &[f64]) -> Option<f64> {
        match self {
            Self::Network(_) | Self::Custom(..) => None,
            Self::ClosedForm(known, _) => Some(known.log_density(Level::CLEAN, values)),
        }
    }
}

impl Denoiser for ModelDenoiser {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        match self {
            Self::Network(model) => model.denoise(x, at, cond),
            Self::ClosedForm(known, _) => known.denoise(x, at, cond),
            Self::Custom(own, _) => own.denoise(x, at, cond),
        }
    }

    fn begin(&self) {
        if let Self::Custom(own, _) = self {
            own.begin();
        }
    }
}
