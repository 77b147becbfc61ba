//! The denoiser of a model: a network with its coefficients, or a distribution in closed form.

use burn::tensor::{Device, Tensor};
use langevin_core::closed_form::{ClosedForm, Mixture};
use langevin_core::{
    Autodiff, Cond, Denoiser, Differentiable, Level, Levels, Parallel, Preconditioned, Result,
};
use langevin_kernels::Arithmetic;
use langevin_nn::Backbone;
use langevin_process::Diffusion;

/// The denoiser of a model.
#[derive(Debug, Clone)]
pub enum ModelDenoiser {
    /// A trained network.
    Network(Box<Preconditioned<Backbone>>),
    /// The exact denoiser of a distribution, sampled under the noise of a diffusion.
    ClosedForm(Mixture, Diffusion),
}

impl ModelDenoiser {
    /// The noise.
    pub fn diffusion(&self) -> &Diffusion {
        match self {
            Self::Network(model) => &model.diffusion,
            Self::ClosedForm(_, diffusion) => diffusion,
        }
    }

    /// The network, if it is one.
    pub fn network(&self) -> Option<&Backbone> {
        match self {
            Self::Network(model) => Some(&model.network),
            Self::ClosedForm(..) => None,
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
            Self::ClosedForm(..) => self.clone(),
        }
    }

    /// The same with its derivative by the image, batches divided into up to `parts` parts among the threads.
    ///
    /// # Errors
    /// Failed, when the system gives no threads.
    pub fn differentiable(&self, parts: usize, device: &Device) -> Result<Box<dyn Differentiable>> {
        Ok(match self {
            Self::Network(model) => Box::new(Parallel::new(Autodiff::new(model, device), parts)?),
            Self::ClosedForm(known, _) => Box::new(known.clone()),
        })
    }

    /// `ln p` of a clean image in nats, for a model that is known in closed form.
    pub fn log_density(&self, values: &[f64]) -> Option<f64> {
        match self {
            Self::Network(_) => None,
            Self::ClosedForm(known, _) => Some(known.log_density(Level::CLEAN, values)),
        }
    }
}

impl Denoiser for ModelDenoiser {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        match self {
            Self::Network(model) => model.denoise(x, at, cond),
            Self::ClosedForm(known, _) => known.denoise(x, at, cond),
        }
    }
}
