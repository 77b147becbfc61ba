//! What a method of restoration is.

use std::fmt::Debug;

use burn::tensor::Tensor;
use langevin_core::{Denoiser, Differentiable, Error, Level, Result, Run};

use crate::problem::Problem;

/// The model that a method asks.
#[derive(Clone, Copy)]
pub struct Prior<'a> {
    /// `E[x0 | x]`.
    pub denoiser: &'a dyn Denoiser,
    /// The same with its derivative, where there is one.
    pub differentiable: Option<&'a dyn Differentiable>,
}

impl<'a> Prior<'a> {
    /// A model without derivative.
    pub fn new(denoiser: &'a dyn Denoiser) -> Self {
        Self { denoiser, differentiable: None }
    }

    /// A model with derivative.
    pub fn with_derivative(denoiser: &'a dyn Denoiser, differentiable: &'a dyn Differentiable) -> Self {
        Self { denoiser, differentiable: Some(differentiable) }
    }

    /// The derivative.
    ///
    /// # Errors
    /// Usage: there is none.
    pub fn derivative(&self) -> Result<&'a dyn Differentiable> {
        self.differentiable.ok_or_else(|| {
            Error::usage("this method needs the derivative of the model, which this one does not have")
                .hint("use a method without, such as ddnm, diffpir or reddiff")
        })
    }
}

/// The weakest that a method can do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// A linear operator.
    pub linear: bool,
    /// An operator whose singular value decomposition is known.
    pub spectrum: bool,
    /// The derivative of the model.
    pub derivative: bool,
    /// The operator is the identity (denoising).
    pub identity: bool,
    /// The operator hides values and leaves the others alone (inpainting); see [`crate::Operator::is_mask`].
    pub mask: bool,
    /// Noise in the measurement; a method of the exact posterior has no other way to begin.
    pub noise: bool,
    /// No noise in the measurement.
    pub noiseless: bool,
}

/// A way to restore images with a diffusion model.
pub trait Method: Debug + Send + Sync {
    /// The weakest the method can do with; what else it gets it must not rely on.
    fn needs(&self) -> Needs;

    /// Restores every image of `problem`.
    ///
    /// `path` is that of the whole process, noisiest level first, clean at the end (see [`langevin_sample::steps`]); a method may
    /// use a part of it. Randomness comes from `run.noise` alone, one stream for each image: [`Purpose::Start`] for what
    /// is begun with and [`Purpose::Sampler`] for the rest. After each step `run` gets a report, and may stop the work.
    ///
    /// # Shapes
    /// `[batch, channels, height, width]`, the shape of images in `problem`; `run.noise` has as many streams.
    ///
    /// # Errors
    /// Usage, when the problem or the model is less than [`Method::needs`], the path is none, or the model has no answer at
    /// one of its levels. Interrupted, when the run was cancelled.
    ///
    /// [`Purpose::Start`]: langevin_core::Purpose::Start
    /// [`Purpose::Sampler`]: langevin_core::Purpose::Sampler
    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>>;

    /// How many times exactly [`Method::restore`] asks the model along `path`, with and without derivative.
    fn calls(&self, path: &[Level]) -> usize;

    /// Whether it draws from the posterior, so that several results show how sure the model is; otherwise it estimates the mean
    /// or the mode, and all results are alike.
    fn samples(&self) -> bool;

    /// Whether it begins with noise around [`crate::Problem::beginning`], so that a walk may begin below the noisiest level, from a
    /// image restored in another way (Chung et al. 2022, "Come-Closer-Diffuse-Faster", arXiv 2112.05146).
    fn begins(&self) -> bool {
        false
    }
}

impl Needs {
    /// Whether `problem` and `prior` are enough.
    ///
    /// # Errors
    /// Usage, saying what is missing.
    pub fn check(&self, problem: &Problem, prior: Prior<'_>) -> Result<()> {
        let operator = problem.operator();
        if self.identity && !operator.is_identity() {
            return Err(Error::usage("this method removes noise alone, and the operator does more")
                .hint("use a method for any operator, such as ddnm or diffpir"));
        }
        if self.mask && !operator.is_mask() {
            return Err(Error::usage("this method fills in what a mask hides, and the operator is no mask")
                .hint("use a method for any operator, such as ddnm or diffpir"));
        }
        if self.noise && problem.sigma() == 0.0 {
            return Err(Error::usage("this method needs noise in the image, and it is said to have none")
                .hint("say how much with --noise, in units of 0 to 255"));
        }
        if self.noiseless && problem.sigma() > 0.0 {
            return Err(Error::usage(
                "this method takes the measurement for exact, and it is said to have noise",
            )
            .hint("use a method that knows noise, such as diffpir or ddnm_plus, or say --noise 0"));
        }
        if self.linear {
            problem.linear()?;
        }
        if self.spectrum {
            problem.spectrum()?;
        }
        if self.derivative {
            prior.derivative()?;
        }
        Ok(())
    }
}
